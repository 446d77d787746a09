#include "training/batch_driver.hpp"

#include <algorithm>
#include <utility>

#include "kernels/watch.hpp"
#include "sublinear/kernels/parallel.hpp"
#include "training/input_block.hpp"
#include "training/losses.hpp"

namespace sublinear {
namespace {

// A derivative that is known already.
class KnownDerivative final : public RegressionLoss {
 public:
  explicit KnownDerivative(const double* values) : values_(values) {}
  [[nodiscard]] const char* name() const noexcept override { return "known"; }
  double evaluate(const double*, Index count, double, double* gradient) const noexcept override {
    if (gradient != nullptr) std::copy(values_, values_ + count, gradient);
    return 0;
  }

 private:
  const double* values_;
};

// What an attack of single inputs sees of one of many.
template <class T>
class RowView final : public AttackView<T> {
 public:
  RowView(const BatchView<T>& here, Index i)
      : here_(here), i_(i), values_(here.values + i * here.outputs, here.values + (i + 1) * here.outputs) {}
  [[nodiscard]] const std::vector<T>& values() override { return values_; }
  [[nodiscard]] double loss() override { return here_.losses[i_]; }
  void input_gradient(T* gradient) override {
    std::copy_n(here_.gradients + i_ * here_.inputs.dimension, here_.inputs.dimension, gradient);
  }

 private:
  const BatchView<T>& here_;
  Index i_;
  std::vector<T> values_;
};

}  // namespace

// An attack of single inputs, for a loss that is asked for many.
template <class T>
class BatchDriver<T>::EachRun final : public BatchAttackRun<T> {
 public:
  EachRun(const Attack<T>& attack, Index dimension) : attack_(attack), dimension_(dimension) {}

  bool start(int k, Points<T> inputs, const double*, RandomStream* const* random, T* points) override {
    while (static_cast<Index>(runs_.size()) < inputs.count) runs_.push_back(attack_.make_run(dimension_));
    asks_.resize(static_cast<std::size_t>(inputs.count));
    for (Index i = 0; i < inputs.count; ++i)
      asks_.data()[i] = runs_.data()[i]->start(k, inputs.row(i), *random[i], points + i * dimension_);
    return std::find(asks_.begin(), asks_.end(), char(1)) != asks_.end();
  }

  bool next(const BatchView<T>& here, T* points) override {
    for (Index i = 0; i < here.inputs.count; ++i) {
      if (!asks_.data()[i]) continue;
      RowView<T> view(here, i);
      asks_.data()[i] = runs_.data()[i]->next(view, points + i * dimension_);
    }
    return std::find(asks_.begin(), asks_.end(), char(1)) != asks_.end();
  }

 private:
  const Attack<T>& attack_;
  Index dimension_;
  std::vector<std::unique_ptr<AttackRun<T>>> runs_;
  std::vector<char> asks_;
};

template <class T>
BatchDriver<T>::BatchDriver(const TwoLayerNetwork<T>& network, const RowFacts<T>& facts, const Attack<T>& attack,
                            const Loss& loss, int threads)
    : network_(network),
      facts_(facts),
      attack_(attack),
      loss_(loss),
      threads_(threads),
      dimension_(network.dimension()),
      outputs_(network.outputs()),
      run_(attack.by_batch() ? attack.make_batch_run(dimension_) : std::make_unique<EachRun>(attack, dimension_)) {}

template <class T>
template <class Visit>
void BatchDriver<T>::for_each(const Visit& visit) {
  parallel_for(size(), threads_, 1, [&](Index begin, Index end, int) {
    for (Index i = begin; i < end; ++i) visit(i, locals_.data()[i]);
  });
}

template <class T>
void BatchDriver<T>::take(std::vector<BatchMember<T>> members, bool linear) {
  members_ = std::move(members);
  locals_.resize(std::max(locals_.size(), members_.size()));
  begin(linear);
}

template <class T>
void BatchDriver<T>::begin(bool linear) {
  const double reach = euclidean_radius(attack_.ball(), dimension_);
  for_each([&](Index i, LocalNetwork<T>& local) {
    local.attach(network_, facts_, {members_.data()[i].candidates, linear, reach});
    local.evaluate(members_.data()[i].x);
  });
}

template <class T>
void BatchDriver<T>::move(const T* points) {
  for_each([&](Index i, LocalNetwork<T>& local) { local.evaluate(points + i * dimension_); });
}

template <class T>
void BatchDriver<T>::judge() {
  std::vector<double> values(members_.size() * static_cast<std::size_t>(outputs_)), labels(members_.size());
  for_each([&](Index i, LocalNetwork<T>& local) {
    const std::vector<T>& here = local.values();
    std::copy(here.begin(), here.end(), values.data() + i * outputs_);
    labels.data()[i] = members_.data()[i].label;
  });
  losses_.resize(members_.size());
  output_gradients_.resize(values.size());
  loss_.evaluate_batch(values.data(), size(), outputs_, labels.data(), losses_.data(), output_gradients_.data());
}

template <class T>
void BatchDriver<T>::drive_run(int k, T* out) {
  const Index count = size();
  std::vector<T> inputs(members_.size() * static_cast<std::size_t>(dimension_)), gradients(inputs.size());
  std::vector<T> values(members_.size() * static_cast<std::size_t>(outputs_));
  std::vector<double> labels;
  std::vector<RandomStream*> random;
  for (Index i = 0; i < count; ++i) {
    BatchMember<T>& each = members_.data()[i];
    std::copy_n(each.x, dimension_, inputs.data() + i * dimension_);
    labels.push_back(each.label);
    random.push_back(&each.random);
  }
  const Points<T> all{inputs.data(), count, dimension_};
  const auto check = [&] {
    for (Index i = 0; i < count; ++i)
      check_in_ball(all.row(i), out + i * dimension_, dimension_, attack_.ball(), network_.threshold());
  };
  bool asks = run_->start(k, all, labels.data(), random.data(), out);
  check();
  while (asks) {
    keep_watch();
    move(out);
    judge();
    for_each([&](Index i, LocalNetwork<T>& local) {
      std::copy(local.values().begin(), local.values().end(), values.data() + i * outputs_);
      local.input_gradient(KnownDerivative(output_gradient(i)), labels.data()[i], gradients.data() + i * dimension_);
    });
    asks = run_->next({all, outputs_, values.data(), losses_.data(), gradients.data()}, out);
    check();
  }
}

template <class T>
void BatchDriver<T>::drive_attack(T* out) {
  drive_run(0, out);
  if (attack_.runs() == 1) return;
  move(out);
  judge();
  std::vector<double> best = losses_;
  std::vector<T> attempts(members_.size() * static_cast<std::size_t>(dimension_));
  for (int k = 1; k < attack_.runs(); ++k) {
    drive_run(k, attempts.data());
    move(attempts.data());
    judge();
    for (Index i = 0; i < size(); ++i) {
      if (!(losses_.data()[i] > best.data()[i])) continue;
      best.data()[i] = losses_.data()[i];
      std::copy_n(attempts.data() + i * dimension_, dimension_, out + i * dimension_);
    }
  }
}

template <class T>
Work BatchDriver<T>::take_work() noexcept {
  Work work;
  for (Index i = 0; i < size(); ++i) work += locals_.data()[i].take_work();
  return work;
}

template class BatchDriver<float>;
template class BatchDriver<double>;

}  // namespace sublinear
