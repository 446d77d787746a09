// What outlives what: temporaries that would leave a view of nothing do not compile, and networks that are moved or
// changed under whoever looks at them are noticed.
#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/told.hpp"
#include "sublinear/training/predictor.hpp"
#include "sublinear/training/three_layer_network.hpp"
#include "sublinear/training/trainer.hpp"
#include "training/local_network.hpp"
#include "training/problem.hpp"

using namespace sublinear;
using namespace sublinear::testing;

namespace {

// A view is to be had of what has a name, and of no temporary.
template <class Object, class View>
constexpr bool of_names_only(View /* a call, as a lambda */) {
  return std::is_invocable_v<View, Object&> && !std::is_invocable_v<View, Object> &&
         !std::is_invocable_v<View, const Object>;
}
#define SUBLINEAR_CALL(call) [](auto&& object) -> decltype(void(std::forward<decltype(object)>(object).call)) {}
constexpr auto kWeights = SUBLINEAR_CALL(weights());
constexpr auto kBiases = SUBLINEAR_CALL(biases());
constexpr auto kOutputWeights = SUBLINEAR_CALL(output_weights());
constexpr auto kNeurons = SUBLINEAR_CALL(neurons());
constexpr auto kChangeWeights = SUBLINEAR_CALL(change_weights());
constexpr auto kChangeBiases = SUBLINEAR_CALL(change_biases());
constexpr auto kMetadata = SUBLINEAR_CALL(metadata());
constexpr auto kInputs = SUBLINEAR_CALL(inputs());
constexpr auto kFirstWeights = SUBLINEAR_CALL(first_weights());
constexpr auto kHidden = SUBLINEAR_CALL(hidden());
constexpr auto kFirstWork = SUBLINEAR_CALL(first_work());
constexpr auto kVector = SUBLINEAR_CALL(vector(0));
constexpr auto kBegin = SUBLINEAR_CALL(begin(0));
constexpr auto kEnd = SUBLINEAR_CALL(end(0));
constexpr auto kView = SUBLINEAR_CALL(view());
constexpr auto kFinder = SUBLINEAR_CALL(finder());
constexpr auto kNetwork = SUBLINEAR_CALL(network());
constexpr auto kFired = SUBLINEAR_CALL(fired());
constexpr auto kValues = SUBLINEAR_CALL(values());
constexpr auto kOutputGradient = SUBLINEAR_CALL(output_gradient());
#undef SUBLINEAR_CALL

using Network = TwoLayerNetwork<float>;
static_assert(of_names_only<Network>(kWeights) && of_names_only<Network>(kBiases));
static_assert(of_names_only<Network>(kOutputWeights) && of_names_only<Network>(kNeurons));
static_assert(of_names_only<Network>(kChangeWeights) && of_names_only<Network>(kChangeBiases));
static_assert(of_names_only<ThreeLayerNetwork<float>>(kFirstWeights));
static_assert(of_names_only<ThreeLayerNetwork<float>>(kOutputWeights));
static_assert(of_names_only<ThreeLayerNetwork<float>>(kHidden));
static_assert(of_names_only<ThreeLayerTrainer<float>>(kFirstWork));
static_assert(of_names_only<Activations<float>>(kVector));
static_assert(of_names_only<IdLists<Index>>(kBegin) && of_names_only<IdLists<Index>>(kEnd));
static_assert(of_names_only<RowFacts<float>>(kView));
static_assert(of_names_only<Trainer<float>>(kFinder) && of_names_only<Trainer<float>>(kInputs));
static_assert(of_names_only<Network>(kMetadata));
static_assert(of_names_only<Predictor<float>>(kNetwork));
static_assert(of_names_only<LocalNetwork<float>>(kFired) && of_names_only<LocalNetwork<float>>(kValues));
static_assert(of_names_only<LocalNetwork<float>>(kOutputGradient));

// Those who look at an object for longer than a call take no temporary; a predictor takes it over.
constexpr auto kAttach = [](auto&& network, auto&& facts) -> decltype(std::declval<LocalNetwork<float>&>().attach(
                                                              std::forward<decltype(network)>(network),
                                                              std::forward<decltype(facts)>(facts),
                                                              std::declval<const Visit<float>&>())) {};
template <class Net, class Facts>
constexpr bool kAttaches = std::is_invocable_v<decltype(kAttach), Net, Facts>;
static_assert(kAttaches<const Network&, const RowFacts<float>&>);
static_assert(!kAttaches<Network, const RowFacts<float>&> && !kAttaches<const Network&, RowFacts<float>>);
static_assert(!kAttaches<Network, RowFacts<float>>);
template <class Net>
constexpr bool kTrains = std::is_constructible_v<Trainer<float>, Net, Points<float>, double*, TrainerOptions<float>>;
static_assert(kTrains<Network&> && !kTrains<Network> && !kTrains<const Network&>);
static_assert(!std::is_constructible_v<ThreeLayerTrainer<float>, ThreeLayerNetwork<float>, Points<float>, double*,
                                       ThreeLayerOptions>);
static_assert(std::is_constructible_v<Predictor<float>, const Network&, const char*, Norm, int>);
static_assert(std::is_constructible_v<Predictor<float>, Network, const char*, Norm, int>);
static_assert(!std::is_constructible_v<Predictor<float>, const Network, const char*, Norm, int>, "it would dangle");
static_assert(!std::is_constructible_v<Predictor<float>, const Network, IndexFactory<float>, Norm, int>);

static_assert(std::is_nothrow_move_constructible_v<Trainer<float>> &&
              std::is_nothrow_move_assignable_v<Trainer<float>>);
static_assert(std::is_nothrow_move_constructible_v<Predictor<float>>);
static_assert(std::is_nothrow_move_assignable_v<Predictor<float>> && !std::is_copy_constructible_v<Predictor<float>>);
static_assert(std::is_nothrow_move_constructible_v<Network> && !std::is_copy_constructible_v<Network>);

template <class T>
TrainerOptions<T> options_of(const std::string& loss = "cross-entropy") {
  TrainerOptions<T> options;
  options.loss = make_loss(loss);
  options.attack = make_pgd<T>(pgd(0.1));
  options.batch_size = 16;
  options.threads = 2;
  return options;
}

template <class T>
std::vector<T> outputs_of(const Predictor<T>& predictor, Points<T> points) {
  std::vector<T> outputs(static_cast<std::size_t>(points.count * predictor.network().outputs()));
  predictor.decision_function(points, 1, outputs.data());
  return outputs;
}

}  // namespace

