// Trains a classifier from a CSV file against an adversary that may move every input by 0.05 in l2, and writes the
// network to a file that C++ and Python read. Each line of the CSV file: the class (0, 1, 2, ...), then the features.
//
//   train_from_csv flowers.csv flowers.safetensors
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

struct Table {
  std::vector<float> features;
  std::vector<double> labels;
  sublinear::Index columns = 0;

  explicit Table(const std::string& path) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
      std::replace(line.begin(), line.end(), ',', ' ');
      std::istringstream numbers(line);
      double label = 0;
      if (!(numbers >> label)) throw std::runtime_error(path + " has a line without numbers");
      const std::size_t before = features.size();
      for (float value; numbers >> value;) features.push_back(value);
      const auto found = static_cast<sublinear::Index>(features.size() - before);
      if (!numbers.eof() || (!labels.empty() && found != columns))
        throw std::runtime_error(path + " has a line unlike the others: " + line);
      columns = found;
      labels.push_back(label);
    }
    if (labels.empty()) throw std::runtime_error(path + " cannot be read, or is empty");
  }
  [[nodiscard]] sublinear::Points<float> inputs() const {
    return {features.data(), static_cast<sublinear::Index>(labels.size()), columns};
  }
};

}  // namespace

int main(int count, char** arguments) try {
  if (count != 3) throw std::invalid_argument("give a CSV file and the file for the network");
  const Table table(arguments[1]);
  sublinear::Initialization how;
  how.dimension = table.columns;
  how.width = 512;
  how.outputs = static_cast<sublinear::Index>(*std::max_element(table.labels.begin(), table.labels.end())) + 1;
  auto network = sublinear::random_network<float>(how);

  sublinear::PgdOptions attack;
  attack.radius = 0.05;
  sublinear::TrainerOptions<float> options;
  options.loss = sublinear::make_loss("cross-entropy");
  options.attack = sublinear::make_pgd<float>(attack);
  options.batch_size = 32;
  sublinear::Trainer<float> trainer(network, table.inputs(), table.labels.data(), options);
  double last = 0;
  sublinear::fit(trainer, 30, sublinear::linear_rate(200, 0, 30),
                 [&](const sublinear::StepReport& step) { return last = step.robust_loss, true; });
  sublinear::save_network(network, arguments[2]);
  std::printf("%lld steps, robust loss of the last batch %.3f\n", static_cast<long long>(trainer.steps_done()), last);
  return EXIT_SUCCESS;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return EXIT_FAILURE;
}
