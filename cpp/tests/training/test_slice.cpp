#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "sublinear/kernels/random.hpp"
#include "training/attack_driver.hpp"
#include "training/input_block.hpp"
#include "training/local_network.hpp"
#include "training/problem.hpp"
#include "training/slice.hpp"

using namespace sublinear;
using namespace sublinear::testing;

namespace {

// A uniform point of the slice in d dimensions.
template <class T>
std::vector<T> slice_point(RandomStream& random, Index d) {
  std::vector<double> point(static_cast<std::size_t>(d - 1));
  double squares = 0;
  for (double& v : point) {
    v = random.normal();
    squares += v * v;
  }
  std::vector<T> x;
  for (const double v : point) x.push_back(static_cast<T>(kSliceRadius * v / std::sqrt(squares)));
  x.push_back(T(0.5));
  return x;
}

template <class A, class B>
double distance(const std::vector<A>& a, const std::vector<B>& b) {
  double squares = 0;
  for (std::size_t j = 0; j < a.size(); ++j) {
    const double step = static_cast<double>(a[j]) - static_cast<double>(b[j]);
    squares += step * step;
  }
  return std::sqrt(squares);
}

template <class T>
double length(const std::vector<T>& v) {
  return distance(v, std::vector<T>(v.size()));
}

template <class T>
std::vector<double> sum(const std::vector<T>& a, const std::vector<T>& b) {
  std::vector<double> result;
  for (std::size_t j = 0; j < a.size(); ++j) result.push_back(static_cast<double>(a[j]) + static_cast<double>(b[j]));
  return result;
}

// The least distance from p of a point of the slice within `radius` of x: a fine grid of the slice, for d = 3 and 4.
template <class T>
double nearest_of_grid(const std::vector<T>& x, double radius, const std::vector<double>& p) {
  constexpr int kSteps = 400;
  const double pi = std::acos(-1.0);
  double best = 1e300;
  std::vector<double> v(x.size(), 0.5);
  const auto visit = [&] {
    if (distance(v, x) <= radius) best = std::min(best, distance(v, p));
  };
  for (int i = 0; i < 2 * kSteps; ++i) {
    const double angle = pi * i / kSteps, a = std::cos(angle) * kSliceRadius, b = std::sin(angle) * kSliceRadius;
    if (x.size() == 3) {
      v[0] = a;
      v[1] = b;
      visit();
      continue;
    }
    for (int k = 0; k <= kSteps; ++k) {
      const double across = std::sin(pi * k / kSteps);
      v[0] = across * a;
      v[1] = across * b;
      v[2] = std::cos(pi * k / kSteps) * kSliceRadius;
      visit();
    }
  }
  return best;
}

}  // namespace

TEST_CASE_TEMPLATE("projection onto the slice gives a nearest point of slice and ball", T, float, double) {
  RandomStream random(5, RandomPurpose::weights);
  int edges = 0, inner = 0;
  for (const Index d : {3, 4})
    for (const double radius : {0.2, 0.7, 1.7, 5.0})
      for (const double size : {0.01, 0.3, 3.0})
        for (int k = 0; k < 8; ++k) {
          CAPTURE(d);
          CAPTURE(radius);
          CAPTURE(size);
          const std::vector<T> x = slice_point<T>(random, d);
          std::vector<T> delta;
          for (Index j = 0; j < d; ++j) delta.push_back(static_cast<T>(size * random.normal()));
          const std::vector<double> p = sum(x, delta);
          project_to_slice(x.data(), d, radius, delta.data());
          const std::vector<double> v = sum(x, delta);
          CHECK(v.back() == 0.5);
          CHECK(length(v) == doctest::Approx(1).epsilon(1e-6));
          CHECK(length(delta) <= radius * (1 + 1e-6));
          (length(delta) > radius * (1 - 1e-6) ? edges : inner) += 1;
          // The grid is a hundredth of a radian wide; from its nearest point in the ball p is at most that much
          // further.
          const double best = nearest_of_grid(x, radius, p);
          CHECK(distance(v, p) <= best + 1e-6);
          CHECK(distance(v, p) >= best - 0.02);
        }
  CHECK(edges > 20);
  CHECK(inner > 20);
}

TEST_CASE_TEMPLATE("balls of every size keep the displacement, to rounding", T, float, double) {
  RandomStream random(6, RandomPurpose::weights);
  for (const Index d : {3, 20, 300})
    for (const double radius : {0.0, 1e-30, 1e-12, 1e-3, 0.5, 1.732})
      for (const double size : {1e-30, 1e-9, 1e-2, 1.0, 1e5}) {
        CAPTURE(d);
        CAPTURE(radius);
        CAPTURE(size);
        const std::vector<T> x = slice_point<T>(random, d);
        std::vector<T> delta, across(x.size()), out(x.size());
        for (Index j = 0; j < d; ++j) delta.push_back(static_cast<T>(size * random.normal()));
        project_to_slice(x.data(), d, radius, delta.data());
        for (std::size_t j = 0; j < x.size(); ++j) out[j] = x[j] + delta[j];
        CHECK_NOTHROW(check_in_ball(x.data(), out.data(), d, {radius, Norm::two}, T(1)));
        CHECK_NOTHROW(require_on_slice(Points<T>{out.data(), 1, d}));
        if (radius > 0 && size * std::sqrt(d) > 10 * radius && size < 1) CHECK(length(delta) > 0.3 * radius);
      }
}

