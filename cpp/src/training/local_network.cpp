#include "sublinear/training/local_network.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/near_neurons.hpp"
#include "kernels/norm_bounds.hpp"
#include "kernels/prefetch.hpp"
#include "kernels/quantized_rows.hpp"
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
// residual has gone less than margin / N: `strayed` is the way it has gone, and way back along the line counts as well,
// so that s' may be below s.
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
// bounds in T are widened by kOutward or compared after kInward (kernels/near_neurons.hpp).

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

template <class T>
[[nodiscard]] T up(double value) {
  return round_up<T>(value * (1 + 8 * kWiden));
}

// By how much more than it is said to a visit may reach: attacks end at their ball's surface, or an ulp beyond.
constexpr double kReachSlack = 1 + 0x1p-10;

// Of the reach, how far a neuron may be from its threshold to be read at the anchor.
constexpr double kCloseShare = 0.1;

// How long a line may be, in units of the offset that chose it.
constexpr double kLongestLine = 0x1p20;

// Where this share of the near neurons is unsure another line pays, for which all of them are asked.
constexpr Index kNearPerUnsure = 4;

// Rows that are summed into all outputs of the linear form while they are in the first-level cache.
constexpr Index kRowsTogether = 64;

// So many rows ahead they are asked for, with what is known of them; their first components, the rest comes by itself.
constexpr Index kAhead = 16, kMostAhead = 64;

// Compilers make a branch of a conversion, and near the threshold nobody can guess who fires or changes sides.
template <class T>
[[nodiscard]] T one_if(bool holds) {
  static constexpr T kShares[2] = {0, 1};
  return kShares[holds ? 1 : 0];
}

}  // namespace

template <class T>
void LocalNetwork<T>::attach(const TwoLayerNetwork<T>& network, const RowFacts<T>& facts, const Visit<T>& visit) {
  const auto size = static_cast<std::size_t>(visit.candidates.count);
  const auto d = static_cast<std::size_t>(network.dimension()), c = static_cast<std::size_t>(network.outputs());
  network_ = &network;
  known_ = facts.view();
  candidates_ = visit.candidates.ids;
  count_ = visit.candidates.count;
  reach_ = visit.reach * kReachSlack;
  linear_visit_ = visit.linear;
  started_ = lined_ = listed_ = valued_ = linear_ = false;
  notes_ = visit.candidates.notes;
  if (notes_ == nullptr) {
    own_notes_.assign(size, {});
    notes_ = own_notes_.data();
  }
  const std::size_t room = size + static_cast<std::size_t>(kSelectSlack);
  for (AlignedVector<T>* each : {&rests_, &safe_, &asked_products_, &row_products_})
    if (each->size() < room) each->resize(room);
  for (std::vector<NeuronId>* each : {&near_positions_, &asked_, &asked_ids_, &flipped_})
    if (each->size() < room) each->resize(room);
  if (near_.size() < room) near_.resize(room);
  for (AlignedVector<T>* each : {&anchor_, &at_, &offset_, &residual_, &direction_}) each->resize(d);
  offset_copy_.resize(static_cast<std::size_t>(quantized_stride(network.dimension())));
  flips_ = 0;
  form_.resize(c * d);
  form_offset_.resize(c);
  values_.resize(c);
  exact_values_.resize(c);
  output_gradient_.resize(c);
  scaled_gradient_.resize(c);
}

// Bounds every candidate afresh from the notes.
template <class T>
void LocalNetwork<T>::bound_all() {
  const Index d = network_->dimension();
  const double X = anchor_norm_ + reach_, root = std::sqrt(static_cast<double>(d));
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
                                up<T>(reach_),
                                up<T>(anchor_norm_),
                                norm_size_,
                                bias_size_,
                                constant_size_,
                                rounding_,
                                constant_,
                                up<T>(quantized_row_error(d) * (1 + rounded.relative) * (1 + 32 * u)),
                                up<T>(rounded.relative)};
  near_count_ = bound_candidates(known_.facts, candidates_, notes_, count_, options, started_, rests_.data(),
                                 near_positions_.data(), near_.data(), safe_.data());
  lined_ = false;
  work_.bounds += count_;
}

