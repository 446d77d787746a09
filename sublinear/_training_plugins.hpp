// Losses, attacks and optimizers written in Python, as C++ sees them. How calls go: see _plugins.hpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "_plugins.hpp"
#include "sublinear/training/attack.hpp"
#include "sublinear/training/loss.hpp"
#include "sublinear/training/optimizer.hpp"

namespace {

// The functions of the Cython module that losses, attacks and optimizers call.
struct TrainingCalls {
  PyObject* (*losses)(PyObject* loss, const double* outputs, std::int64_t count, std::int64_t columns,
                      const double* labels, double* losses, double* gradients);
  PyObject* (*start)(PyObject* attack, int k, const void* inputs, const double* labels, const std::uint64_t* seeds,
                     std::int64_t count, std::int64_t dimension, bool single, PyObject** run, void* points, bool* asks);
  PyObject* (*next)(PyObject* run, const void* values, const double* losses, const void* gradients, std::int64_t count,
                    std::int64_t dimension, std::int64_t columns, bool single, void* points, bool* asks);
  PyObject* (*make_optimizer)(PyObject* factory, std::int64_t width, std::int64_t columns, bool single,
                              PyObject** made);
  PyObject* (*propose)(PyObject* run, const std::int32_t* rows, const void* weights, const void* gradients,
                       std::int64_t count, std::int64_t columns, double rate, bool single, void* moved);
  void (*commit)(PyObject* run);
  PyObject* (*state)(PyObject* run, void* state, bool single);
  PyObject* (*set_state)(PyObject* run, const void* state, bool single);
};
inline TrainingCalls training_calls{};

// Its labels, and what is right, are those of one of the library's losses.
class PythonLoss final : public sublinear::Loss {
 public:
  PythonLoss(PyObject* loss, std::string name, std::shared_ptr<const sublinear::Loss> like)
      : loss_(PythonObject::shared(loss)), name_(std::move(name)), like_(std::move(like)) {}

  [[nodiscard]] const char* name() const noexcept override { return name_.c_str(); }
  [[nodiscard]] bool serves(sublinear::Index outputs) const noexcept override { return like_->serves(outputs); }
  [[nodiscard]] const char* outputs_text() const noexcept override { return like_->outputs_text(); }
  [[nodiscard]] bool knows(double label, sublinear::Index outputs) const noexcept override {
    return like_->knows(label, outputs);
  }
  [[nodiscard]] const char* label_text() const noexcept override { return like_->label_text(); }
  [[nodiscard]] bool classifies() const noexcept override { return like_->classifies(); }
  [[nodiscard]] bool correct(const double* outputs, sublinear::Index count, double label) const noexcept override {
    return like_->correct(outputs, count, label);
  }
  // Nobody asks this of a loss that is asked for many inputs at a time. NaN where Python fails.
  double evaluate(const double* outputs, sublinear::Index count, double label,
                  double* gradient) const noexcept override {
    double loss = std::numeric_limits<double>::quiet_NaN();
    try {
      evaluate_batch(outputs, 1, count, &label, &loss, gradient);
    } catch (...) {
      if (gradient != nullptr) std::fill_n(gradient, count, loss);
    }
    return loss;
  }
  [[nodiscard]] bool by_batch() const noexcept override { return true; }
  void evaluate_batch(const double* outputs, sublinear::Index count, sublinear::Index columns, const double* labels,
                      double* losses, double* gradients) const override {
    require_done(training_calls.losses(loss_.get(), outputs, count, columns, labels, losses, gradients));
  }

 private:
  PythonObject loss_;
  std::string name_;
  std::shared_ptr<const sublinear::Loss> like_;
};

inline std::shared_ptr<const sublinear::Loss> make_python_loss(PyObject* loss, const std::string& name,
                                                               const std::string& like) {
  return std::make_shared<PythonLoss>(loss, name, sublinear::make_loss(like));
}

template <class T>
class PythonAttackRun final : public sublinear::BatchAttackRun<T> {
 public:
  explicit PythonAttackRun(const PythonObject& attack) : attack_(attack), run_(nullptr) {}

  bool start(int k, sublinear::Points<T> inputs, const double* labels, sublinear::RandomStream* const* random,
             T* points) override {
    std::vector<std::uint64_t> seeds;
    for (sublinear::Index i = 0; i < inputs.count; ++i) seeds.push_back(random[i]->next());
    PyObject* run = nullptr;
    bool asks = false;
    require_done(training_calls.start(attack_.get(), k, inputs.data, labels, seeds.data(), inputs.count,
                                      inputs.dimension, kSingle, &run, points, &asks));
    run_ = PythonObject(run);
    return asks;
  }
  bool next(const sublinear::BatchView<T>& here, T* points) override {
    bool asks = false;
    require_done(training_calls.next(run_.get(), here.values, here.losses, here.gradients, here.inputs.count,
                                     here.inputs.dimension, here.outputs, kSingle, points, &asks));
    return asks;
  }

 private:
  static constexpr bool kSingle = sizeof(T) == sizeof(float);
  PythonObject attack_, run_;
};

template <class T>
class PythonAttack final : public sublinear::Attack<T> {
 public:
  PythonAttack(PyObject* attack, sublinear::Ball ball, int gradients, int runs)
      : attack_(PythonObject::shared(attack)), ball_(ball), gradients_(gradients), runs_(runs) {}
  [[nodiscard]] sublinear::Ball ball() const noexcept override { return ball_; }
  [[nodiscard]] int gradients() const noexcept override { return gradients_; }
  [[nodiscard]] int runs() const noexcept override { return runs_; }
  [[nodiscard]] bool by_batch() const noexcept override { return true; }
  [[nodiscard]] std::unique_ptr<sublinear::AttackRun<T>> make_run(sublinear::Index) const override {
    throw std::logic_error("an attack written in Python is asked for many inputs at a time");
  }
  [[nodiscard]] std::unique_ptr<sublinear::BatchAttackRun<T>> make_batch_run(sublinear::Index) const override {
    return std::make_unique<PythonAttackRun<T>>(attack_);
  }

