#include "training/activation/list_activation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/norm_bounds.hpp"
#include "kernels/quantized_rows.hpp"
#include "kernels/unstable_neurons.hpp"
#include "sublinear/kernels/inner_product.hpp"

// What is known of a neuron without reading its row, and why it is enough.
//
// Let x0 be the anchor and x = x0 + e the point, ||e|| <= reach. Remembered is q = fl<w', x0>, where w' is a value of
// the row since which it has moved by at most `moved` to w. With N >= ||w||, X = ||x0|| + reach, and g, eta the errors
// of the canonical product,
//
//   fl<w, x> = q + <w, e>  +-  ( moved ||x0|| + 2 g (N + moved) X + 2 eta ) :
//
// q is <w', x0> but for g (N + moved) X + eta, <w', x0> is <w, x0> but for moved ||x0||, and fl<w, x> errs by
// g N X + eta.
//
// The 8-bit copy v: ||w - v|| <= R, which is `quantized_row_error` times the scale. e is e' in 16 bits, and with rho
// and alpha of `quantized_error`, ||e - e'|| <= E = rho ||e|| + alpha. Hence p = <v, e'>, an exact integer times two
// scales, is <w, e> but for R ||e'|| + N E. That is  blur ||e||  with  blur = R (1 + rho) + N rho;  or, where alpha
// counts, e' is 0 and it is N alpha.
//
// The line through x0 and an earlier point x0 + u: there p was D, the slope. Let the point now be x0 + s u + r, with
// 0 <= s ||u|| <= reach, and let it be asked: <w, e> is p but for blur reach. At a later point x0 + s' u + r' of the
// line's rest, s <= s' <= its end, <w, e'> is p + (s' - s) D but for N ||r' - r|| and another blur reach. So a neuron
// that is on one side by some margin, less these errors, here and at the line's end is on that side as long as the
// residual has gone less than margin / N: `path_length` is the way it has gone, and way back along the line counts as
// well, so that s' may be below s.
//
// Where the row was read at e, q is from then on what makes q + p right there: so it is but for blur ||e|| and
// g N X + eta, and the margin there has no error but that of the line.
//
// Whether fl(fl<w, x> + beta) >= tau then follows from the sign of the number so computed, with beta added and tau
// taken away, if it is further from 0 than the bound. The two roundings of the test err by u |fl<w, x> + beta| and, tau
// being a number of T, by no more than u |tau| + subnormal. On the way to the sign there are at most 8 roundings of
// numbers up to S = (N + moved) X + |beta| + |tau|, and 20 of products up to (N + R) reach, one of them that of x - x0:
// so 32 u S and 32 u R reach cover all. Products may underflow by a few smallest subnormals, that of two scales by 2^31
// of them; this and alpha count in a slope as often as the line is long.
//
// None of this holds where a number on the way overflows. So S is first taken k times, which is more than any of them,
// partial sums and products with copies included: it overflows before, and with it the error. Sums and products of
// bounds in T are widened by kOutward or compared after kInward (kernels/unstable_neurons.hpp).

