#include "sublinear/training/local_network.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/line_bounds.hpp"
#include "kernels/norm_bounds.hpp"
#include "sublinear/kernels/inner_product.hpp"

// What is known of a neuron without reading its row, and why it is enough.
//
// Let x0 be the anchor, v the direction, and x = x0 + s v + e the point, 0 <= s <= reach and ||e|| <= tube. Remembered
// are q = fl<w', x0> and p = fl<w'', v>, where w' and w'' are values of the row since which it has moved by at most
// `moved` to w. With N >= ||w||, X = ||x0|| + reach ||v||, and g, eta the errors of the canonical product,
//
//   |fl<w, x> - (q + s p)| <= N ||e|| + moved X + 2 g (N + moved) (X + tube) + (2 + reach) eta :
//
// <w, x> - <w, e> = <w, x0 + s v> differs by at most moved X from <w', x0> + s <w'', v>; q and s p err by at most
// g (N + moved) X together, fl<w, x> by g N (X + tube). If instead q is the product at an earlier point
// x1 = x0 + s1 v + e1 of the same visit, less s1 p, then ||e - e1|| stands for ||e||, the motion is charged to the
// slope alone, |s - s1| ||v|| moved, and there are three errors of a product: 3 g (N + moved) (X + tube). ||e - e1|| is
// at most the way that the residual e went since, `strayed - since`.
//
// Whether fl(fl<w, x> + beta) >= tau then follows from the sign of  value + s p,  value = (q + beta) - tau, if that is
// further from 0 than the bound: the two roundings of the test err by u |fl<w, x> + beta| and, tau being a number of
// T, by no more than u |tau| + subnormal; value + s p passes five roundings, of numbers below 3 (N + moved) (X + tube)
// + |beta| + |tau|. So 16 u (N + moved) (X + tube) + 6 u (|beta| + |tau|) + subnormal cover both; the code takes (4 g +
// 24 u) and 8 u. Sums and products of bounds in T are widened by kOutward or compared after kInward
// (kernels/line_bounds.hpp).

