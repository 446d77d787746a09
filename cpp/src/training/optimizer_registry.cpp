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

const std::vector<Choice> kMomentum{&OptimizerOptions::momentum, &OptimizerOptions::weight_decay,
                                    &OptimizerOptions::clip_norm};
const std::vector<Choice> kAdam{&OptimizerOptions::momentum, &OptimizerOptions::second_momentum,
                                &OptimizerOptions::epsilon, &OptimizerOptions::weight_decay,
                                &OptimizerOptions::clip_norm};

// Adding an optimizer: its file, its declaration in optimizers.hpp and its line here.
const std::vector<Entry>& registry() {
  static const std::vector<Entry> optimizers{
      {"gradient", make_gradient_descent<float>, make_gradient_descent<double>, {&OptimizerOptions::clip_norm}},
      {"gauss-newton", make_gauss_newton<float>, make_gauss_newton<double>, {&OptimizerOptions::damping}},
      {"momentum", make_momentum<float>, make_momentum<double>, kMomentum},
      {"nesterov", make_nesterov<float>, make_nesterov<double>, kMomentum},
      {"adam", make_adam<float>, make_adam<double>, kAdam},
      {"adamw", make_adamw<float>, make_adamw<double>, kAdam},
  };
  return optimizers;
}

// All options, as errors call them.
struct NamedChoice {
  const char* name;
  Choice value;
};
constexpr NamedChoice kChoices[] = {
    {"momentum", &OptimizerOptions::momentum}, {"second_momentum", &OptimizerOptions::second_momentum},
    {"epsilon", &OptimizerOptions::epsilon},   {"weight_decay", &OptimizerOptions::weight_decay},
    {"damping", &OptimizerOptions::damping},   {"clip_norm", &OptimizerOptions::clip_norm},
};

void check_choices(const Entry& entry, const OptimizerOptions& options) {
  const OptimizerOptions usual;
  for (const NamedChoice& each : kChoices)
    if (options.*each.value != usual.*each.value &&
        std::find(entry.takes.begin(), entry.takes.end(), each.value) == entry.takes.end())
      throw std::invalid_argument("optimizer \"" + entry.name + "\" has no " + each.name + "; leave it as it was");
  for (const double share : {options.momentum, options.second_momentum})
    require(share >= 0 && share < 1, "momentum or second_momentum is not in [0, 1); give a share, such as 0.9");
  require(options.epsilon >= 1e-30 && std::isfinite(options.epsilon),
          "epsilon is below 1e-30 or not finite; give a small number above 0, such as 1e-8");
  require(std::isfinite(options.weight_decay), "weight_decay is not finite; give a number >= 0");
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
