/// @file
/// The library with Eigen arguments: inline functions over the compiled ones, which take pointers and sizes. Needs
/// Eigen 3.4 or later; link `sublinear::eigen` instead of `sublinear::sublinear`.
///
/// Points, normals and inputs are matrices with one of them per row. Functions that use a matrix during the call only
/// take any expression of the right scalar type, and copy it first unless it is row-major without gaps between rows.
/// Functions that return a view take and give row-major matrices only, and refuse temporaries when compiled.
///
/// Labels and thresholds are vectors of any arithmetic type and are converted to double.
///
/// Errors, thread safety and cost are those of the wrapped functions; besides, shapes that do not fit together throw
/// `std::invalid_argument`. `threads` is 0 for `resolve_threads(0)` everywhere and changes speed only.
#pragma once

#include <Eigen/Core>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "sublinear/kernels/require.hpp"
#include "sublinear/reporting/half_space_index.hpp"
#include "sublinear/training/attack.hpp"
#include "sublinear/training/loss.hpp"
#include "sublinear/training/network.hpp"
#include "sublinear/training/predictor.hpp"
#include "sublinear/training/trainer.hpp"

namespace sublinear {

/// A matrix as this library lays it out: row-major, one point (or neuron) per row.
template <class T>
using RowMatrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// A read-only view of rows that belong to someone else.
template <class T>
using RowMatrixView = Eigen::Map<const RowMatrix<T>>;

/// Ids per query, with the work that finding them took.
template <class Id>
struct ReportedLists : IdLists<Id> {
  Work work;  ///< of all queries together
};

namespace detail {

/// The rows of a matrix argument without gaps, for the time of a call; copied only where rows have gaps.
template <class T>
class ContiguousRows {
 public:
  /// Any expression of scalar type T; other scalar types are refused when compiled.
  template <class Derived>
  explicit ContiguousRows(const Eigen::MatrixBase<Derived>& matrix) : rows_(matrix.derived()) {
    static_assert(std::is_same_v<typename Derived::Scalar, T>,
                  "the matrix has another scalar type than the object it is given to; convert it with .cast<>()");
    if (rows_.rows() > 1 && rows_.outerStride() != rows_.cols()) copy_ = rows_;
  }
  ContiguousRows(const ContiguousRows&) = delete;
  ContiguousRows& operator=(const ContiguousRows&) = delete;

  /// The first component of the first row.
  [[nodiscard]] const T* data() const noexcept { return copy_.size() > 0 ? copy_.data() : rows_.data(); }
  /// How many rows.
  [[nodiscard]] Index rows() const noexcept { return rows_.rows(); }
  /// The rows as this library takes them; valid while this object lives.
  [[nodiscard]] Points<T> points() const noexcept { return {data(), rows_.rows(), rows_.cols()}; }

