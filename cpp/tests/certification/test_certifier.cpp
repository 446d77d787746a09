// Certificates are never contradicted: by points all over the ball, by attacks, at any magnitude.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "certification/curvature.hpp"
#include "certification/linear_bounds.hpp"
#include "certification/lower_sum.hpp"
#include "certification/margin_problem.hpp"
#include "certification/quadratic_bound.hpp"
#include "sublinear/certification/certifier.hpp"
#include "sublinear/training/predictor.hpp"
#include "training/problem.hpp"

using namespace sublinear;
using namespace sublinear::testing;

namespace {

// A point of T inside the ball, in exact arithmetic; most lie on its border or in corners.
template <class T>
std::vector<T> point_in_ball(const T* x, Index d, Ball ball, RandomStream& random) {
  std::vector<double> delta(static_cast<std::size_t>(d));
  double squares = 0, largest = 0;
  for (double& v : delta) {
    v = ball.norm == Norm::two ? random.normal() : (random.uniform() < 0.5 ? -1 : 1);
    squares += v * v;
    largest = std::max(largest, std::abs(v));
  }
  const double size = ball.norm == Norm::two ? std::sqrt(squares) : largest;
  const double length = ball.radius * (random.uniform() < 0.7 ? 1 : random.uniform()) / size;
  std::vector<T> p(x, x + d);
  for (std::size_t j = 0; j < p.size(); ++j) {
    const double shrink = 1 - 1e-6;  // what rounding to T may add
    p[j] = static_cast<T>(static_cast<double>(p[j]) + shrink * length * delta[j]);
  }
  return p;
}

template <class T>
double margin_at(const Predictor<T>& predictor, const T* p, double label) {
  const Index c = predictor.network().outputs();
  std::vector<T> f(static_cast<std::size_t>(c));
  predictor.decision_function({p, 1, predictor.network().dimension()}, 1, f.data());
  if (c == 1) return label * static_cast<double>(f[0]);
  double margin = std::numeric_limits<double>::infinity();
  for (Index k = 0; k < c; ++k)
    if (k != static_cast<Index>(label))
      margin = std::min(margin, static_cast<double>(f[static_cast<std::size_t>(label)]) -
                                    static_cast<double>(f[static_cast<std::size_t>(k)]));
  return margin;
}

struct Variant {
  const char* loss;
  const char* init;
  double kappa;
};

// Certifies at several radii and looks at what is said; returns how many were certified.
template <class T>
int check_variant(const Variant& variant, Norm norm, double magnitude) {
  Problem<T> problem(12, 5, variant.loss);
  TwoLayerNetwork<T> network = problem.network(48, variant.init, false, variant.kappa);
  for (T& v : problem.inputs) v = static_cast<T>(static_cast<double>(v) * magnitude);
  const Predictor<T> predictor(network.clone(), "", norm, 1);
  const Certifier<T> certifier(network.clone(), norm, "", 1);
  std::vector<double> labels(problem.labels);
  for (Index i = 0; i < problem.n; ++i) {  // what the network says, so that there is something to certify
    const T* x = problem.points().row(i);
    if (problem.outputs == 1) labels[static_cast<std::size_t>(i)] = margin_at(predictor, x, 1.0) >= 0 ? 1.0 : -1.0;
    for (Index k = 0; k < problem.outputs && problem.outputs > 1; ++k)
      if (margin_at(predictor, x, static_cast<double>(k)) > 0)
        labels[static_cast<std::size_t>(i)] = static_cast<double>(k);
  }
  RandomStream random(5, RandomPurpose::weights, {1});
  int count = 0;
  for (const double share : {0.003, 0.03, 0.1, 0.3})
    for (const Index branches : {Index{0}, Index{12}}) {
      const Ball ball{share * magnitude * (norm == Norm::two ? 1 : 0.5), norm};
      const std::vector<double> radii(static_cast<std::size_t>(problem.n), ball.radius);
      std::vector<Certificate> found(static_cast<std::size_t>(problem.n));
      std::vector<T> ends(problem.inputs.size());
      CertifierOptions options;
      options.branches = branches;
      certifier.certify(problem.points(), labels.data(), radii.data(), options, 2, found.data(), ends.data());
      for (Index i = 0; i < problem.n; ++i) {
        const Certificate& each = found[static_cast<std::size_t>(i)];
        const double label = labels[static_cast<std::size_t>(i)];
        CAPTURE(variant.init);
        CAPTURE(i);
        CAPTURE(ball.radius);
        CHECK((each.verdict == Verdict::certified) == (each.margin > 0 && each.verdict != Verdict::broken));
        if (each.verdict == Verdict::broken) CHECK(margin_at(predictor, ends.data() + i * problem.d, label) <= 0);
        count += each.verdict == Verdict::certified;
        for (int k = 0; k < 60; ++k) {
          const std::vector<T> p = point_in_ball(problem.points().row(i), problem.d, ball, random);
          CHECK(margin_at(predictor, p.data(), label) >= each.margin);
        }
      }
    }
  return count;
}

}  // namespace

