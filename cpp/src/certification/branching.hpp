// Branch and bound on the sides of unstable neurons.
#pragma once

#include <functional>

#include "certification/margin_problem.hpp"
#include "sublinear/certification/certifier.hpp"

namespace sublinear {

// Whether a displacement breaks the input, as the network itself computes it.
using Breaks = std::function<bool(const std::vector<double>&)>;

struct Search {
  Verdict verdict = Verdict::open;
  double margin = 0;   // the margin is at least this
  Index branches = 0;  // subproblems that were bounded
};

// The bound of a problem without branches, with the tightest relaxation that the norm and `options` allow; tells
// `breaks` of the displacements it comes by.
//
// Then, while `budget` lasts, the subproblem with the least bound is split by the neuron that loses most by its
// relaxation: every point of the ball has that neuron on the one side or on the other, so the margin is at least the
// smaller of the two bounds. `certified` once all are above 0.
[[nodiscard]] Search bound_by_branching(const Neighbourhood& near, const MarginProblem& problem,
                                        const CertifierOptions& options, Index budget, const Breaks& breaks);

}  // namespace sublinear
