"""A C++ project that knows only the installed wheel."""

from __future__ import annotations

import shutil
import subprocess

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


@pytest.mark.skipif(shutil.which("cmake") is None, reason="needs cmake")
@pytest.mark.skipif(shutil.which("c++") is None and shutil.which("g++") is None, reason="needs a C++ compiler")
def test_a_project_finds_the_library_in_the_wheel(tmp_path):
    (tmp_path / "CMakeLists.txt").write_text(CMAKE)
    (tmp_path / "main.cpp").write_text(PROGRAM)

    def run(*command):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("cmake", "-S", ".", "-B", "build", f"-Dsublinear_DIR={sl.get_cmake_dir()}")
    run("cmake", "--build", "build")
    assert run(str(tmp_path / "build" / "consumer")).split() == [sl.__version__, "2", "1", "5"]
