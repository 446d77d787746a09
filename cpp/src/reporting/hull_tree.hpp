// One side of the convex hull of points in the plane, while points are deleted.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "reporting/exact_cross.hpp"

namespace sublinear {

// The points are distinct and sorted by (x, y). Their upper hull (side 1) or lower hull (side -1) runs from the first
// to the last of them, without points on its edges.
//
// A tree over the sorted points keeps the hull of every node as a linked list: blocks of 32 points, then pairs of
// blocks, and so on. The hull of a node is that of its left child up to one end of the bridge between the two and that
// of its right child from the other end on. In a set that only shrinks, a point comes onto the hull of a node once and
// stays until it is deleted; and when a bridge loses an end, the new one is found by walking over points that have just
// come onto a child's hull, and over points that the other end passes towards the middle, where it never comes back
// unless they were its own hull's newcomers. So all deletions together cost O(N log N) steps (the offline setting of
// Hershberger and Suri 1992). Memory: 8 bytes per point and level.
class HullTree {
 public:
  HullTree(const std::vector<PlanePoint>& points, int side);

  // The hull from left to right; -1 ends it.
  [[nodiscard]] std::int32_t first() const noexcept { return first_.back()[0]; }
  [[nodiscard]] std::int32_t next(std::int32_t point) const noexcept { return links_.back().next[at(point)]; }

  void erase(std::int32_t point);

 private:
  static constexpr int kBlockBits = 5;
  static constexpr std::int32_t kNone = -1;

  struct Links {
    std::vector<std::int32_t> next, previous;
  };
  struct Bridge {
    std::int32_t left = kNone, right = kNone;
  };
  // What a deletion left open on a hull: the neighbours of the deleted point, or kNone at an end.
  struct Gap {
    std::int32_t left, right;
  };

  static std::size_t at(std::int32_t k) noexcept { return static_cast<std::size_t>(k); }

  // Whether c lies beyond the line from a to b (a left of b), on the side of the hull: 1 yes, 0 on it, -1 no.
  [[nodiscard]] int beyond(std::int32_t a, std::int32_t b, std::int32_t c) const noexcept {
    return side_ * cross_sign(points_[at(a)], points_[at(b)], points_[at(a)], points_[at(c)]);
  }

  // Links, at level 0, the hull of what is left between gap.left and gap.right.
  void link_block(std::int32_t block, Gap gap);
  // Takes over, from the level below, the links of the chain from `from` to `to`.
  void adopt(std::size_t level, std::int32_t from, std::int32_t to);
  void connect(std::size_t level, std::int32_t left, std::int32_t right);
  void note_ends(std::size_t level, std::int32_t node);

  const std::vector<PlanePoint>& points_;
  int side_;
  std::vector<char> alive_;
  std::vector<std::int32_t> highest_;                    // per point: the highest level on whose hull it is, or kNone
  std::vector<Links> links_;                             // per level
  std::vector<std::vector<Bridge>> bridges_;             // per level and node; none at level 0
  std::vector<std::vector<std::int32_t>> first_, last_;  // per level and node: the ends of its hull
  std::vector<std::int32_t> stack_;
};

}  // namespace sublinear
