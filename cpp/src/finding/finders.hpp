// What the registry needs of the strategies: one factory each, in the file of its name.
#pragma once

#include <memory>
#include <string>

#include "sublinear/finding/neuron_finder.hpp"

namespace sublinear {

// What makes the index inside a strategy: the application's own factory, checked; the named index, or a ball tree.
template <class T>
[[nodiscard]] IndexFactory<T> inner_index_factory(const FinderArguments<T>& arguments);

template <class T>
using FinderPointer = std::unique_ptr<NeuronFinder<T>>;

template <class T>
FinderPointer<T> make_dense(const FinderArguments<T>& arguments);
template <class T>
FinderPointer<T> make_weights(const FinderArguments<T>& arguments);
template <class T>
FinderPointer<T> make_data(const FinderArguments<T>& arguments);
template <class T>
FinderPointer<T> make_dtree(const FinderArguments<T>& arguments);
template <class T>
FinderPointer<T> make_wtree(const FinderArguments<T>& arguments);
template <class T>
FinderPointer<T> make_margin(const FinderArguments<T>& arguments);
template <class T>
FinderPointer<T> make_static(const FinderArguments<T>& arguments);
template <class T>
FinderPointer<T> make_simhash(const FinderArguments<T>& arguments);

// The checks of a question, of foreign points and of moved rows that all strategies make first.
void require_positions(const Index* inputs, Index count, Index size);
template <class T>
void require_points(Points<T> points, double radius, Index dimension);
void require_rows(const NeuronId* rows, const Displacement* by, Index count, Index size);

}  // namespace sublinear
