#include "reporting/hull_tree.hpp"

namespace sublinear {

HullTree::HullTree(const std::vector<PlanePoint>& points, int side)
    : points_(points), side_(side), alive_(points.size(), 1), highest_(points.size(), kNone) {
  const auto count = static_cast<std::int32_t>(points.size());
  for (int bits = kBlockBits;; ++bits) {
    const auto nodes = static_cast<std::size_t>((std::int64_t{count} + (std::int64_t{1} << bits) - 1) >> bits);
    links_.push_back(
        {std::vector<std::int32_t>(points.size(), kNone), std::vector<std::int32_t>(points.size(), kNone)});
    bridges_.emplace_back(nodes);
    first_.emplace_back(nodes, kNone);
    last_.emplace_back(nodes, kNone);
    if (nodes <= 1) break;
  }
  for (std::size_t block = 0; block < first_[0].size(); ++block) {
    const auto node = static_cast<std::int32_t>(block);
    link_block(node, {kNone, kNone});
  }
  for (std::size_t level = 1; level < links_.size(); ++level)
    for (std::size_t node = 0; node < first_[level].size(); ++node) {
      const std::size_t left = 2 * node, right = 2 * node + 1;
      const Links& below = links_[level - 1];
      if (right == first_[level - 1].size()) {  // an only child
        adopt(level, first_[level - 1][left], last_[level - 1][left]);
        first_[level][node] = first_[level - 1][left];
        last_[level][node] = last_[level - 1][left];
        continue;
      }
      // From the middle outwards, to the tangent.
      std::int32_t a = last_[level - 1][left], b = first_[level - 1][right];
      for (bool moved = true; moved;) {
        moved = false;
        while (below.previous[at(a)] != kNone && beyond(a, b, below.previous[at(a)]) >= 0) a = below.previous[at(a)];
        while (below.next[at(b)] != kNone && beyond(a, b, below.next[at(b)]) >= 0) {
          b = below.next[at(b)];
          moved = true;
        }
      }
      bridges_[level][node] = {a, b};
      adopt(level, first_[level - 1][left], a);
      adopt(level, b, last_[level - 1][right]);
      connect(level, a, b);
      first_[level][node] = first_[level - 1][left];
      last_[level][node] = last_[level - 1][right];
    }
}

void HullTree::connect(std::size_t level, std::int32_t left, std::int32_t right) {
  if (left != kNone) links_[level].next[at(left)] = right;
  if (right != kNone) links_[level].previous[at(right)] = left;
}

void HullTree::adopt(std::size_t level, std::int32_t from, std::int32_t to) {
  const Links& below = links_[level - 1];
  for (std::int32_t point = from; point != to; point = below.next[at(point)]) {
    highest_[at(point)] = std::max(highest_[at(point)], static_cast<std::int32_t>(level));
    connect(level, point, below.next[at(point)]);
  }
  highest_[at(to)] = std::max(highest_[at(to)], static_cast<std::int32_t>(level));
}

void HullTree::link_block(std::int32_t block, Gap gap) {
  const auto count = static_cast<std::int32_t>(points_.size());
  const std::int32_t begin = block << kBlockBits, end = std::min(count, begin + (1 << kBlockBits));
  stack_.clear();
  const auto push = [&](std::int32_t point) {
    while (stack_.size() >= 2 && beyond(stack_[stack_.size() - 2], point, stack_.back()) <= 0) stack_.pop_back();
    stack_.push_back(point);
  };
  if (gap.left != kNone) push(gap.left);
  for (std::int32_t point = gap.left != kNone ? gap.left + 1 : begin; point < (gap.right != kNone ? gap.right : end);
       ++point)
    if (alive_[at(point)] != 0) push(point);
  if (gap.right != kNone) push(gap.right);
  for (std::size_t k = 0; k < stack_.size(); ++k) {
    highest_[at(stack_[k])] = std::max(highest_[at(stack_[k])], std::int32_t{0});
    if (k > 0) connect(0, stack_[k - 1], stack_[k]);
  }
  if (gap.left == kNone) {
    first_[0][at(block)] = stack_.empty() ? kNone : stack_.front();
    if (!stack_.empty()) links_[0].previous[at(stack_.front())] = kNone;
  }
  if (gap.right == kNone) {
    last_[0][at(block)] = stack_.empty() ? kNone : stack_.back();
    if (!stack_.empty()) links_[0].next[at(stack_.back())] = kNone;
  }
}

void HullTree::erase(std::int32_t point) {
  alive_[at(point)] = 0;
  const std::int32_t highest = highest_[at(point)];
  if (highest == kNone) return;
  std::int32_t node = point >> kBlockBits;
  Gap gap{links_[0].previous[at(point)], links_[0].next[at(point)]};
  link_block(node, gap);
  for (std::size_t level = 1; static_cast<std::int32_t>(level) <= highest; ++level) {
    const bool from_left = node % 2 == 0;
    const std::size_t child = at(node), below_level = level - 1;
    node /= 2;
    const std::size_t left = at(2 * node), right = left + 1;
    const Links& below = links_[below_level];
    Bridge& bridge = bridges_[level][at(node)];
    const std::int32_t child_first = first_[below_level][child], child_last = last_[below_level][child];
    const bool emptied = child_first == kNone;
    if (bridge.left == kNone || (point != bridge.left && point != bridge.right)) {
      // The gap is the child's.
      if (!emptied) {
        const std::int32_t from = gap.left != kNone ? gap.left : child_first;
        const std::int32_t to = gap.right != kNone ? gap.right : child_last;
        adopt(level, from, to);
        if (gap.left == kNone) links_[level].previous[at(from)] = kNone;
        if (gap.right == kNone) links_[level].next[at(to)] = kNone;
      }
    } else if (from_left) {
      const std::int32_t old = bridge.right;
      if (emptied) {
        bridge = {};
        adopt(level, first_[below_level][right], old);
        links_[level].previous[at(first_[below_level][right])] = kNone;
        gap = {kNone, old};
      } else {
        // The left end is between its neighbours of before, the right end not farther right than it was.
        std::int32_t a = gap.right != kNone ? gap.right : child_last, b = old;
        for (;;) {
          while (below.previous[at(a)] != kNone && beyond(a, b, below.previous[at(a)]) >= 0) a = below.previous[at(a)];
          const std::int32_t inner = below.previous[at(b)];
          if (inner == kNone || beyond(a, b, inner) <= 0) break;
          b = inner;
        }
        bridge = {a, b};
        adopt(level, gap.left != kNone ? gap.left : child_first, a);
        if (gap.left == kNone) links_[level].previous[at(child_first)] = kNone;
        adopt(level, b, old);
        connect(level, a, b);
        gap.right = old;
      }
    } else {
      const std::int32_t old = bridge.left;
      if (emptied) {
        bridge = {};
        adopt(level, old, last_[below_level][left]);
        links_[level].next[at(last_[below_level][left])] = kNone;
        gap = {old, kNone};
      } else {
        std::int32_t a = old, b = gap.left != kNone ? gap.left : child_first;
        for (;;) {
          while (below.next[at(b)] != kNone && beyond(a, b, below.next[at(b)]) >= 0) b = below.next[at(b)];
          const std::int32_t inner = below.next[at(a)];
          if (inner == kNone || beyond(a, b, inner) <= 0) break;
          a = inner;
        }
        bridge = {a, b};
        adopt(level, b, gap.right != kNone ? gap.right : child_last);
        if (gap.right == kNone) links_[level].next[at(child_last)] = kNone;
        adopt(level, old, a);
        connect(level, a, b);
        gap.left = old;
      }
    }
    note_ends(level, node);
  }
}

// The ends of a node's hull are those of its children's.
void HullTree::note_ends(std::size_t level, std::int32_t node) {
  const std::size_t left = at(2 * node), right = left + 1;
  const bool has_right = right < first_[level - 1].size();
  const std::int32_t right_first = has_right ? first_[level - 1][right] : kNone;
  const std::int32_t right_last = has_right ? last_[level - 1][right] : kNone;
  first_[level][at(node)] = first_[level - 1][left] != kNone ? first_[level - 1][left] : right_first;
  last_[level][at(node)] = right_last != kNone ? right_last : last_[level - 1][left];
}

}  // namespace sublinear
