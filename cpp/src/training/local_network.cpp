#include "sublinear/training/local_network.hpp"

#include <algorithm>
#include <cstring>

#include "sublinear/kernels/inner_product.hpp"

namespace sublinear {

template <class T>
void LocalNetwork<T>::gather(const TwoLayerNetwork<T>& network, const NeuronId* candidates, Index count) {
  const Index d = network.dimension(), c = network.outputs();
  const auto size = static_cast<std::size_t>(count);
  network_ = &network;
  count_ = count;
  evaluated_ = false;
  candidates_.assign(candidates, candidates + count);
  rows_.resize(size * static_cast<std::size_t>(d));
  output_weights_.resize(size * static_cast<std::size_t>(c));
  biases_.resize(size);
  products_.resize(size);
  positions_.resize(size + 1);  // one more: the compaction below writes before it decides
  evaluated_at_.resize(static_cast<std::size_t>(d));
  values_.resize(static_cast<std::size_t>(c));
  exact_values_.resize(static_cast<std::size_t>(c));
  output_gradient_.resize(static_cast<std::size_t>(c));
  scaled_gradient_.resize(static_cast<std::size_t>(c));
  for (Index k = 0; k < count; ++k) {
    const Index r = candidates[k];
    std::copy_n(network.weights() + r * d, d, rows_.data() + k * d);
    std::copy_n(network.output_weights() + r * c, c, output_weights_.data() + k * c);
    biases_[static_cast<std::size_t>(k)] = network.biases()[r];
  }
}

template <class T>
void LocalNetwork<T>::evaluate(const T* x) {
  const Index d = network_->dimension(), c = network_->outputs();
  const auto bytes = static_cast<std::size_t>(d) * sizeof(T);
  if (evaluated_ && std::memcmp(x, evaluated_at_.data(), bytes) == 0) return;
  std::memcpy(evaluated_at_.data(), x, bytes);
  evaluated_ = true;
  inner_products(rows_.data(), count_, d, x, products_.data());
  work_.inner_products += count_;

  // Which fire: positions in the block, collected without a branch.
  const T threshold = network_->threshold();
  std::size_t fired = 0;
  NeuronId* const positions = positions_.data();
  for (std::size_t k = 0; k < static_cast<std::size_t>(count_); ++k) {
    positions[fired] = static_cast<NeuronId>(k);
    fired += (products_[k] + biases_[k]) >= threshold ? 1 : 0;
  }
  fired_.resize(fired);
  activations_.resize(fired);
  coefficients_.resize(fired);
  const T shift = network_->activation() == Activation::shifted ? threshold : T(0);
  std::fill(values_.begin(), values_.end(), T(0));
  for (std::size_t k = 0; k < fired; ++k) {
    const auto position = static_cast<std::size_t>(positions[k]);
    fired_[k] = candidates_[position];
    activations_[k] = (products_[position] + biases_[position]) - shift;
    const T* a = output_weights_.data() + position * static_cast<std::size_t>(c);
    for (std::size_t output = 0; output < static_cast<std::size_t>(c); ++output)
      values_[output] += a[output] * activations_[k];
  }
  for (std::size_t output = 0; output < static_cast<std::size_t>(c); ++output) {
    values_[output] *= network_->scale();
    exact_values_[output] = static_cast<double>(values_[output]);
  }
}

template <class T>
double LocalNetwork<T>::loss(const Loss& loss, double label) {
  return loss.evaluate(exact_values_.data(), network_->outputs(), label, output_gradient_.data());
}

template <class T>
void LocalNetwork<T>::input_gradient(T* gradient) {
  const auto c = static_cast<std::size_t>(network_->outputs());
  for (std::size_t k = 0; k < c; ++k)
    scaled_gradient_[k] = static_cast<T>(output_gradient_[k] * static_cast<double>(network_->scale()));
  for (std::size_t k = 0; k < fired_.size(); ++k) {
    const T* a = output_weights_.data() + static_cast<std::size_t>(positions_[k]) * c;
    T sum = 0;
    for (std::size_t output = 0; output < c; ++output) sum += scaled_gradient_[output] * a[output];
    coefficients_[k] = sum;
  }
  combine_rows(rows_.data(), positions_.data(), coefficients_.data(), static_cast<Index>(fired_.size()),
               network_->dimension(), gradient);
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
