// The Eigen interface gives what the pointer interface gives, whatever the layout of its arguments. Empty where no
// Eigen is installed.
#if __has_include(<Eigen/Core>)
#include <doctest/doctest.h>

#include <cstring>
#include <memory>
#include <stdexcept>
#include <type_traits>

#include "sublinear/eigen.hpp"
#include "training/problem.hpp"

using namespace sublinear;
using namespace sublinear::testing;

namespace {

template <class T>
using ColumnMatrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor>;

template <class Argument, class = void>
struct HasView : std::false_type {};
template <class Argument>
struct HasView<Argument, std::void_t<decltype(points(std::declval<Argument>()))>> : std::true_type {};

template <class Argument, class = void>
struct HasWeightsView : std::false_type {};
template <class Argument>
struct HasWeightsView<Argument, std::void_t<decltype(weights_view(std::declval<Argument>()))>> : std::true_type {};

static_assert(HasView<RowMatrix<float>&>::value);
static_assert(HasView<const RowMatrix<double>&>::value);
static_assert(HasView<Eigen::Map<const RowMatrix<float>>>::value);
static_assert(HasView<Eigen::Map<RowMatrix<float>>&>::value);
static_assert(!HasView<RowMatrix<float>>::value, "a view of a temporary would dangle");
static_assert(!HasView<const RowMatrix<float>>::value, "a view of a temporary would dangle");
static_assert(!HasView<Eigen::MatrixXf&>::value, "the rows of a column-major matrix are not contiguous");
static_assert(!HasView<Eigen::Block<RowMatrix<float>>>::value, "the rows of a block have gaps between them");
static_assert(HasWeightsView<TwoLayerNetwork<float>&>::value);
static_assert(!HasWeightsView<TwoLayerNetwork<float>>::value, "a view of a temporary's weights would dangle");

// Small integers, so that every product is exact and ties are decided.
template <class T>
RowMatrix<T> integers(Index rows, Index columns, std::uint64_t seed) {
  RandomStream random(seed, RandomPurpose::weights, {5});
  RowMatrix<T> matrix(rows, columns);
  for (Index k = 0; k < matrix.size(); ++k) matrix.data()[k] = static_cast<T>(random.below(7)) - T(3);
  return matrix;
}

// Not dot(): with Eigen 5, GCC 12 warns at -O1 of variables inside it.
template <class Row, class Normal>
auto product_of(const Row& row, const Normal& normal) {
  return row.cwiseProduct(normal).sum();
}

template <class T>
bool same_bits(const RowMatrix<T>& a, const RowMatrix<T>& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() &&
         std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(T)) == 0;
}

}  // namespace

TEST_CASE_TEMPLATE("eigen: an index over a matrix of any layout reports the rows that reach the threshold", T, float,
                   double) {
  const Index n = 200, d = 5, queries = 9;
  const RowMatrix<T> data = integers<T>(n, d, 1), normals = integers<T>(queries, d, 2);
  const Eigen::VectorXi thresholds = Eigen::VectorXi::LinSpaced(queries, -4, 4);
  RowMatrix<T> wide(n, d + 3);
  wide.setConstant(T(99));
  wide.middleCols(1, d) = data;

  const auto expected = report(*make_index("brute-force", data), normals, thresholds, 1);
  REQUIRE(expected.size() == queries);
  CHECK(expected.work.fired == static_cast<std::int64_t>(expected.ids.size()));
  for (Index q = 0; q < queries; ++q) {
    std::vector<Index> wanted;
    for (Index i = 0; i < n; ++i)
      if (product_of(data.row(i), normals.row(q)) >= static_cast<T>(thresholds[q])) wanted.push_back(i);
    CHECK(std::vector<Index>(expected.begin(q), expected.end(q)) == wanted);
  }

  const ColumnMatrix<T> column_major = data, column_major_normals = normals;
  for (const std::string& name : index_names()) {
    CAPTURE(name);
    if (!index_serves(name, d)) continue;
    CHECK(report(*make_index(name, column_major), column_major_normals, thresholds).ids == expected.ids);
    CHECK(report(*make_index(name, wide.middleCols(1, d)), normals, thresholds.cast<double>()).ids == expected.ids);
    CHECK(report(*make_index(name, T(1) * data), normals, thresholds.transpose()).ids == expected.ids);
    // The interface over pointers stays reachable beside the one over matrices.
    CHECK(report(*make_index<T>(name, points(data)), normals, thresholds).ids == expected.ids);
    CHECK(report(*make_index<T>(name, {data.data(), n, d}), normals, thresholds).ids == expected.ids);
  }
}

TEST_CASE_TEMPLATE("eigen: points of one dimension come as a column", T, float, double) {
  const Eigen::Matrix<T, Eigen::Dynamic, 1> line = Eigen::Matrix<T, Eigen::Dynamic, 1>::LinSpaced(11, T(0), T(10));
  const auto index = make_index("kd-tree", line);
  CHECK(index->dimension() == 1);
  const Eigen::Matrix<T, 1, 1> normal(T(1));
  CHECK(report(*index, normal, Eigen::Matrix<double, 1, 1>(7.5)).ids == std::vector<Index>{8, 9, 10});
}

