#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <vector>

#include "sublinear/kernels/errors.hpp"
#include "sublinear/kernels/random.hpp"
#include "sublinear/training/low_rank_layer.hpp"

using namespace sublinear;

namespace {

// Sparse vectors that own their memory.
template <class T>
struct Vectors {
  std::vector<std::vector<NeuronId>> ids;
  std::vector<std::vector<T>> values;

  // `draw` gives a value.
  template <class Draw>
  Vectors(Index count, Index dimension, double share, RandomStream& random, Draw&& draw) {
    for (Index i = 0; i < count; ++i) {
      ids.emplace_back();
      values.emplace_back();
      for (Index j = 0; j < dimension; ++j)
        if (random.uniform() < share) {
          ids.back().push_back(static_cast<NeuronId>(j));
          values.back().push_back(static_cast<T>(draw()));
        }
    }
  }

  [[nodiscard]] std::vector<SparseVector<T>> views() const {
    std::vector<SparseVector<T>> all;
    for (std::size_t i = 0; i < ids.size(); ++i)
      all.push_back({ids[i].data(), values[i].data(), static_cast<Index>(ids[i].size())});
    return all;
  }
};

template <class T>
std::vector<T> matrix(Index outputs, Index inputs, RandomStream& random) {
  std::vector<T> weights(static_cast<std::size_t>(outputs * inputs));
  for (T& w : weights) w = static_cast<T>(random.normal());
  return weights;
}

// What the layer is by definition, in the written order, with plain loops: W0 and a list of pairs.
template <class T>
struct Plain {
  Index outputs, inputs;
  std::vector<T> base;  // row-major
  Vectors<T> u, v;      // the pairs; empty at first

  Plain(Index m, Index d, const std::vector<T>& weights, RandomStream& random)
      : outputs(m), inputs(d), base(weights), u(0, m, 0, random, [] { return 0; }), v(0, d, 0, random, [] {
          return 0;
        }) {}

  T& at(Index r, Index j) { return base[static_cast<std::size_t>(r * inputs + j)]; }

  void add(const Vectors<T>& left, const Vectors<T>& right) {
    for (std::size_t t = 0; t < left.ids.size(); ++t) {
      u.ids.push_back(left.ids[t]);
      u.values.push_back(left.values[t]);
      v.ids.push_back(right.ids[t]);
      v.values.push_back(right.values[t]);
    }
  }

  void flush() {
    for (std::size_t t = 0; t < u.ids.size(); ++t)
      for (std::size_t k = 0; k < v.ids[t].size(); ++k)
        for (std::size_t l = 0; l < u.ids[t].size(); ++l)
          at(u.ids[t][l], v.ids[t][k]) += u.values[t][l] * v.values[t][k];
    u.ids.clear(), u.values.clear(), v.ids.clear(), v.values.clear();
  }

  std::vector<T> apply(const SparseVector<T>& x) {
    std::vector<T> dense(static_cast<std::size_t>(inputs)), out;
    for (Index k = 0; k < x.length; ++k) dense[static_cast<std::size_t>(x.ids[k])] = x.values[k];
    for (Index r = 0; r < outputs; ++r) {
      T sum = 0;
      for (Index k = 0; k < x.length; ++k) sum += x.values[k] * at(r, x.ids[k]);
      out.push_back(sum);
    }
    for (std::size_t t = 0; t < u.ids.size(); ++t) {
      T product = 0;
      for (std::size_t k = 0; k < v.ids[t].size(); ++k)
        product += v.values[t][k] * dense[static_cast<std::size_t>(v.ids[t][k])];
      for (std::size_t l = 0; l < u.ids[t].size(); ++l)
        out[static_cast<std::size_t>(u.ids[t][l])] += product * u.values[t][l];
    }
    return out;
  }
};

constexpr struct { Index outputs, inputs; } kShapes[] = {{1, 1}, {3, 40}, {128, 16}, {129, 64}, {300, 170}};

}  // namespace

