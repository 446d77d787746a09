// The kernels against their definition, one neuron at a time, at whatever SIMD level is in force.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/unstable_neurons.hpp"
#include "sublinear/kernels/inner_product.hpp"
#include "sublinear/kernels/random.hpp"

using namespace sublinear;

TEST_SUITE_BEGIN("platform");

namespace {

template <class T>
struct Candidates {
  std::vector<RowFact<T>> facts;
  std::vector<NeuronId> ids;
  std::vector<CachedProduct<T>> cached;
  BoundOptions<T> options{T(0.5), T(0.3), T(2), T(40), T(10), T(5), T(1e-6), T(1e-7), T(0.7), T(1e-4)};

  explicit Candidates(Index count) : facts(2 * static_cast<std::size_t>(count)) {
    RandomStream random(5, RandomPurpose::weights);
    for (RowFact<T>& fact : facts)
      fact = {random.below(9) == 0 ? T(0) : static_cast<T>(1 + random.uniform()), static_cast<T>(random.uniform()),
              static_cast<T>(random.normal() / 10), static_cast<T>(random.uniform() / 50)};
    const T infinity = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
    for (Index k = 0; k < count; ++k) {
      ids.push_back(static_cast<NeuronId>(2 * k) + static_cast<NeuronId>(random.below(2)));
      const T drift = facts[static_cast<std::size_t>(ids.back())].drift;
      const auto kind = random.below(8);
      cached.push_back({kind == 0 ? nan : (kind == 1 ? infinity : static_cast<T>(random.normal())),
                        kind == 3 ? -infinity : drift - (kind < 6 ? T(0) : static_cast<T>(random.uniform() / 4))});
    }
  }
};

template <class T>
bool same(T a, T b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

}  // namespace

TEST_CASE_TEMPLATE("bound_candidates leaves out exactly the candidates that are settled", T, float, double) {
  for (const Index count : {0, 1, 7, 8, 15, 16, 17, 31, 64, 1000}) {
    const Candidates<T> all(count);
    const BoundOptions<T>& o = all.options;
    const auto room = static_cast<std::size_t>(count + kSelectSlack);
    for (const bool known : {false, true}) {
      std::vector<NeuronId> positions(room);
      std::vector<UnstableNeuron<T>> unstable(room);
      std::vector<T> inactive(room), safe(room);
      for (std::size_t k = 0; k < room; ++k) inactive[k] = static_cast<T>(k % 3 == 0);
      const std::vector<T> before = inactive;
      const Index found = bound_candidates(all.facts.data(), all.ids.data(), all.cached.data(), count, o, known,
                                           inactive.data(), positions.data(), unstable.data(), safe.data());
      std::size_t next = 0;
      for (std::size_t k = 0; k < static_cast<std::size_t>(count); ++k) {
        const RowFact<T>& fact = all.facts[static_cast<std::size_t>(all.ids[k])];
        const CachedProduct<T>& cached = all.cached[k];
        const T moved = fact.drift - cached.drift, start = (cached.product + fact.bias) - o.threshold;
        const T size = (fact.norm + moved) * o.norm_size + std::abs(fact.bias) * o.bias_size + o.constant_size;
        const T error = (moved * o.drift_error + o.rounding * size + o.constant) * kOutward<T>;
        const T side = known ? T(1) - T(2) * before[k] : (start >= 0 ? T(1) : T(-1));
        CHECK(inactive[k] == (side > 0 ? T(0) : T(1)));
        const T inverse = T(1) / fact.norm * kInward<T>;
        const T margin = side * start * kInward<T> - error * kOutward<T>;
        const T distance = margin * inverse * kInward<T>;
        if (distance > o.reach) continue;
        REQUIRE(next < static_cast<std::size_t>(found));
        CHECK(positions[next] == static_cast<NeuronId>(k));
        CHECK(same(unstable[next].start, start));
        CHECK(same(unstable[next].error, error));
        CHECK(unstable[next].blur == (fact.scale * o.scale_blur + fact.norm * o.norm_blur) * kOutward<T>);
        CHECK(unstable[next].scale == fact.scale);
        CHECK(unstable[next].inverse == inverse);
        CHECK(unstable[next].side == side);
        CHECK(unstable[next].slope == 0);
        CHECK(unstable[next].id == all.ids[k]);
        CHECK(same(safe[next], distance));
        ++next;
      }
      CHECK(next == static_cast<std::size_t>(found));
    }
  }
}

TEST_CASE_TEMPLATE("bound_by_copies tells who is sure and how far, in place or not", T, float, double) {
  const T nan = std::numeric_limits<T>::quiet_NaN();
  for (const bool fresh : {true, false}) {
    for (const Index count : {0, 1, 7, 8, 15, 16, 17, 31, 100}) {
      CAPTURE(count);
      RandomStream random(2, RandomPurpose::weights);
      constexpr Index kRows = 9, kStride = 32;
      std::vector<std::int8_t> copies(kRows * kStride);
      std::vector<std::int16_t> integers(kStride);
      for (std::int8_t& each : copies) each = static_cast<std::int8_t>(static_cast<int>(random.below(255)) - 127);
      for (std::int16_t& each : integers) each = static_cast<std::int16_t>(static_cast<int>(random.below(401)) - 200);
      const auto room = static_cast<std::size_t>(2 * count + kSelectSlack);
      std::vector<UnstableNeuron<T>> unstable(room);
      for (UnstableNeuron<T>& each : unstable)
        each = {random.below(20) == 0 ? nan : static_cast<T>(random.normal() / 10),
                static_cast<T>(random.uniform() / 50),
                static_cast<T>(random.uniform() / 20),
                static_cast<T>(random.uniform() / 50),
                static_cast<T>(random.uniform()),
                random.below(2) == 0 ? T(1) : T(-1),
                static_cast<T>(random.normal() / 10),
                static_cast<NeuronId>(random.below(kRows))};
      const LinePoint<T> point{T(1e-4), T(0.25), T(0.0625), T(2.5), T(0.5)};
      std::vector<NeuronId> which(room), expected;
      std::vector<T> safe(room, T(-7)), products(room), expected_products;
      for (std::size_t j = 0; j < static_cast<std::size_t>(count); ++j)
        which[j] = static_cast<NeuronId>(fresh ? j : 2 * j + random.below(2));
      std::vector<UnstableNeuron<T>> after = unstable;
      std::vector<T> safe_after = safe;
      for (std::size_t j = 0; j < static_cast<std::size_t>(count); ++j) {
        UnstableNeuron<T>& one = after[static_cast<std::size_t>(which[j])];
        std::int32_t whole = 0;
        for (Index i = 0; i < kStride; ++i)
          whole += copies[static_cast<std::size_t>(one.id * kStride + i)] * integers[static_cast<std::size_t>(i)];
        const T product = static_cast<T>(whole) * (one.scale * point.offset_scale);
        if (fresh) one.slope = product;
        const T here = one.side * (one.start + product), there = here + one.side * (one.slope * point.rest);
        const T least = here < there ? here : there;
        const T margin = least * kInward<T> - (one.error + one.blur * point.blurred) * kOutward<T>;
        safe_after[static_cast<std::size_t>(which[j])] =
            (margin * one.inverse * kInward<T> + point.path_length) * kInward<T>;
        const T sure = here * kInward<T>, bar = (one.error + one.blur * point.away) * kOutward<T>;
        if (sure > bar) continue;
        expected.push_back(which[j]);
        expected_products.push_back(product);
      }
      const OffsetCopies offset{copies.data(), kStride, integers.data()};
      const Index found = bound_by_copies(unstable.data(), safe.data(), fresh ? nullptr : which.data(), count, offset,
                                          point, which.data(), products.data());
      which.resize(static_cast<std::size_t>(found));
      products.resize(which.size());
      CHECK(which == expected);
      CHECK(products == expected_products);
      for (std::size_t k = 0; k < room; ++k) {
        CHECK(same(safe[k], safe_after[k]));
        CHECK(unstable[k].slope == after[k].slope);
      }
    }
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
    const T squares = take_residual(offset.data(), s, direction.data(), d, residual.data());
    CHECK(residual.back() == 7);
    residual.pop_back();
    CHECK(residual == expected);
    CHECK(squares == inner_product(change.data(), change.data(), d));
  }
}

TEST_SUITE_END();
