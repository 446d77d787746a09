#include <algorithm>
#include <stdexcept>
#include <type_traits>

#include "training/optimizers.hpp"

namespace sublinear {
namespace {

template <class T>
using Maker = std::shared_ptr<const Optimizer<T>> (*)(const OptimizerOptions&);
using Choice = double OptimizerOptions::*;

struct Entry {
  std::string name;
  Maker<float> make_float;
  Maker<double> make_double;
  std::vector<Choice> takes;  // the options that concern it
};

// Adding an optimizer: its file, its declaration in optimizers.hpp and its line here.
const std::vector<Entry>& registry() {
  static const std::vector<Entry> optimizers{
      {"gradient", make_gradient_descent<float>, make_gradient_descent<double>, {&OptimizerOptions::clip_norm}},
      {"gauss-newton", make_gauss_newton<float>, make_gauss_newton<double>, {&OptimizerOptions::damping}},
  };
  return optimizers;
}

// All options, as errors call them.
struct NamedChoice {
  const char* name;
  Choice value;
};
constexpr NamedChoice kChoices[] = {
    {"damping", &OptimizerOptions::damping},
    {"clip_norm", &OptimizerOptions::clip_norm},
};

void check_choices(const Entry& entry, const OptimizerOptions& options) {
  const OptimizerOptions usual;
  for (const NamedChoice& each : kChoices)
    if (options.*each.value != usual.*each.value &&
        std::find(entry.takes.begin(), entry.takes.end(), each.value) == entry.takes.end())
      throw std::invalid_argument("optimizer \"" + entry.name + "\" has no " + each.name + "; leave it as it was");
  require(options.clip_norm >= 0 && std::isfinite(options.clip_norm),
          "clip_norm is negative or not finite; give the length of the longest gradient, or 0 for any");
}

}  // namespace

const std::vector<std::string>& optimizer_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const Entry& entry : registry()) list.push_back(entry.name);
    return list;
  }();
  return names;
}

template <class T>
std::shared_ptr<const Optimizer<T>> make_optimizer(const std::string& name, const OptimizerOptions& options) {
  std::string known;
  for (const Entry& entry : registry()) {
    known += (known.empty() ? "\"" : ", \"") + entry.name + "\"";
    if (name != entry.name) continue;
    check_choices(entry, options);
    if constexpr (std::is_same_v<T, float>)
      return entry.make_float(options);
    else
      return entry.make_double(options);
  }
  throw std::invalid_argument("optimizer is \"" + name + "\"; known are " + known);
}

template std::shared_ptr<const Optimizer<float>> make_optimizer<float>(const std::string&, const OptimizerOptions&);
template std::shared_ptr<const Optimizer<double>> make_optimizer<double>(const std::string&, const OptimizerOptions&);

}  // namespace sublinear
