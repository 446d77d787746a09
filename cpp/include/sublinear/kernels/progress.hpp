/// @file
/// How long work tells how far it is, and how it is stopped.
#pragma once

#include <functional>

namespace sublinear {

/// Called now and then, from the thread that called, with the share of the work that is done, in [0, 1]. What it throws
/// stops the work and reaches the caller; nothing was changed then. Empty: nobody is told. Builds of indexes and
/// training steps take one; Python's Ctrl-C comes through it.
using Progress = std::function<void(double)>;

}  // namespace sublinear
