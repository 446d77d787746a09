// Null pointers where something should be, callbacks that are empty, and numbers in messages.
#include <doctest/doctest.h>

#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "sublinear/finding/neuron_finder.hpp"
#include "sublinear/kernels/flat_file.hpp"
#include "sublinear/kernels/require.hpp"
#include "sublinear/reporting/half_space_index.hpp"
#include "sublinear/reporting/index_file.hpp"
#include "sublinear/reporting/partition_tree.hpp"
#include "sublinear/training/network_file.hpp"
#include "sublinear/training/predictor.hpp"
#include "sublinear/training/three_layer_network.hpp"
#include "sublinear/training/trainer.hpp"
#include "training/problem.hpp"

using namespace sublinear;
using namespace sublinear::testing;

#define CHECK_REFUSES(call) CHECK_THROWS_AS(static_cast<void>(call), std::invalid_argument)

TEST_CASE_TEMPLATE("indexes refuse null pointers", T, float, double) {
  const std::vector<T> points{1, 2, 3, 4, 5, 6}, normal{1, 1};
  const double threshold = 0;
  const Index id = 1;
  Index count = 0;
  IdLists<Index> lists;
  TopLists<T> top;
  std::vector<Index> ids;
  for (const std::string& name : index_names()) {
    CAPTURE(name);
    CHECK_THROWS_WITH_AS(static_cast<void>(make_index<T>(name, {nullptr, 3, 2})),
                         "points is a null pointer, and there should be 3; give where they lie, or a count of 0",
                         std::invalid_argument);
    const auto index = make_index<T>(name, {points.data(), 3, 2});
    CHECK_REFUSES(index->insert({nullptr, 1, 2}));
    CHECK(index->insert({nullptr, 0, 2}) == 3);
    CHECK_REFUSES(index->erase(nullptr, 1));
    CHECK_REFUSES(index->move(nullptr, 1, points.data()));
    CHECK_REFUSES(index->move(&id, 1, nullptr));
    CHECK_REFUSES(index->report(nullptr, &threshold, 1, 1, lists));
    CHECK_REFUSES(index->report(normal.data(), nullptr, 1, 1, lists));
    CHECK_REFUSES(index->count(nullptr, &threshold, 1, 1, &count));
    CHECK_REFUSES(index->count(normal.data(), nullptr, 1, 1, &count));
    CHECK_REFUSES(index->count(normal.data(), &threshold, 1, 1, nullptr));
    CHECK_REFUSES(index->top(nullptr, 1, 1, 1, top));
    CHECK_REFUSES(index->report_page(nullptr, 0, 0, ids));
    CHECK_REFUSES(stream<T>(*index, normal.data(), 0, {}));
    index->erase(nullptr, 0);
    index->move(nullptr, 0, nullptr);
    index->report(nullptr, nullptr, 0, 1, lists);
    index->count(normal.data(), &threshold, 1, 1, &count);
    CHECK(count == 3);
  }
  CHECK_REFUSES(crossing_numbers<T>({nullptr, 3, 2}, {}, normal.data(), &threshold, 1));
  CHECK_REFUSES(crossing_numbers<T>({points.data(), 3, 2}, {}, nullptr, &threshold, 1));
  CHECK_REFUSES(crossing_numbers<T>({points.data(), 3, 2}, {}, normal.data(), nullptr, 1));
  CHECK_REFUSES(index_from_bytes<T>(nullptr, 100));
  CHECK_REFUSES(describe_index_bytes(nullptr, 100));
  FlatWriter writer;
  CHECK_REFUSES((writer.add<T>("values", nullptr, 3), 0));
}

