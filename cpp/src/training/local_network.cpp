#include "sublinear/training/local_network.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "finding/reach.hpp"
#include "sublinear/kernels/inner_product.hpp"

namespace sublinear {

template <class T>
void LocalNetwork<T>::attach(const TwoLayerNetwork<T>& network, const T* inverse_norms, const NeuronId* candidates,
                             Index count) {
  const auto size = static_cast<std::size_t>(count);
  const auto d = static_cast<std::size_t>(network.dimension()), c = static_cast<std::size_t>(network.outputs());
  network_ = &network;
  candidates_ = candidates;
  count_ = count;
  started_ = listed_ = valued_ = products_here_ = linear_ = false;
  path_ = 0;
  products_.resize(size);
  due_.resize(size);
  rests_.resize(size);
  asked_.resize(size + static_cast<std::size_t>(kSelectSlack));
  biases_.resize(size);
  inverses_.resize(size);
  for (std::size_t k = 0; k < size; ++k) {
    biases_[k] = network.biases()[candidates[k]];
    inverses_[k] = inverse_norms[candidates[k]];
  }
  asked_ids_.resize(size);
  asked_products_.resize(size);
  flipped_.clear();
  at_.resize(d);
  slope_.resize(d);
  change_.resize(d);
  values_.resize(c);
  exact_values_.resize(c);
  output_gradient_.resize(c);
  scaled_gradient_.resize(c);
}

template <class T>
struct LocalNetwork<T>::Answer {
  bool fires;
  T due;  // path length up to which that holds
};

// Claim. If the answer at x was gap = |fl(q + beta) - tau| with q = fl<w,x>, it is the same at every x'' with
// ||x'' - x|| = D as long as  D (1 + g) ||w|| + 2 g ||x|| ||w|| + 2 eta + 2 (u |tau| + subnormal) <= gap (1 - 4u).
// Proof. The product changes by at most D ||w||; computing it errs by at most g ||w|| ||x|| + eta at x and
// g ||w|| (||x|| + D) + eta at x''; fl(q + beta) >= tau and q + beta >= tau differ only within u |tau| + subnormal of
// equality, and the same again for the sum that gave gap, whose own two roundings cost 4u of it and u |tau|.
// `distance` below is that D in arithmetic of T; each factor 1 - 8u covers the roundings of its line.
template <class T>
class LocalNetwork<T>::Judge {
 public:
  Judge(const TwoLayerNetwork<T>& network, double path, double point_norm)
      : threshold_(network.threshold()),
        here_(round_down<T>(path)),
        keep_(static_cast<T>(1 - 8 * unit_roundoff<T>)),
        shorten_(static_cast<T>(1 - 2 * dot_error_factor<T>(network.dimension()))),
        constant_(round_up<T>(2 * dot_underflow<T>(network.dimension()) +
                              2 * unit_roundoff<T> * std::abs(static_cast<double>(threshold_)) +
                              4 * static_cast<double>(std::numeric_limits<T>::denorm_min()))),
        rounding_(round_up<T>(2 * dot_error_factor<T>(network.dimension()) * point_norm * (1 + 4 * kWiden))) {}

  // NaN (from overflow) is never later than anything: such a neuron is asked at every point.
  [[nodiscard]] Answer operator()(T product, T bias, T inverse_norm) const {
    const T z = product + bias;
    const T distance = ((std::abs(z - threshold_) * keep_ - constant_) * inverse_norm * keep_ - rounding_) * shorten_;
    return {z >= threshold_, (here_ + (distance > 0 ? distance : T(0))) * keep_};
  }