// The canonical products of the point with the rows of the first `count` of asked_, in row_products_.
template <class T>
void LocalNetwork<T>::read_near_rows(Index count) {
  for (Index j = 0; j < count; ++j)
    asked_ids_[static_cast<std::size_t>(j)] = near_[static_cast<std::size_t>(asked_[static_cast<std::size_t>(j)])].id;
  read_rows(count);
}

// And with those of asked_ids_.
template <class T>
void LocalNetwork<T>::read_rows(Index count) {
  inner_products_at(network_->weights(), asked_ids_.data(), count, network_->dimension(), at_.data(),
                    row_products_.data());
  work_.inner_products += count;
}

// At the anchor: asks whom the notes leave open there, and notes what they say.
template <class T>
void LocalNetwork<T>::decide_at_anchor() {
  bound_all();
  // Beside those that are unsure here, neurons so near their threshold that they would be asked on the way, if their
  // row has moved so far since it was read that its 8-bit copy could not answer.
  const Index close = select_not_above(safe_.data(), near_count_, static_cast<T>(kCloseShare * reach_), asked_.data());
  const T vague = static_cast<T>(reach_);
  Index unsure = 0;
  for (Index j = 0; j < close; ++j) {
    const NeuronId k = asked_[static_cast<std::size_t>(j)];
    const NearNeuron<T>& near = near_[static_cast<std::size_t>(k)];
    const bool ask = !(safe_[static_cast<std::size_t>(k)] > 0) || near.error > near.blur * vague;
    asked_[static_cast<std::size_t>(unsure)] = k;
    unsure += ask ? 1 : 0;
  }
  read_near_rows(unsure);
  const T threshold = network_->threshold();
  for (std::size_t j = 0; j < static_cast<std::size_t>(unsure); ++j) {
    const auto k = static_cast<std::size_t>(asked_[j]), at = static_cast<std::size_t>(near_positions_[k]);
    const RowFact<T> fact = known_.facts[asked_ids_[j]];
    const T product = row_products_[j], z = product + fact.bias;
    NearNeuron<T>& near = near_[k];
    notes_[at] = {product, fact.drift};
    near.start = z - threshold;
    near.side = 2 * one_if<T>(z >= threshold) - 1;
    near.error = own_error(fact);
    rests_[at] = (1 - near.side) / 2;
    const T margin = std::abs(near.start) * kInward<T> - near.error * kOutward<T>;
    safe_[k] = margin * near.inverse * kInward<T>;
  }
  started_ = true;
  // Where the notes said little, fewer are near than it seemed.
  if (unsure > near_count_ / 4) bound_all();
}

template <class T>
void LocalNetwork<T>::evaluate(const T* x) {
  const auto size = static_cast<std::size_t>(network_->dimension());
  if (started_ && std::memcmp(x, at_.data(), size * sizeof(T)) == 0) return;
  if (linear_) follow_linear_form();  // before the states change again
  listed_ = valued_ = false;
  if (started_) {
    go(x);
    return;
  }
  std::copy(x, x + size, at_.begin());
  std::copy(x, x + size, anchor_.begin());
  anchor_norm_ = length_bound(x, network_->dimension());
  at_anchor_ = true;
  decide_at_anchor();
}

// To a point that is not the first.
template <class T>
void LocalNetwork<T>::go(const T* x) {
  at_anchor_ = false;
  flips_ = 0;
  place(x);
  if (!(away_ <= reach_)) {
    reach_ = 2 * away_;
    bound_all();
  }
  offset_scale_ = quantize_vector(offset_.data(), network_->dimension(), offset_copy_.data());
  const Index count =
      lined_ ? select_not_above(safe_.data(), near_count_, up<T>(strayed_), asked_.data()) : near_count_;
  const bool another = !lined_ || count > near_count_ / kNearPerUnsure;
  settle(another ? take_line() : ask_copies(asked_.data(), count));
  std::sort(flipped_.begin(), flipped_.begin() + flips_);
}