 private:
  Eigen::Ref<const RowMatrix<T>> rows_;
  RowMatrix<T> copy_;
};

/// A vector of any scalar type in double.
template <class Derived>
[[nodiscard]] Eigen::VectorXd doubles(const Eigen::MatrixBase<Derived>& vector) {
  static_assert(Derived::IsVectorAtCompileTime, "give a vector: one number per row");
  Eigen::VectorXd values(vector.size());
  for (Eigen::Index k = 0; k < vector.size(); ++k) values[k] = static_cast<double>(vector.derived().coeff(k));
  return values;
}

}  // namespace detail

/// @name Views
/// They do not own: what they show must outlive them.
/// @{

/// Views a row-major matrix as points. Column-major matrices and temporaries are refused when compiled.
template <class Derived, std::enable_if_t<Derived::IsRowMajor, int> = 0>
[[nodiscard]] Points<typename Derived::Scalar> points(const Eigen::PlainObjectBase<Derived>& matrix) noexcept {
  return {matrix.data(), matrix.rows(), matrix.cols()};
}
/// The rows of a column-major matrix are not contiguous: assign it to a `RowMatrix` first.
template <class Derived, std::enable_if_t<!Derived::IsRowMajor, int> = 0>
Points<typename Derived::Scalar> points(const Eigen::PlainObjectBase<Derived>& column_major) = delete;
/// A temporary would be gone before the view is used: give it a name.
template <class Derived>
Points<typename Derived::Scalar> points(const Eigen::PlainObjectBase<Derived>&& temporary) = delete;
/// A map is itself a view.
template <class T>
[[nodiscard]] Points<T> points(const Eigen::Map<const RowMatrix<T>>& map) noexcept {
  return {map.data(), map.rows(), map.cols()};
}
/// The same for a map whose rows may be written.
template <class T>
[[nodiscard]] Points<T> points(const Eigen::Map<RowMatrix<T>>& map) noexcept {
  return {map.data(), map.rows(), map.cols()};
}

/// The weights, width x dimension. Valid while the network lives and is not moved from; shows what training changes.
template <class T>
[[nodiscard]] RowMatrixView<T> weights_view(const TwoLayerNetwork<T>& network) noexcept {
  return {network.weights(), network.width(), network.dimension()};
}
template <class T>
RowMatrixView<T> weights_view(const TwoLayerNetwork<T>&& temporary) = delete;

/// The output weights, width x outputs; valid as `weights_view`.
template <class T>
[[nodiscard]] RowMatrixView<T> output_weights_view(const TwoLayerNetwork<T>& network) noexcept {
  return {network.output_weights(), network.width(), network.outputs()};
}
template <class T>
RowMatrixView<T> output_weights_view(const TwoLayerNetwork<T>&& temporary) = delete;

/// The biases, one per neuron; valid as `weights_view`.
template <class T>
[[nodiscard]] Eigen::Map<const Eigen::Matrix<T, Eigen::Dynamic, 1>> biases_view(
    const TwoLayerNetwork<T>& network) noexcept {
  return {network.biases(), network.width()};
}
template <class T>
Eigen::Map<const Eigen::Matrix<T, Eigen::Dynamic, 1>> biases_view(const TwoLayerNetwork<T>&& temporary) = delete;
/// @}

/// @name Half-space reporting
/// @{

/// Makes the structure called `name` over the rows of `points`, which are copied.
template <class Derived>
[[nodiscard]] std::unique_ptr<HalfSpaceIndex<typename Derived::Scalar>> make_index(
    const std::string& name, const Eigen::MatrixBase<Derived>& points) {
  using T = typename Derived::Scalar;
  return make_index<T>(name, detail::ContiguousRows<T>(points).points());
}

/// Adds the rows of `points`. @return the id of the first; the others follow.
template <class T, class Derived>
Index insert(HalfSpaceIndex<T>& index, const Eigen::MatrixBase<Derived>& points) {
  return index.insert(detail::ContiguousRows<T>(points).points());
}

/// Removes the points with these ids.
template <class T>
void erase(HalfSpaceIndex<T>& index, const std::vector<Index>& ids) {
  index.erase(ids.data(), static_cast<Index>(ids.size()));
}

/// Row k of `points` becomes the place of the point ids[k].
template <class T, class Derived>
void move(HalfSpaceIndex<T>& index, const std::vector<Index>& ids, const Eigen::MatrixBase<Derived>& points) {
  const detail::ContiguousRows<T> rows(points);
  require_equal(rows.rows(), static_cast<Index>(ids.size()), "the number of rows of points", "the number of ids");
  require_equal(rows.points().dimension, index.dimension(), "the number of columns of points",
                "the dimension of the index");
  index.move(ids.data(), static_cast<Index>(ids.size()), rows.data());
}

/// For each row of `normals` the ids with `inner_product(point, normal) >= threshold` (inclusive), ascending.
template <class T, class Normals, class Thresholds>
[[nodiscard]] ReportedLists<Index> report(const HalfSpaceIndex<T>& index, const Eigen::MatrixBase<Normals>& normals,
                                          const Eigen::MatrixBase<Thresholds>& thresholds, int threads = 0) {
  const detail::ContiguousRows<T> rows(normals);
  const Eigen::VectorXd limits = detail::doubles(thresholds);
  require_equal(rows.points().dimension, index.dimension(), "the number of columns of normals",
                "the dimension of the index");
  require_equal(limits.size(), rows.rows(), "the number of thresholds", "the number of normals");
  ReportedLists<Index> reported;
  reported.work = index.report(rows.data(), limits.data(), rows.rows(), threads, reported);
  return reported;
}
/// @}

/// @name Networks
/// @{

/// A network of these (copied) matrices: weights width x dimension, output weights width x outputs, a bias per neuron.
template <class Weights, class OutputWeights, class Biases>
[[nodiscard]] TwoLayerNetwork<typename Weights::Scalar> make_network(
    const Eigen::MatrixBase<Weights>& weights, const Eigen::MatrixBase<OutputWeights>& output_weights,
    const Eigen::MatrixBase<Biases>& biases, typename Weights::Scalar threshold, typename Weights::Scalar scale,
    Activation activation = Activation::shifted) {
  using T = typename Weights::Scalar;
  static_assert(Biases::IsVectorAtCompileTime, "give the biases as a vector: one number per neuron");
  const detail::ContiguousRows<T> w(weights), a(output_weights);
  const Eigen::Matrix<T, Eigen::Dynamic, 1> b = biases.derived().reshaped();
  require_equal(a.rows(), w.rows(), "the number of rows of output_weights", "the number of rows of weights");
  require_equal(b.size(), w.rows(), "the number of biases", "the number of rows of weights");
  return TwoLayerNetwork<T>(w.points(), a.data(), a.points().dimension, b.data(), threshold, scale, activation);
}

/// The outputs at each row of `inputs`, inputs x outputs.
template <class T, class Derived>
[[nodiscard]] RowMatrix<T> decision_function(const Predictor<T>& predictor, const Eigen::MatrixBase<Derived>& inputs,
                                             int threads = 0) {
  const detail::ContiguousRows<T> rows(inputs);
  RowMatrix<T> outputs(rows.rows(), predictor.network().outputs());
  predictor.decision_function(rows.points(), threads, outputs.data());
  return outputs;
}

/// The neurons that fire at each row of `inputs`, ascending.
template <class T, class Derived>
[[nodiscard]] ReportedLists<NeuronId> fired(const Predictor<T>& predictor, const Eigen::MatrixBase<Derived>& inputs,
                                            int threads = 0) {
  ReportedLists<NeuronId> lists;
  lists.work = predictor.fired(detail::ContiguousRows<T>(inputs).points(), threads, lists);
  return lists;
}

/// Where the attack moves each row of `inputs`.
template <class T, class Inputs, class Labels>
[[nodiscard]] RowMatrix<T> attack_inputs(const Predictor<T>& predictor, const Eigen::MatrixBase<Inputs>& inputs,
                                         const Eigen::MatrixBase<Labels>& labels, const Attack<T>& attack,
                                         const Loss& loss, std::uint64_t seed = 0, int threads = 0) {
  const detail::ContiguousRows<T> rows(inputs);
  const Eigen::VectorXd targets = detail::doubles(labels);
  require_equal(targets.size(), rows.rows(), "the number of labels", "the number of inputs");
  RowMatrix<T> attacked(rows.rows(), rows.points().dimension);
  predictor.attack(rows.points(), targets.data(), attack, loss, seed, threads, attacked.data(), nullptr);
  return attacked;
}

/// A trainer of `network` on the rows of `inputs`, which are copied; the network must outlive it.
template <class T, class Inputs, class Labels>
[[nodiscard]] Trainer<T> make_trainer(TwoLayerNetwork<T>& network, const Eigen::MatrixBase<Inputs>& inputs,
                                      const Eigen::MatrixBase<Labels>& labels, TrainerOptions<T> options) {
  const detail::ContiguousRows<T> rows(inputs);
  const Eigen::VectorXd targets = detail::doubles(labels);
  require_equal(targets.size(), rows.rows(), "the number of labels", "the number of inputs");
  return Trainer<T>(network, rows.points(), targets.data(), std::move(options));
}
/// @}

}  // namespace sublinear