 private:
  T threshold_, here_, keep_, shorten_, constant_, rounding_;
};

// At the first point: every candidate.
template <class T>
void LocalNetwork<T>::ask_all(const Judge& judge) {
  inner_products_at(network_->weights(), candidates_, count_, network_->dimension(), at_.data(), products_.data());
  work_.inner_products += count_;
  const Judge own = judge;
  const T *products = products_.data(), *biases = biases_.data(), *inverses = inverses_.data();
  T* const due = due_.data();
  T* const rests = rests_.data();
  for (Index k = 0; k < count_; ++k) {
    const Answer answer = own(products[k], biases[k], inverses[k]);
    due[k] = answer.due;
    rests[k] = answer.fires ? T(0) : T(1);
  }
}

// At a later point: the first `count` positions in asked_.
template <class T>
void LocalNetwork<T>::ask(Index count, const Judge& judge) {
  for (Index k = 0; k < count; ++k)
    asked_ids_[static_cast<std::size_t>(k)] = candidates_[asked_[static_cast<std::size_t>(k)]];
  inner_products_at(network_->weights(), asked_ids_.data(), count, network_->dimension(), at_.data(),
                    asked_products_.data());
  work_.inner_products += count;
  for (Index k = 0; k < count; ++k) {
    const auto at = static_cast<std::size_t>(asked_[static_cast<std::size_t>(k)]);
    const Answer answer = judge(asked_products_[static_cast<std::size_t>(k)], biases_[at], inverses_[at]);
    due_[at] = answer.due;
    const T rests = answer.fires ? T(0) : T(1);
    if (rests != rests_[at]) flipped_.push_back(static_cast<NeuronId>(at));
    rests_[at] = rests;
  }
}

template <class T>
void LocalNetwork<T>::evaluate(const T* x) {
  const Index d = network_->dimension();
  const auto bytes = static_cast<std::size_t>(d) * sizeof(T);
  if (started_ && std::memcmp(x, at_.data(), bytes) == 0) return;
  if (linear_) follow_linear_form();  // before the states change again
  if (started_) path_ = (path_ + euclidean_distance_bound(x, at_.data(), d)) * (1 + kWiden);
  std::memcpy(at_.data(), x, bytes);
  const Judge judge(*network_, path_, euclidean_norm_bound(x, d));
  if (started_)
    ask(select_not_above(due_.data(), count_, round_up<T>(path_), asked_.data()), judge);
  else
    ask_all(judge);
  products_here_ = !started_;
  started_ = true;
  listed_ = valued_ = false;
}

template <class T>
const std::vector<NeuronId>& LocalNetwork<T>::fired() {
  if (listed_) return fired_;
  listed_ = true;
  fired_positions_.resize(static_cast<std::size_t>(count_ + kSelectSlack));
  const auto found = static_cast<std::size_t>(select_not_above(rests_.data(), count_, T(0), fired_positions_.data()));
  fired_positions_.resize(found);
  fired_.resize(found);
  for (std::size_t k = 0; k < found; ++k) fired_[k] = candidates_[fired_positions_[k]];
  return fired_;
}

template <class T>
const std::vector<T>& LocalNetwork<T>::values() {
  if (valued_) return values_;
  valued_ = true;
  const auto c = static_cast<std::size_t>(network_->outputs());
  const auto count = fired().size();
  if (products_here_) {
    for (std::size_t k = 0; k < count; ++k)
      asked_products_[k] = products_[static_cast<std::size_t>(fired_positions_[k])];
  } else {
    inner_products_at(network_->weights(), fired_.data(), static_cast<Index>(count), network_->dimension(), at_.data(),
                      asked_products_.data());
    work_.inner_products += static_cast<std::int64_t>(count);
  }
  const T shift = network_->activation() == Activation::shifted ? network_->threshold() : T(0);
  coefficients_.resize(count);
  for (std::size_t k = 0; k < count; ++k)
    coefficients_[k] = (asked_products_[k] + biases_[static_cast<std::size_t>(fired_positions_[k])]) - shift;
  combine_rows(network_->output_weights(), fired_.data(), coefficients_.data(), static_cast<Index>(count),
               network_->outputs(), values_.data());
  for (std::size_t output = 0; output < c; ++output) {
    values_[output] *= network_->scale();
    exact_values_[output] = static_cast<double>(values_[output]);
  }
  return values_;
}

template <class T>
double LocalNetwork<T>::loss(const Loss& loss, double label) {
  static_cast<void>(values());
  return loss.evaluate(exact_values_.data(), network_->outputs(), label, output_gradient_.data());
}

// Brings A and B up to date with the neurons that changed sides; sums them afresh where there are none yet.
template <class T>
void LocalNetwork<T>::follow_linear_form() {
  const Index d = network_->dimension();
  const T shift = network_->activation() == Activation::shifted ? network_->threshold() : T(0);
  const auto add = [&](const std::vector<NeuronId>& positions, bool afresh) {
    coefficients_.resize(positions.size());
    change_ids_.resize(positions.size());
    for (std::size_t k = 0; k < positions.size(); ++k) {
      const NeuronId r = candidates_[positions[k]];
      const T a = network_->output_weights()[r];
      coefficients_[k] = rests_[static_cast<std::size_t>(positions[k])] == 0 ? a : -a;
      change_ids_[k] = r;
      offset_ += coefficients_[k] * (network_->biases()[r] - shift);
    }
    T* const sum = afresh ? slope_.data() : change_.data();
    combine_rows(network_->weights(), change_ids_.data(), coefficients_.data(), static_cast<Index>(positions.size()), d,
                 sum);
    if (!afresh)
      for (std::size_t j = 0; j < slope_.size(); ++j) slope_[j] += change_[j];
  };
  if (!linear_) {
    static_cast<void>(fired());
    offset_ = 0;
    add(fired_positions_, true);
    linear_ = true;
  } else if (!flipped_.empty()) {
    add(flipped_, false);
  }
  flipped_.clear();
}

template <class T>
void LocalNetwork<T>::input_gradient(const Loss& loss, double label, T* gradient) {
  const auto c = static_cast<std::size_t>(network_->outputs());
  const auto d = network_->dimension();
  const double scale = static_cast<double>(network_->scale());
  if (c == 1) {
    follow_linear_form();
    const T value = network_->scale() * (inner_product(slope_.data(), at_.data(), d) + offset_);
    const double exact = static_cast<double>(value);
    loss.evaluate(&exact, 1, label, output_gradient_.data());
    const T factor = static_cast<T>(output_gradient_[0] * scale);
    for (Index j = 0; j < d; ++j) gradient[j] = factor * slope_[static_cast<std::size_t>(j)];
    return;
  }
  this->loss(loss, label);
  for (std::size_t k = 0; k < c; ++k) scaled_gradient_[k] = static_cast<T>(output_gradient_[k] * scale);
  coefficients_.resize(fired_.size());
  inner_products_at(network_->output_weights(), fired_.data(), static_cast<Index>(fired_.size()), network_->outputs(),
                    scaled_gradient_.data(), coefficients_.data());
  combine_rows(network_->weights(), fired_.data(), coefficients_.data(), static_cast<Index>(fired_.size()), d,
               gradient);
}

template <class T>
Work LocalNetwork<T>::take_work() noexcept {
  const Work done = work_;
  work_ = {};
  return done;
}

template class LocalNetwork<float>;
template class LocalNetwork<double>;

}  // namespace sublinear
