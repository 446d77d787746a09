#include "training/activation/group_activation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/norm_bounds.hpp"
#include "kernels/quantized_rows.hpp"
#include "kernels/watch.hpp"
#include "sublinear/kernels/inner_product.hpp"

// What is known of a neuron from its 8-bit copy, and why it is enough.
//
// clang-format off
//   symbol       name                    meaning
//   w, v, v2     row, copy, fine copy    ||w - v|| <= R = quantized_row_error * scale, ||w - v - v2|| <= R2 (fine_row_error)
//   N            norm                    at least ||w||
//   x0, x        anchor, at              the first point, and the point now; e = x - x0, the offset
//   y', y"       coarse, rest            x0 or e in 7 bits, and what that leaves out; ||y - y' - y"|| <= missing
//   tau, beta    threshold, bias
//   b            shortfall               tau - beta - <w, x0>, but for its error; a neuron fires where it is not above 0
//   D            slope                   <v, e'> where the line was taken, an exact integer times scales
//   g, eta       dot_error_factor, ...   errors of the canonical product
// clang-format on
//
// Anchor. <w, x0> is <v + v2, x'> + <v, x"> but for R2 ||x'|| + R ||x"|| + N missing. An input that does not move does
// without v2 and x": then <w, x0> is <v, x'> but for R ||x'|| + N missing (`start`).
//
// Line. It goes from x0 through the point at which it was taken, x0 + u, and <w, u> is D = <v, e'> but for R ||e'|| +
// N missing of that point (`line`): it goes without a rest, because it costs less to ask the copies that this leaves
// open. At a later point x0 + s u + r, with s at least 0, tau - beta - <w, x> is b - s D but for the error of b, s
// times that of D, and N ||r||. If that is further from 0 than it errs, and than the canonical test errs (`test`,
// below), the neuron's side is known. Otherwise the copy is asked, by e in 16 bits, and then the row.
//
// Rounding. With X = ||x0|| + reach, fl<w, x> errs by g N X + eta, and so it does where b was read; the two roundings
// of the test err by u |fl<w, x> + beta| and u |tau| + subnormal. On the way to the sign there are at most 8 roundings
// of numbers up to S = N X + |beta| + |tau|, and 20 of products up to (N + R) times the reach: 32 u S and 32 u R
// (length) cover all. Products may underflow by a few smallest subnormals, that of two scales by 2^31 of them, s times.
// None of this holds where a number on the way overflows: so S is first taken k times, which is more than any of them;
// it overflows before, and with it the error. Sums and products of bounds in T are widened by kOutward or lowered by
// kInward (kernels/unstable_neurons.hpp).

