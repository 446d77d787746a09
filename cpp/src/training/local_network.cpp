#include "training/local_network.hpp"

namespace sublinear {

template <class T>
void LocalNetwork<T>::attach(const TwoLayerNetwork<T>& network, const RowFacts<T>& facts, const Visit<T>& visit) {
  network_ = &network;
  activation_.attach(network, facts.view(), visit.candidates, visit.reach);
  values_.attach(network, visit.linear);
  valued_ = false;
}

template <class T>
void LocalNetwork<T>::evaluate(const T* x) {
  if (!activation_.move_to(x)) return;
  valued_ = false;
  if (!values_.linear() || !values_.form().summed()) return;
  activation_.changed(changed_, firing_);
  values_.form().follow(changed_.data(), firing_.data(), static_cast<Index>(changed_.size()));
}

template <class T>
const std::vector<T>& LocalNetwork<T>::values() & {
  if (valued_) return values_.values();
  valued_ = true;
  if (!values_.linear()) {
    const T* const products = activation_.products();
    values_.take(activation_.fired(), products);
    return values_.values();
  }
  if (!values_.form().summed())
    values_.form().sum(activation_.fired().data(), static_cast<Index>(activation_.fired().size()));
  values_.take(activation_.at());
  return values_.values();
}

template <class T>
double LocalNetwork<T>::loss(const Loss& loss, double label) {
  static_cast<void>(values());
  return values_.loss(loss, label);
}

template <class T>
void LocalNetwork<T>::input_gradient(const Loss& loss, double label, T* gradient) {
  static_cast<void>(values());
  if (values_.linear())
    values_.input_gradient(loss, label, gradient);
  else
    values_.input_gradient(loss, label, activation_.fired(), gradient);
}

template <class T>
bool LocalNetwork<T>::correct(const Loss& loss, double label) {
  static_cast<void>(values());
  return values_.correct(loss, label);
}

template class LocalNetwork<float>;
template class LocalNetwork<double>;

}  // namespace sublinear
