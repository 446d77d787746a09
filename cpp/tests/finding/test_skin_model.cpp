#include <doctest/doctest.h>

#include <cmath>

#include "finding/skin_model.hpp"

TEST_SUITE_BEGIN("level-free");

namespace sublinear {
namespace {

TEST_CASE("bins are between their neighbours' edges") {
  for (const double value : {1e-15, 0.1, 0.5, 0.625, 0.7, 1.0, 1.2, 3.0, 1e10}) {
    CAPTURE(value);
    const int bin = KeyHistogram::bin_of(value);
    CHECK(value <= KeyHistogram::edge(bin));
    CHECK(value > KeyHistogram::edge(bin - 1));
  }
  CHECK(KeyHistogram::bin_of(1e-300) == 0);
  CHECK(KeyHistogram::bin_of(1e300) == KeyHistogram::kBins - 1);
  CHECK(KeyHistogram::bin_of(INFINITY) == KeyHistogram::kBins - 1);
}

TEST_CASE("the skin is wide where rows hardly move and narrow where they do") {
  constexpr Index kNeurons = 1000, kInputs = 10;
  KeyHistogram keys;
  for (int k = 0; k < kNeurons; ++k) keys.add_key(0.5 - 10.0 * k / kNeurons);  // evenly spread, 5 % able
  keys.add_input();
  const auto skin_at = [&](double drift, double skin, double max_entries) {
    const std::vector<double> drifts(kNeurons, drift);
    return SkinModel(kNeurons, kInputs, max_entries).revised_skin(skin, keys, drifts, kInputs);
  };
  const SkinModel model(kNeurons, kInputs, 1e9);
  const double first = model.first_skin(keys);
  CHECK(first > 0.05);
  CHECK(first < 0.2);
  constexpr double kWide = 0.5;
  CHECK(skin_at(1e-4, kWide, 1e9) < kWide);
  CHECK(skin_at(1e-4, kWide, 1e9) > 1e-4);
  CHECK(skin_at(1e-2, kWide, 1e9) > skin_at(1e-4, kWide, 1e9));
  CHECK(skin_at(1e-4, first, 1e9) == first);  // what a narrower one saves is not worth the scans
  CHECK(skin_at(100, kWide, 1e9) == 0);       // scans are unavoidable, so lists may as well be exact
  CHECK(skin_at(1, 0, 1e9) == 0);             // the same, from there
  CHECK(skin_at(1e-4, 0, 1e9) > 0);           // every row expires at every step: a skin pays
  CHECK(skin_at(1e-4, skin_at(1e-4, kWide, 1e9), 1e9) == skin_at(1e-4, kWide, 1e9));  // and then stays
  CHECK(skin_at(1e-4, 0, 500) == 0);                                                  // no room for longer lists
  CHECK(model.scan_is_less(501));
  CHECK(!model.scan_is_less(500));
}

}  // namespace
}  // namespace sublinear

TEST_SUITE_END();