TEST_CASE_TEMPLATE("strategies refuse null pointers", T, float, double) {
  const Problem<T> problem(20, 4, "cross-entropy");
  const auto network = problem.network(30);
  const Index input = 0;
  const NeuronId row = 0;
  const Displacement by{};
  CandidateLists lists;
  for (const StrategyInfo& info : strategies()) {
    CAPTURE(info.name);
    const auto make = [&](Neurons<T> neurons, Points<T> inputs) {
      return make_finder<T>(info.name, neurons, inputs, {0.1, Norm::two}, {}, 1);
    };
    Neurons<T> weightless = network.neurons(), biasless = network.neurons();
    weightless.weights = nullptr;
    biasless.biases = nullptr;
    CHECK_REFUSES(make(weightless, problem.points()));
    CHECK_REFUSES(make(biasless, problem.points()));
    CHECK_REFUSES(make(network.neurons(), {nullptr, 20, 4}));
    const auto finder = make(network.neurons(), problem.points());
    CHECK_REFUSES(finder->candidates(nullptr, 1, 1, lists));
    CHECK_REFUSES(finder->candidates(&input, -1, 1, lists));
    CHECK_REFUSES(finder->moved(nullptr, &by, 1, 1));
    CHECK_REFUSES(finder->moved(&row, nullptr, 1, 1));
    CHECK_REFUSES(finder->moved(&row, &by, -1, 1));
    if (finder->serves_any_point()) CHECK_REFUSES(finder->candidates_at({nullptr, 2, 4}, 0.1, 1, lists));
    finder->candidates(nullptr, 0, 1, lists);
    CHECK(lists.size() == 0);
  }
}

TEST_CASE_TEMPLATE("networks, trainers and predictors refuse null pointers and empty callbacks", T, float, double) {
  const Problem<T> problem(20, 4, "cross-entropy");
  auto network = problem.network(30);
  const T one = 1;
  CHECK_REFUSES(TwoLayerNetwork<T>({nullptr, 1, 1}, &one, 1, nullptr, 0, 1, Activation::shifted));
  CHECK_REFUSES(TwoLayerNetwork<T>({&one, 1, 1}, nullptr, 1, nullptr, 0, 1, Activation::shifted));
  CHECK_REFUSES(network_from_bytes<T>(nullptr, 100));
  CHECK_REFUSES(describe_network_bytes(nullptr, 100));

  TrainerOptions<T> options;
  options.loss = make_loss("cross-entropy");
  options.attack = make_pgd<T>(pgd(0.1));
  CHECK_REFUSES(Trainer<T>(network, {nullptr, 20, 4}, problem.labels.data(), options));
  CHECK_THROWS_WITH_AS(Trainer<T>(network, problem.points(), nullptr, options),
                       "labels is a null pointer, and there should be 20; give where they lie, or a count of 0",
                       std::invalid_argument);
  Trainer<T> trainer(network, problem.points(), problem.labels.data(), options);
  CandidateLists lists;
  CHECK_REFUSES(trainer.candidates(nullptr, 1, lists));
  CHECK_THROWS_WITH_AS(fit(trainer, 1, LearningRate{}),
                       "rate is empty; give a learning rate, such as constant_rate(0.1)", std::invalid_argument);
  CHECK(trainer.steps_done() == 0);

  const IndexFactory<T> none;
  CHECK_REFUSES(Predictor<T>(network, none));
  CHECK_REFUSES(Predictor<T>(problem.network(30), none));
  const Predictor<T> predictor(network);
  std::vector<T> outputs(60);
  CHECK_REFUSES(predictor.decision_function({nullptr, 20, 4}, 1, outputs.data()));
  CHECK_REFUSES(predictor.decision_function(problem.points(), 1, nullptr));
  CHECK_REFUSES(predictor.fired({nullptr, 20, 4}, 1, lists));
  CHECK_REFUSES(predictor.attack({nullptr, 20, 4}, problem.labels.data(), *options.attack, *options.loss, 0, 1, nullptr,
                                 nullptr));
  CHECK_REFUSES(predictor.attack(problem.points(), nullptr, *options.attack, *options.loss, 0, 1, nullptr, nullptr));
  predictor.attack(problem.points(), problem.labels.data(), *options.attack, *options.loss, 0, 1, nullptr, nullptr);
}

