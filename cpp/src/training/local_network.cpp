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
// <w, x> - <w, e> = <w, x0 + s v> differs by at most moved X from <w', x0> + s <w'', v>; each of the three products
// errs by at most g times a norm below N + moved times a norm below X + tube, and those of q and s p share one X. If
// instead q is the product at an earlier point x1 = x0 + s1 v + e1 of the same visit, less s1 p, the same holds with
// ||e - e1|| for ||e|| and with the motion charged to the slope alone, |s - s1| ||v|| moved. ||e - e1|| is at most the
// way that the residual e went since, `strayed - since`.
//
// Whether fl(fl<w, x> + beta) >= tau then follows from the sign of  value + s p,  value = (q + beta) - tau, if that is
// further from 0 than the bound: the two roundings of the test err by u |fl<w, x> + beta| and, tau being a number of
// T, by no more than u |tau| + subnormal; those of value + s p by 5u (|q| + |s p| + |beta| + |tau|) at most. The third
// g in `rounding` (g >= 9u) and the 8u on |beta| and |tau| cover them. Sums and products of bounds in T are widened by
// kOutward or compared after kInward (line_bounds_inl.hpp).

namespace sublinear {
namespace {

// ||v||_2, rounded outward, from the canonical product of v with itself.
template <class T>
[[nodiscard]] double length_bound(const AlignedVector<T>& v) {
  const auto d = static_cast<Index>(v.size());
  const double squares = static_cast<double>(inner_product(v.data(), v.data(), d));
  return std::sqrt((squares + dot_underflow<T>(d)) * (1 + 2 * dot_error_factor<T>(d))) * (1 + 4 * kWiden);
}

// How much of the tube's width, at first, an attack's way may stray: wide tubes settle fewer neurons once and for all,
// narrow ones are left sooner.
constexpr double kTubeShare = 0.25;

// Rows that are summed into all outputs of the linear form while they are in the first-level cache.
constexpr std::size_t kRowsTogether = 64;

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
  if (notes_.drifts == nullptr) {
    own_products_.assign(size, T(0));
    own_slopes_.assign(size, std::numeric_limits<T>::quiet_NaN());
    own_drifts_.assign(size, CandidateNotes<T>::kUnknown);
    notes_ = {own_products_.data(), own_slopes_.data(), own_drifts_.data()};
  }
  direction_ = visit.direction;
  if (direction_ == nullptr) {
    own_direction_.assign(d, T(0));
    direction_ = own_direction_.data();
  }
  const std::size_t room = size + static_cast<std::size_t>(kSelectSlack);
  for (AlignedVector<T>* each : {&rests_, &value_, &slope_, &spread_, &error_, &side_, &since_, &asked_products_})
    if (each->size() < room) each->resize(room);
  for (std::vector<NeuronId>* each : {&open_, &asked_, &asked_ids_})
    if (each->size() < room) each->resize(room);
  for (AlignedVector<T>* each : {&anchor_, &at_, &offset_, &residual_, &change_}) each->resize(d);
  flipped_.clear();
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

template <class T>
T LocalNetwork<T>::moved_since(std::size_t candidate) const {
  return facts_[candidates_[candidate]].drift - notes_.drifts[candidate];
}

// The bound of the head of this file without N ||e||, as bound_lines has it; `exposure` is what the row's motion is
// multiplied by.
template <class T>
T LocalNetwork<T>::error_of(const RowFact<T>& fact, T moved, T exposure) const {
  return (moved * exposure + rounding_ * (fact.norm + moved) + bias_rounding_ * std::abs(fact.bias) + constant_) *
         kOutward<T>;
}

// Where x lies: along_, and the residual's way.
template <class T>
void LocalNetwork<T>::place(const T* x) {
  const Index d = network_->dimension();
  const auto size = static_cast<std::size_t>(d);
  for (std::size_t j = 0; j < size; ++j) offset_[j] = x[j] - anchor_[j];
  along_ = 0;
  if (direction_norm_ > 0) {
    const double s = static_cast<double>(inner_product(offset_.data(), direction_, d)) /
                     (direction_norm_ * direction_norm_);
    along_ = round_down<T>(std::clamp(s, 0.0, reach_));
  }
  for (std::size_t j = 0; j < size; ++j) {
    const T residual = offset_[j] - along_ * direction_[j];
    change_[j] = residual - residual_[j];
    residual_[j] = residual;
  }
  // Each residual errs by the roundings of its three operations.
  const double rounding = 4 * unit_roundoff<T> * (length_bound(offset_) + reach_ * direction_norm_);
  strayed_ = (strayed_ + length_bound(change_) + 2 * rounding) * (1 + 4 * kWiden);
}

// From now on the line goes from the anchor through the point of the last `place`.
template <class T>
void LocalNetwork<T>::take_direction() {
  const Index d = network_->dimension();
  const T length = std::sqrt(inner_product(offset_.data(), offset_.data(), d));
  if (!(length > 0) || !std::isfinite(length)) return;
  AlignedVector<T>& direction = change_;
  for (std::size_t j = 0; j < direction.size(); ++j) direction[j] = offset_[j] / length;
  std::copy(direction.begin(), direction.end(), direction_);
  direction_norm_ = length_bound(direction);
  reach_ = std::max(reach_, length_bound(offset_));
  std::fill(notes_.slopes, notes_.slopes + count_, std::numeric_limits<T>::quiet_NaN());
}

template <class T>
bool LocalNetwork<T>::slope_is_unknown(NeuronId open) const {
  return std::isnan(notes_.slopes[open_[static_cast<std::size_t>(open)]]);
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
  rounding_ = up(3 * g * (X + tube_));
  bias_rounding_ = static_cast<T>(8 * u);
  constant_ = up(8 * u * tau + (3 + reach_) * dot_underflow<T>(network_->dimension()));
  const LineOptions<T> options{network_->threshold(), round_up<T>(reach_), up(tube_), exposure_, way_,
                               rounding_,             bias_rounding_,      constant_};
  open_count_ = bound_lines(facts_, candidates_, {notes_.products, notes_.slopes, notes_.drifts}, count_, options,
                            started_, rests_.data(), open_lines());
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

// Without a branch on `fires`: near the threshold nobody can guess it.
template <class T>
void LocalNetwork<T>::set_side(NeuronId open, bool fires) {
  const T share = static_cast<T>(fires), side = share + share - 1;
  if (side == side_[static_cast<std::size_t>(open)]) return;
  const NeuronId at = open_[static_cast<std::size_t>(open)];
  side_[static_cast<std::size_t>(open)] = side;
  rests_[static_cast<std::size_t>(at)] = 1 - share;
  flipped_.push_back(at);
}

// At the anchor: reads the rows that the notes leave open and notes what they say; then every bound there is exact, and
// its sign is the canonical test (fl(a - b) >= 0 iff a >= b). Of what can still change sides on the way it learns the
// slopes.
template <class T>
void LocalNetwork<T>::decide_at_anchor() {
  if (bound_all() > 0) {
    const Index unsure = select_unsure(open_lines(), since_.data(), open_count_, T(0), T(0), asked_.data());
    read_rows(unsure, at_.data());
    const CandidateNotes<T> notes = notes_;
    const NeuronId *const asked = asked_.data(), *const ids = asked_ids_.data(), *const open = open_.data();
    for (Index j = 0; j < unsure; ++j) {
      const NeuronId at = open[asked[j]];
      const T drift = facts_[ids[j]].drift;
      notes.slopes[at] = drift == notes.drifts[at] ? notes.slopes[at] : std::numeric_limits<T>::quiet_NaN();
      notes.products[at] = asked_products_[static_cast<std::size_t>(j)];
      notes.drifts[at] = drift;
    }
    if (unsure > 0) bound_all();
  }
  if (direction_norm_ == 0) return;
  Index unknown = 0;
  for (Index k = 0; k < open_count_; ++k) {
    asked_[static_cast<std::size_t>(unknown)] = static_cast<NeuronId>(k);
    unknown += slope_is_unknown(static_cast<NeuronId>(k)) ? 1 : 0;
  }
  learn_slopes(unknown);
}

// Asks the first `count` of asked_ for their slopes.
template <class T>
void LocalNetwork<T>::learn_slopes(Index count) {
  if (count == 0) return;
  read_rows(count, direction_);
  for (Index j = 0; j < count; ++j) {
    const auto k = static_cast<std::size_t>(asked_[static_cast<std::size_t>(j)]);
    const auto at = static_cast<std::size_t>(open_[k]);
    const RowFact<T>& fact = facts_[asked_ids_[static_cast<std::size_t>(j)]];
    slope_[k] = notes_.slopes[at] = asked_products_[static_cast<std::size_t>(j)];
    error_[k] = error_of(fact, fact.drift - notes_.drifts[at], exposure_);
  }
}

// Away from the anchor: asks the first `count` of asked_.
template <class T>
void LocalNetwork<T>::ask_here(Index count) {
  read_rows(count, at_.data());
  const T threshold = network_->threshold(), strayed = round_down<T>(strayed_), along = along_, way = way_;
  const NeuronId *const asked = asked_.data(), *const ids = asked_ids_.data(), *const open = open_.data();
  const T *const products = asked_products_.data(), *const slopes = slope_.data(), *const drifts = notes_.drifts;
  T *const values = value_.data(), *const since = since_.data(), *const errors = error_.data();
  for (Index j = 0; j < count; ++j) {
    const NeuronId k = asked[j];
    const RowFact<T>& fact = facts_[ids[j]];
    const T z = products[j] + fact.bias;
    set_side(k, z >= threshold);
    values[k] = (z - threshold) - along * slopes[k];
    since[k] = strayed;
    errors[k] = error_of(fact, fact.drift - drifts[open[k]], way);
  }
}

// Decides the open candidates at a point away from the anchor.
template <class T>
void LocalNetwork<T>::decide_here() {
  const T strayed = round_up<T>(strayed_), along = along_;
  const Index unsure = select_unsure(open_lines(), since_.data(), open_count_, along, strayed, asked_.data());
  work_.bounds += open_count_;
  left_.assign(asked_.begin(), asked_.begin() + unsure);
  if (direction_norm_ > 0) {
    Index unknown = 0;
    for (const NeuronId k : left_) {
      asked_[static_cast<std::size_t>(unknown)] = k;
      unknown += slope_is_unknown(k) ? 1 : 0;
    }
    learn_slopes(unknown);
  }
  Index count = 0;
  const T *const values = value_.data(), *const slopes = slope_.data(), *const since = since_.data();
  const T *const spreads = spread_.data(), *const errors = error_.data();
  for (const NeuronId k : left_) {
    const T value = values[k] + along * slopes[k];
    const T error = spreads[k] * (strayed - since[k]) + errors[k];
    const bool sure = std::abs(value) * kInward<T> > error;
    asked_[static_cast<std::size_t>(count)] = k;
    count += sure ? 0 : 1;
    if (sure) set_side(k, value > 0);
  }
  ask_here(count);
  std::sort(flipped_.begin(), flipped_.end());
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
    std::copy(direction_, direction_ + size, offset_.begin());
    const bool directed = std::any_of(offset_.begin(), offset_.end(), [](T v) { return v != 0; });
    direction_norm_ = directed ? length_bound(offset_) : 0;
    anchor_norm_ = length_bound(anchor_);
    tube_ = kTubeShare * reach_;
    strayed_ = 0;
    along_ = 0;
    decide_at_anchor();
    started_ = at_anchor_ = true;
    return;
  }
  at_anchor_ = false;
  place(x);
  // At most the way here; short of it only after turns.
  const double rounding = 4 * unit_roundoff<T> * (length_bound(offset_) + reach_ * direction_norm_);
  double away = length_bound(residual_) + rounding;
  if (!(away <= tube_)) {
    if (!turned_) {
      turned_ = true;
      take_direction();
      place(x);
      away = length_bound(residual_) + rounding;
    }
    if (!(away <= tube_)) tube_ = away <= std::numeric_limits<double>::max() ? 2 * away : away;
    tube_ = std::max(tube_, kTubeShare * reach_);
    strayed_ = away;
    bound_all();
  }
  decide_here();
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
    if (at_anchor_ && moved_since(at) == 0) continue;
    asked_[static_cast<std::size_t>(asked)] = static_cast<NeuronId>(k);
    asked_ids_[static_cast<std::size_t>(asked++)] = candidates_[at];
  }
  inner_products_at(network_->weights(), asked_ids_.data(), asked, d, at_.data(), asked_products_.data());
  work_.inner_products += asked;
  Index next = 0;
  for (Index k = 0; k < count; ++k) {
    const bool is_asked = next < asked && asked_[static_cast<std::size_t>(next)] == k;
    const T product = is_asked ? asked_products_[static_cast<std::size_t>(next++)]
                               : notes_.products[fired_positions_[static_cast<std::size_t>(k)]];
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
    add_to_form(fired_positions_);
  } else if (!flipped_.empty()) {
    add_to_form(flipped_);
  }
  flipped_.clear();
}

// Adds the neurons at these positions to A and B if they fire now, and takes them away if they do not.
template <class T>
void LocalNetwork<T>::add_to_form(const std::vector<NeuronId>& positions) {
  const auto c = static_cast<std::size_t>(network_->outputs());
  const Index d = network_->dimension();
  const T shift = network_->activation() == Activation::shifted ? network_->threshold() : T(0);
  change_ids_.resize(kRowsTogether);
  coefficients_.resize(kRowsTogether * c);
  for (std::size_t first = 0; first < positions.size(); first += kRowsTogether) {
    const std::size_t size = std::min(kRowsTogether, positions.size() - first);
    for (std::size_t k = 0; k < size; ++k) {
      const auto at = static_cast<std::size_t>(positions[first + k]);
      const NeuronId r = candidates_[at];
      change_ids_[k] = r;
      const T* const a = network_->output_weights() + static_cast<Index>(r) * network_->outputs();
      const bool fires = rests_[at] == 0;
      const T offset = network_->biases()[r] - shift;
      for (std::size_t output = 0; output < c; ++output) {
        const T coefficient = fires ? a[output] : -a[output];
        coefficients_[output * kRowsTogether + k] = coefficient;
        form_offset_[output] += coefficient * offset;
      }
    }
    for (std::size_t output = 0; output < c; ++output)
      add_rows(network_->weights(), change_ids_.data(), coefficients_.data() + output * kRowsTogether,
               static_cast<Index>(size), d, form_.data() + static_cast<Index>(output) * d);
  }
}

template <class T>
void LocalNetwork<T>::input_gradient(const Loss& loss, double label, T* gradient) {
  const auto c = static_cast<std::size_t>(network_->outputs());
  const auto d = network_->dimension();
  const double scale = static_cast<double>(network_->scale());
  this->loss(loss, label);
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