TEST_CASE_TEMPLATE("no point of a ball has a smaller margin than the certificate says", T, float, double) {
  const Variant variants[] = {{"cross-entropy", "ntk", -1},
                              {"logistic", "ntk", 0.2},
                              {"cross-entropy", "zhang", -1},
                              {"logistic", "gao", -1},
                              {"cross-entropy", "gao", 0.3}};
  for (const Variant& variant : variants)
    for (const Norm norm : {Norm::two, Norm::infinity}) CHECK(check_variant<T>(variant, norm, 1.0) > 8);
}

TEST_CASE_TEMPLATE("magnitudes at which numbers overflow or underflow certify nothing that is wrong", T, float,
                   double) {
  const double huge = static_cast<double>(std::numeric_limits<T>::max());
  for (const double magnitude : {huge / 8, std::sqrt(huge), 1e6, 1e-6, 1 / std::sqrt(huge), 16 / huge})
    for (const Norm norm : {Norm::two, Norm::infinity}) {
      CAPTURE(magnitude);
      static_cast<void>(check_variant<T>({"cross-entropy", "zhang", -1}, norm, magnitude));
      static_cast<void>(check_variant<T>({"logistic", "gao", -1}, norm, magnitude));
    }
}

TEST_CASE_TEMPLATE("a network of one neuron is certified exactly up to its threshold", T, float, double) {
  // f = 1 - relu(x): the margin of +1 is 1 - r over the ball of radius r around 0.
  const T weights[] = {1, 1}, biases[] = {0, 1000}, outputs[] = {-1, T(0.001)};
  TwoLayerNetwork<T> network({weights, 2, 1}, outputs, 1, biases, 0, 1, Activation::shifted);
  const T x[] = {0};
  const double label = 1;
  for (const Norm norm : {Norm::two, Norm::infinity}) {
    const Certifier<T> certifier(network.clone(), norm);
    for (const double radius : {0.5, 0.99, 1.01, 3.0}) {
      Certificate found;
      T end;
      certifier.certify({x, 1, 1}, &label, &radius, {}, 1, &found, &end);
      CAPTURE(radius);
      CHECK(found.verdict == (radius < 1 ? Verdict::certified : Verdict::broken));
      if (radius < 1) CHECK(found.margin == doctest::Approx(1 - radius).epsilon(0.01));
      if (radius > 1) CHECK((end > 1 && static_cast<double>(end) <= radius));
    }
  }
}

TEST_CASE("a sum's lower end is below the exact sum") {
  RandomStream random(3, RandomPurpose::weights, {});
  for (int k = 0; k < 200; ++k) {
    LowerSum sum;
    long double exact = 0;
    for (int j = 0; j < 400; ++j) {
      const double term = random.normal() * std::pow(10.0, 30 * random.uniform() - 15);
      sum.add(term);
      exact += static_cast<long double>(term);
    }
    CHECK(static_cast<long double>(sum.lower()) <= exact);
  }
}

TEST_CASE("a sum with a term that is not finite proves nothing") {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double term : {infinity, -infinity, std::numeric_limits<double>::quiet_NaN()}) {
    LowerSum sum;
    sum.add(1);
    sum.add(term);
    CHECK(sum.lower() == -infinity);
  }
}

TEST_CASE("bounds of a problem are below it everywhere, and tighter ones are tighter") {
  const Problem<double> problem(6, 6, "cross-entropy");
  for (const char* init : {"zhang", "gao"}) {
    const TwoLayerNetwork<double> network = problem.network(200, init);
    const RowNorms norms(network, Norm::two);
    std::vector<NeuronId> all(200);
    for (std::size_t r = 0; r < all.size(); ++r) all[r] = static_cast<NeuronId>(r);
    const Ball ball{0.25, Norm::two};
    RandomStream random(9, RandomPurpose::weights, {2});
    for (Index i = 0; i < problem.n; ++i) {
      const Neighbourhood near = neighbourhood(network, norms, problem.points().row(i), ball.radius, all.data(), 200);
      CHECK(near.unstable.size() > 10);
      const MarginProblem margin = margin_problem(network, near, {0, 1, 1});
      const std::vector<Side> open(near.unstable.size(), Side::open);
      QuadraticBound quadratic(near, margin, open);
      const double bounds[] = {interval_bound(near, margin), linear_bound(near, margin, open), quadratic.maximize(25)};
      if (near.step == 0) CHECK(bounds[2] > std::max(bounds[0], bounds[1]));
      const Predictor<double> predictor(network.clone(), "", Norm::two, 1);
      double least = std::numeric_limits<double>::infinity();
      for (int k = 0; k < 400; ++k) {
        const std::vector<double> p = point_in_ball(problem.points().row(i), problem.d, ball, random);
        std::vector<double> f(3);
        predictor.decision_function({p.data(), 1, problem.d}, 1, f.data());
        least = std::min(least, f[0] - f[1]);
      }
      CHECK(least >= *std::max_element(bounds, bounds + 3));
    }
  }
}

