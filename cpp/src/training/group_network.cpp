#include "training/group_network.hpp"

#include "sublinear/kernels/inner_product.hpp"

namespace sublinear {

template <class T>
void GroupNetwork<T>::start(const TwoLayerNetwork<T>& network, const KnownRows<T>& known, const T* const* points,
                            Index count, double reach, bool linear) {
  network_ = &network;
  activation_.start(network, known, points, count, reach, !linear);
  if (members_.size() < static_cast<std::size_t>(count)) members_.resize(static_cast<std::size_t>(count));
  for (Index i = 0; i < count; ++i) {
    member(i).values.attach(network, linear);
    member(i).valued = false;
    member(i).at_start = true;
  }
}

template <class T>
void GroupNetwork<T>::move(const Index* which, const T* const* points, Index count) {
  activation_.move(which, points, count);
  for (Index k = 0; k < count; ++k) {
    Member& own = member(which[k]);
    if (!activation_.moved(which[k])) continue;
    own.valued = own.at_start = false;
    if (!own.values.linear() || !own.values.form().summed()) continue;
    const std::vector<NeuronId>& changed = activation_.changed(which[k]);
    firing_.resize(changed.size());
    for (std::size_t j = 0; j < changed.size(); ++j) firing_[j] = activation_.fires(which[k], changed[j]) ? 1 : 0;
    own.values.form().follow(changed.data(), firing_.data(), static_cast<Index>(changed.size()));
  }
}

template <class T>
const std::vector<T>& GroupNetwork<T>::values(Index i) {
  Member& own = member(i);
  if (own.valued) return own.values.values();
  own.valued = true;
  if (own.values.linear()) {
    if (!own.values.form().summed()) own.values.form().sum(fired(i).data(), static_cast<Index>(fired(i).size()));
    own.values.take(activation_.at(i));
  } else if (own.at_start) {
    own.values.take(fired(i), activation_.products(i).data());
  } else {
    products_.resize(fired(i).size());
    inner_products_at(network_->weights(), fired(i).data(), static_cast<Index>(fired(i).size()), network_->dimension(),
                      activation_.at(i), products_.data());
    work_.inner_products += static_cast<std::int64_t>(fired(i).size());
    own.values.take(fired(i), products_.data());
  }
  return own.values.values();
}

template <class T>
double GroupNetwork<T>::loss(Index i, const Loss& loss, double label) {
  static_cast<void>(values(i));
  return member(i).values.loss(loss, label);
}

template <class T>
void GroupNetwork<T>::input_gradient(Index i, const Loss& loss, double label, T* gradient) {
  static_cast<void>(values(i));
  if (member(i).values.linear())
    member(i).values.input_gradient(loss, label, gradient);
  else
    member(i).values.input_gradient(loss, label, activation_.fired(i), gradient);
}

template <class T>
bool GroupNetwork<T>::correct(Index i, const Loss& loss, double label) {
  static_cast<void>(values(i));
  return member(i).values.correct(loss, label);
}

template <class T>
Work GroupNetwork<T>::take_work() noexcept {
  Work done = work_;
  done += activation_.take_work();
  work_ = {};
  return done;
}

template class GroupNetwork<float>;
template class GroupNetwork<double>;

}  // namespace sublinear