TEST_CASE_TEMPLATE("a predictor owns the network that is moved into it, and both move", T, float, double) {
  const Problem<T> problem(20, 5, "cross-entropy");
  const auto network = problem.network(40);
  const std::vector<T> expected = outputs_of(Predictor<T>(network), problem.points());
  const IndexFactory<T> factory = [](Points<T> points) { return make_index<T>("kd-tree", points); };
  for (Predictor<T>* made : {new Predictor<T>(problem.network(40)), new Predictor<T>(problem.network(40), "ball-tree"),
                             new Predictor<T>(problem.network(40), factory)}) {
    const std::unique_ptr<Predictor<T>> owned(made);
    Predictor<T> moved = std::move(*owned);
    CHECK(outputs_of(moved, problem.points()) == expected);
    CHECK_THROWS_WITH_AS(static_cast<void>(owned->network()),
                         "the predictor was moved from; use the one it was moved to", std::logic_error);
    CandidateLists lists;
    CHECK_THROWS_AS(owned->fired(problem.points(), 1, lists), std::logic_error);
    *owned = std::move(moved);
    CHECK(outputs_of(*owned, problem.points()) == expected);
  }
  auto kept = problem.network(40);
  CHECK_THROWS_AS(Predictor<T>(std::move(kept), "no such index"), std::invalid_argument);
  CHECK(same_weights(kept, network));  // a constructor that throws takes nothing
}

TEST_CASE_TEMPLATE("a predictor refuses to answer for a network that is no longer what it was", T, float, double) {
  const Problem<T> problem(20, 5, "cross-entropy");
  std::vector<T> outputs(60);
  const auto refuses = [&](const Predictor<T>& predictor) {
    CandidateLists lists;
    const auto attack = make_pgd<T>(pgd(0.1));
    const auto loss = make_loss("cross-entropy");
    CHECK_THROWS_WITH_AS(predictor.decision_function(problem.points(), 1, outputs.data()),
                         "the network was changed, moved or replaced since the predictor was made; make a predictor of "
                         "the network as and where it is now",
                         std::logic_error);
    CHECK_THROWS_AS(predictor.fired(problem.points(), 1, lists), std::logic_error);
    CHECK_THROWS_AS(
        predictor.attack(problem.points(), problem.labels.data(), *attack, *loss, 0, 1, outputs.data(), nullptr),
        std::logic_error);
  };
  auto trained = problem.network(40), replaced = problem.network(40), moved = problem.network(40);
  const Predictor<T> of_trained(trained), of_replaced(replaced), of_moved(moved);
  Trainer<T> trainer(trained, problem.points(), problem.labels.data(), options_of<T>());
  static_cast<void>(outputs_of(of_trained, problem.points()));
  trainer.step(1);
  refuses(of_trained);
  replaced = problem.network(40);
  refuses(of_replaced);
  const auto elsewhere = std::move(moved);
  refuses(of_moved);
}