namespace sublinear {
namespace {

// Of the reach, how far a neuron may be from its threshold to be read at the anchor.
constexpr double kCloseShare = 0.1;

// Where this share of the unstable neurons is unsure another line pays, for which all of them are asked.
constexpr Index kUnstablePerUnsure = 4;

// Compilers make a branch of a conversion, and near the threshold nobody can guess who fires or changes sides.
template <class T>
[[nodiscard]] T one_if(bool holds) {
  static constexpr T kShares[2] = {0, 1};
  return kShares[holds ? 1 : 0];
}

}  // namespace

template <class T>
void ListActivation<T>::attach(const TwoLayerNetwork<T>& network, const KnownRows<T>& known,
                               const CandidateView<T>& candidates, double reach) {
  const auto size = static_cast<std::size_t>(candidates.count);
  network_ = &network;
  known_ = known;
  candidates_ = candidates.ids;
  count_ = candidates.count;
  reach_ = reach;
  started_ = listed_ = false;
  cached_ = candidates.cached;
  if (cached_ == nullptr) {
    own_cached_.assign(size, {});
    cached_ = own_cached_.data();
  }
  const std::size_t room = size + static_cast<std::size_t>(kSelectSlack);
  for (AlignedVector<T>* each : {&inactive_, &safe_, &asked_products_, &row_products_})
    if (each->size() < room) each->resize(room);
  for (std::vector<NeuronId>* each : {&unstable_positions_, &asked_, &asked_ids_, &flipped_})
    if (each->size() < room) each->resize(room);
  if (unstable_.size() < room) unstable_.resize(room);
  offset_copy_.resize(static_cast<std::size_t>(quantized_stride(network.dimension())));
  flips_ = 0;
}

// Bounds every candidate afresh from the cached products.
template <class T>
void ListActivation<T>::bound_all() {
  const Index d = network_->dimension();
  const double X = path_.anchor_norm() + path_.reach(), root = std::sqrt(static_cast<double>(d));
  const double u = unit_roundoff<T>, g = dot_error_factor<T>(d), smallest = std::numeric_limits<T>::denorm_min();
  const double tau = std::abs(static_cast<double>(network_->threshold()));
  const QuantizedError rounded = quantized_error<T>(d);
  const double k = 8 + 4 * root, relative = 2 * g + 32 * u;
  norm_size_ = up<T>(k * (X + (2 + kLongestLine) * rounded.absolute / relative));
  bias_size_ = up<T>(k);
  constant_size_ = up<T>(k * tau);
  rounding_ = up<T>(relative / k);
  constant_ = up<T>(4 * dot_underflow<T>(d) + (1 + kLongestLine) * 0x1p34 * smallest);
  const BoundOptions<T> options{network_->threshold(),
                                up<T>(path_.reach()),
                                up<T>(path_.anchor_norm()),
                                norm_size_,
                                bias_size_,
                                constant_size_,
                                rounding_,
                                constant_,
                                up<T>(quantized_row_error(d) * (1 + rounded.relative) * (1 + 32 * u)),
                                up<T>(rounded.relative)};
  unstable_count_ = bound_candidates(known_.facts, candidates_, cached_, count_, options, started_, inactive_.data(),
                                     unstable_positions_.data(), unstable_.data(), safe_.data());
  path_.drop_line();
  work_.bounds += count_;
}

// The canonical products of the point with the rows of the first `count` of asked_, in row_products_.
template <class T>
void ListActivation<T>::read_near_rows(Index count) {
  for (Index j = 0; j < count; ++j)
    asked_ids_[static_cast<std::size_t>(j)] =
        unstable_[static_cast<std::size_t>(asked_[static_cast<std::size_t>(j)])].id;
  read_rows(count);
}

// And with those of asked_ids_.
template <class T>
void ListActivation<T>::read_rows(Index count) {
  inner_products_at(network_->weights(), asked_ids_.data(), count, network_->dimension(), path_.at(),
                    row_products_.data());
  work_.inner_products += count;
}

// At the anchor: asks whom the cached products leave open there, and caches theirs.
template <class T>
void ListActivation<T>::decide_at_anchor() {
  bound_all();
  // Beside those that are unsure here, neurons so near their threshold that they would be asked on the way, if their
  // row has moved so far since it was read that its 8-bit copy could not answer.
  const Index close =
      select_not_above(safe_.data(), unstable_count_, static_cast<T>(kCloseShare * path_.reach()), asked_.data());
  const T vague = static_cast<T>(path_.reach());
  Index unsure = 0;
  for (Index j = 0; j < close; ++j) {
    const NeuronId k = asked_[static_cast<std::size_t>(j)];
    const UnstableNeuron<T>& unstable = unstable_[static_cast<std::size_t>(k)];
    const bool ask = !(safe_[static_cast<std::size_t>(k)] > 0) || unstable.error > unstable.blur * vague;
    asked_[static_cast<std::size_t>(unsure)] = k;
    unsure += ask ? 1 : 0;
  }
  read_near_rows(unsure);
  const T threshold = network_->threshold();
  for (std::size_t j = 0; j < static_cast<std::size_t>(unsure); ++j) {
    const auto k = static_cast<std::size_t>(asked_[j]), at = static_cast<std::size_t>(unstable_positions_[k]);
    const RowFact<T> fact = known_.facts[asked_ids_[j]];
    const T product = row_products_[j], z = product + fact.bias;
    UnstableNeuron<T>& unstable = unstable_[k];
    cached_[at] = {product, fact.drift};
    unstable.start = z - threshold;
    unstable.side = 2 * one_if<T>(z >= threshold) - 1;
    unstable.error = own_error(fact);
    inactive_[at] = (1 - unstable.side) / 2;
    const T margin = std::abs(unstable.start) * kInward<T> - unstable.error * kOutward<T>;
    safe_[k] = margin * unstable.inverse * kInward<T>;
  }
  started_ = true;
  // Where they said little, fewer are unstable than it seemed.
  if (unsure > unstable_count_ / 4) bound_all();
}

template <class T>
bool ListActivation<T>::move_to(const T* x) {
  if (started_ && path_.is_at(x)) return false;
  listed_ = false;
  flips_ = 0;
  if (started_) {
    go(x);
    return true;
  }
  path_.start(x, network_->dimension(), reach_);
  at_anchor_ = true;
  decide_at_anchor();
  return true;
}

// To a point that is not the first.
template <class T>
void ListActivation<T>::go(const T* x) {
  at_anchor_ = false;
  if (!path_.move(x)) bound_all();
  offset_scale_ = quantize_vector(path_.offset(), network_->dimension(), offset_copy_.data());
  const Index count = path_.lined()
                          ? select_not_above(safe_.data(), unstable_count_, up<T>(path_.path_length()), asked_.data())
                          : unstable_count_;
  const bool another = !path_.lined() || count > unstable_count_ / kUnstablePerUnsure;
  settle(another ? take_line() : ask_copies(asked_.data(), count));
  std::sort(flipped_.begin(), flipped_.begin() + flips_);
}

// From now on the line goes through this point. Asks all unstable neurons what changes along it.
template <class T>
Index ListActivation<T>::take_line() {
  path_.take_line();
  return ask_copies(nullptr, unstable_count_);
}

// Asks the 8-bit copies of these unstable neurons, or of all at the start of a line, on which side they are and how far
// that is sure. Returns how many that leaves open, in asked_ with their products in asked_products_.
template <class T>
Index ListActivation<T>::ask_copies(const NeuronId* which, Index count) {
  work_.inner_products += count;
  work_.quantized += count;
  work_.bounds += count;
  return bound_by_copies(unstable_.data(), safe_.data(), which, count,
                         {known_.quantized, known_.stride, offset_copy_.data()}, line_point(), asked_.data(),
                         asked_products_.data());
}

template <class T>
LinePoint<T> ListActivation<T>::line_point() const {
  return {offset_scale_, up<T>(path_.away()), round_down<T>(path_.path_length()), path_.rest(),
          up<T>(2 * path_.reach())};
}

// How far beside the line the side is sure of a neuron that is `level` above its threshold here, but for `error`.
template <class T>
T ListActivation<T>::safe_distance(const UnstableNeuron<T>& unstable, T level, T error,
                                   const LinePoint<T>& point) const {
  const T here = unstable.side * level, there = here + unstable.side * (unstable.slope * point.rest);
  const T least = (here < there ? here : there) * kInward<T> - (error + unstable.blur * point.blurred) * kOutward<T>;
  return (least * unstable.inverse * kInward<T> + point.path_length) * kInward<T>;
}

// The first `count` of asked_, with these products, have surely changed sides, or their rows have to be read.
template <class T>
void ListActivation<T>::settle(Index count) {
  const LinePoint<T> point = line_point();
  Index unread = 0;
  for (std::size_t j = 0; j < static_cast<std::size_t>(count); ++j) {
    const NeuronId k = asked_[j];
    UnstableNeuron<T>& unstable = unstable_[static_cast<std::size_t>(k)];
    const T level = unstable.start + asked_products_[j];
    const T across = -unstable.side * level * kInward<T>,
            bar = (unstable.error + unstable.blur * point.away) * kOutward<T>;
    if (across > bar) {
      change_side(k);
      safe_[static_cast<std::size_t>(k)] = safe_distance(unstable, level, unstable.error, point);
      continue;
    }
    asked_products_[static_cast<std::size_t>(unread)] = asked_products_[j];  // unread <= j
    asked_[static_cast<std::size_t>(unread++)] = k;
  }
  read_near_rows(unread);
  const T threshold = network_->threshold();
  for (std::size_t j = 0; j < static_cast<std::size_t>(unread); ++j) {
    const NeuronId k = asked_[j];
    const RowFact<T>& fact = known_.facts[asked_ids_[j]];
    const T z = row_products_[j] + fact.bias, level = z - threshold, error = own_error(fact);
    UnstableNeuron<T>& unstable = unstable_[static_cast<std::size_t>(k)];
    if ((z >= threshold) != (unstable.side > 0)) change_side(k);
    unstable.start = level - asked_products_[j];
    unstable.error = (error + unstable.blur * point.away) * kOutward<T>;
    safe_[static_cast<std::size_t>(k)] = safe_distance(unstable, level, error, point);
  }
}

// What the pre-activation of a row that was just read, and the firing test, may err by.
template <class T>
T ListActivation<T>::own_error(const RowFact<T>& fact) const {
  return (rounding_ * (fact.norm * norm_size_ + std::abs(fact.bias) * bias_size_ + constant_size_) + constant_) *
         kOutward<T>;
}

template <class T>
void ListActivation<T>::change_side(NeuronId k) {
  const NeuronId at = unstable_positions_[static_cast<std::size_t>(k)];
  T& side = unstable_[static_cast<std::size_t>(k)].side;
  side = -side;
  inactive_[static_cast<std::size_t>(at)] = (1 - side) / 2;
  flipped_[static_cast<std::size_t>(flips_++)] = at;
}

template <class T>
const std::vector<NeuronId>& ListActivation<T>::fired() {
  if (listed_) return fired_;
  listed_ = true;
  fired_positions_.resize(static_cast<std::size_t>(count_ + kSelectSlack));
  const auto found =
      static_cast<std::size_t>(select_not_above(inactive_.data(), count_, T(0), fired_positions_.data()));
  fired_positions_.resize(found);
  fired_.resize(found);
  for (std::size_t k = 0; k < found; ++k) fired_[k] = candidates_[fired_positions_[k]];
  return fired_;
}

// At the anchor most products are cached.
template <class T>
const T* ListActivation<T>::products() {
  const auto count = static_cast<Index>(fired().size());
  products_.resize(fired_.size());
  Index asked = 0;
  for (Index k = 0; k < count; ++k) {
    const auto at = static_cast<std::size_t>(fired_positions_[static_cast<std::size_t>(k)]);
    if (at_anchor_ && known_.facts[candidates_[at]].drift == cached_[at].drift) {
      products_[static_cast<std::size_t>(k)] = cached_[at].product;
      continue;
    }
    asked_[static_cast<std::size_t>(asked)] = static_cast<NeuronId>(k);
    asked_ids_[static_cast<std::size_t>(asked++)] = candidates_[at];
  }
  read_rows(asked);
  for (std::size_t j = 0; j < static_cast<std::size_t>(asked); ++j)
    products_[static_cast<std::size_t>(asked_[j])] = row_products_[j];
  return products_.data();
}

template <class T>
void ListActivation<T>::changed(std::vector<NeuronId>& ids, std::vector<char>& firing) const {
  ids.resize(static_cast<std::size_t>(flips_));
  firing.resize(ids.size());
  for (std::size_t k = 0; k < ids.size(); ++k) {
    ids[k] = candidates_[flipped_[k]];
    firing[k] = inactive_[static_cast<std::size_t>(flipped_[k])] == 0 ? 1 : 0;
  }
}

template <class T>
Work ListActivation<T>::take_work() noexcept {
  const Work done = work_;
  work_ = {};
  return done;
}

template class ListActivation<float>;
template class ListActivation<double>;

}  // namespace sublinear
