// Loads a network, trained here or in Python (`TwoLayerNetwork.save`), and prints the class of each line of a CSV file
// of features on a line of its own.
//
//   predict flowers.safetensors unseen.csv
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <sublinear/sublinear.hpp>
#include <vector>

namespace {

// T as the network has it.
template <class T>
void predict(const std::string& network_path, const std::string& inputs_path) {
  const sublinear::TwoLayerNetwork<T> network = sublinear::load_network<T>(network_path);
  std::vector<T> inputs;
  std::ifstream file(inputs_path);
  for (std::string line; std::getline(file, line);) {
    std::replace(line.begin(), line.end(), ',', ' ');
    std::istringstream numbers(line);
    for (T value; numbers >> value;) inputs.push_back(value);
    if (!numbers.eof()) throw std::runtime_error(inputs_path + " has a line that is not numbers: " + line);
  }
  const auto values = static_cast<sublinear::Index>(inputs.size());
  if (values == 0 || values % network.dimension() != 0)
    throw std::runtime_error(inputs_path + " must have " + std::to_string(network.dimension()) + " numbers a line");

  const sublinear::Points<T> points{inputs.data(), values / network.dimension(), network.dimension()};
  const sublinear::Predictor<T> predictor(network, "", sublinear::Norm::two, 0);  // "": scans; or name an index
  std::vector<T> outputs(static_cast<std::size_t>(points.count * network.outputs()));
  predictor.decision_function(points, 0, outputs.data());
  for (auto row = outputs.begin(); row != outputs.end(); row += network.outputs()) {
    // One output: its sign. Several: the largest.
    const auto best = std::max_element(row, row + network.outputs());
    std::printf("%d\n", network.outputs() == 1 ? (*row > 0 ? 1 : -1) : static_cast<int>(best - row));
  }
}

}  // namespace

int main(int count, char** arguments) try {
  if (count != 3) throw std::invalid_argument("give the file of a network and a CSV file");
  if (sublinear::describe_network(arguments[1]).dtype == "float32")
    predict<float>(arguments[1], arguments[2]);
  else
    predict<double>(arguments[1], arguments[2]);
  return EXIT_SUCCESS;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return EXIT_FAILURE;
}
