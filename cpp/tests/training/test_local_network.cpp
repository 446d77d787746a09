// Going from point to point must give what looking at every candidate afresh gives.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "sublinear/kernels/inner_product.hpp"
#include "training/local_network.hpp"
#include "training/problem.hpp"
#include "training/walks.hpp"

using namespace sublinear;
using namespace sublinear::testing;

TEST_CASE_TEMPLATE("a walk sees the neurons that fire at every point of it", T, float, double) {
  const Index width = 400, d = 9;
  const auto gaussian = Problem<T>(4, d, "logistic").network(width, "gao", false, 0.8);
  const auto integers = integer_network<T>(width, d, 4);
  std::vector<NeuronId> all(static_cast<std::size_t>(width));
  std::iota(all.begin(), all.end(), 0);
  for (const auto* network : {&gaussian, &integers}) {
    const RowFacts<T> facts(*network, 1);
    LocalNetwork<T> local;
    for (const double length : {1e-9, 1e-3, 0.05, 1.0, 30.0}) {
      for (std::uint64_t walk = 0; walk < 12; ++walk) {
        RandomStream random(walk, RandomPurpose::attack);
        std::vector<T> x(static_cast<std::size_t>(d));
        for (T& v : x) v = static_cast<T>(static_cast<double>(random.below(5)) - 2);
        local.attach(*network, facts, {{all.data(), width, {}}});
        for (int step = 0; step < 15; ++step) {
          local.evaluate(x.data());
          CHECK(local.fired() == fires_at(*network, x));
          for (T& v : x)
            v += static_cast<T>(length * (network == &integers ? std::round(random.normal()) : random.normal()));
        }
      }
    }
  }
}

TEST_CASE_TEMPLATE("short steps ask only the neurons near their threshold", T, float, double) {
  const Index width = 4096, d = 32;
  const Problem<T> problem(4, d, "logistic");
  const auto network = problem.network(width);
  const RowFacts<T> facts(network, 1);
  std::vector<NeuronId> all(static_cast<std::size_t>(width));
  std::iota(all.begin(), all.end(), 0);
  LocalNetwork<T> local;
  local.attach(network, facts, {{all.data(), width, {}}});
  std::vector<T> x(problem.inputs.begin(), problem.inputs.begin() + d);
  local.evaluate(x.data());
  CHECK(local.take_work().inner_products == width);
  for (int step = 0; step < 10; ++step) {
    x[static_cast<std::size_t>(step)] += T(0.005);
    local.evaluate(x.data());
  }
  const Work work = local.take_work();
  const std::int64_t rows_read = work.inner_products - work.quantized;
  CHECK(rows_read > 0);
  CHECK(rows_read < width / 20);
  CHECK(work.quantized > rows_read);
  CHECK(work.quantized < 10 * width);
}

TEST_CASE_TEMPLATE("the gradient of one output follows the neurons that change sides", T, float, double) {
  const Index width = 600, d = 12;
  const Problem<T> problem(5, d, "squared");
  const auto network = problem.network(width, "ntk", false, 0.6);
  const RowFacts<T> facts(network, 1);
  std::vector<NeuronId> all(static_cast<std::size_t>(width));
  std::iota(all.begin(), all.end(), 0);
  const auto loss = make_loss("squared");
  LocalNetwork<T> local;
  for (Index i = 0; i < problem.n; ++i) {
    RandomStream random(static_cast<std::uint64_t>(i), RandomPurpose::attack);
    std::vector<T> x(problem.inputs.begin() + i * d, problem.inputs.begin() + (i + 1) * d),
        gradient(static_cast<std::size_t>(d));
    local.attach(network, facts, {{all.data(), width, {}}});
    for (int step = 0; step < 12; ++step) {
      local.evaluate(x.data());
      local.input_gradient(*loss, 0.25, gradient.data());
      // In double, afresh: scale * (f - y) * sum over the fired neurons of a_r w_r.
      double f = 0;
      std::vector<double> slope(static_cast<std::size_t>(d));
      for (const NeuronId r : fires_at(network, x)) {
        double z = -static_cast<double>(network.threshold());
        for (Index j = 0; j < d; ++j) {
          const double w = static_cast<double>(network.weights()[r * d + j]);
          z += w * static_cast<double>(x[static_cast<std::size_t>(j)]);
          slope[static_cast<std::size_t>(j)] += static_cast<double>(network.output_weights()[r]) * w;
        }
        f += static_cast<double>(network.output_weights()[r]) * z;
      }
      const double scale = static_cast<double>(network.scale());
      const double tolerance = sizeof(T) == 4 ? 2e-5 : 1e-13;
      for (Index j = 0; j < d; ++j)
        CHECK(std::abs(static_cast<double>(gradient[static_cast<std::size_t>(j)]) -
                       scale * (scale * f - 0.25) * slope[static_cast<std::size_t>(j)]) < tolerance);
      for (T& v : x) v += static_cast<T>(0.1 * random.normal());
    }
  }
}