// Where x lies: offset_, away_, and seen from the line, if there is one, along_ and strayed_.
template <class T>
void LocalNetwork<T>::place(const T* x) {
  const Index d = network_->dimension();
  std::copy(x, x + d, at_.begin());
  const double product = static_cast<double>(take_offset(x, anchor_.data(), direction_.data(), d, offset_.data()));
  away_ = length_bound(offset_.data(), d) * (1 + 2 * unit_roundoff<T>);
  if (!lined_) return;
  const T before = along_;
  along_ = direction_norm_ > 0
               ? std::min(round_down<T>(std::max(product / (direction_norm_ * direction_norm_), 0.0)), line_end_)
               : T(0);
  const double change =
      length_of_squares(take_residual(offset_.data(), along_, direction_.data(), d, residual_.data()), d);
  // A residual errs by the roundings of its two operations, on numbers of which none is above reach + away.
  const double rounding = 4 * unit_roundoff<T> * (reach_ + away_);
  const double back = std::max(static_cast<double>(before) - static_cast<double>(along_), 0.0) * direction_norm_;
  strayed_ = (strayed_ + change + 2 * rounding + back) * (1 + 4 * kWiden);
  if (back > 0) line_end_ = along_;  // an attack that turns at its ball's surface goes no further
}

// From now on the line goes from the anchor through this point and on. Asks all near neurons what changes along it.
template <class T>
Index LocalNetwork<T>::take_line() {
  std::copy(offset_.begin(), offset_.end(), direction_.begin());
  std::fill(residual_.begin(), residual_.end(), T(0));
  direction_norm_ = away_;
  along_ = 1;
  line_end_ = std::max(round_down<T>(away_ > 0 ? std::min(reach_ / away_, kLongestLine) : 1), T(1));
  strayed_ = 0;
  lined_ = true;
  return ask_copies(nullptr, near_count_);
}

// Asks the 8-bit copies of these near neurons, or of all at the start of a line, on which side they are and how far
// that is sure. Returns how many that leaves open, in asked_ with their products in asked_products_.
template <class T>
Index LocalNetwork<T>::ask_copies(const NeuronId* which, Index count) {
  work_.inner_products += count;
  work_.quantized += count;
  work_.bounds += count;
  return bound_by_copies(near_.data(), safe_.data(), which, count,
                         {known_.quantized, known_.stride, offset_copy_.data()}, line_point(), asked_.data(),
                         asked_products_.data());
}

template <class T>
LinePoint<T> LocalNetwork<T>::line_point() const {
  return {offset_scale_, up<T>(away_), round_down<T>(strayed_), line_end_ - along_, up<T>(2 * reach_)};
}

// How far beside the line the side is sure of a neuron that is `level` above its threshold here, but for `error`.
template <class T>
T LocalNetwork<T>::safe_distance(const NearNeuron<T>& near, T level, T error, const LinePoint<T>& point) const {
  const T here = near.side * level, there = here + near.side * (near.slope * point.rest);
  const T least = (here < there ? here : there) * kInward<T> - (error + near.blur * point.blurred) * kOutward<T>;
  return (least * near.inverse * kInward<T> + point.strayed) * kInward<T>;
}