 private:
  PythonObject attack_;
  sublinear::Ball ball_;
  int gradients_, runs_;
};

template <class T>
std::shared_ptr<const sublinear::Attack<T>> make_python_attack(PyObject* attack, sublinear::Ball ball, int gradients,
                                                               int runs) {
  return std::make_shared<PythonAttack<T>>(attack, ball, gradients, runs);
}

// Python sees a row and its bias, where that is trained, as one row.
template <class T>
class PythonOptimizerRun final : public sublinear::OptimizerRun<T> {
 public:
  PythonOptimizerRun(const PythonObject& factory, const sublinear::OptimizerProblem& problem, bool lazy)
      : dimension_(problem.dimension),
        columns_(problem.dimension + (problem.train_biases ? 1 : 0)),
        lazy_(lazy),
        run_(make(factory, problem.width, columns_)) {}

  [[nodiscard]] double gradient_factor(double) const noexcept override { return 1; }
  void prepare(double rate) override { rate_ = rate; }
  [[nodiscard]] bool by_batch() const noexcept override { return true; }

  void propose(const sublinear::RowBatch<T>& batch) override {
    rows_.assign(batch.rows, batch.rows + batch.count);
    const std::vector<T> before = join(batch.weights, batch.biases, batch.count);
    const std::vector<T> gradients = join(batch.gradients, batch.bias_gradients, batch.count);
    moved_.resize(before.size());
    require_done(training_calls.propose(run_.get(), rows_.data(), before.data(), gradients.data(), batch.count,
                                        columns_, rate_, kSingle, moved_.data()));
    growth_ = {};
    for (std::size_t k = 0; k < moved_.size(); ++k) {
      const bool is_bias = static_cast<sublinear::Index>(k) % columns_ == dimension_;
      double& size = is_bias ? growth_.bias : growth_.weight;
      size = std::max(size, std::abs(static_cast<double>(moved_[k]) - static_cast<double>(before[k])));
    }
  }

  [[nodiscard]] sublinear::Magnitudes growth(const sublinear::Magnitudes&, const sublinear::Magnitudes&) override {
    return growth_;
  }
  [[nodiscard]] bool moves(sublinear::NeuronId) const noexcept override { return !lazy_; }
  void move(const sublinear::NeuronStep<T>& step) noexcept override {
    const auto place = std::lower_bound(rows_.begin(), rows_.end(), step.neuron) - rows_.begin();
    const T* const to = moved_.data() + place * columns_;
    std::copy(to, to + dimension_, step.weights);
    if (step.bias != nullptr) *step.bias = to[dimension_];
  }
  void finish() noexcept override { training_calls.commit(run_.get()); }

  [[nodiscard]] sublinear::OptimizerState<T> state() const override {
    sublinear::OptimizerState<T> state;
    require_done(training_calls.state(run_.get(), &state, kSingle));
    return state;
  }
  void set_state(const sublinear::OptimizerState<T>& state) override {
    require_done(training_calls.set_state(run_.get(), &state, kSingle));
  }

 private:
  static constexpr bool kSingle = sizeof(T) == sizeof(float);

  static PyObject* make(const PythonObject& factory, std::int64_t width, std::int64_t columns) {
    PyObject* made = nullptr;
    require_done(training_calls.make_optimizer(factory.get(), width, columns, kSingle, &made));
    return made;
  }
  [[nodiscard]] std::vector<T> join(const T* rows, const T* biases, sublinear::Index count) const {
    if (biases == nullptr) return std::vector<T>(rows, rows + count * dimension_);
    std::vector<T> joined;
    for (sublinear::Index k = 0; k < count; ++k) {
      joined.insert(joined.end(), rows + k * dimension_, rows + (k + 1) * dimension_);
      joined.push_back(biases[k]);
    }
    return joined;
  }

  sublinear::Index dimension_, columns_;
  bool lazy_;
  PythonObject run_;
  double rate_ = 0;
  std::vector<sublinear::NeuronId> rows_;
  std::vector<T> moved_;
  sublinear::Magnitudes growth_;
};

template <class T>
class PythonOptimizer final : public sublinear::Optimizer<T> {
 public:
  PythonOptimizer(PyObject* factory, std::string name, bool lazy, double clip_norm)
      : factory_(PythonObject::shared(factory)), name_(std::move(name)), lazy_(lazy), clip_norm_(clip_norm) {}
  [[nodiscard]] const char* name() const noexcept override { return name_.c_str(); }
  [[nodiscard]] double clip_norm() const noexcept override { return clip_norm_; }
  [[nodiscard]] std::unique_ptr<sublinear::OptimizerRun<T>> make_run(
      const sublinear::OptimizerProblem& problem) const override {
    return std::make_unique<PythonOptimizerRun<T>>(factory_, problem, lazy_);
  }

 private:
  PythonObject factory_;
  std::string name_;
  bool lazy_;
  double clip_norm_;
};

template <class T>
std::shared_ptr<const sublinear::Optimizer<T>> make_python_optimizer(PyObject* factory, const std::string& name,
                                                                     bool lazy, double clip_norm) {
  return std::make_shared<PythonOptimizer<T>>(factory, name, lazy, clip_norm);
}

}  // namespace
