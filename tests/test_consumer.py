"""A C++ project that knows only the installed wheel."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest

import sublinear as sl

CMAKE = """
cmake_minimum_required(VERSION 3.21...4.0)
project(consumer LANGUAGES CXX)
find_package(sublinear CONFIG REQUIRED)
add_executable(consumer main.cpp)
target_link_libraries(consumer PRIVATE sublinear::sublinear)
"""

PROGRAM = """
#include <cstdio>
#include <vector>
#include "sublinear/reporting/kd_tree.hpp"
#include "sublinear/training/trainer.hpp"
#include "sublinear/version.hpp"
int main() {
  using namespace sublinear;
  const std::vector<float> points{1, 2, 3, 4, -1, 0}, normal{1, 1};
  const double threshold = 3;
  IdLists<Index> lists;
  KDTree<float>({points.data(), 3, 2}).report(normal.data(), &threshold, 1, 1, lists);
  Initialization how;
  how.dimension = 2;
  how.width = 64;
  auto network = random_network<float>(how);
  const double labels[] = {1, 1, -1};
  TrainerOptions<float> options;
  options.loss = make_loss("logistic");
  options.attack = make_pgd<float>({0.1});
  Trainer<float> trainer(network, {points.data(), 3, 2}, labels, options);
  fit<float>(trainer, 5, constant_rate(1));
  std::printf("%s %d %d %d\\n", SUBLINEAR_VERSION_STRING, (int)lists.ids.size(), (int)lists.ids[1],
              (int)trainer.steps_done());
}
"""


# Reads a network, writes it again and prints the bits of its outputs at zeros and ones; the type is the file's.
EXCHANGE = """
#include <cstdio>
#include <cstring>
#include <vector>
#include "sublinear/training/network_file.hpp"
#include "sublinear/training/predictor.hpp"
template <class T>
void exchange(const char* from, const char* to) {
  using namespace sublinear;
  const auto network = load_network<T>(from);
  save_network(network, to);
  std::vector<T> points(static_cast<std::size_t>(2 * network.dimension()), T(1));
  for (Index j = 0; j < network.dimension(); ++j) points[static_cast<std::size_t>(j)] = 0;
  std::vector<T> found(static_cast<std::size_t>(2 * network.outputs()));
  const Predictor<T> predictor(network, "", Norm::two, 1);
  predictor.decision_function({points.data(), 2, network.dimension()}, 1, found.data());
  for (const T each : found) std::printf("%a\\n", static_cast<double>(each));
}
int main(int, char** arguments) {
  if (sublinear::describe_network(arguments[1]).dtype == "float32")
    exchange<float>(arguments[1], arguments[2]);
  else
    exchange<double>(arguments[1], arguments[2]);
}
"""

# Says why a file is no network of float32.
REFUSING = """
#include <cstdio>
#include <exception>
#include "sublinear/training/network_file.hpp"
int main(int, char** arguments) {
  try {
    static_cast<void>(sublinear::load_network<float>(arguments[1]));
  } catch (const std::exception& error) {
    std::puts(error.what());
    return 0;
  }
  return 1;
}
"""

pytestmark = [
    pytest.mark.skipif(shutil.which("cmake") is None or shutil.which("ninja") is None, reason="needs cmake and ninja"),
    pytest.mark.skipif(shutil.which("c++") is None and shutil.which("g++") is None, reason="needs a C++ compiler"),
]


def run(directory, *command):
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(directory, program):
    (directory / "CMakeLists.txt").write_text(CMAKE)
    (directory / "main.cpp").write_text(program)
    run(directory, "cmake", "-S", ".", "-B", "build", "-G", "Ninja", f"-Dsublinear_DIR={sl.get_cmake_dir()}")
    run(directory, "cmake", "--build", "build")
    return str(directory / "build" / "consumer")


def test_a_project_finds_the_library_in_the_wheel(tmp_path):
    consumer = build(tmp_path, PROGRAM)
    assert run(tmp_path, consumer).split() == [sl.__version__, "2", "1", "5"]


def bits_of(network):
    scalars = np.array([network.threshold, network.scale], network.dtype)
    arrays = (network.weights, network.output_weights, network.biases, scalars)
    return [network.activation, *(part for array in arrays for part in (array.dtype.str, array.shape, array.tobytes()))]


def test_network_files_cross_to_c_and_back_bit_for_bit(tmp_path):
    consumer = build(tmp_path, EXCHANGE)
    rng = np.random.default_rng(0)
    networks = [
        sl.TwoLayerNetwork.random(5, 12, outputs, init=init, seed=3, dtype=dtype)
        for dtype in ("float32", "float64")
        for init, outputs in (("ntk", 1), ("gao", 3))
    ]
    # Scalars that no short decimal names, the smallest and the largest ones, and a zero with a sign.
    for dtype in (np.float32, np.float64):
        w, a = rng.standard_normal((4, 2)).astype(dtype), rng.standard_normal((4, 2)).astype(dtype)
        for threshold, scale in (
            (dtype(1) / dtype(3), np.finfo(dtype).tiny),
            (np.finfo(dtype).max, -np.nextafter(dtype(1), dtype(2))),
            (dtype(-0.0), np.finfo(dtype).smallest_subnormal),
        ):
            networks.append(sl.TwoLayerNetwork(w, a, threshold=float(threshold), scale=float(scale), activation="jump"))
    data = sl.load_dataset("wine")
    networks.append(sl.TwoLayerNetwork.random(13, 6, 3))
    networks[-1].record = sl.NetworkRecord(
        data.record, sl.PGD(0.1, norm="inf"), {"command": "a\t\u00e9\U0001f40d \"'\\"}
    )
    for network in networks:
        network.save(tmp_path / "from-python")
        printed = run(tmp_path, consumer, "from-python", "from-c")
        crossed = sl.TwoLayerNetwork.load(tmp_path / "from-c")
        assert bits_of(crossed) == bits_of(network)
        records = [None if each.record is None else each.record.to_json() for each in (crossed, network)]
        assert records[0] == records[1]
        points = np.stack([np.zeros(network.n_features), np.ones(network.n_features)]).astype(network.dtype)
        expected = network.decision_function(points).astype(np.float64).ravel()
        assert [float.fromhex(each) for each in printed.split()] == expected.tolist()

        # What C++ wrote is read by C++ again, and gives the same bytes.
        run(tmp_path, consumer, "from-c", "from-c-again")
        assert (tmp_path / "from-c-again").read_bytes() == (tmp_path / "from-c").read_bytes()


def test_c_refuses_what_is_no_network(tmp_path):
    consumer = build(tmp_path, REFUSING)
    network = sl.TwoLayerNetwork.random(3, 4)
    sl.Checkpoint(network, 1).save(tmp_path / "checkpoint")
    network.save(tmp_path / "network")
    (tmp_path / "cut").write_bytes((tmp_path / "network").read_bytes()[:-1])
    (tmp_path / "text").write_text("no network at all, but long enough")
    for name, why in (("checkpoint", "its format is"), ("cut", "does not have room"), ("text", "header")):
        assert why in run(tmp_path, consumer, name)
    assert "could not be read" in run(tmp_path, consumer, "missing")


# Every structure that an application may fill in, by the names of some of its fields.
DESIGNATED = """
#include <sublinear/sublinear.hpp>
using namespace sublinear;
[[maybe_unused]] const IndexOptions index{.leaf_size = 3};
[[maybe_unused]] const FinderOptions finder{.max_bytes = 3};
[[maybe_unused]] const HashOptions hashing{.bits = 3};
[[maybe_unused]] const TrainerOptions<float> trainer{.strategy = "margin", .batch_size = 3};
[[maybe_unused]] const PgdOptions pgd{.radius = 3, .norm = Norm::infinity};
[[maybe_unused]] const Initialization network{.dimension = 3, .width = 4};
[[maybe_unused]] const ThreeLayerInitialization three_layers{.dimension = 3};
[[maybe_unused]] const ThreeLayerOptions three_layer_trainer{.seed = 3};
[[maybe_unused]] const Points<float> points{.count = 3};
[[maybe_unused]] const Neurons<float> neurons{.count = 3};
[[maybe_unused]] const Ball ball{.radius = 1};
[[maybe_unused]] const Displacement displacement{.euclidean = 1};
[[maybe_unused]] const OptimizerOptions optimizer{.lazy = false};
[[maybe_unused]] const CandidateView<float> candidates{.count = 1};
[[maybe_unused]] const SparseVector<float> vector{.length = 1};
[[maybe_unused]] const StepReport report{.inputs = 1};
[[maybe_unused]] const StrategyInfo strategy{.name = "x"};
[[maybe_unused]] const IndexChoice choice{.name = "x"};
[[maybe_unused]] const NetworkDescription described{.dtype = "x"};
[[maybe_unused]] const IndexDescription described_index{.name = "x"};
[[maybe_unused]] const CrossingNumber crossing{.crossed = 1};
[[maybe_unused]] const Work work{.bounds = 1};
[[maybe_unused]] const LowRankWork low_rank_work{.base = 1};
[[maybe_unused]] const TopLists<float> top{.products = {}};
[[maybe_unused]] const Activations<float> activations{.values = {}};
[[maybe_unused]] const BuildInfo build{.version = "x"};
[[maybe_unused]] const ThreeLayerReport three_layer_report{.loss = 1};
"""

# A matrix library whose mere inclusion is a mistake stands in for Eigen.
NO_EIGEN = """
#define SUBLINEAR_NO_EIGEN
#include <sublinear/sublinear.hpp>
static_assert(sizeof(sublinear::TrainerOptions<float>) > 0);
"""


def compiles(directory, program, *options):
    (directory / "main.cpp").write_text(program)
    compiler = shutil.which("c++") or shutil.which("g++")
    command = (compiler, "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{sl.get_include()}")
    return run(directory, *command, *options, "-x", "c++", str(directory / "main.cpp"))


def test_designated_initialisers_compile_without_warnings(tmp_path):
    compiles(tmp_path, DESIGNATED, "-std=c++20")


def test_headers_compile_without_exceptions_and_without_eigen(tmp_path):
    (tmp_path / "Eigen").mkdir()
    (tmp_path / "Eigen" / "Core").write_text("#error Eigen was included\n")
    compiles(tmp_path, NO_EIGEN, "-std=c++17", "-fno-exceptions", f"-I{tmp_path}")


def test_a_missing_component_says_why(tmp_path):
    (tmp_path / "main.cpp").write_text(PROGRAM)
    for component, why in (("eigen", "needs Eigen 3.4 or later"), ("opencl", "the only one is eigen")):
        asks = CMAKE.replace("sublinear CONFIG REQUIRED", f"sublinear CONFIG REQUIRED COMPONENTS {component}")
        (tmp_path / "CMakeLists.txt").write_text(asks)
        options = (f"-Dsublinear_DIR={sl.get_cmake_dir()}", "-DCMAKE_DISABLE_FIND_PACKAGE_Eigen3=ON")
        command = ("cmake", "-S", ".", "-B", component, "-G", "Ninja", *options)
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode != 0
        assert why in " ".join(done.stderr.split())
