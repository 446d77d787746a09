// Hostile files: bytes are read as a network; whatever they are, the outcome is a network that answers and is written
// back with the same bits, or std::invalid_argument.
#include "sublinear/training/network_file.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "sublinear/training/predictor.hpp"

using namespace sublinear;

namespace {

template <class T>
void read(const char* bytes, std::size_t size) {
  try {
    const TwoLayerNetwork<T> network = network_from_bytes<T>(bytes, size);
    const std::string again = network_bytes(network);
    const TwoLayerNetwork<T> same = network_from_bytes<T>(again.data(), again.size());
    const auto count = static_cast<std::size_t>(network.width() * network.dimension());
    if (same.width() != network.width() || std::memcmp(same.weights(), network.weights(), count * sizeof(T)) != 0)
      std::abort();
    if (network.dimension() > 4096) return;
    const std::vector<T> point(static_cast<std::size_t>(network.dimension()), T(1));
    std::vector<T> outputs(static_cast<std::size_t>(network.outputs()));
    Predictor<T>(network, "", Norm::two, 1)
        .decision_function({point.data(), 1, network.dimension()}, 1, outputs.data());
  } catch (const std::invalid_argument&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const char* const bytes = reinterpret_cast<const char*>(data);
  try {
    (void)describe_network_bytes(bytes, size);
  } catch (const std::invalid_argument&) {
  }
  read<float>(bytes, size);
  read<double>(bytes, size);
  return 0;
}
