// A strategy of the application's own: what `custom_strategy` plugs into training, and `plugin` into any program.
#pragma once

#include <memory>
#include <stdexcept>
#include <sublinear/sublinear.hpp>
#include <vector>

// Proposes who can fire somewhere in the ball, by one product each with what `firing_limits` says it must reach. That
// is all there is to being exact; a structure that finds those neurons faster would take the place of the loop.
template <class T>
class LimitScan final : public sublinear::NeuronFinder<T> {
 public:
  explicit LimitScan(const sublinear::FinderArguments<T>& arguments)
      : neurons_(arguments.neurons),
        inputs_(arguments.inputs),
        ball_(arguments.ball),
        largest_norm_(sublinear::largest_norm(inputs_, ball_.norm)),
        limits_(static_cast<std::size_t>(neurons_.count)) {
    sublinear::firing_limits(neurons_, nullptr, neurons_.count, ball_, largest_norm_, sublinear::Summation::canonical,
                             limits_.data());
  }

  [[nodiscard]] const char* name() const noexcept override { return "limit-scan"; }
  [[nodiscard]] std::size_t bytes() const noexcept override { return limits_.size() * sizeof(T); }

  sublinear::Work candidates(const sublinear::Index* inputs, sublinear::Index count, int threads,
                             sublinear::CandidateLists& out) override {
    for (sublinear::Index k = 0; k < count; ++k)
      if (inputs[k] < 0 || inputs[k] >= inputs_.count) throw std::invalid_argument("there is no such input");
    return sublinear::fill_lists<sublinear::NeuronId>(
        count, sublinear::resolve_threads(threads), 1, out,
        [&](sublinear::Index k, std::vector<sublinear::NeuronId>& ids, int) {
          sublinear::Work work;
          for (sublinear::NeuronId r = 0; r < neurons_.count; ++r) {
            ++work.inner_products;
            const T product = sublinear::inner_product(neurons_.row(r), inputs_.row(inputs[k]), neurons_.dimension);
            if (!(product < limits_[static_cast<std::size_t>(r)])) ids.push_back(r), ++work.candidates;
          }
          return work;
        });
  }

  sublinear::Work moved(const sublinear::NeuronId* rows, const sublinear::Displacement*, sublinear::Index count,
                        int) override {
    std::vector<T> limits(static_cast<std::size_t>(count));
    sublinear::firing_limits(neurons_, rows, count, ball_, largest_norm_, sublinear::Summation::canonical,
                             limits.data());
    for (sublinear::Index k = 0; k < count; ++k)
      limits_[static_cast<std::size_t>(rows[k])] = limits[static_cast<std::size_t>(k)];
    sublinear::Work work;
    work.rows_moved = count;
    return work;
  }

 private:
  sublinear::Neurons<T> neurons_;
  sublinear::Points<T> inputs_;
  sublinear::Ball ball_;
  double largest_norm_;
  std::vector<T> limits_;
};

template <class T>
std::unique_ptr<sublinear::NeuronFinder<T>> make_limit_scan(const sublinear::FinderArguments<T>& arguments) {
  return std::make_unique<LimitScan<T>>(arguments);
}