// The first `count` of asked_, with these products, have surely changed sides, or their rows have to be read.
template <class T>
void LocalNetwork<T>::settle(Index count) {
  const LinePoint<T> point = line_point();
  Index unread = 0;
  for (std::size_t j = 0; j < static_cast<std::size_t>(count); ++j) {
    const NeuronId k = asked_[j];
    NearNeuron<T>& near = near_[static_cast<std::size_t>(k)];
    const T level = near.start + asked_products_[j];
    const T across = -near.side * level * kInward<T>, bar = (near.error + near.blur * point.away) * kOutward<T>;
    if (across > bar) {
      change_side(k);
      safe_[static_cast<std::size_t>(k)] = safe_distance(near, level, near.error, point);
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
    NearNeuron<T>& near = near_[static_cast<std::size_t>(k)];
    if ((z >= threshold) != (near.side > 0)) change_side(k);
    near.start = level - asked_products_[j];
    near.error = (error + near.blur * point.away) * kOutward<T>;
    safe_[static_cast<std::size_t>(k)] = safe_distance(near, level, error, point);
  }
}

// What the pre-activation of a row that was just read, and the firing test, may err by.
template <class T>
T LocalNetwork<T>::own_error(const RowFact<T>& fact) const {
  return (rounding_ * (fact.norm * norm_size_ + std::abs(fact.bias) * bias_size_ + constant_size_) + constant_) *
         kOutward<T>;
}

template <class T>
void LocalNetwork<T>::change_side(NeuronId k) {
  const NeuronId at = near_positions_[static_cast<std::size_t>(k)];
  T& side = near_[static_cast<std::size_t>(k)].side;
  side = -side;
  rests_[static_cast<std::size_t>(at)] = (1 - side) / 2;
  flipped_[static_cast<std::size_t>(flips_++)] = at;
}

template <class T>
const std::vector<NeuronId>& LocalNetwork<T>::fired() & {
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
  const T shift = network_->activation() == Activation::shifted ? network_->threshold() : T(0);
  coefficients_.resize(fired_.size());
  // At the anchor most products are in the notes.
  Index asked = 0;
  for (Index k = 0; k < count; ++k) {
    const auto at = static_cast<std::size_t>(fired_positions_[static_cast<std::size_t>(k)]);
    if (at_anchor_ && known_.facts[candidates_[at]].drift == notes_[at].drift) continue;
    asked_[static_cast<std::size_t>(asked)] = static_cast<NeuronId>(k);
    asked_ids_[static_cast<std::size_t>(asked++)] = candidates_[at];
  }
  read_rows(asked);
  Index next = 0;
  for (Index k = 0; k < count; ++k) {
    const bool is_asked = next < asked && asked_[static_cast<std::size_t>(next)] == k;
    const T product = is_asked ? row_products_[static_cast<std::size_t>(next++)]
                               : notes_[fired_positions_[static_cast<std::size_t>(k)]].product;
    coefficients_[static_cast<std::size_t>(k)] =
        (product + network_->biases()[fired_[static_cast<std::size_t>(k)]]) - shift;
  }
}

template <class T>
const std::vector<T>& LocalNetwork<T>::values() & {
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
  const bool far = outgrows_caches<T>(network_->width(), d);
  change_ids_.resize(static_cast<std::size_t>(kRowsTogether));
  form_coefficients_.resize(static_cast<std::size_t>(kRowsTogether * c));
  for (Index first = 0; first < count; first += kRowsTogether) {
    const Index size = std::min(kRowsTogether, count - first);
    T* coefficient = form_coefficients_.data();
    for (Index k = 0; k < size; ++k) {
      if (const Index next = first + k + kAhead; far && next < count) {
        const NeuronId ahead = candidates_[positions[next]];
        prefetch(known_.facts + ahead, 1);
        prefetch(outputs + ahead * c, std::min(c, kMostAhead));
        prefetch(network_->weights() + ahead * d, std::min(d, kMostAhead));
      }
      const NeuronId at = positions[first + k], r = candidates_[at];
      change_ids_[static_cast<std::size_t>(k)] = r;
      const T sign = 1 - 2 * rests_[static_cast<std::size_t>(at)], offset = known_.facts[r].bias - shift;
      const T* const own = outputs + r * c;
      T* const sums = form_offset_.data();
      for (Index output = 0; output < c; ++output) {
        coefficient[output] = sign * own[output];
        sums[output] += coefficient[output] * offset;
      }
      coefficient += c;
    }
    add_rows_to_each(network_->weights(), change_ids_.data(), form_coefficients_.data(), size, c, d, form_.data());
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