TEST_CASE("curvature solves, and does not prove what is not so") {
  const Problem<double> problem(1, 8, "logistic");
  for (const Index width : {5, 40}) {  // in the space of the rows, and in that of the inputs
    const TwoLayerNetwork<double> network = problem.network(width, "zhang");
    std::vector<NeuronId> all(static_cast<std::size_t>(width));
    for (std::size_t r = 0; r < all.size(); ++r) all[r] = static_cast<NeuronId>(r);
    const Neighbourhood near =
        neighbourhood(network, RowNorms(network, Norm::two), problem.points().row(0), 100.0, all.data(), width);
    REQUIRE(near.unstable.size() == all.size());
    std::vector<std::size_t> rows;
    for (std::size_t k = 0; k < all.size(); ++k) rows.push_back(k);
    Curvature curvature(near, rows);
    const std::vector<double> weights(all.size(), 0.5);
    curvature.set_weights(weights);
    double high = 1, low = 0;  // the largest eigenvalue, by the proof itself
    while (!curvature.factor(high)) high *= 2;
    for (int k = 0; k < 60; ++k) {
      const double middle = (low + high) / 2;
      (curvature.factor(middle) ? high : low) = middle;
    }
    std::vector<double> v(8, 1.0), image(8);  // the same by power iteration
    double eigenvalue = 0;
    for (int k = 0; k < 2000; ++k) {
      std::fill(image.begin(), image.end(), 0.0);
      for (std::size_t r = 0; r < rows.size(); ++r)
        add_multiple(0.5 * product_of(near.row(r), v.data(), 8), near.row(r), 8, image.data());
      eigenvalue = std::sqrt(product_of(image.data(), image.data(), 8));
      for (std::size_t j = 0; j < 8; ++j) v[j] = image[j] / eigenvalue;
    }
    CHECK(high == doctest::Approx(eigenvalue).epsilon(1e-9));
    CHECK(high + curvature.deficit() >= eigenvalue);
    REQUIRE(curvature.factor(2 * eigenvalue));
    std::vector<double> solved, spreads;
    curvature.solve(v, solved);  // v is an eigenvector
    for (std::size_t j = 0; j < 8; ++j) CHECK(solved[j] == doctest::Approx(v[j] / eigenvalue).epsilon(1e-6));
    const Curvature::Traces traces = curvature.spreads(spreads);
    double squares = 0;
    for (std::size_t j = 0; j < 8; ++j) {
      std::vector<double> unit(8, 0.0);
      unit[j] = 1;
      curvature.solve(unit, solved);
      squares += product_of(solved.data(), solved.data(), 8);
    }
    CHECK(traces.second == doctest::Approx(squares).epsilon(1e-9));
    const std::vector<double> row(near.row(1), near.row(1) + 8);
    curvature.solve(row, solved);
    CHECK(spreads[1] == doctest::Approx(product_of(row.data(), solved.data(), 8)).epsilon(1e-9));
  }
}

TEST_CASE("certifiers refuse what they cannot answer") {
  const Problem<float> problem(2, 3, "logistic");
  const Certifier<float> certifier(problem.network(8));
  double radii[] = {0.1, 0.1};
  std::vector<Certificate> found(2);
  const auto ask = [&](const double* labels, CertifierOptions options = {}) {
    certifier.certify(problem.points(), labels, radii, options, 1, found.data());
  };
  ask(problem.labels.data());
  const double wrong[] = {1, 2};
  CHECK_THROWS_AS(ask(wrong), std::invalid_argument);
  CHECK_THROWS_AS(ask(nullptr), std::invalid_argument);
  CertifierOptions none;
  none.relaxation_steps = 0;
  CHECK_THROWS_AS(ask(problem.labels.data(), none), std::invalid_argument);
  radii[1] = -1;
  CHECK_THROWS_WITH_AS(ask(problem.labels.data()), "the radius in row 1 is -1; give a finite number of at least 0",
                       std::invalid_argument);
  CHECK_THROWS_AS(Certifier<float>(problem.network(8), Norm::two, "no such index"), std::invalid_argument);
}
