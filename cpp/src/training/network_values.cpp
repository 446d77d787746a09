#include "training/network_values.hpp"

#include <algorithm>

#include "sublinear/kernels/inner_product.hpp"

namespace sublinear {

template <class T>
void NetworkValues<T>::attach(const TwoLayerNetwork<T>& network, bool linear) {
  network_ = &network;
  linear_ = linear;
  if (linear) form_.attach(network);
  const auto c = static_cast<std::size_t>(network.outputs());
  values_.resize(c);
  scaled_gradient_.resize(c);
  exact_values_.resize(c);
  output_gradient_.resize(c);
}

template <class T>
void NetworkValues<T>::take(const T* x) {
  form_.values(x, values_.data());
  scale_values();
}

template <class T>
void NetworkValues<T>::take(const std::vector<NeuronId>& fired, const T* products) {
  const T shift = network_->activation() == Activation::shifted ? network_->threshold() : T(0);
  coefficients_.resize(fired.size());
  for (std::size_t k = 0; k < fired.size(); ++k)
    coefficients_[k] = (products[k] + network_->biases()[fired[k]]) - shift;
  combine_rows(network_->output_weights(), fired.data(), coefficients_.data(), static_cast<Index>(fired.size()),
               network_->outputs(), values_.data());
  scale_values();
}

template <class T>
void NetworkValues<T>::scale_values() {
  for (std::size_t k = 0; k < values_.size(); ++k) {
    values_[k] *= network_->scale();
    exact_values_[k] = static_cast<double>(values_[k]);
  }
}

template <class T>
double NetworkValues<T>::loss(const Loss& loss, double label) {
  return loss.evaluate(exact_values_.data(), network_->outputs(), label, output_gradient_.data());
}

template <class T>
void NetworkValues<T>::scale_gradient(const Loss& loss, double label) {
  const double scale = static_cast<double>(network_->scale());
  loss.differentiate(exact_values_.data(), network_->outputs(), label, output_gradient_.data());
  for (std::size_t k = 0; k < scaled_gradient_.size(); ++k)
    scaled_gradient_[k] = static_cast<T>(output_gradient_[k] * scale);
}

template <class T>
void NetworkValues<T>::input_gradient(const Loss& loss, double label, T* gradient) {
  scale_gradient(loss, label);
  form_.combine(scaled_gradient_.data(), gradient);
}

template <class T>
void NetworkValues<T>::input_gradient(const Loss& loss, double label, const std::vector<NeuronId>& fired, T* gradient) {
  scale_gradient(loss, label);
  const auto count = static_cast<Index>(fired.size());
  coefficients_.resize(fired.size());
  inner_products_at(network_->output_weights(), fired.data(), count, network_->outputs(), scaled_gradient_.data(),
                    coefficients_.data());
  combine_rows(network_->weights(), fired.data(), coefficients_.data(), count, network_->dimension(), gradient);
}

template class NetworkValues<float>;
template class NetworkValues<double>;

}  // namespace sublinear