namespace sublinear {
namespace {

// The Euclidean length of a vector in d dimensions, rounded outward, from its canonical product with itself.
template <class T>
[[nodiscard]] double length_of_squares(T squares, Index d) {
  return std::sqrt((static_cast<double>(squares) + dot_underflow<T>(d)) * (1 + 2 * dot_error_factor<T>(d))) *
         (1 + 4 * kWiden);
}

template <class T>
[[nodiscard]] double length_bound(const T* v, Index d) {
  return length_of_squares(inner_product(v, v, d), d);
}

// How much of the tube's width, at first, an attack's way may stray: wide tubes settle fewer neurons once and for all,
// narrow ones are left sooner.
constexpr double kTubeShare = 0.25;

// Rows that are summed into all outputs of the linear form while they are in the first-level cache.
constexpr Index kRowsTogether = 64;

}  // namespace

template <class T>
void LocalNetwork<T>::attach(const TwoLayerNetwork<T>& network, const RowFacts<T>& facts, const Visit<T>& visit) {
  const auto size = static_cast<std::size_t>(visit.candidates.count);
  const auto d = static_cast<std::size_t>(network.dimension()), c = static_cast<std::size_t>(network.outputs());
  network_ = &network;
  facts_ = facts.data();
  candidates_ = visit.candidates.ids;
  count_ = visit.candidates.count;
  reach_ = visit.reach;
  linear_visit_ = visit.linear;
  started_ = listed_ = valued_ = linear_ = turned_ = false;
  notes_ = visit.candidates.notes;
  if (notes_ == nullptr) {
    own_notes_.assign(size, {});
    notes_ = own_notes_.data();
  }
  direction_ = visit.direction;
  if (direction_ == nullptr) {
    own_direction_.assign(d, T(0));
    direction_ = own_direction_.data();
  }
  const std::size_t room = size + static_cast<std::size_t>(kSelectSlack);
  for (AlignedVector<T>* each : {&rests_, &value_, &slope_, &spread_, &error_, &side_, &since_, &asked_products_})
    if (each->size() < room) each->resize(room);
  for (std::vector<NeuronId>* each : {&open_, &asked_, &asked_ids_, &flipped_})
    if (each->size() < room) each->resize(room);
  for (AlignedVector<T>* each : {&anchor_, &at_, &offset_, &residual_}) each->resize(d);
  flips_ = 0;
  form_.resize(c * d);
  form_offset_.resize(c);
  values_.resize(c);
  exact_values_.resize(c);
  output_gradient_.resize(c);
  scaled_gradient_.resize(c);
}

template <class T>
OpenLines<T> LocalNetwork<T>::open_lines() {
  return {open_.data(), value_.data(), slope_.data(), spread_.data(), error_.data(), side_.data()};
}

// The bound of the head of this file without N ||e||, as bound_lines has it.
template <class T>
T LocalNetwork<T>::error_of(const RowFact<T>& fact, T moved) const {
  return (moved * exposure_ + rounding_ * (fact.norm + moved) + bias_rounding_ * std::abs(fact.bias) + constant_) *
         kOutward<T>;
}

// Where x lies: along_, and the residual's way. Returns how far x is from the line, at most.
template <class T>
double LocalNetwork<T>::place(const T* x) {
  const Index d = network_->dimension();
  const double product = static_cast<double>(take_offset(x, anchor_.data(), direction_, d, offset_.data()));
  along_ = 0;
  if (direction_norm_ > 0) {
    const double s = product / (direction_norm_ * direction_norm_);
    along_ = round_down<T>(std::clamp(s, 0.0, reach_));
  }
  const ResidualSquares<T> squares = take_residual(offset_.data(), along_, direction_, d, residual_.data());
  // A residual errs by the roundings of its three operations, on numbers of which none is above reach ||v|| + ||e||.
  const double away = length_of_squares(squares.now, d);
  const double rounding = 8 * unit_roundoff<T> * (reach_ * direction_norm_ + away);
  strayed_ = (strayed_ + length_of_squares(squares.change, d) + 2 * rounding) * (1 + 4 * kWiden);
  return (away + rounding) * (1 + 4 * kWiden);
}

// From now on the line goes from the anchor through the point of the last `place`.
template <class T>
void LocalNetwork<T>::take_direction() {
  const Index d = network_->dimension();
  const T length = std::sqrt(inner_product(offset_.data(), offset_.data(), d));
  if (!(length > 0) || !std::isfinite(length)) return;
  for (Index j = 0; j < d; ++j) direction_[j] = offset_[static_cast<std::size_t>(j)] / length;
  direction_norm_ = length_bound(direction_, d);
  reach_ = std::max(reach_, length_bound(offset_.data(), d));
  for (Index k = 0; k < count_; ++k) notes_[k].slope = std::numeric_limits<T>::quiet_NaN();
}

// Bounds every candidate afresh from the notes; returns how many are open.
template <class T>
Index LocalNetwork<T>::bound_all() {
  const double way = reach_ * direction_norm_, X = anchor_norm_ + way;
  const double u = unit_roundoff<T>, g = dot_error_factor<T>(network_->dimension());
  const double tau = std::abs(static_cast<double>(network_->threshold()));
  const auto up = [](double value) { return round_up<T>(value * (1 + 8 * kWiden)); };
  way_ = up(way);
  exposure_ = up(X);
  rounding_ = up((4 * g + 24 * u) * (X + tube_));
  bias_rounding_ = static_cast<T>(8 * u);
  constant_ = up(8 * u * tau + (3 + reach_) * dot_underflow<T>(network_->dimension()));
  const LineOptions<T> options{
      network_->threshold(), round_up<T>(reach_), up(tube_), exposure_, way_, rounding_, bias_rounding_, constant_};
  open_count_ = bound_lines(facts_, candidates_, notes_, count_, options, started_, rests_.data(), open_lines());
  std::fill(since_.begin(), since_.begin() + open_count_, T(0));
  work_.bounds += count_;
  return open_count_;
}

// The products of x with the rows of the open candidates asked_[0 ... count - 1], in asked_products_.
template <class T>
void LocalNetwork<T>::read_rows(Index count, const T* x) {
  const NeuronId *const asked = asked_.data(), *const open = open_.data(), *const candidates = candidates_;
  NeuronId* const ids = asked_ids_.data();
  for (Index j = 0; j < count; ++j) ids[j] = candidates[open[asked[j]]];
  inner_products_at(network_->weights(), ids, count, network_->dimension(), x, asked_products_.data());
  work_.inner_products += count;
}

// Asks the first `count` of asked_ here. At the anchor notes what they say. Without branches: near the threshold nobody
// can guess who fires or changes sides.
template <class T>
void LocalNetwork<T>::ask(Index count) {
  read_rows(count, at_.data());
  const T threshold = network_->threshold(), strayed = round_down<T>(strayed_), along = along_, way = way_;
  const T rounding = rounding_, bias_rounding = bias_rounding_, constant = constant_;
  const bool at_anchor = at_anchor_;
  static constexpr T kShares[2] = {0, 1};  // looked up, because compilers make a branch of a conversion
  const NeuronId *const asked = asked_.data(), *const ids = asked_ids_.data(), *const open = open_.data();
  const RowFact<T>* const facts = facts_;
  const T* const products = asked_products_.data();
  T *const values = value_.data(), *const slopes = slope_.data(), *const since = since_.data();
  T *const errors = error_.data(), *const sides = side_.data(), *const rests = rests_.data();
  NeuronId* const flipped = flipped_.data();
  Index flips = 0;
  for (Index j = 0; j < count; ++j) {
    const NeuronId k = asked[j], at = open[k];
    const RowFact<T> fact = facts[ids[j]];
    LineNote<T>& note = notes_[at];
    const T z = products[j] + fact.bias, share = kShares[z >= threshold ? 1 : 0], side = share + share - 1;
    flipped[flips] = at;
    flips += side == sides[k] ? 0 : 1;
    sides[k] = side;
    rests[at] = 1 - share;
    T moved = fact.drift - note.drift;
    if (at_anchor) {
      note.slope = moved == 0 ? note.slope : std::numeric_limits<T>::quiet_NaN();
      note.product = products[j];
      note.drift = fact.drift;
      const bool known = note.slope == note.slope;
      slopes[k] = known ? note.slope : T(0);
      moved = known ? T(0) : fact.norm;
    }
    values[k] = (z - threshold) - along * slopes[k];
    since[k] = strayed;
    errors[k] =
        (moved * way + rounding * (fact.norm + moved) + bias_rounding * std::abs(fact.bias) + constant) * kOutward<T>;
  }
  flips_ = flips;
  std::sort(flipped, flipped + flips);
}

// Learns the slopes of open candidates that are not known.
template <class T>
void LocalNetwork<T>::learn_slopes() {
  if (direction_norm_ == 0) return;
  Index count = 0;
  for (Index k = 0; k < open_count_; ++k) {
    asked_[static_cast<std::size_t>(count)] = static_cast<NeuronId>(k);
    count += std::isnan(notes_[open_[static_cast<std::size_t>(k)]].slope) ? 1 : 0;
  }
  if (count == 0) return;
  read_rows(count, direction_);
  for (Index j = 0; j < count; ++j) {
    const auto k = static_cast<std::size_t>(asked_[static_cast<std::size_t>(j)]);
    const RowFact<T>& fact = facts_[asked_ids_[static_cast<std::size_t>(j)]];
    LineNote<T>& note = notes_[open_[k]];
    slope_[k] = note.slope = asked_products_[static_cast<std::size_t>(j)];
    error_[k] = error_of(fact, fact.drift - note.drift);
  }
}

// At the anchor: asks whom the notes leave open there. Then bounds all again where that said much, so that fewer stay
// open on the way.
template <class T>
void LocalNetwork<T>::decide_at_anchor() {
  bound_all();
  const Index unsure = select_unsure(open_lines(), since_.data(), open_count_, T(0), T(0), asked_.data());
  ask(unsure);
  flips_ = 0;
  if (unsure > open_count_ / 4) bound_all();
  learn_slopes();
}

template <class T>
void LocalNetwork<T>::evaluate(const T* x) {
  const auto size = static_cast<std::size_t>(network_->dimension());
  if (started_ && std::memcmp(x, at_.data(), size * sizeof(T)) == 0) return;
  if (linear_) follow_linear_form();  // before the states change again
  std::copy(x, x + size, at_.begin());
  listed_ = valued_ = false;
  if (!started_) {
    std::copy(x, x + size, anchor_.begin());
    std::fill(residual_.begin(), residual_.end(), T(0));
    const bool directed = std::any_of(direction_, direction_ + size, [](T v) { return v != 0; });
    direction_norm_ = directed ? length_bound(direction_, network_->dimension()) : 0;
    anchor_norm_ = length_bound(anchor_.data(), network_->dimension());
    tube_ = kTubeShare * reach_;
    strayed_ = 0;
    along_ = 0;
    at_anchor_ = true;
    decide_at_anchor();
    started_ = true;
    return;
  }
  at_anchor_ = false;
  double away = place(x);
  if (!(away <= tube_)) {
    if (!turned_) {
      turned_ = true;
      take_direction();
      away = place(x);
    }
    if (!(away <= tube_)) tube_ = away <= std::numeric_limits<double>::max() ? 2 * away : away;
    tube_ = std::max(tube_, kTubeShare * reach_);
    strayed_ = away;  // at most the way, of which the bounds made now know nothing
    bound_all();
    learn_slopes();
  }
  work_.bounds += open_count_;
  ask(select_unsure(open_lines(), since_.data(), open_count_, along_, round_up<T>(strayed_), asked_.data()));
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

// What the fired neurons pass on, in coefficients_.
template <class T>
void LocalNetwork<T>::activate() {
  const auto count = static_cast<Index>(fired().size());
  const Index d = network_->dimension();
  const T shift = network_->activation() == Activation::shifted ? network_->threshold() : T(0);
  coefficients_.resize(fired_.size());
  // At the anchor most products are in the notes.
  Index asked = 0;
  for (Index k = 0; k < count; ++k) {
    const auto at = static_cast<std::size_t>(fired_positions_[static_cast<std::size_t>(k)]);
    if (at_anchor_ && facts_[candidates_[at]].drift == notes_[at].drift) continue;
    asked_[static_cast<std::size_t>(asked)] = static_cast<NeuronId>(k);
    asked_ids_[static_cast<std::size_t>(asked++)] = candidates_[at];
  }
  inner_products_at(network_->weights(), asked_ids_.data(), asked, d, at_.data(), asked_products_.data());
  work_.inner_products += asked;
  Index next = 0;
  for (Index k = 0; k < count; ++k) {
    const bool is_asked = next < asked && asked_[static_cast<std::size_t>(next)] == k;
    const T product = is_asked ? asked_products_[static_cast<std::size_t>(next++)]
                               : notes_[fired_positions_[static_cast<std::size_t>(k)]].product;
    coefficients_[static_cast<std::size_t>(k)] =
        (product + network_->biases()[fired_[static_cast<std::size_t>(k)]]) - shift;
  }
}

template <class T>
const std::vector<T>& LocalNetwork<T>::values() {
  if (valued_) return values_;
  valued_ = true;
  const auto c = static_cast<std::size_t>(network_->outputs());
  const Index d = network_->dimension();
  if (linear_visit_) {
    follow_linear_form();
    for (std::size_t k = 0; k < c; ++k)
      values_[k] = inner_product(form_.data() + static_cast<Index>(k) * d, at_.data(), d) + form_offset_[k];
  } else {
    activate();
    combine_rows(network_->output_weights(), fired_.data(), coefficients_.data(), static_cast<Index>(fired_.size()),
                 network_->outputs(), values_.data());
  }
  for (std::size_t k = 0; k < c; ++k) {
    values_[k] *= network_->scale();
    exact_values_[k] = static_cast<double>(values_[k]);
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
  if (!linear_) {
    std::fill(form_.begin(), form_.end(), T(0));
    std::fill(form_offset_.begin(), form_offset_.end(), T(0));
    static_cast<void>(fired());
    linear_ = true;
    add_to_form(fired_positions_.data(), static_cast<Index>(fired_positions_.size()));
  } else {
    add_to_form(flipped_.data(), flips_);
  }
  flips_ = 0;
}

// Adds the neurons at these positions to A and B if they fire now, and takes them away if they do not.
template <class T>
void LocalNetwork<T>::add_to_form(const NeuronId* positions, Index count) {
  const Index c = network_->outputs(), d = network_->dimension();
  const T shift = network_->activation() == Activation::shifted ? network_->threshold() : T(0);
  const T* const outputs = network_->output_weights();
  change_ids_.resize(static_cast<std::size_t>(kRowsTogether));
  T coefficients[kRowsTogether];
  T signs[kRowsTogether], offsets[kRowsTogether];
  for (Index first = 0; first < count; first += kRowsTogether) {
    const Index size = std::min(kRowsTogether, count - first);
    for (Index k = 0; k < size; ++k) {
      const NeuronId at = positions[first + k], r = candidates_[at];
      change_ids_[static_cast<std::size_t>(k)] = r;
      signs[k] = 1 - 2 * rests_[static_cast<std::size_t>(at)];
      offsets[k] = facts_[r].bias - shift;
    }
    for (Index output = 0; output < c; ++output) {
      T sum = form_offset_[static_cast<std::size_t>(output)];
      for (Index k = 0; k < size; ++k) {
        coefficients[k] = signs[k] * outputs[change_ids_[static_cast<std::size_t>(k)] * c + output];
        sum += coefficients[k] * offsets[k];
      }
      form_offset_[static_cast<std::size_t>(output)] = sum;
      add_rows(network_->weights(), change_ids_.data(), coefficients, size, d, form_.data() + output * d);
    }
  }
}

template <class T>
void LocalNetwork<T>::input_gradient(const Loss& loss, double label, T* gradient) {
  const auto c = static_cast<std::size_t>(network_->outputs());
  const auto d = network_->dimension();
  const double scale = static_cast<double>(network_->scale());
  static_cast<void>(values());
  loss.differentiate(exact_values_.data(), network_->outputs(), label, output_gradient_.data());
  for (std::size_t k = 0; k < c; ++k) scaled_gradient_[k] = static_cast<T>(output_gradient_[k] * scale);
  if (linear_visit_) {
    output_ids_.resize(c);
    for (std::size_t k = 0; k < c; ++k) output_ids_[k] = static_cast<NeuronId>(k);
    combine_rows(form_.data(), output_ids_.data(), scaled_gradient_.data(), network_->outputs(), d, gradient);
    return;
  }
  static_cast<void>(fired());
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