TEST_CASE_TEMPLATE("a predictor whose network a callback changes gives no answer", T, float, double) {
  const Told told(Told::always);
  const Problem<T> problem(40, 5, "cross-entropy");
  const auto points = problem.points();
  const auto attack = make_pgd<T>({});
  const auto loss = make_loss("cross-entropy");
  for (const int call : {0, 1, 2}) {
    auto network = problem.network(40);
    const Predictor<T> predictor(network, "", Norm::two, 1);
    std::vector<T> outputs(static_cast<std::size_t>(points.count * network.outputs()));
    CandidateLists lists;
    const ProgressScope scope([&](double) { network.change_weights()[0] += 1; });
    CHECK_THROWS_AS(call == 0 ? predictor.decision_function(points, 1, outputs.data())
                    : call == 1
                        ? predictor.fired(points, 1, lists)
                        : predictor.attack(points, problem.labels.data(), *attack, *loss, 0, 1, nullptr, nullptr),
                    std::logic_error);
  }
}

TEST_CASE_TEMPLATE("a trainer moves, and one moved from says so", T, float, double) {
  const Problem<T> problem(40, 5, "cross-entropy");
  auto network = problem.network(40), reference = problem.network(40);
  Trainer<T> stays(reference, problem.points(), problem.labels.data(), options_of<T>());
  Trainer<T> first(network, problem.points(), problem.labels.data(), options_of<T>());
  for (int k = 0; k < 4; ++k) stays.step(10);
  first.step(10);
  Trainer<T> second = std::move(first);
  second.step(10);
  first = std::move(second);
  first.step(10);
  first.step(10);
  CHECK(first.steps_done() == 4);
  CHECK(same_weights(network, reference));
  CHECK_THROWS_WITH_AS(second.step(10), "the trainer was moved from; use the one it was moved to", std::logic_error);
  CHECK_THROWS_AS(static_cast<void>(second.finder()), std::logic_error);
  CHECK_THROWS_AS(static_cast<void>(second.steps_done()), std::logic_error);
  CHECK_THROWS_AS(static_cast<void>(second.steps_per_epoch()), std::logic_error);
  CHECK_THROWS_AS(second.set_steps_done(1), std::logic_error);
}

TEST_CASE_TEMPLATE("a trainer goes on with a network in its network's place, and refuses one moved away", T, float,
                   double) {
  const Problem<T> problem(40, 5, "cross-entropy");
  for (const char* strategy : {"dense", "margin", "weights", "data"}) {
    CAPTURE(strategy);
    auto options = options_of<T>();
    options.strategy = strategy;
    auto network = problem.network(40);
    Trainer<T> trainer(network, problem.points(), problem.labels.data(), options);
    for (int k = 0; k < 2; ++k) trainer.step(10);
    // Other weights of the same sizes: as if they had been changed one by one.
    network = problem.network(40, "gao");
    for (int k = 0; k < 2; ++k) trainer.step(10);
    auto other = problem.network(40, "gao");
    Trainer<T> fresh(other, problem.points(), problem.labels.data(), options);
    fresh.set_steps_done(2);
    for (int k = 0; k < 2; ++k) fresh.step(10);
    CHECK(same_weights(network, other));

    const auto elsewhere = std::move(network);
    const auto before = elsewhere.clone();
    CandidateLists lists;
    const Index input = 0;
    CHECK_THROWS_WITH_AS(trainer.step(10),
                         "the trainer's network was moved away, or one of other sizes took its place; make a trainer "
                         "of the network where it is now",
                         std::logic_error);
    CHECK_THROWS_AS(trainer.candidates(&input, 1, lists), std::logic_error);
    network = problem.network(41);
    CHECK_THROWS_AS(trainer.step(10), std::logic_error);
    CHECK(trainer.steps_done() == 4);
    CHECK(same_weights(elsewhere, before));
  }
}

