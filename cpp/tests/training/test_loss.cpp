#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "sublinear/training/loss.hpp"

using namespace sublinear;

TEST_SUITE_BEGIN("level-free");

TEST_CASE("each loss has the derivative of its value") {
  for (const std::string& name : loss_names()) {
    CAPTURE(name);
    const auto loss = make_loss(name);
    CHECK(name == loss->name());
    const Index outputs = loss->serves(1) ? 1 : 4;
    const std::vector<double> labels = name == "cross-entropy" ? std::vector<double>{0, 3} : std::vector<double>{-1, 1};
    for (const double label : labels) {
      REQUIRE(loss->knows(label, outputs));
      std::vector<double> f{0.3, -1.2, 2.5, 0.1}, gradient(4);
      f.resize(static_cast<std::size_t>(outputs));
      const double value = loss->evaluate(f.data(), outputs, label, gradient.data());
      CHECK(value >= 0);
      CHECK(value == loss->evaluate(f.data(), outputs, label, nullptr));
      std::vector<double> alone(gradient.size());
      loss->differentiate(f.data(), outputs, label, alone.data());
      for (std::size_t k = 0; k < f.size(); ++k) CHECK(alone[k] == gradient[k]);
      for (std::size_t k = 0; k < f.size(); ++k) {
        const double h = 1e-6, at = f[k];
        f[k] = at + h;
        const double above = loss->evaluate(f.data(), outputs, label, nullptr);
        f[k] = at - h;
        const double below = loss->evaluate(f.data(), outputs, label, nullptr);
        f[k] = at;
        CHECK(gradient[k] == doctest::Approx((above - below) / (2 * h)).epsilon(1e-6));
      }
    }
  }
}

TEST_CASE("losses stay finite and right at large outputs") {
  double f[] = {1e4, -1e4}, gradient[2];
  CHECK(make_loss("cross-entropy")->evaluate(f, 2, 1, gradient) == doctest::Approx(2e4));
  CHECK(gradient[0] == 1);
  CHECK(gradient[1] == -1);
  CHECK(make_loss("logistic")->evaluate(f, 1, -1, gradient) == doctest::Approx(1e4));
  CHECK(make_loss("logistic")->evaluate(f, 1, 1, gradient) == 0);
  CHECK(make_loss("absolute")->evaluate(f, 1, 1e4, gradient) == 0);
  CHECK(gradient[0] == 0);
}

TEST_CASE("losses know their labels and classes") {
  const double nan = std::nan("");
  const auto logistic = make_loss("logistic"), entropy = make_loss("cross-entropy"), squared = make_loss("squared");
  CHECK(!logistic->knows(0, 1));
  CHECK(!logistic->serves(2));
  CHECK(!entropy->knows(3, 3));
  CHECK(!entropy->knows(-1, 3));
  CHECK(!entropy->knows(0.5, 3));
  CHECK(!entropy->knows(nan, 3));
  CHECK(!entropy->serves(1));
  CHECK(!squared->knows(nan, 1));
  CHECK(!squared->classifies());
  const double f[] = {1, 3, 3}, zero = 0;
  CHECK(entropy->correct(f, 3, 1));
  CHECK(!entropy->correct(f, 3, 2));
  CHECK(logistic->correct(&zero, 1, 1));
  CHECK(!logistic->correct(&zero, 1, -1));
  // What messages say of a loss is what it does.
  for (const std::string& name : loss_names()) {
    const auto loss = make_loss(name);
    CHECK(loss->name() == name);
    CHECK(loss->classifies() == (name == "logistic" || name == "cross-entropy"));
    CHECK(loss->serves(1) == (std::string(loss->outputs_text()) == "1 output"));
    CHECK(loss->serves(2) == (std::string(loss->outputs_text()) == "2 or more outputs"));
    CHECK_FALSE(loss->serves(0));
  }
  CHECK(std::string(logistic->label_text()) == "-1 or +1");
  CHECK(std::string(entropy->label_text()) == "class indices 0 ... outputs - 1");
  CHECK(std::string(squared->label_text()) == "finite numbers");
  CHECK_THROWS_WITH_AS(static_cast<void>(make_loss("hinge")),
                       "loss is \"hinge\"; known are \"absolute\", \"squared\", \"logistic\", \"cross-entropy\"",
                       std::invalid_argument);
}

TEST_SUITE_END();
