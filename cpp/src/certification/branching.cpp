#include "certification/branching.hpp"

#include <algorithm>
#include <queue>
#include <utility>

#include "certification/linear_bounds.hpp"
#include "certification/quadratic_bound.hpp"

namespace sublinear {
namespace {

struct Node {
  std::vector<Side> sides;
  double bound = 0;
  std::size_t split = 0;  // the neuron to branch on
  bool last = false;      // there is none

  friend bool operator<(const Node& a, const Node& b) { return a.bound > b.bound; }  // the least bound comes first
};

// What a straight line below each neuron loses at most, in the middle of its range.
std::vector<double> gaps_of_lines(const Neighbourhood& near, const MarginProblem& problem) {
  std::vector<double> out;
  for (std::size_t k = 0; k < near.unstable.size(); ++k) {
    const double low = -near.unstable[k].low, high = near.unstable[k].high, c = problem.coefficients[k];
    out.push_back(c < 0 ? -c * (low * high / (low + high)) : c * std::min(low, high));
    out.back() += std::abs(c * near.step);
  }
  return out;
}

class Branching {
 public:
  Branching(const Neighbourhood& near, const MarginProblem& problem, const CertifierOptions& options,
            const Breaks& breaks)
      : near_(near),
        problem_(problem),
        options_(options),
        breaks_(breaks),
        quadratic_(options.relaxation == Relaxation::quadratic && near.norm == Norm::two) {}

  [[nodiscard]] bool broken() const noexcept { return broken_; }

  // Bounds a node, which brings the bound of its parent.
  void bound(Node& node) {
    node.bound = std::max(node.bound, linear_bound(near_, problem_, node.sides));
    std::vector<double> gaps;
    if (quadratic_ && !(node.bound > 0)) {
      QuadraticBound quadratic(near_, problem_, node.sides);
      node.bound = std::max(node.bound, quadratic.maximize(options_.relaxation_steps));
      gaps = quadratic.gaps();
      if (!(node.bound > 0)) broken_ = breaks_(quadratic.displacement());
    } else {
      gaps = gaps_of_lines(near_, problem_);
    }
    node.last = true;
    for (std::size_t k = 0; k < gaps.size(); ++k) {
      if (node.sides[k] != Side::open || problem_.coefficients[k] == 0) continue;
      if (node.last || gaps[k] > gaps[node.split]) node.split = k;
      node.last = false;
    }
  }

 private:
  const Neighbourhood& near_;
  const MarginProblem& problem_;
  const CertifierOptions& options_;
  const Breaks& breaks_;
  bool quadratic_;
  bool broken_ = false;
};

}  // namespace

Search bound_by_branching(const Neighbourhood& near, const MarginProblem& problem, const CertifierOptions& options,
                          Index budget, const Breaks& breaks) {
  Branching branching(near, problem, options, breaks);
  Search out;
  std::priority_queue<Node> open;
  Node root;
  root.sides.assign(near.unstable.size(), Side::open);
  root.bound = interval_bound(near, problem);
  branching.bound(root);
  open.push(std::move(root));
  while (!branching.broken() && !(open.top().bound > 0) && !open.top().last && out.branches + 2 <= budget) {
    const Node node = open.top();
    open.pop();
    for (const Side side : {Side::off, Side::on}) {
      Node child = node;
      child.sides[node.split] = side;
      branching.bound(child);
      open.push(std::move(child));
      ++out.branches;
      if (branching.broken()) break;
    }
  }
  // After a break the other half of the last split is not there: the bound of the whole is that of the root.
  out.margin = open.top().bound;
  out.verdict = branching.broken() ? Verdict::broken : out.margin > 0 ? Verdict::certified : Verdict::open;
  return out;
}

}  // namespace sublinear
