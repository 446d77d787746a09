// The kernels against their definition, one candidate at a time, at whatever SIMD level is in force.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/line_bounds.hpp"
#include "sublinear/kernels/inner_product.hpp"
#include "sublinear/kernels/random.hpp"

using namespace sublinear;

namespace {

template <class T>
struct Lines {
  std::vector<RowFact<T>> facts;
  std::vector<NeuronId> ids;
  std::vector<LineNote<T>> notes;
  LineOptions<T> options{T(0.5), T(0.3), T(0.1), T(2), T(0.3), T(1e-5), T(1e-6), T(1e-7)};

  explicit Lines(Index count) : facts(2 * static_cast<std::size_t>(count)) {
    RandomStream random(5, RandomPurpose::weights);
    for (RowFact<T>& fact : facts)
      fact = {static_cast<T>(1 + random.uniform()), static_cast<T>(random.uniform()),
              static_cast<T>(random.normal() / 10), T(0)};
    const T infinity = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
    for (Index k = 0; k < count; ++k) {
      ids.push_back(static_cast<NeuronId>(2 * k) + static_cast<NeuronId>(random.below(2)));
      const T drift = facts[static_cast<std::size_t>(ids.back())].drift;
      const auto kind = random.below(8);
      notes.push_back({kind == 0 ? nan : (kind == 1 ? infinity : static_cast<T>(random.normal())),
                       kind == 2 ? nan : static_cast<T>(random.normal()),
                       kind == 3 ? -infinity : drift - (kind < 6 ? T(0) : static_cast<T>(random.uniform() / 4)), T(0)});
    }
  }
};

}  // namespace

TEST_CASE_TEMPLATE("bound_lines leaves out exactly the candidates that are settled", T, float, double) {
  for (const Index count : {0, 1, 7, 8, 15, 16, 17, 31, 64, 1000}) {
    const Lines<T> lines(count);
    const LineOptions<T>& o = lines.options;
    const auto room = static_cast<std::size_t>(count + kSelectSlack);
    for (const bool known : {false, true}) {
      std::vector<NeuronId> positions(room);
      std::vector<T> rests(room), value(room), slope(room), spread(room), error(room), side(room);
      for (std::size_t k = 0; k < room; ++k) rests[k] = static_cast<T>(k % 3 == 0);
      const std::vector<T> before = rests;
      const Index found = bound_lines(
          lines.facts.data(), lines.ids.data(), lines.notes.data(), count, o, known, rests.data(),
          OpenLines<T>{positions.data(), value.data(), slope.data(), spread.data(), error.data(), side.data()});
      std::size_t next = 0;
      for (std::size_t k = 0; k < static_cast<std::size_t>(count); ++k) {
        const RowFact<T>& fact = lines.facts[static_cast<std::size_t>(lines.ids[k])];
        const LineNote<T>& note = lines.notes[k];
        const T moved = fact.drift - note.drift;
        const bool sloped = !std::isnan(note.slope);
        const T at = (note.product + fact.bias) - o.threshold, by = sloped ? note.slope : T(0);
        const T bar =
            (moved * o.drift_error + o.rounding * (fact.norm + moved) + o.bias_rounding * std::abs(fact.bias) +
             (sloped ? T(0) : fact.norm * o.slope_error) + o.constant) *
            kOutward<T>;
        const T on = known ? T(1) - T(2) * before[k] : (at >= 0 ? T(1) : T(-1));
        CHECK(rests[k] == (on > 0 ? T(0) : T(1)));
        const T here = on * at, there = on * (at + o.length * by), least = here < there ? here : there;
        if (least * kInward < T >> (fact.norm * o.tube + bar) * kOutward<T>) continue;
        REQUIRE(next < static_cast<std::size_t>(found));
        CHECK(positions[next] == static_cast<NeuronId>(k));
        CHECK((value[next] == at || std::isnan(at)));
        CHECK(slope[next] == by);
        CHECK(spread[next] == fact.norm);
        CHECK((error[next] == bar || std::isnan(bar)));
        CHECK(side[next] == on);
        ++next;
      }
      CHECK(next == static_cast<std::size_t>(found));
    }
  }
}

TEST_CASE_TEMPLATE("select_unsure takes what is not surely on its side, NaN included", T, float, double) {
  const T nan = std::numeric_limits<T>::quiet_NaN(), infinity = std::numeric_limits<T>::infinity();
  for (const Index count : {0, 1, 15, 16, 17, 100}) {
    RandomStream random(2, RandomPurpose::weights);
    const auto room = static_cast<std::size_t>(count + kSelectSlack);
    std::vector<NeuronId> open(room), found(room), expected;
    std::vector<T> value(room), slope(room), spread(room), error(room), side(room), since(room);
    const T s = T(0.25), strayed = T(0.125);
    for (std::size_t k = 0; k < static_cast<std::size_t>(count); ++k) {
      value[k] = random.below(10) == 0 ? nan : static_cast<T>(random.normal());
      slope[k] = static_cast<T>(random.normal());
      spread[k] = static_cast<T>(1 + random.uniform());
      error[k] = random.below(10) == 0 ? infinity : static_cast<T>(random.uniform() / 10);
      since[k] = static_cast<T>(random.uniform() / 8);
      side[k] = random.below(2) == 0 ? T(1) : T(-1);
      const T sure = side[k] * (value[k] + s * slope[k]) * kInward<T> - (spread[k] * (strayed - since[k]) + error[k]);
      if (!(sure > 0)) expected.push_back(static_cast<NeuronId>(k));
    }
    const Index size =
        select_unsure(OpenLines<T>{open.data(), value.data(), slope.data(), spread.data(), error.data(), side.data()},
                      since.data(), count, s, strayed, found.data());
    found.resize(static_cast<std::size_t>(size));
    CHECK(found == expected);
  }
}

TEST_CASE_TEMPLATE("offsets and residuals are those of plain loops, with canonical products", T, float, double) {
  for (const Index d : {1, 3, 8, 15, 16, 17, 32, 63, 100}) {
    CAPTURE(d);
    RandomStream random(3, RandomPurpose::weights);
    const auto draw = [&] {
      std::vector<T> v(static_cast<std::size_t>(d));
      for (T& each : v) each = static_cast<T>(random.normal());
      return v;
    };
    const std::vector<T> x = draw(), anchor = draw(), direction = draw();
    std::vector<T> residual = draw(), offset(x.size() + 1, T(7)), expected(x.size()), change(x.size());
    for (std::size_t j = 0; j < x.size(); ++j) expected[j] = x[j] - anchor[j];
    CHECK(take_offset(x.data(), anchor.data(), direction.data(), d, offset.data()) ==
          inner_product(expected.data(), direction.data(), d));
    CHECK(offset.back() == 7);
    offset.pop_back();
    CHECK(offset == expected);
    const T s = T(0.37);
    for (std::size_t j = 0; j < x.size(); ++j) {
      expected[j] = offset[j] - s * direction[j];
      change[j] = expected[j] - residual[j];
    }
    residual.push_back(T(7));
    const ResidualSquares<T> squares = take_residual(offset.data(), s, direction.data(), d, residual.data());
    CHECK(residual.back() == 7);
    residual.pop_back();
    CHECK(residual == expected);
    CHECK(squares.now == inner_product(expected.data(), expected.data(), d));
    CHECK(squares.change == inner_product(change.data(), change.data(), d));
  }
}
