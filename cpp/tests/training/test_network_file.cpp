#include <doctest/doctest.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <limits>
#include <map>
#include <stdexcept>

#include "sublinear/kernels/random.hpp"
#include "sublinear/training/network_file.hpp"
#include "training/problem.hpp"

using namespace sublinear;
using namespace sublinear::testing;

namespace {

template <class T>
TwoLayerNetwork<T> some_network(const std::string& init = "gao", Index outputs = 3) {
  Initialization how;
  how.name = init;
  how.dimension = 5;
  how.width = 12;
  how.outputs = outputs;
  return random_network<T>(how);
}

template <class T>
bool same_bits(const T* a, const T* b, Index count) {
  return std::memcmp(a, b, static_cast<std::size_t>(count) * sizeof(T)) == 0;
}

template <class T>
void check_same(const TwoLayerNetwork<T>& a, const TwoLayerNetwork<T>& b) {
  CHECK(same_weights(a, b));
  REQUIRE(a.outputs() == b.outputs());
  CHECK(same_bits(a.output_weights(), b.output_weights(), a.width() * a.outputs()));
  CHECK(same_bits(a.biases(), b.biases(), a.width()));
  const T of_a[] = {a.threshold(), a.scale()}, of_b[] = {b.threshold(), b.scale()};
  CHECK(same_bits(of_a, of_b, 2));
  CHECK(a.activation() == b.activation());
}

// A file with this header and so many bytes of zeros behind it.
std::string file_of(const std::string& header, std::size_t data) {
  const auto length = static_cast<std::uint64_t>(header.size());
  std::string bytes(8, '\0');
  std::memcpy(&bytes[0], &length, 8);
  return bytes + header + std::string(data, '\0');
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

// One neuron, one input, one output: 4 bytes an array. Output weight and scale are not 0 where that is checked.
const std::string kMetadata =
    R"("__metadata__":{"format":"sublinear-two-layer-network-1","scalars":"{\"threshold\": 0.5, \"scale\": 2, )"
    R"(\"activation\": \"jump\"}"})";
const std::string kArrays = R"("weights":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},)"
                            R"("output_weights":{"dtype":"F32","shape":[1,1],"data_offsets":[4,8]},)"
                            R"("biases":{"dtype":"F32","shape":[1],"data_offsets":[8,12]})";
const std::string kHeader = "{" + kMetadata + "," + kArrays + "}";

template <class T>
void refuse(const std::string& bytes) {
  CHECK_THROWS_AS(static_cast<void>(network_from_bytes<T>(bytes.data(), bytes.size())), std::invalid_argument);
}

}  // namespace

TEST_CASE_TEMPLATE("a network comes back from bytes and files to the last bit", T, float, double) {
  for (const char* init : {"ntk", "gao"})
    for (const Index outputs : {1, 3}) {
      const auto network = some_network<T>(init, outputs);
      const std::string bytes = network_bytes(network);
      CHECK(bytes.size() % 8 == 12 * sizeof(T) % 8);
      check_same(network, network_from_bytes<T>(bytes.data(), bytes.size()));
      const NetworkDescription described = describe_network_bytes(bytes.data(), bytes.size());
      CHECK(described.dtype == (sizeof(T) == 4 ? "float32" : "float64"));
      CHECK(described.width == 12);
      CHECK(described.dimension == 5);
      CHECK(described.outputs == outputs);

      const std::string path = std::string("test-network-") + init + std::to_string(sizeof(T)) + ".safetensors";
      save_network(network, path);
      CHECK(describe_network(path).width == 12);
      check_same(network, load_network<T>(path));
      std::remove(path.c_str());
    }
}

TEST_CASE_TEMPLATE("scalars come back to the last bit", T, float, double) {
  using Limits = std::numeric_limits<T>;
  const T one = 1;
  for (const T threshold : {T(0), -T(0), T(0.1), -T(1) / 3, Limits::max(), Limits::denorm_min()})
    for (const T scale : {T(1), -T(1) / 7, Limits::min(), Limits::epsilon()}) {
      const TwoLayerNetwork<T> network({&one, 1, 1}, &one, 1, nullptr, threshold, scale, Activation::jump);
      const std::string bytes = network_bytes(network);
      check_same(network, network_from_bytes<T>(bytes.data(), bytes.size()));
    }
}

TEST_CASE("a network of another type is refused and described") {
  const std::string bytes = network_bytes(some_network<double>());
  refuse<float>(bytes);
  CHECK(describe_network_bytes(bytes.data(), bytes.size()).dtype == "float64");
}

TEST_CASE("the numbers of neurons of a file have to be one") {
  const auto network = some_network<float>();
  std::string bytes = network_bytes(network);
  const std::string shape = "[12,5]";  // the weights'; the same number of elements, of other rows
  REQUIRE(bytes.find(shape) != std::string::npos);
  bytes.replace(bytes.find(shape), shape.size(), "[5,12]");
  CHECK_THROWS_WITH_AS(static_cast<void>(network_from_bytes<float>(bytes.data(), bytes.size())),
                       doctest::Contains("its arrays have different numbers of neurons"), std::invalid_argument);
}

TEST_CASE("files that cannot be read or written are runtime errors") {
  CHECK_THROWS_AS(static_cast<void>(load_network<float>("no-such-file")), std::runtime_error);
  CHECK_THROWS_AS(static_cast<void>(load_network<float>(".")), std::runtime_error);  // a directory
  CHECK_THROWS_AS(save_network(some_network<float>(), "no-such-directory/network"), std::runtime_error);
}

