/// @file
/// What every index and every strategy promises, as calls: the library's own are held to it by them, and those of
/// applications can be.
#pragma once

#include <stdexcept>
#include <string>

#include "sublinear/finding/neuron_finder.hpp"
#include "sublinear/kernels/export.hpp"
#include "sublinear/reporting/own_index.hpp"

namespace sublinear {

/// Something does not keep a promise. `what` names the promise, and prints the smallest case found that breaks it.
class SUBLINEAR_API ConformanceError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// Holds an index to what HalfSpaceIndex promises: on integers (where products tie), clusters, lines, subnormal and
/// huge numbers; through histories of insert, erase and move; with one thread and several, asked by several at once and
/// in every rounding mode; empty; with bad arguments, which have to change nothing; copied and saved, where offered.
/// What is not exact may miss points, and nothing else. Takes some seconds for each of float and double.
/// @param name as `make_index` takes it. @throws ConformanceError where it breaks one, std::invalid_argument for an
/// unknown name.
template <class T>
SUBLINEAR_API void check_index(const std::string& name);

/// The same for an index that is not registered.
template <class T>
SUBLINEAR_API void check_index(const IndexMaker<T>& make, const IndexInfo& info);

/// Holds a strategy to what NeuronFinder promises: every neuron that fires in a ball is proposed, in both norms, on
/// integers and others, to the last bit, while rows move; with one thread and several; with little memory, with bad
/// arguments; and training ends with the bits of "dense". What is not exact may miss neurons, and nothing else.
/// @param options the index inside and the hashing, if any. @throws ConformanceError where it breaks one,
/// std::invalid_argument for an unknown name.
template <class T>
SUBLINEAR_API void check_strategy(const std::string& name, const FinderOptions& options = {});

/// The same for a strategy that is not registered.
template <class T>
SUBLINEAR_API void check_strategy(const FinderFactory<T>& factory);

}  // namespace sublinear
