#include "sublinear/training/three_layer_network.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

#include "sublinear/kernels/elementary.hpp"
#include "sublinear/kernels/errors.hpp"
#include "sublinear/kernels/inner_product.hpp"
#include "sublinear/kernels/parallel.hpp"
#include "sublinear/kernels/random.hpp"
#include "sublinear/kernels/require.hpp"
#include "training/epoch_order.hpp"
#include "training/input_block.hpp"

namespace sublinear {
namespace {

template <class T>
struct Fired {
  NeuronId id;
  T value;
};

// Appends those of `count` pre-activations that fire.
template <class T>
void append_fired(const T* values, Index count, T threshold, std::vector<Fired<T>>& to) {
  for (Index r = 0; r < count; ++r)
    if (values[r] >= threshold) to.push_back({static_cast<NeuronId>(r), values[r] - threshold});
}

template <class T>
void append(const IdLists<Fired<T>>& lists, Activations<T>& to) {
  const Index before = to.fired.offsets.back();
  for (std::size_t k = 1; k < lists.offsets.size(); ++k) to.fired.offsets.push_back(before + lists.offsets[k]);
  for (const Fired<T>& fired : lists.ids) {
    to.fired.ids.push_back(fired.id);
    to.values.push_back(fired.value);
  }
}

template <class T>
std::vector<SparseVector<T>> vectors_of(const Activations<T>& activations) {
  std::vector<SparseVector<T>> vectors;
  for (Index i = 0; i < activations.fired.size(); ++i) vectors.push_back(activations.vector(i));
  return vectors;
}

void append(const IdLists<NeuronId>& from, IdLists<NeuronId>& to) {
  const Index before = to.offsets.back();
  for (std::size_t k = 1; k < from.offsets.size(); ++k) to.offsets.push_back(before + from.offsets[k]);
  to.ids.insert(to.ids.end(), from.ids.begin(), from.ids.end());
}

// E[max(g - b, 0)^2] for g ~ N(0, 1), by Simpson's rule in a written order. Beyond 12 nothing is left in double.
double second_moment_above(double b) {
  constexpr int kSteps = 4096;  // even
  constexpr double kWidth = 12, kInverseRootTwoPi = 0.3989422804014327;
  const double step = kWidth / kSteps;
  double sum = 0;
  for (int k = 0; k <= kSteps; ++k) {
    const double over = step * k, g = b + over;
    const double weight = k == 0 || k == kSteps ? 1 : k % 2 == 1 ? 4 : 2;
    sum += weight * (over * over * exponential(-0.5 * (g * g)));
  }
  return sum * (step / 3) * kInverseRootTwoPi;
}

}  // namespace

template <class T>
ThreeLayerNetwork<T>::ThreeLayerNetwork(Points<T> first_weights, LowRankLayer<T> hidden, const T* output_weights,
                                        T first_threshold, T hidden_threshold, T scale)
    : dimension_(first_weights.dimension),
      hidden_(std::move(hidden)),
      first_threshold_(first_threshold),
      hidden_threshold_(hidden_threshold),
      scale_(scale) {
  require(dimension_ >= 1, "first_weights has no columns; inputs need at least one dimension");
  if (first_weights.count != hidden_.inputs())
    throw std::invalid_argument("first_weights has " + std::to_string(first_weights.count) + " rows and hidden has " +
                                std::to_string(hidden_.inputs()) + " inputs; give one input for each row");
  require(std::isfinite(first_threshold) && std::isfinite(hidden_threshold),
          "a threshold is not finite; give finite numbers");
  require(std::isfinite(scale) && scale != 0, "scale is 0 or not finite; give a finite number other than 0");
  require_finite(first_weights.data, first_weights.count, dimension_, "first_weights");
  require_finite(output_weights, hidden_.outputs(), 1, "output_weights");
  first_weights_.assign(first_weights.data, first_weights.data + first_weights.count * dimension_);
  output_weights_.assign(output_weights, output_weights + hidden_.outputs());
}

// The hidden layer may be changed by others.
template <class T>
void ThreeLayerNetwork<T>::require_whole() const {
  if (hidden_.inputs() * dimension_ != static_cast<Index>(first_weights_.size()) ||
      hidden_.outputs() != static_cast<Index>(output_weights_.size()))
    throw std::logic_error(
        "the network was moved away, or its hidden layer was, or replaced by one of another size; "
        "use the network where it is now, or assign a layer of the size that was there");
}

template <class T>
LowRankWork ThreeLayerNetwork<T>::first_activations(Points<T> points, int threads, Activations<T>& out) const {
  require_whole();
  require_inputs(points, dimension_);
  const int workers = resolve_threads(threads);
  const Index width = hidden_.inputs();
  std::vector<AlignedVector<T>> scratch(static_cast<std::size_t>(workers));
  for (auto& products : scratch) products.resize(static_cast<std::size_t>(width));
  IdLists<Fired<T>> lists;
  fill_lists<Fired<T>>(points.count, workers, 1, lists, [&](Index i, std::vector<Fired<T>>& list, int worker) {
    T* const products = scratch[static_cast<std::size_t>(worker)].data();
    inner_products(first_weights_.data(), width, dimension_, points.row(i), products);
    append_fired(products, width, first_threshold_, list);
    return Work();
  });
  out = {};
  append(lists, out);
  LowRankWork work;
  work.other = points.count * width * dimension_;
  return work;
}

template <class T>
LowRankWork ThreeLayerNetwork<T>::hidden_activations(const SparseVector<T>* vectors, Index count, int threads,
                                                     Activations<T>& out) const {
  require_whole();
  const int workers = resolve_threads(threads);
  const Index width = hidden_.outputs(), block = inputs_per_block(width * 2, count, 0);
  AlignedVector<T> products(static_cast<std::size_t>(block * width));
  IdLists<Fired<T>> lists;
  LowRankWork work;
  out = {};
  for (Index begin = 0; begin < count; begin += block) {
    const Index size = std::min(block, count - begin);
    work += hidden_.apply(vectors + begin, size, workers, products.data());
    fill_lists<Fired<T>>(size, workers, 1, lists, [&](Index i, std::vector<Fired<T>>& list, int) {
      append_fired(products.data() + i * width, width, hidden_threshold_, list);
      return Work();
    });
    append(lists, out);
  }
  return work;
}

template <class T>
T ThreeLayerNetwork<T>::output(const SparseVector<T>& activations) const noexcept {
  T sum = 0;
  for (Index k = 0; k < activations.length; ++k)
    sum += activations.values[k] * output_weights_[static_cast<std::size_t>(activations.ids[k])];
  return sum * scale_;
}

// Calls visit(position of the first, first layer's, hidden layer's activations) for blocks of points.
template <class T>
template <class Visit>
LowRankWork ThreeLayerNetwork<T>::visit_points(Points<T> points, int threads, Visit&& visit) const {
  require_whole();
  require_inputs(points, dimension_);
  const FloatingPointScope scope;
  const Index block = inputs_per_block(std::max(hidden_.inputs(), hidden_.outputs()) * 2, points.count, 0);
  LowRankWork work;
  Activations<T> first, hidden;
  for (Index begin = 0; begin < points.count; begin += block) {
    const Index size = std::min(block, points.count - begin);
    work += first_activations({points.row(begin), size, dimension_}, threads, first);
    work += hidden_activations(vectors_of(first).data(), size, threads, hidden);
    visit(begin, first, hidden);
  }
  return work;
}

template <class T>
LowRankWork ThreeLayerNetwork<T>::decision_function(Points<T> points, int threads, T* outputs) const {
  require_pointer(outputs, points.count, "outputs");
  std::int64_t fired = 0;
  LowRankWork work =
      visit_points(points, threads, [&](Index begin, const Activations<T>&, const Activations<T>& hidden) {
        for (Index i = 0; i < hidden.fired.size(); ++i) outputs[begin + i] = output(hidden.vector(i));
        fired += hidden.fired.offsets.back();
      });
  work.other += fired;
  return work;
}

template <class T>
LowRankWork ThreeLayerNetwork<T>::fired(Points<T> points, int threads, IdLists<NeuronId>& first,
                                        IdLists<NeuronId>& hidden) const {
  first = {};
  hidden = {};
  return visit_points(points, threads, [&](Index, const Activations<T>& below, const Activations<T>& above) {
    append(below.fired, first);
    append(above.fired, hidden);
  });
}

template <class T>
ThreeLayerNetwork<T> random_three_layer_network(const ThreeLayerInitialization& initialization) {
  const Index m = initialization.width, d = initialization.dimension;
  require(m >= 1, "width is below 1; a network needs at least one neuron");
  require(d >= 1, "dimension is below 1; inputs need at least one dimension");
  require(std::isfinite(initialization.kappa), "kappa is not finite; give a number of standard deviations");
  require(!initialization.coupled || m % 2 == 0, "width is odd; coupled neurons come in pairs, give an even width");
  const FloatingPointScope scope;
  const double width = static_cast<double>(m);
  const double kappa = initialization.kappa >= 0 ? initialization.kappa : std::sqrt(0.4 * logarithm(width));
  RandomStream first_stream(initialization.seed, RandomPurpose::weights, {1});
  RandomStream hidden_stream(initialization.seed, RandomPurpose::weights, {2});
  RandomStream output_stream(initialization.seed, RandomPurpose::output_weights, {2});
  AlignedVector<T> first(static_cast<std::size_t>(m * d)), outputs(static_cast<std::size_t>(m));
  for (T& weight : first) weight = static_cast<T>(first_stream.normal());
  const auto is_twin = [&](Index r) { return initialization.coupled && r % 2 == 1; };
  const double deviation = std::sqrt(2 / width);
  LowRankLayer<T> hidden(
      m, m,
      [&](Index, T* column) {
        for (Index r = 0; r < m; ++r)
          column[r] = is_twin(r) ? column[r - 1] : static_cast<T>(deviation * hidden_stream.normal());
      },
      initialization.rank_limit);
  for (Index r = 0; r < m; ++r)
    outputs[static_cast<std::size_t>(r)] = is_twin(r) ? -outputs[static_cast<std::size_t>(r) - 1]
                                           : (output_stream.next() >> 63) != 0 ? T(1)
                                                                               : T(-1);
  const double hidden_threshold = kappa * std::sqrt(2 * second_moment_above(kappa));
  return ThreeLayerNetwork<T>({first.data(), m, d}, std::move(hidden), outputs.data(), static_cast<T>(kappa),
                              static_cast<T>(hidden_threshold), static_cast<T>(1 / std::sqrt(width)));
}

template <class T>
ThreeLayerTrainer<T>::ThreeLayerTrainer(ThreeLayerNetwork<T>& network, Points<T> inputs, const double* labels,
                                        ThreeLayerOptions options)
    : network_(&network), version_(network.version()), options_(options), count_(inputs.count) {
  require(count_ >= 1, "there are no inputs; training needs at least one");
  require(options.batch_size >= 0, "batch_size is negative; give a number of inputs, or 0 for all");
  options_.threads = resolve_threads(options.threads);
  require_inputs(inputs, network.dimension());
  check_labels(labels, count_, *make_loss("squared"), 1);
  batch_size_ = options.batch_size == 0 ? count_ : std::min(options.batch_size, count_);
  labels_.assign(labels, labels + count_);
  first_work_ = network.first_activations(inputs, options_.threads, inputs_);
}

template <class T>
void ThreeLayerTrainer<T>::set_steps_done(std::int64_t steps) {
  require(steps >= 0, "steps is negative; give the number of steps done before");
  steps_done_ = steps;
}

template <class T>
void ThreeLayerTrainer<T>::choose_batch() {
  const std::int64_t epoch = steps_done_ / steps_per_epoch(), position = steps_done_ % steps_per_epoch();
  if (order_epoch_ != epoch) {
    order_ = epoch_order(count_, batch_size_, options_.seed, epoch);
    order_epoch_ = epoch;
  }
  const auto first = order_.begin() + position * batch_size_;
  batch_.assign(first, first + std::min(batch_size_, count_ - position * batch_size_));
}

template <class T>
ThreeLayerReport ThreeLayerTrainer<T>::step(double rate) {
  require(std::isfinite(rate) && rate >= 0, "learning_rate is negative or not finite; give a finite number >= 0");
  if (labels_.empty()) throw std::logic_error("the trainer was moved from; use the one it was moved to");
  if (network_->version() != version_)
    throw std::logic_error(
        "the network was moved away, or another took its place, since the trainer was made; make a "
        "trainer of the network where it is now");
  const FloatingPointScope scope;
  choose_batch();
  const auto count = static_cast<Index>(batch_.size());
  ThreeLayerReport report;
  report.inputs = count;
  std::vector<SparseVector<T>> below;
  for (const Index input : batch_) {
    below.push_back(inputs_.vector(input));
    report.fired_first += below.back().length;
  }
  Activations<T> hidden;
  report.work = network_->hidden_activations(below.data(), count, options_.threads, hidden);
  report.fired_hidden = static_cast<std::int64_t>(hidden.values.size());

  const auto loss = make_loss("squared");
  const double factor = rate * static_cast<double>(network_->scale()) / static_cast<double>(count);
  std::vector<T> steps(batch_.size());  // what a weight moves by, but for a_r and h_j
  bool finite = true;
  for (std::size_t i = 0; i < batch_.size(); ++i) {
    const auto value = static_cast<double>(network_->output(hidden.vector(static_cast<Index>(i))));
    double gradient;
    report.loss += loss->evaluate(&value, 1, labels_[static_cast<std::size_t>(batch_[i])], &gradient);
    steps[i] = static_cast<T>(gradient * factor);
    finite = finite && std::isfinite(steps[i]);
  }
  report.loss /= static_cast<double>(count);
  const auto refuse = [&](const char* what) {
    throw DivergenceError("at step " + std::to_string(steps_done_) + " " + what +
                          "; the network is as it was before the step, train it with a lower learning rate or smaller "
                          "inputs");
  };
  if (!std::isfinite(report.loss)) refuse("the loss is not finite");
  if (!finite) refuse("a weight could become infinite");

  // The activations have done their duty: their place takes the pairs' first halves.
  std::vector<SparseVector<T>> above;
  for (Index i = 0; i < count; ++i) {
    const Index begin = hidden.fired.offsets[static_cast<std::size_t>(i)];
    for (Index k = begin; k < begin + hidden.fired.length(i); ++k) {
      const NeuronId r = hidden.fired.ids[static_cast<std::size_t>(k)];
      hidden.values[static_cast<std::size_t>(k)] =
          -(steps[static_cast<std::size_t>(i)] * network_->output_weights()[r]);
      finite = finite && std::isfinite(hidden.values[static_cast<std::size_t>(k)]);
    }
    // Where the prediction is right there is nothing to add.
    above.push_back(steps[static_cast<std::size_t>(i)] == 0 ? SparseVector<T>() : hidden.vector(i));
  }
  if (!finite) refuse("a weight could become infinite");
  try {
    report.work += network_->hidden().add_rank(above.data(), below.data(), count, options_.threads);
  } catch (const DivergenceError&) {
    refuse("a weight could become infinite");
  }
  report.work.other += 2 * report.fired_hidden;
  report.rank = network_->hidden().rank();
  ++steps_done_;
  report.ends_epoch = steps_done_ % steps_per_epoch() == 0;
  return report;
}

#define SUBLINEAR_INSTANTIATE(T)       \
  template class ThreeLayerNetwork<T>; \
  template class ThreeLayerTrainer<T>; \
  template ThreeLayerNetwork<T> random_three_layer_network<T>(const ThreeLayerInitialization&);
SUBLINEAR_INSTANTIATE(float)
SUBLINEAR_INSTANTIATE(double)

}  // namespace sublinear