namespace sublinear {
namespace {

// Another line is taken if the last one left more than one neuron in so many open.
constexpr Index kNeuronsPerOpen = 5;

// Inputs whose products with a tile are held at once: they stay in the first-level cache.
constexpr Index kTogether = 8;

// Strips that stay in the first-level cache while sparse points pass by.
constexpr Index kStripsTogether = 4;

}  // namespace

template <class T>
void GroupActivation<T>::start(const TwoLayerNetwork<T>& network, const KnownRows<T>& known, const T* const* points,
                               Index count, double reach, bool products) {
  look(network, known, points, count, reach, products, reach > 0);
}

// Decides who fires at the points. With `moves` it notes of every neuron what a move needs.
template <class T>
void GroupActivation<T>::look(const TwoLayerNetwork<T>& network, const KnownRows<T>& known, const T* const* points,
                              Index count, double reach, bool products, bool moves) {
  network_ = &network;
  known_ = known;
  moves_ = moves;
  keeps_products_ = products;
  count_ = count;
  const Index m = network.width();
  if (inputs_.size() < static_cast<std::size_t>(count)) inputs_.resize(static_cast<std::size_t>(count));
  for (AlignedVector<std::int32_t>* each : {&products_, &fine_products_, &rest_products_})
    each->resize(static_cast<std::size_t>(kTogether * kTile));
  for (AlignedVector<T>* each : {&here_, &margin_, &row_products_}) each->resize(kTile);
  for (std::vector<NeuronId>* each : {&open_, &ids_, &fired_}) each->resize(kTile + kSelectSlack);
  asked_products_.resize(kTile);
  std::vector<Index> which;
  for (Index i = 0; i < count; ++i) {
    which.push_back(i);
    start_input(input(i), points[i], reach);
  }
  for (Index first = 0; first < m; first += kTile) {
    keep_watch();
    load_tile(first);
    for (Index k = 0; k < count; k += kTogether) {
      const Index some = std::min(kTogether, count - k);
      multiply(which.data() + k, some, moves_);
      for (Index i = 0; i < some; ++i) {
        Input& own = input(k + i);
        start_tile(own, products_of(own, i, moves_, with(own.test, own.start)));
      }
    }
  }
  for (Index i = 0; i < count; ++i) input(i).changed.clear();  // all who fire, so far
  work_.bounds += m * count;
}

template <class T>
void GroupActivation<T>::start_input(Input& own, const T* x, double reach) {
  const Index d = network_->dimension();
  const auto room = static_cast<std::size_t>((network_->width() + kTile - 1) / kTile * kTile);
  own.path.start(x, d, reach);
  own.point.set(x, d, known_.stride, moves_);
  own.fires.assign(room / 64, 0);
  if (moves_)
    for (AlignedVector<T>* each : {&own.shortfall, &own.slope}) each->resize(room);
  own.fired.clear();
  own.changed.clear();
  own.products.clear();
  own.listed = false;
  measure_rounding(own);
  const double R = quantized_row_error(d) * (1 + 32 * unit_roundoff<T>), R2 = fine_row_error(d);
  own.start = moves_ ? CopyError{R2 * own.point.coarse.length + R * own.point.rest.length, own.point.missing,
                                 std::sqrt(static_cast<double>(d)) * kLeastQuantized<T> * own.point.coarse.length}
                     : CopyError{R * own.point.coarse.length, own.point.missing, 0};
  if (moves_) own.start.scale += 32 * unit_roundoff<T> * R * own.point.coarse.length;
}

// So many products with copies.
template <class T>
void GroupActivation<T>::count_products(Index count) {
  work_.inner_products += count;
  work_.quantized += count;
}

// The facts of the tile, field by field.
template <class T>
void GroupActivation<T>::load_tile(Index first) {
  first_ = first;
  size_ = std::min(kTile, network_->width() - first);
  const T threshold = network_->threshold();
  for (Index k = 0; k < kTile; ++k) {
    const RowFact<T> fact = k < size_ ? known_.facts[first + k] : RowFact<T>{};
    facts_.scale[k] = fact.scale;
    facts_.norm[k] = fact.norm;
    facts_.bar[k] = threshold - fact.bias;
    facts_.bias_size[k] = std::abs(fact.bias);
  }
  std::copy(known_.sums + first, known_.sums + first + kTile, facts_.sums);
  std::copy(known_.fine_sums + first, known_.fine_sums + first + kTile, facts_.fine_sums);
}

// The products of the tile's copies with the points of these inputs, at most kTogether; with `fine` those of the fine
// copies too.
template <class T>
void GroupActivation<T>::multiply(const Index* which, Index count, bool fine) {
  const Index strip_count = (size_ + kStrip - 1) / kStrip;
  const auto pass = [&](const std::int8_t* copies, AlignedVector<std::int32_t>& to, auto&& point_of) {
    const std::int8_t* const strips = copies + first_ * known_.stride;
    const std::uint8_t* points[kTogether];
    std::int32_t* out[kTogether];
    Index dense = 0;
    for (Index i = 0; i < count; ++i) {
      const SevenBits<T>* const point = point_of(input(which[i]).point);
      if (point == nullptr || !point->quads.empty()) continue;
      points[dense] = point->bytes.data();
      out[dense++] = to.data() + i * kTile;
    }
    copy_products(strips, strip_count, known_.stride, points, dense, out);
    if (dense == count) return;
    for (Index s = 0; s < strip_count; s += kStripsTogether)
      for (Index i = 0; i < count; ++i)
        if (const SevenBits<T>* const point = point_of(input(which[i]).point);
            point != nullptr && !point->quads.empty())
          sparse_copy_products(strips + s * kStrip * known_.stride, std::min(kStripsTogether, strip_count - s),
                               known_.stride, point->quads.data(), static_cast<Index>(point->quads.size()),
                               to.data() + i * kTile + s * kStrip);
  };
  const auto coarse = [](const PassPoint<T>& point) { return &point.coarse; };
  pass(known_.strips, products_, coarse);
  if (fine) pass(known_.fine_strips, fine_products_, coarse);
  pass(known_.strips, rest_products_, [](const PassPoint<T>& point) { return point.has_rest ? &point.rest : nullptr; });
  for (Index i = 0; i < count; ++i)
    count_products(size_ * (1 + (fine ? 1 : 0) + (input(which[i]).point.has_rest ? 1 : 0)));
}

// Of the k-th of those inputs.
template <class T>
TileProducts<T> GroupActivation<T>::products_of(const Input& own, Index k, bool fine,
                                                const ErrorTerms<T>& error) const {
  const SevenBits<T>&coarse = own.point.coarse, &rest = own.point.rest;
  return {products_.data() + k * kTile,
          fine ? fine_products_.data() + k * kTile : nullptr,
          own.point.has_rest ? rest_products_.data() + k * kTile : nullptr,
          coarse.zero,
          rest.zero,
          coarse.scale,
          rest.scale,
          error};
}

template <class T>
void GroupActivation<T>::measure_rounding(Input& own) const {
  const Index d = network_->dimension();
  const double X = own.path.anchor_norm() + own.path.reach(), root = std::sqrt(static_cast<double>(d));
  const double u = unit_roundoff<T>, smallest = std::numeric_limits<T>::denorm_min();
  const double tau = std::abs(static_cast<double>(network_->threshold()));
  const double k = 8 + 4 * root, relative = 2 * dot_error_factor<T>(d) + 32 * u;
  const double alpha = (2 + kLongestLine) * quantized_error<T>(d).absolute;
  own.test = {T(0),
              up<T>(alpha),
              up<T>(4 * dot_underflow<T>(d) + (1 + kLongestLine) * 0x1p34 * smallest),
              up<T>(relative / k),
              up<T>(k * X),
              up<T>(k),
              up<T>(k * tau)};
}

template <class T>
ErrorTerms<T> GroupActivation<T>::with(const ErrorTerms<T>& test, const CopyError& error) {
  ErrorTerms<T> terms = test;
  terms.scale = up<T>(static_cast<double>(test.scale) + error.scale);
  terms.norm = up<T>(static_cast<double>(test.norm) + error.norm);
  terms.constant = up<T>(static_cast<double>(test.constant) + error.constant);
  return terms;
}

// The shortfall that neuron r's canonical product says it has: not above 0 where it fires.
template <class T>
T GroupActivation<T>::shortfall_of(NeuronId r, T product) const {
  const T z = product + known_.facts[r].bias, threshold = network_->threshold();
  if (z >= threshold) return threshold - z;
  return z < threshold ? threshold - z : std::numeric_limits<T>::infinity();
}

// The canonical products of the point with the first `count` of ids_, in row_products_.
template <class T>
void GroupActivation<T>::read_rows(const Input& own, Index count) {
  inner_products_at(network_->weights(), ids_.data(), count, network_->dimension(), own.path.at(),
                    row_products_.data());
  work_.inner_products += count;
}

template <class T>
void GroupActivation<T>::start_tile(Input& own, const TileProducts<T>& products) {
  T* const shortfall = moves_ ? own.shortfall.data() + first_ : here_.data();
  bound_at_anchor(products, facts_, shortfall, margin_.data());
  Index open = select_not_above(margin_.data(), size_, T(0), open_.data());
  if (keeps_products_) {  // whoever fires is read as well
    const Index firing = select_not_above(shortfall, size_, T(0), fired_.data());
    const auto end =
        std::set_union(open_.data(), open_.data() + open, fired_.data(), fired_.data() + firing, ids_.data());
    open = end - ids_.data();
    std::copy(ids_.data(), end, open_.data());
  }
  read_open(own, open, shortfall);
  for (std::size_t j = 0; keeps_products_ && j < static_cast<std::size_t>(open); ++j)
    if (shortfall[open_[j]] <= 0) own.products.push_back(row_products_[j]);
  take_sides(own, shortfall);
}

// Reads the rows of the first `count` neurons of open_: their products come to row_products_, their shortfalls where
// they belong.
template <class T>
void GroupActivation<T>::read_open(const Input& own, Index count, T* shortfall) {
  for (std::size_t j = 0; j < static_cast<std::size_t>(count); ++j) ids_[j] = static_cast<NeuronId>(first_) + open_[j];
  read_rows(own, count);
  for (std::size_t j = 0; j < static_cast<std::size_t>(count); ++j)
    shortfall[open_[j]] = shortfall_of(ids_[j], row_products_[j]);
}

template <class T>
void GroupActivation<T>::move(const Index* which, const T* const* points, Index count) {
  std::vector<Index> whole, moved;
  for (Index k = 0; k < count; ++k) {
    Input& own = input(which[k]);
    own.changed.clear();
    own.moved = !own.path.is_at(points[k]);
    if (!own.moved) continue;
    if (!moves_) make_movable();
    prepare_move(own, points[k]);
    (own.whole ? whole : moved).push_back(which[k]);
  }
  const Index passing = static_cast<Index>(whole.size());
  for (Index first = 0; first < network_->width() && !(whole.empty() && moved.empty()); first += kTile) {
    keep_watch();
    load_tile(first);
    for (Index k = 0; k < passing; k += kTogether) {
      const Index some = std::min(kTogether, passing - k);
      multiply(whole.data() + k, some, false);
      for (Index i = 0; i < some; ++i) {
        Input& own = input(whole[static_cast<std::size_t>(k + i)]);
        pass_tile(own, products_of(own, i, false, own.near));
      }
    }
    for (const Index i : moved) follow_tile(input(i));
  }
  work_.bounds += network_->width() * (passing + static_cast<Index>(moved.size()));
}

// It was said not to move: looks again from the same points.
template <class T>
void GroupActivation<T>::make_movable() {
  std::vector<AlignedVector<T>> copies;
  std::vector<const T*> points;
  for (Index i = 0; i < count_; ++i) copies.emplace_back(at(i), at(i) + network_->dimension());
  for (const AlignedVector<T>& each : copies) points.push_back(each.data());
  look(*network_, known_, points.data(), count_, 0, keeps_products_, true);
}

// Decides whether another line is taken, and what numbers may err by.
template <class T>
void GroupActivation<T>::prepare_move(Input& own, const T* x) {
  const Index m = network_->width(), d = network_->dimension();
  const double R = quantized_row_error(d) * (1 + 32 * unit_roundoff<T>);
  own.listed = false;
  if (!own.path.move(x)) measure_rounding(own);
  own.whole = !own.path.lined() || own.open > m / kNeuronsPerOpen;
  own.open = 0;
  if (own.whole) {
    own.path.take_line();
    own.point.set(own.path.offset(), d, known_.stride, false);
    own.line = {R * own.point.coarse.length, own.point.missing, 0};
    own.near = with(own.test, own.start + own.line);
  } else {
    own.along = own.path.along();
    own.near =
        with(own.test, own.start + own.line.times(static_cast<double>(own.along)) + CopyError{0, own.path.off(), 0});
  }
  own.offset.resize(static_cast<std::size_t>(known_.stride));
  own.offset_scale = quantize_vector(own.path.offset(), d, own.offset.data());
  const QuantizedError rounded = quantized_error<T>(d);
  const double away = own.path.away();
  own.now = with(own.test, own.start + CopyError{R * away * (1 + rounded.relative), rounded.relative * away, 0});
}

// Asks the whole tile for its slopes on the line that is taken here.
template <class T>
void GroupActivation<T>::pass_tile(Input& own, const TileProducts<T>& products) {
  bound_on_line(products, facts_, own.shortfall.data() + first_, own.slope.data() + first_, here_.data(),
                margin_.data());
  decide(own);
}

// Follows the line with the whole tile, and asks those whose side that leaves open.
template <class T>
void GroupActivation<T>::follow_tile(Input& own) {
  bound_near_line(facts_, own.near, own.along, own.shortfall.data() + first_, own.slope.data() + first_, here_.data(),
                  margin_.data());
  decide(own);
}

// Takes the sides of the tile, after the bounds in here_ and margin_: asks what is open, copies first.
template <class T>
void GroupActivation<T>::decide(Input& own) {
  const Index open = select_not_above(margin_.data(), size_, T(0), open_.data());
  if (!own.whole) own.open += open;
  read_open(own, ask_copies(own, open), here_.data());
  take_sides(own, here_.data());
}

// Asks the copies of the first `count` neurons of open_; those whose side they leave open are what remains there.
// Returns how many.
template <class T>
Index GroupActivation<T>::ask_copies(Input& own, Index count) {
  for (std::size_t j = 0; j < static_cast<std::size_t>(count); ++j) ids_[j] = static_cast<NeuronId>(first_) + open_[j];
  copy_products_at<T>(known_.quantized, known_.stride, ids_.data(), count, own.offset.data(), asked_products_.data());
  count_products(count);
  Index unread = 0;
  for (std::size_t j = 0; j < static_cast<std::size_t>(count); ++j) {
    const NeuronId k = open_[j];
    const T product = static_cast<T>(asked_products_[j]) * (facts_.scale[k] * own.offset_scale);
    T& here = here_[static_cast<std::size_t>(k)];
    here = own.shortfall[static_cast<std::size_t>(ids_[j])] - product;
    if (std::abs(here) * kInward < T >> error_of(own.now, facts_, k) * kOutward<T>) continue;
    open_[static_cast<std::size_t>(unread++)] = k;
  }
  return unread;
}

// Who fires in the tile now, and who did not before or no longer does.
template <class T>
void GroupActivation<T>::take_sides(Input& own, const T* shortfall) {
  const Index firing = select_not_above(shortfall, size_, T(0), fired_.data());
  std::uint64_t now[kTile / 64] = {};
  for (std::size_t j = 0; j < static_cast<std::size_t>(firing); ++j)
    now[fired_[j] / 64] |= std::uint64_t{1} << (fired_[j] % 64);
  for (Index word = 0; word < kTile / 64; ++word) {
    std::uint64_t& before = own.fires[static_cast<std::size_t>(first_ / 64 + word)];
    for (std::uint64_t left = before ^ now[word]; left != 0; left &= left - 1)
      own.changed.push_back(static_cast<NeuronId>(first_ + 64 * word + __builtin_ctzll(left)));
    before = now[word];
  }
}

template <class T>
const std::vector<NeuronId>& GroupActivation<T>::fired(Index i) {
  Input& own = input(i);
  if (own.listed) return own.fired;
  own.listed = true;
  own.fired.clear();
  for (std::size_t word = 0; word < own.fires.size(); ++word)
    for (std::uint64_t left = own.fires[word]; left != 0; left &= left - 1)
      own.fired.push_back(static_cast<NeuronId>(64 * word) + __builtin_ctzll(left));
  return own.fired;
}

template <class T>
Work GroupActivation<T>::take_work() noexcept {
  const Work done = work_;
  work_ = {};
  return done;
}

template class GroupActivation<float>;
template class GroupActivation<double>;

}  // namespace sublinear