namespace {

// An input that is visited again and again while rows move: what a finder keeps for it between visits.
template <class T>
struct Kept {
  std::vector<T> x;
  std::vector<NeuronId> candidates;
  std::vector<CachedProduct<T>> cached;
};

// Moves some rows by about `step` and notes it.
template <class T>
void move_some(TwoLayerNetwork<T>& network, RowFacts<T>& facts, double step, bool whole, RandomStream& random) {
  const Index d = network.dimension();
  T* const weights = network.change_weights();
  for (Index r = 0; r < network.width(); ++r) {
    if (random.below(3) != 0) continue;
    double squares = 0;
    for (Index j = 0; j < d; ++j) {
      T& w = weights[r * d + j];
      const T before = w;
      w += static_cast<T>(whole ? static_cast<double>(random.below(3)) - 1 : step * random.normal());
      squares += std::pow(static_cast<double>(w) - static_cast<double>(before), 2);
    }
    facts.note_move(static_cast<NeuronId>(r), weights + r * d, std::sqrt(squares) * (1 + 1e-12));
  }
}

}  // namespace

TEST_CASE_TEMPLATE("products cached in earlier visits never hide who fires, however rows and attacks move", T, float,
                   double) {
  const Index width = 300, d = 9;
  const std::vector<double> steps{0, 1e-8, 1e-3, 0.03, 1};
  for (const bool whole : {false, true}) {  // whole numbers: products on the threshold, to the last bit
    for (const double step : steps) {
      for (const double reach : {0.0, 1e-6, 0.05, 2.0}) {
        auto network = whole ? integer_network<T>(width, d, 4) : Problem<T>(4, d, "logistic").network(width, "gao");
        RowFacts<T> facts(network, 1);
        RandomStream random(7, RandomPurpose::attack);
        std::vector<Kept<T>> inputs(3);
        for (Kept<T>& input : inputs) {
          for (Index j = 0; j < d; ++j)
            input.x.push_back(static_cast<T>(whole ? static_cast<double>(random.below(5)) - 2 : random.normal() / 3));
          input.candidates.resize(static_cast<std::size_t>(width));
          std::iota(input.candidates.begin(), input.candidates.end(), 0);
          input.cached.resize(static_cast<std::size_t>(width));
        }
        LocalNetwork<T> local;
        for (int visit = 0; visit < 8; ++visit) {
          for (Kept<T>& input : inputs) {
            const CandidateView<T> view{input.candidates.data(), width, input.cached.data()};
            local.attach(network, facts, {view, visit % 2 == 0, reach});
            std::vector<T> x = input.x, way(static_cast<std::size_t>(d));
            for (T& w : way) w = static_cast<T>(random.normal());
            for (int k = 0; k < 6; ++k) {
              local.evaluate(x.data());
              CHECK(local.fired() == fires_at(network, x));
              for (std::size_t j = 0; j < x.size(); ++j)
                x[j] += static_cast<T>(whole ? static_cast<double>(random.below(2))
                                             : reach * (0.1 * static_cast<double>(way[j]) + 0.02 * random.normal()));
            }
          }
          if (step > 0) move_some(network, facts, step, whole, random);
        }
      }
    }
  }
}