TEST_CASE("the header is read as JSON, however it is written") {
  const std::string usual = file_of(kHeader, 12);
  CHECK(network_from_bytes<float>(usual.data(), usual.size()).scale() == 2);
  const std::string turned = file_of(" {" + kArrays + " , " + kMetadata + "}   ", 12);
  CHECK(network_from_bytes<float>(turned.data(), turned.size()).activation() == Activation::jump);
  const std::string more = file_of(
      replaced(kHeader, "\"weights\"", R"("extra":{"dtype":"U8","shape":[0],"data_offsets":[12,12]},"weights")"), 12);
  CHECK(network_from_bytes<float>(more.data(), more.size()).threshold() == 0.5F);
}

TEST_CASE("metadata goes with a network through copies and files") {
  auto network = some_network<float>();
  CHECK(network.metadata().empty());
  const std::string text = "{\"labels\": [\"\\u00e9\", \"\xC3\xA9\"]}\n\t\\ \x01";
  const std::map<std::string, std::string> metadata{{"record", text}, {"long", std::string(3'000'000, 'x')}, {"", ""}};
  network.set_metadata(metadata);
  const std::string bytes = network_bytes(network);
  const auto read = network_from_bytes<float>(bytes.data(), bytes.size());
  CHECK(read.metadata() == metadata);
  CHECK(network_bytes(read.clone()) == bytes);
  check_same(network, read);
  for (const char* name : {"format", "scalars"})
    CHECK_THROWS_AS(network.set_metadata({{name, "x"}}), std::invalid_argument);
  CHECK(network.metadata() == metadata);
  network.set_metadata({{"record", std::string(100'000'000, 'x')}});
  CHECK_THROWS_AS(static_cast<void>(network_bytes(network)), std::length_error);
}

TEST_CASE("hostile files are refused") {
  const auto with = [](const std::string& from, const std::string& to, std::size_t data = 12) {
    return file_of(replaced(kHeader, from, to), data);
  };
  std::string many = "0";
  for (int k = 0; k < 10'000; ++k) many += ",0";
  const std::string huge = "9223372036854775807", above = "99999999999999999999999";
  for (const std::string& bytes : {
           std::string(),
           std::string("short"),
           std::string(8, '\xff'),
           std::string(8, '\0'),
           file_of("", 12),
           file_of("{}", 0),
           file_of("[]", 0),
           file_of("null", 0),
           file_of(kHeader, 11),
           file_of(kHeader, 13),
           file_of(kHeader, 0),
           file_of(std::string(100'000'001, ' '), 0),
           file_of("{" + kMetadata + ",\"many\":[" + many + "]," + kArrays + "}", 12),
           file_of(std::string(100000, '['), 0),
           with("[1,1]", "[" + huge + "," + huge + "]"),
           with("[1,1]", "[" + huge + ",4]"),
           with("[1,1]", "[" + above + ",1]"),
           with("[1,1]", "[-1,-1]"),
           with("[1,1]", "[1.0,1]"),
           with("[1,1]", "[\"1\",1]"),
           with("[1,1]", "[1]"),
           with("[1,1]", "[1,1,1]"),
           with("[1,1]", "[2,1]"),
           with("[1,1]", "[0,1]"),
           with("[1,1]", "1"),
           with("[0,4]", "[0," + huge + "]"),
           with("[0,4]", "[4,0]"),
           with("[0,4]", "[0]"),
           with("[0,4]", "[4,8]"),
           with("[4,8]", "[0,4]"),
           with("[8,12]", "[12,16]", 16),
           with("F32", "F64"),
           with("F32", "F16"),
           with("F32", "I32"),
           with("F32", "nothing"),
           with("\"weights\"", "\"other\""),
           with("\"biases\"", "\"weights\""),
           with("-network-1", "-network-2"),
           with("\"format\"", "\"form\""),
           with("\"scalars\"", "\"scalar\""),
           with("0.5", "1e999"),
           with("0.5", "NaN"),
           with("0.5", "\\\"0.5\\\""),
           with("0.5", "null"),
           with("\\\"scale\\\": 2", "\\\"scale\\\": 0"),
           with("jump", "jumps"),
           with("\\\"activation\\\"", "\\\"a\\\""),
       })
    refuse<float>(bytes);
}

TEST_CASE("no change of a byte or of the length is worse than a refusal") {
  const std::string bytes = network_bytes(some_network<float>());
  for (std::size_t size = 0; size < bytes.size(); ++size) refuse<float>(bytes.substr(0, size));
  RandomStream random(3, RandomPurpose::weights);
  int refused = 0, read = 0;
  for (int k = 0; k < 4000; ++k) {
    std::string changed = bytes;
    for (std::uint64_t changes = 1 + random.below(3); changes > 0; --changes)
      changed[random.below(k % 4 == 0 ? changed.size() : 600)] = static_cast<char>(random.below(256));
    try {
      const auto network = network_from_bytes<float>(changed.data(), changed.size());
      read += network.width() >= 1 ? 1 : 0;
    } catch (const std::invalid_argument&) {
      ++refused;
    }
  }
  CHECK(refused > 1000);  // both happen: most changes break the header, those of values are read
  CHECK(read > 100);
}
