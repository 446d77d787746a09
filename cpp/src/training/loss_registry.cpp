#include <stdexcept>

#include "training/losses.hpp"

namespace sublinear {
namespace {

// Adding a loss: its file, its declaration in losses.hpp and its line here.
const std::vector<std::shared_ptr<const Loss>>& registry() {
  static const std::vector<std::shared_ptr<const Loss>> losses{
      make_absolute_loss(),
      make_squared_loss(),
      make_logistic_loss(),
      make_cross_entropy_loss(),
  };
  return losses;
}

}  // namespace

const std::vector<std::string>& loss_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const auto& loss : registry()) list.emplace_back(loss->name());
    return list;
  }();
  return names;
}

std::shared_ptr<const Loss> make_loss(const std::string& name) {
  std::string known;
  for (const auto& loss : registry()) {
    if (name == loss->name()) return loss;
    known += (known.empty() ? "\"" : ", \"") + std::string(loss->name()) + "\"";
  }
  throw std::invalid_argument("loss is \"" + name + "\"; known are " + known);
}

}  // namespace sublinear