TEST_CASE_TEMPLATE("a low-rank layer is W0 + U V^T, to the bit, through adding and flushing", T, float, double) {
  for (const auto& shape : kShapes)
    for (const int threads : {1, 3}) {
      INFO("outputs ", shape.outputs, ", inputs ", shape.inputs, ", threads ", threads);
      RandomStream random(static_cast<std::uint64_t>(shape.outputs), RandomPurpose::weights);
      const auto normal = [&] { return random.normal(); };
      const auto weights = matrix<T>(shape.outputs, shape.inputs, random);
      LowRankLayer<T> layer({weights.data(), shape.outputs, shape.inputs}, 1000);
      Plain<T> plain(shape.outputs, shape.inputs, weights, random);
      std::vector<T> out(static_cast<std::size_t>(5 * shape.outputs));
      std::vector<T> dense(weights.size());
      std::int64_t flushes = 0;
      for (int round = 0; round < 12; ++round) {
        const auto u = Vectors<T>(4, shape.outputs, 0.3, random, normal);
        const auto v = Vectors<T>(4, shape.inputs, 0.3, random, normal);
        layer.add_rank(u.views().data(), v.views().data(), 4, threads);
        plain.add(u, v);
        if (random.uniform() < 0.3) {
          flushes += layer.rank() > 0 ? 1 : 0;
          layer.flush(threads);
          plain.flush();
          CHECK(layer.rank() == 0);
        }
        const auto x = Vectors<T>(5, shape.inputs, 0.4, random, normal);
        const auto views = x.views();
        layer.apply(views.data(), 5, threads, out.data());
        for (Index i = 0; i < 5; ++i) {
          const auto expected = plain.apply(views[static_cast<std::size_t>(i)]);
          for (Index r = 0; r < shape.outputs; ++r)
            REQUIRE(out[static_cast<std::size_t>(i * shape.outputs + r)] == expected[static_cast<std::size_t>(r)]);
        }
        Plain<T> folded = plain;
        folded.flush();
        layer.write_dense(threads, dense.data());
        REQUIRE(std::memcmp(dense.data(), folded.base.data(), dense.size() * sizeof(T)) == 0);
      }
      CHECK(layer.flushes() == flushes);
    }
}

TEST_CASE_TEMPLATE("where sums are exact it does not matter when a layer is flushed", T, float, double) {
  constexpr Index kOutputs = 140, kInputs = 90;
  RandomStream random(8, RandomPurpose::weights);
  const auto small = [&] { return static_cast<double>(random.below(7)) - 3; };
  std::vector<T> weights(kOutputs * kInputs);
  for (T& w : weights) w = static_cast<T>(small());
  std::vector<LowRankLayer<T>> layers;
  for (const Index limit : {0, 1, 5, 1000}) layers.emplace_back(Points<T>{weights.data(), kOutputs, kInputs}, limit);
  std::vector<T> first(3 * kOutputs), other(3 * kOutputs);
  for (int round = 0; round < 40; ++round) {
    const auto u = Vectors<T>(3, kOutputs, 0.2, random, small);
    const auto v = Vectors<T>(3, kInputs, 0.2, random, small);
    const auto x = Vectors<T>(3, kInputs, 0.2, random, small);
    for (auto& layer : layers) layer.add_rank(u.views().data(), v.views().data(), 3, 2);
    layers[0].apply(x.views().data(), 3, 1, first.data());
    for (const auto& layer : layers) {
      layer.apply(x.views().data(), 3, 2, other.data());
      REQUIRE(first == other);
    }
  }
  CHECK(layers[0].flushes() > 2);
  CHECK(layers[1].flushes() == 40);
  CHECK(layers[2].flushes() == 20);
  CHECK(layers[2].rank() == 0);
  CHECK(layers[3].flushes() == 0);
  CHECK(layers[3].rank() == 120);
  CHECK(layers[3].bytes() > layers[1].bytes());
}