TEST_CASE_TEMPLATE("a second visit reads few rows", T, float, double) {
  const Index width = 4096, d = 32;
  const Problem<T> problem(4, d, "logistic");
  const auto network = problem.network(width);
  const RowFacts<T> facts(network, 1);
  std::vector<NeuronId> all(static_cast<std::size_t>(width));
  std::iota(all.begin(), all.end(), 0);
  std::vector<CachedProduct<T>> cached(static_cast<std::size_t>(width));
  LocalNetwork<T> local;
  std::vector<std::int64_t> asked;
  for (int visit = 0; visit < 3; ++visit) {
    local.attach(network, facts, {{all.data(), width, cached.data()}, true, 0.05});
    std::vector<T> x(problem.inputs.begin(), problem.inputs.begin() + d);
    for (int step = 0; step < 6; ++step) {
      local.evaluate(x.data());
      x[1] += T(0.01);
    }
    const Work work = local.take_work();
    asked.push_back(work.inner_products - work.quantized);
  }
  CHECK(asked[0] >= width);
  CHECK(asked[1] < width / 100);
  CHECK(asked[2] == asked[1]);
}

TEST_CASE_TEMPLATE("rows of any size, and points that are no numbers, are no reason to guess", T, float, double) {
  const Index d = 5;
  const T huge = std::numeric_limits<T>::max() / 4, tiny = std::numeric_limits<T>::denorm_min();
  const T nan = std::numeric_limits<T>::quiet_NaN();
  // Of some rows no copy in 8 bits can be made; of others it says nothing.
  std::vector<T> weights;
  for (const T scale : {T(0), tiny, 100 * tiny, T(1e-20), T(1), T(1e15), huge})
    for (int k = 0; k < 4; ++k)
      for (Index j = 0; j < d; ++j) weights.push_back(scale * static_cast<T>((3 * k + 2 * j) % 5 - 2) / 2);
  const auto width = static_cast<Index>(weights.size()) / d;
  const std::vector<T> outputs(static_cast<std::size_t>(width), T(1));
  for (const T threshold : {T(0), T(1)}) {
    const TwoLayerNetwork<T> network({weights.data(), width, d}, outputs.data(), 1, nullptr, threshold, 1,
                                     Activation::shifted);
    const RowFacts<T> facts(network, 1);
    std::vector<NeuronId> all(static_cast<std::size_t>(width));
    std::iota(all.begin(), all.end(), 0);
    LocalNetwork<T> local;
    local.attach(network, facts, {{all.data(), width, {}}, false, 0.1});
    RandomStream random(1, RandomPurpose::attack);
    std::vector<T> x(static_cast<std::size_t>(d), T(0.5));
    for (const T step : {T(0), tiny, T(1e-30), T(1e-3), T(0.1), T(0.1), T(10), huge, nan, T(0)}) {
      for (T& v : x) v = T(0.5) + step * static_cast<T>(random.uniform() - 0.5);
      local.evaluate(x.data());
      CAPTURE(step);
      CHECK(local.fired() == fires_at(network, x));
    }
  }
}

TEST_CASE("overflow and underflow on the way leave a question open") {
  struct Walk {
    double weight, bias, threshold, reach;
    std::vector<double> points;
  };
  const auto check = [](const std::vector<Walk>& walks, auto type) {
    using T = decltype(type);
    for (const Walk& walk : walks) {
      CAPTURE(walk.weight);
      const T weight = static_cast<T>(walk.weight), bias = static_cast<T>(walk.bias), output = 1;
      const TwoLayerNetwork<T> network({&weight, 1, 1}, &output, 1, &bias, static_cast<T>(walk.threshold), 1,
                                       Activation::shifted);
      const RowFacts<T> facts(network, 1);
      const NeuronId only = 0;
      LocalNetwork<T> local;
      local.attach(network, facts, {{&only, 1, {}}, false, walk.reach});
      for (const double point : walk.points) {
        const std::vector<T> x{static_cast<T>(point)};
        local.evaluate(x.data());
        CHECK(local.fired() == fires_at(network, x));
      }
    }
  };
  check({{1e20, 0, 1, 1e19, {4e18, -1e18}},
         {1e30, 3.4e38, 3.4e38, 2e7, {1e7, -1e7}},
         {1e-21, 5e-22, 0, 1, {0, -1e-20, -0.9}},
         {2e-39, 3e-35, 0, 1e6, {0, -1e6}}},
        float{});
  check({{1e-161, 5e-162, 0, 1, {0, -1e-159, -0.9}}, {1e300, 1e308, 1e308, 1e9, {1e7, -1e8}}}, double{});
}
