#include "sublinear/reporting/index_choice.hpp"

#include "sublinear/kernels/require.hpp"

namespace sublinear {
namespace {

// Crossovers, as benchmarks/half_space_reporting.py printed them on one core with AVX-512 (docs/reporting.md).
constexpr Index kFewPoints = 256;            // below, everything takes a microsecond
constexpr Index kFewQueries = 6;             // below, scans have nothing to share between queries
constexpr Index kTreeAlone = 10;             // most dimensions in which trees beat scans: queries one by one,
constexpr Index kTreeTogether = 6;           // many queries in a call,
constexpr Index kTreeTogetherFewPoints = 2;  // and few points for them
constexpr Index kPointsForTrees = 1 << 13;   // fewer are few
constexpr double kLargeShare = 0.1;          // where scans are slowed by what they report,
constexpr Index kTreeLargeShare = 8;         // trees win in more dimensions
constexpr Index kBoxes = 5;                  // most dimensions in which boxes beat balls
constexpr Index kBytesTogether = 12;         // least dimensions in which 8 bits beat floats: many queries,
constexpr Index kBytesAlone = 64;            // and one by one
constexpr Index kBytesMost = 40000;          // QuantizedScan::kMostDimensions

std::string about(Index count, Index dimension) {
  return std::to_string(count) + " points in " + std::to_string(dimension) + " dimensions";
}

}  // namespace

IndexChoice choose_index(Index count, Index dimension, Index queries, double share) {
  require(count >= 0, "the number of points is negative");
  require(dimension >= 1, "the dimension is below 1");
  require(queries >= 0, "the number of queries is negative");
  const std::string what = about(count, dimension);
  if (count < kFewPoints) return {"brute-force", what + ": so few are looked at in about a microsecond"};
  const bool together = queries >= kFewQueries;
  const std::string how = together ? ", many queries in a call: " : ", queries one by one: ";
  const Index tree_most = !together                 ? kTreeAlone
                          : share >= kLargeShare    ? kTreeLargeShare
                          : count < kPointsForTrees ? kTreeTogetherFewPoints
                                                    : kTreeTogether;
  if (dimension <= tree_most) {
    const bool boxes = dimension <= kBoxes;
    return {boxes ? "kd-tree" : "ball-tree",
            what + how + "trees beat scans up to " + std::to_string(tree_most) + " dimensions, " +
                (boxes ? "boxes balls up to " : "balls boxes above ") + std::to_string(kBoxes)};
  }
  const Index bytes_least = together ? kBytesTogether : kBytesAlone;
  const bool bytes = dimension >= bytes_least && dimension <= kBytesMost;
  return {bytes ? "quantized-scan" : "brute-force",
          what + how + "hyperplanes cut nearly every node of a tree above " + std::to_string(tree_most) +
              " dimensions, and a scan in 8 bits pays from " + std::to_string(bytes_least) + " on"};
}

}  // namespace sublinear