TEST_CASE("a layer counts what it does, and flushes when its pairs have cost what a flush moves") {
  constexpr Index kOutputs = 50, kInputs = 20;
  RandomStream random(4, RandomPurpose::weights);
  const auto weights = matrix<double>(kOutputs, kInputs, random);
  LowRankLayer<double> layer({weights.data(), kOutputs, kInputs});
  CHECK(layer.rank_limit() == 0);
  CHECK(LowRankLayer<double>({weights.data(), kOutputs, kInputs}, 7).rank_limit() == 7);
  // Each pair: 3 outputs, 2 of the inputs 0 ... 3. So 4 columns are touched, and a flush moves 200 entries.
  const NeuronId u_ids[] = {1, 7, 49}, v_ids[2][2] = {{0, 2}, {1, 3}};
  const double ones[] = {1, 1, 1};
  const SparseVector<double> u[] = {{u_ids, ones, 3}, {u_ids, ones, 3}, {}},
                             v[] = {{v_ids[0], ones, 2}, {v_ids[1], ones, 2}, {v_ids[0], ones, 2}};
  std::vector<double> out(kOutputs);
  std::int64_t extra = 0, pending = 0;
  int flushes = 0;
  for (int step = 0; step < 30; ++step) {
    const NeuronId x_ids[] = {2, 3, 5};
    const SparseVector<double> x = {x_ids, ones, 3};
    const LowRankWork applied = layer.apply(&x, 1, 1, out.data());
    CHECK(applied.base == 3 * kOutputs);
    CHECK(applied.low_rank == layer.rank() * (1 + 3));    // each pair meets one component of x
    const LowRankWork work = layer.add_rank(u, v, 3, 1);  // the third pair is empty, but was a product
    extra += 3 * pending;
    pending += 2 * 3;
    if (extra >= 4 * kOutputs) {
      CHECK(work.folded == pending * 2);
      CHECK(work.streamed == 4 * kOutputs);
      extra = pending = 0;
      ++flushes;
    } else {
      CHECK(work == LowRankWork());
    }
    CHECK(layer.rank() == pending / 3);
  }
  CHECK(flushes > 2);
  CHECK(layer.flushes() == flushes);
  layer.flush(1);
  CHECK(layer.flush(1) == LowRankWork());
  LowRankWork sum{1, 2, 3, 4, 5};
  sum += {10, 20, 30, 40, 50};
  CHECK(sum == LowRankWork{11, 22, 33, 44, 55});
  CHECK(sum.multiply_adds() == 11 + 22 + 33 + 55);
}

TEST_CASE("a layer refuses what does not fit and stays as it was") {
  const float weights[] = {1, 2, 3, 4, 5, 6}, bad[] = {1, std::numeric_limits<float>::infinity()};
  const auto make = [&](const float* w, Index outputs, Index inputs, Index limit) {
    return LowRankLayer<float>({w, outputs, inputs}, limit);
  };
  CHECK_THROWS_AS(make(weights, 0, 2, 0), std::invalid_argument);
  CHECK_THROWS_AS(make(weights, 2, 0, 0), std::invalid_argument);
  CHECK_THROWS_AS(make(weights, 2, 3, -1), std::invalid_argument);
  CHECK_THROWS_AS(make(bad, 1, 2, 0), std::invalid_argument);
  CHECK_THROWS_AS(make(weights, Index{1} << 31, 3, 0), std::length_error);
  CHECK_THROWS_AS(make(weights, 2, Index{1} << 31, 0), std::length_error);

  auto layer = make(weights, 2, 3, 100);
  const NeuronId up[] = {0, 1, 2}, down[] = {1, 0}, twice[] = {1, 1}, beyond[] = {0, 3}, below[] = {-1, 0};
  const float ones[] = {1, 1, 1}, huge[] = {3e20F, 3e20F, 3e20F};
  float out[4];
  const SparseVector<float> fine = {up, ones, 2};
  for (const SparseVector<float> wrong :
       {SparseVector<float>{down, ones, 2}, SparseVector<float>{twice, ones, 2}, SparseVector<float>{beyond, ones, 2},
        SparseVector<float>{below, ones, 2}, SparseVector<float>{up, bad, 2}}) {
    const SparseVector<float> vectors[] = {fine, wrong}, fines[] = {fine, fine};
    CHECK_THROWS_AS(layer.apply(vectors, 2, 1, out), std::invalid_argument);
    CHECK_THROWS_AS(layer.add_rank(vectors, fines, 2, 1), std::invalid_argument);
    CHECK_THROWS_AS(layer.add_rank(fines, vectors, 2, 1), std::invalid_argument);
  }
  const SparseVector<float> long_one = {up, ones, 3};
  CHECK_THROWS_AS(layer.add_rank(&long_one, &fine, 1, 1), std::invalid_argument);  // U has 2 components
  const SparseVector<float> large = {up, huge, 2};
  CHECK_THROWS_AS(layer.add_rank(&large, &large, 1, 1), DivergenceError);
  CHECK_THROWS_AS(layer.add_rank(&fine, &fine, 1, -1), std::invalid_argument);
  CHECK(layer.rank() == 0);
  float dense[6];
  layer.write_dense(1, dense);
  CHECK(std::memcmp(dense, weights, sizeof dense) == 0);
  CHECK(layer.apply(nullptr, 0, 1, nullptr) == LowRankWork());
}