TEST_CASE_TEMPLATE("the zero vector, the far side and a slice of two points are defined", T, float, double) {
  const T R = static_cast<T>(kSliceRadius);
  const auto project = [](std::vector<T> x, std::vector<T> delta, double radius) {
    project_to_slice(x.data(), static_cast<Index>(x.size()), radius, delta.data());
    return delta;
  };
  const std::vector<T> x{0, R, 0, T(0.5)};
  CHECK(project(x, {0, -R, 0, 7}, 0.3) == std::vector<T>(4));  // all points are equally near the axis
  CHECK(project(x, {0, 0, 0, 0}, 0.3) == std::vector<T>(4));
  CHECK(length(project(x, {0, 3, 0, 0}, 0.3)) < 1e-6);
  const std::vector<T> turned =
      project(x, {0, -3 * R, 0, 0}, 0.3);  // a circle of nearest points: towards the first axis
  CHECK(length(turned) == doctest::Approx(0.3));
  CHECK(turned[0] > T(0.29));
  CHECK(turned[2] == 0);
  const std::vector<T> opposite = project(x, {0, -3 * R, 0, 0}, 2);
  CHECK(opposite[1] == doctest::Approx(-2 * kSliceRadius));
  CHECK(project({R, T(0.5)}, {T(-0.9), 0}, 0.3) == std::vector<T>(2));
  CHECK(project({R, T(0.5)}, {T(-0.9), 0}, 1.8)[0] == doctest::Approx(-2 * kSliceRadius));
}

TEST_CASE_TEMPLATE("PGD on the slice stays there and in its ball at every step, and raises the loss", T, float,
                   double) {
  const Index d = 9;
  Problem<T> problem(10, d, "logistic");
  for (Index i = 0; i < problem.n; ++i) {
    T* const x = problem.inputs.data() + i * d;
    double squares = 0;
    for (Index j = 0; j + 1 < d; ++j) squares += static_cast<double>(x[j]) * static_cast<double>(x[j]);
    for (Index j = 0; j + 1 < d; ++j)
      x[j] = static_cast<T>(static_cast<double>(x[j]) * kSliceRadius / std::sqrt(squares));
    x[d - 1] = T(0.5);
  }
  const auto network = problem.network(256, "gao", false, 0.7);
  const auto loss = make_loss("logistic");
  std::vector<NeuronId> all(256);
  for (std::size_t r = 0; r < all.size(); ++r) all[r] = static_cast<NeuronId>(r);
  const RowFacts facts(network, 1);
  for (const bool random_start : {false, true})
    for (const double radius : {1e-20, 0.05, 0.5, 4.0}) {
      CAPTURE(radius);
      double clean = 0, robust = 0, fast = 0;
      for (int steps = 1; steps <= 8; ++steps) {  // the points of a run of eight steps, one by one
        PgdOptions options = pgd(radius, steps);
        options.domain = Domain::slice;
        options.random_start = random_start;
        options.step_size = steps == 1 && !random_start ? radius : radius / 3;
        const auto attack = make_pgd<T>(options);
        CHECK_NOTHROW(attack->check_inputs(problem.points()));
        CHECK(attack->ball().radius == doctest::Approx(std::min(radius, std::sqrt(3.0))));
        for (Index i = 0; i < problem.n; ++i) {
          const T* const x = problem.inputs.data() + i * d;
          const double label = problem.labels[static_cast<std::size_t>(i)];
          std::vector<T> out(static_cast<std::size_t>(d));
          LocalNetwork<T> local;
          local.attach(network, facts, {{all.data(), 256, {}}});
          local.evaluate(x);
          if (steps == 8) clean += local.loss(*loss, label);
          drive_attack(*attack, *attack->make_run(d), local, *loss, x, label, RandomStream(1, RandomPurpose::attack),
                       out.data());
          CHECK_NOTHROW(check_in_ball(x, out.data(), d, attack->ball(), network.threshold()));
          CHECK_NOTHROW(require_on_slice(Points<T>{out.data(), 1, d}));
          local.evaluate(out.data());
          if (steps == 8) robust += local.loss(*loss, label);
          if (steps == 1) fast += local.loss(*loss, label);
        }
      }
      if (radius > 1e-3 && radius < 1) CHECK(robust > clean);
      if (radius > 1e-3 && radius < 1 && !random_start) CHECK(fast > clean);
    }
}

TEST_CASE_TEMPLATE("inputs off the slice and options that do not fit it are refused", T, float, double) {
  PgdOptions options = pgd(0.1);
  options.domain = Domain::slice;
  const auto attack = make_pgd<T>(options);
  const T R = static_cast<T>(kSliceRadius), half = T(0.5);
  for (const std::vector<T>& bad :
       {std::vector<T>{R, 0, T(0.51)}, {R * T(1.001), 0, half}, {T(0.6), T(0.6), half}, {R, 0, -half}, {0, 0, half}})
    CHECK_THROWS_WITH_AS(attack->check_inputs(Points<T>{bad.data(), 1, 3}), doctest::Contains("on the slice"),
                         std::invalid_argument);
  const std::vector<T> good{0, -R, half};
  CHECK_NOTHROW(attack->check_inputs(Points<T>{good.data(), 1, 3}));
  const auto refused = [](auto change) {
    PgdOptions changed = pgd(0.1);
    changed.domain = Domain::slice;
    change(changed);
    CHECK_THROWS_WITH_AS(static_cast<void>(make_pgd<T>(changed)), doctest::Contains("on the slice"),
                         std::invalid_argument);
  };
  refused([](PgdOptions& o) { o.norm = Norm::infinity; });
  refused([](PgdOptions& o) { o.clip_low = 0; });
  refused([](PgdOptions& o) { o.clip_high = 1; });
  refused([](PgdOptions& o) { o.step_size = 1e7; });
}