TEST_CASE_TEMPLATE("eigen: views show the memory they are given", T, float, double) {
  RowMatrix<T> data = integers<T>(4, 3, 1);
  const Eigen::Map<RowMatrix<T>> writable(data.data(), 4, 3);
  const RowMatrixView<T> readable(data.data(), 4, 3);
  for (const Points<T>& view : {points(data), points(writable), points(readable)}) {
    CHECK(view.data == data.data());
    CHECK(view.count == 4);
    CHECK(view.dimension == 3);
    CHECK(view.row(2)[1] == data(2, 1));
  }
}

TEST_CASE_TEMPLATE("eigen: insert, erase and move", T, float, double) {
  const Index d = 3;
  RowMatrix<T> data = integers<T>(40, d, 3);
  const auto index = make_index("ball-tree", data.topRows(30));
  CHECK(insert(*index, ColumnMatrix<T>(data.bottomRows(10))) == 30);
  erase(*index, {0, 39});
  CHECK(index->size() == 38);
  const ColumnMatrix<T> places = integers<T>(2, d, 4);
  move(*index, {7, 31}, places);
  data.row(7) = places.row(0);
  data.row(31) = places.row(1);
  const RowMatrix<T> normal = integers<T>(1, d, 5);
  std::vector<Index> wanted;
  for (Index i = 1; i < 39; ++i)
    if (product_of(data.row(i), normal.row(0)) >= T(1)) wanted.push_back(i);
  CHECK(report(*index, normal, Eigen::Matrix<int, 1, 1>(1)).ids == wanted);
}

TEST_CASE("eigen: shapes that do not fit together are refused before anything changed") {
  const RowMatrix<float> data = integers<float>(20, 4, 6);
  const auto index = make_index("brute-force", data);
  CHECK_THROWS_WITH_AS(static_cast<void>(report(*index, data.leftCols(3), Eigen::VectorXd::Zero(20))),
                       "the number of columns of normals is 3, but the dimension of the index is 4; give what fits "
                       "together",
                       std::invalid_argument);
  CHECK_THROWS_AS(static_cast<void>(report(*index, data, Eigen::VectorXd::Zero(19))), std::invalid_argument);
  CHECK_THROWS_AS(move(*index, {1, 2, 3}, data.topRows(2)), std::invalid_argument);
  CHECK_THROWS_AS(move(*index, {1, 2}, data.topLeftCorner(2, 3)), std::invalid_argument);
  CHECK_THROWS_AS(static_cast<void>(make_network(data, Eigen::MatrixXf::Ones(19, 1), Eigen::VectorXf::Zero(20), 1, 1)),
                  std::invalid_argument);
  CHECK_THROWS_AS(static_cast<void>(make_network(data, Eigen::MatrixXf::Ones(20, 1), Eigen::VectorXf::Zero(21), 1, 1)),
                  std::invalid_argument);
  CHECK(report(*index, data.topRows(1), Eigen::VectorXd::Constant(1, -1e9)).ids.size() == 20);
}

TEST_CASE_TEMPLATE("eigen: networks, predictions and training have the bits of the pointer interface", T, float,
                   double) {
  const Problem<T> problem(24, 6, "cross-entropy");
  auto network = problem.network(96);
  const ColumnMatrix<T> weights = weights_view(network), output_weights = output_weights_view(network);
  auto same = make_network(weights, output_weights, biases_view(network), network.threshold(), network.scale(),
                           network.activation());
  REQUIRE(same_weights(network, same));

  const RowMatrix<T> inputs = RowMatrixView<T>(problem.inputs.data(), problem.n, problem.d);
  const Eigen::VectorXi labels =
      Eigen::Map<const Eigen::VectorXd>(problem.labels.data(), problem.n).template cast<int>();
  const auto loss = make_loss("cross-entropy");
  const auto attack = make_pgd<T>(pgd(0.1, 3));
  {
    const Predictor<T> scan(network, "", Norm::two, 1), tree(same, "ball-tree", Norm::two, 1);
    RowMatrix<T> outputs(problem.n, problem.outputs), attacked(problem.n, problem.d);
    scan.decision_function(problem.points(), 1, outputs.data());
    CHECK(same_bits<T>(decision_function(tree, ColumnMatrix<T>(inputs)), outputs));
    CandidateLists lists;
    scan.fired(problem.points(), 1, lists);
    CHECK(fired(tree, inputs).ids == lists.ids);
    scan.attack(problem.points(), problem.labels.data(), *attack, *loss, 5, 1, attacked.data(), nullptr);
    CHECK(same_bits<T>(attack_inputs(tree, inputs, labels, *attack, *loss, 5), attacked));
    CHECK((attacked - inputs).rowwise().norm().maxCoeff() > T(0.05));
  }

  TrainerOptions<T> options;
  options.strategy = "dense";
  options.loss = loss;
  options.attack = attack;
  options.batch_size = 7;
  Trainer<T> pointers(network, problem.points(), problem.labels.data(), options);
  auto matrices = make_trainer(same, ColumnMatrix<T>(inputs), labels, options);
  const RowMatrixView<T> trained = weights_view(same);
  fit(pointers, 2, constant_rate(5));
  fit(matrices, 2, constant_rate(5));
  CHECK(same_weights(network, same));
  CHECK((trained - weights).norm() > T(0.1));
  CHECK_THROWS_AS(static_cast<void>(make_trainer(same, inputs, labels.head(3), options)), std::invalid_argument);
}
#endif
