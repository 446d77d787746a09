#include "training/linear_form.hpp"

#include <algorithm>
#include <numeric>

#include "kernels/prefetch.hpp"
#include "sublinear/kernels/inner_product.hpp"

namespace sublinear {
namespace {

// Rows that are summed into all outputs while they are in the first-level cache.
constexpr Index kRowsTogether = 64;

// So many rows ahead they are asked for, with what is known of them; their first components, the rest comes by itself.
constexpr Index kAhead = 16, kMostAhead = 64;

// Most outputs whose signs make a pattern: 2^(5 - 1) sums.
constexpr Index kMostTogether = 5;

// How many outputs go together where `count` neurons are summed by the signs of their output weights; 1 where that adds
// up no fewer rows than summing them output by output.
[[nodiscard]] Index outputs_together(Index outputs, Index count) {
  Index best = 1, rows = count * outputs;
  for (Index together = 2; together <= std::min(outputs, kMostTogether); ++together) {
    const Index groups = (outputs + together - 1) / together;
    const Index needed = count * groups + (outputs << (together - 1));
    if (needed < rows) best = together, rows = needed;
  }
  return best;
}

}  // namespace

template <class T>
void LinearForm<T>::attach(const TwoLayerNetwork<T>& network) {
  network_ = &network;
  summed_ = false;
}

template <class T>
void LinearForm<T>::sum(const NeuronId* fired, Index count) {
  const auto c = static_cast<std::size_t>(network_->outputs()), d = static_cast<std::size_t>(network_->dimension());
  form_.assign(c * d, T(0));
  offset_.assign(c, T(0));
  output_ids_.resize(c);
  std::iota(output_ids_.begin(), output_ids_.end(), 0);
  summed_ = true;
  const Index together = network_->output_size() > 0 ? outputs_together(network_->outputs(), count) : 1;
  if (together == 1)
    add(fired, nullptr, count);
  else
    sum_by_signs(fired, count, together);
}

// Output weights are all +-a. Outputs go together in groups; in a group, a neuron's signs relative to that of the
// group's first output are its pattern. Each row is added, with the first output's sign, to the sum of its pattern;
// then each A_k is made of its group's sums.
template <class T>
void LinearForm<T>::sum_by_signs(const NeuronId* fired, Index count, Index together) {
  const Index c = network_->outputs(), d = network_->dimension();
  const Index groups = (c + together - 1) / together, patterns = Index{1} << (together - 1);
  pattern_sums_.assign(static_cast<std::size_t>(groups * patterns * d), T(0));
  patterns_.resize(static_cast<std::size_t>(count * groups));
  coefficients_.resize(static_cast<std::size_t>(count * groups));
  for (Index k = 0; k < count; ++k) {
    const T* const own = network_->output_weights() + fired[k] * c;
    for (Index g = 0; g < groups; ++g) {
      const Index first = g * together, size = std::min(together, c - first);
      Index pattern = 0;
      for (Index o = 1; o < size; ++o) pattern |= ((own[first + o] > 0) != (own[first] > 0) ? 1 : 0) << (o - 1);
      patterns_[static_cast<std::size_t>(k * groups + g)] = static_cast<std::int32_t>(g * patterns + pattern);
      coefficients_[static_cast<std::size_t>(k * groups + g)] = own[first] > 0 ? T(1) : T(-1);
    }
    add_offset(fired[k], T(1));
  }
  scatter_rows(network_->weights(), fired, patterns_.data(), coefficients_.data(), count, groups, d,
               pattern_sums_.data());
  for (Index g = 0; g < groups; ++g)
    combine_signs(g * together, std::min(together, c - g * together), pattern_sums_.data() + g * patterns * d);
}

// Of the `size` outputs from `first` on: A_k from +0 over the patterns, ascending, with coefficients a or -a.
template <class T>
void LinearForm<T>::combine_signs(Index first, Index size, const T* sums) {
  const Index d = network_->dimension(), patterns = Index{1} << (size - 1);
  const T a = network_->output_size();
  std::vector<NeuronId> ids(static_cast<std::size_t>(patterns));
  std::iota(ids.begin(), ids.end(), 0);
  coefficients_.resize(static_cast<std::size_t>(patterns * size));
  for (Index p = 0; p < patterns; ++p)
    for (Index o = 0; o < size; ++o)
      coefficients_[static_cast<std::size_t>(p * size + o)] = o > 0 && (p >> (o - 1) & 1) != 0 ? -a : a;
  add_rows_to_each(sums, ids.data(), coefficients_.data(), patterns, size, d, form_.data() + first * d);
}

// B_k + (sign * a_rk) * (bias - threshold).
template <class T>
void LinearForm<T>::add_offset(NeuronId r, T sign) {
  const Index c = network_->outputs();
  const T shift = network_->activation() == Activation::shifted ? network_->threshold() : T(0);
  const T* const own = network_->output_weights() + r * c;
  const T offset = network_->biases()[r] - shift;
  for (Index k = 0; k < c; ++k) offset_[static_cast<std::size_t>(k)] += (sign * own[k]) * offset;
}

template <class T>
void LinearForm<T>::follow(const NeuronId* ids, const char* firing, Index count) {
  add(ids, firing, count);
}

// Without `firing` all are added.
template <class T>
void LinearForm<T>::add(const NeuronId* ids, const char* firing, Index count) {
  const Index c = network_->outputs(), d = network_->dimension();
  const T* const outputs = network_->output_weights();
  const bool far = outgrows_caches<T>(network_->width(), d);
  coefficients_.resize(static_cast<std::size_t>(kRowsTogether * c));
  for (Index first = 0; first < count; first += kRowsTogether) {
    const Index size = std::min(kRowsTogether, count - first);
    T* coefficient = coefficients_.data();
    for (Index k = first; k < first + size; ++k) {
      if (const Index next = k + kAhead; far && next < count) {
        prefetch(outputs + ids[next] * c, std::min(c, kMostAhead));
        prefetch(network_->weights() + ids[next] * d, std::min(d, kMostAhead));
      }
      const T sign = firing == nullptr || firing[k] != 0 ? T(1) : T(-1);
      const T* const own = outputs + ids[k] * c;
      for (Index output = 0; output < c; ++output) *coefficient++ = sign * own[output];
      add_offset(ids[k], sign);
    }
    add_rows_to_each(network_->weights(), ids + first, coefficients_.data(), size, c, d, form_.data());
  }
}

template <class T>
void LinearForm<T>::values(const T* x, T* out) const {
  const Index d = network_->dimension();
  for (Index k = 0; k < network_->outputs(); ++k)
    out[k] = inner_product(form_.data() + k * d, x, d) + offset_[static_cast<std::size_t>(k)];
}

template <class T>
void LinearForm<T>::combine(const T* coefficients, T* out) const {
  combine_rows(form_.data(), output_ids_.data(), coefficients, network_->outputs(), network_->dimension(), out);
}

template class LinearForm<float>;
template class LinearForm<double>;

}  // namespace sublinear