TEST_CASE_TEMPLATE("callbacks of a trainer may neither step it nor change its network", T, float, double) {
  const Problem<T> problem(40, 5, "cross-entropy");
  auto network = problem.network(40), reference = problem.network(40);
  Trainer<T> expected(reference, problem.points(), problem.labels.data(), options_of<T>());
  std::unique_ptr<Trainer<T>> trainer;
  std::function<void()> callback;
  auto options = options_of<T>();
  options.progress = [&](double) {
    if (callback) callback();
  };
  trainer = std::make_unique<Trainer<T>>(network, problem.points(), problem.labels.data(), options);
  const Index input = 0;
  CandidateLists lists;
  const std::vector<std::function<void()>> calls{
      [&] { trainer->step(1); }, [&] { trainer->candidates(&input, 1, lists); }, [&] { trainer->set_steps_done(7); },
      [&] { static_cast<void>(trainer->finder()); }};
  for (const auto& call : calls) {
    callback = call;
    CHECK_THROWS_WITH_AS(trainer->step(10),
                         "the trainer is in the middle of a call, of another thread or the one whose callback this is; "
                         "call it again when that has returned",
                         std::logic_error);
    CHECK(trainer->steps_done() == 0);
    CHECK(same_weights(network, reference));
  }
  callback = [&] { network.change_weights()[0] += 1; };
  CHECK_THROWS_AS(trainer->step(10), std::logic_error);
  callback = [&] { network = problem.network(40); };  // it is whole again, and the step stops all the same
  CHECK_THROWS_WITH_AS(
      trainer->step(10),
      "a callback of the trainer changed or moved the network in the middle of a call; let it note what "
      "it wants to do, and do it between calls",
      std::logic_error);
  callback = [&] { static_cast<void>(trainer->steps_per_epoch() + trainer->steps_done()); };
  trainer->step(10);
  expected.step(10);
  CHECK(same_weights(network, reference));
}

TEST_CASE_TEMPLATE("a structure is built again where a callback changed the network meanwhile", T, float, double) {
  const Told told(Told::always);
  const Problem<T> problem(40, 5, "cross-entropy");
  int tells = 0, change_at = 0;
  auto options = options_of<T>();
  options.strategy = "weights";
  options.threads = 1;
  auto network = problem.network(600);
  options.progress = [&](double) {
    if (++tells != change_at) return;
    T* const weights = network.change_weights();
    for (Index k = 0; k < network.width() * network.dimension(); ++k) weights[k] = -weights[k];
  };
  { const Trainer<T> counted(network, problem.points(), problem.labels.data(), options); }
  change_at = tells;  // the last one, when most was read
  tells = 0;
  Trainer<T> trainer(network, problem.points(), problem.labels.data(), options);
  REQUIRE(tells == change_at);
  auto reference = network.clone();
  Trainer<T> expected(reference, problem.points(), problem.labels.data(), options_of<T>());
  trainer.step(10);
  expected.step(10);
  CHECK(same_weights(network, reference));

  const Index input = 0;
  CandidateLists lists;
  tells = 0, change_at = 1;
  const ProgressScope scope(options.progress);
  CHECK_THROWS_AS(trainer.candidates(&input, 1, lists), std::logic_error);
  trainer.candidates(&input, 1, lists);
  reference = network.clone();
  expected.step(10);
  trainer.step(10);
  CHECK(same_weights(network, reference));
}

TEST_CASE_TEMPLATE("three layers: networks that are moved or replaced are noticed", T, float, double) {
  ThreeLayerInitialization how;
  how.dimension = 3;
  how.width = 16;
  const std::vector<T> inputs{1, 2, 3, 3, 2, 1};
  const std::vector<double> labels{1, -1};
  const Points<T> points{inputs.data(), 2, 3};
  auto network = random_three_layer_network<T>(how);
  ThreeLayerTrainer<T> first(network, points, labels.data(), {});
  first.step(0.1);
  ThreeLayerTrainer<T> trainer = std::move(first);
  CHECK_THROWS_WITH_AS(first.step(0.1), "the trainer was moved from; use the one it was moved to", std::logic_error);
  trainer.step(0.1);
  CHECK(trainer.steps_done() == 2);
  std::vector<T> outputs(2);
  {
    auto elsewhere = std::move(network);
    CHECK_THROWS_AS(trainer.step(0.1), std::logic_error);
    CHECK_THROWS_AS(network.decision_function(points, 1, outputs.data()), std::logic_error);
    const auto wider = random_three_layer_network<T>({3, 17});
    elsewhere.hidden() = wider.hidden();
    CHECK_THROWS_AS(elsewhere.decision_function(points, 1, outputs.data()), std::logic_error);
  }
  network = random_three_layer_network<T>(how);
  CHECK_THROWS_WITH_AS(trainer.step(0.1),
                       "the network was moved away, or another took its place, since the trainer was made; make a "
                       "trainer of the network where it is now",
                       std::logic_error);
  CHECK(trainer.steps_done() == 2);
}
