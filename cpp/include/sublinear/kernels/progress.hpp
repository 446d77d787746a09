/// @file
/// How long work tells how far it is, and how it is stopped.
#pragma once

#include <functional>
#include <memory>

#include "sublinear/kernels/export.hpp"

namespace sublinear {

/// Called now and then, from the thread that called, with the share of the work that is done, in [0, 1]. What it throws
/// stops the work and reaches the caller; nothing was changed then. Empty: nobody is told. Options of indexes and of
/// training hold one; `ProgressScope` gives one to any call. Python's Ctrl-C comes through it.
using Progress = std::function<void(double)>;

/// While it lives, the calls that this thread makes are told of: those that take long call `progress` about every 50
/// ms, first after that time, with a share that does not fall within a call. It costs a look at the clock for each
/// portion of work.
///
/// What const functions, constructors and `make_...` functions throw for it leaves everything as it was. The parts of
/// calls that change an object are not told of and cannot be stopped: `Trainer::step` is stopped before its weights
/// move or not at all.
///
/// Scopes nest: the innermost one is told; an empty progress tells nobody. While `progress` runs, calls that it makes
/// are not told of. Must end on the thread, and in the order, in which it began.
class SUBLINEAR_API ProgressScope {
 public:
  /// From now on `progress` is told; until this scope ends, or one inside of it begins.
  explicit ProgressScope(Progress progress);
  ~ProgressScope();
  ProgressScope(const ProgressScope&) = delete;
  ProgressScope& operator=(const ProgressScope&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sublinear