TEST_CASE_TEMPLATE("layers of low rank refuse null pointers and empty callbacks", T, float, double) {
  const std::vector<T> weights{1, 2, 3, 4};
  CHECK_REFUSES(LowRankLayer<T>({nullptr, 2, 2}));
  CHECK_REFUSES(LowRankLayer<T>(2, 2, typename LowRankLayer<T>::Columns{}));
  LowRankLayer<T> layer({weights.data(), 2, 2});
  const NeuronId id = 1;
  const T value = 1;
  const SparseVector<T> good{&id, &value, 1}, no_ids{nullptr, &value, 1}, no_values{&id, nullptr, 1},
      negative{&id, &value, -1};
  std::vector<T> out(2);
  CHECK_REFUSES(layer.apply(nullptr, 1, 1, out.data()));
  CHECK_REFUSES(layer.apply(&good, 1, 1, nullptr));
  CHECK_REFUSES(layer.apply(&good, -1, 1, out.data()));
  CHECK_REFUSES(layer.apply(&no_ids, 1, 1, out.data()));
  CHECK_REFUSES(layer.apply(&no_values, 1, 1, out.data()));
  CHECK_REFUSES(layer.apply(&negative, 1, 1, out.data()));
  CHECK_REFUSES(layer.add_rank(nullptr, &good, 1, 1));
  CHECK_REFUSES(layer.add_rank(&good, nullptr, 1, 1));
  CHECK_REFUSES((layer.write_dense(1, nullptr), 0));
  CHECK(layer.rank() == 0);

  CHECK_REFUSES(ThreeLayerNetwork<T>({nullptr, 2, 3}, layer, weights.data(), 0, 0, 1));
  CHECK_REFUSES(ThreeLayerNetwork<T>({weights.data(), 2, 2}, layer, nullptr, 0, 0, 1));
  ThreeLayerNetwork<T> network({weights.data(), 2, 2}, layer, weights.data(), 0, 0, 1);
  const std::vector<double> labels{1, 2};
  CHECK_REFUSES(network.decision_function({nullptr, 2, 2}, 1, out.data()));
  CHECK_REFUSES(network.decision_function({weights.data(), 2, 2}, 1, nullptr));
  CHECK_REFUSES(ThreeLayerTrainer<T>(network, {nullptr, 2, 2}, labels.data(), {}));
  CHECK_REFUSES(ThreeLayerTrainer<T>(network, {weights.data(), 2, 2}, nullptr, {}));
}

namespace {

// Goes further than it says.
class TooFar final : public Attack<double> {
 public:
  [[nodiscard]] Ball ball() const noexcept override { return {1e-9, Norm::infinity}; }
  [[nodiscard]] std::unique_ptr<AttackRun<double>> make_run(Index dimension) const override {
    return std::make_unique<Run>(dimension);
  }

 private:
  struct Run final : AttackRun<double> {
    Index dimension;
    explicit Run(Index d) : dimension(d) {}
    bool start(int, const double* x, RandomStream&, double* point) override {
      for (Index j = 0; j < dimension; ++j) point[j] = x[j];
      point[0] += 1e-6;
      return false;
    }
    bool next(AttackView<double>&, double*) override { return false; }
  };
};

}  // namespace

TEST_CASE("numbers in messages have the digits that tell, and no more") {
  CHECK(format_number(0.05) == "0.05");
  CHECK(format_number(1e-6) == "1e-06");
  CHECK(format_number(std::numeric_limits<double>::max()) == "1.79769313e+308");
  CHECK(format_number(std::numeric_limits<double>::quiet_NaN()) == "nan");
  const Problem<float> problem(4, 3, "cross-entropy");
  auto network = problem.network(30);
  TrainerOptions<float> options;
  options.loss = make_loss("cross-entropy");
  options.attack = make_pgd<float>(pgd(0.1));
  Trainer<float> trainer(network, problem.points(), problem.labels.data(), options);
  CHECK_THROWS_WITH_AS(trainer.step(std::numeric_limits<double>::max()),
                       "step 0 with learning rate 1.79769313e+308 would make weights, or products of them with inputs, "
                       "overflow; the network is as it was before the step, train it with a lower learning rate",
                       std::overflow_error);
  const std::vector<double> zeros(4 * 3);
  TrainerOptions<double> further;
  further.loss = options.loss;
  further.attack = std::make_shared<TooFar>();
  auto wide = Problem<double>(4, 3, "cross-entropy").network(30);
  Trainer<double> attacked(wide, {zeros.data(), 4, 3}, problem.labels.data(), further);
  CHECK_THROWS_WITH_AS(attacked.step(1),
                       "the attack moved an input by 1e-06, out of its ball of radius 1e-09; runs must stay inside "
                       "Attack::ball",
                       std::logic_error);
  options.input_weights = {1, 1, 1, -1e-9};
  CHECK_THROWS_WITH_AS(Trainer<float>(network, problem.points(), problem.labels.data(), options),
                       "the weight of input 3 is -1e-09; give finite numbers >= 0", std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      static_cast<void>(make_finder<float>("dense", network.neurons(), problem.points(), {-1e-12, Norm::two}, {}, 1)),
      "radius is -1e-12; give a finite number >= 0", std::invalid_argument);
}
