// "data": a half-space index over the lifted inputs, which never move; every neuron asks it on which inputs it can fire
// (Song-Yang-Zhang, algorithm 2). Inputs answer from the stored lists.
#include <cmath>

#include "finding/finders.hpp"
#include "finding/stored_lists.hpp"
#include "sublinear/reporting/half_space_index.hpp"

namespace sublinear {
namespace {

template <class T>
class Data final : public StoredListsFinder<T> {
  using StoredListsFinder<T>::inputs_;
  using StoredListsFinder<T>::limits_;
  using StoredListsFinder<T>::lists_;
  using StoredListsFinder<T>::neurons_;

 public:
  explicit Data(const FinderArguments<T>& arguments)
      : StoredListsFinder<T>(arguments, arguments.max_bytes), norm_(arguments.ball.norm) {
    AlignedVector<T> lifted(static_cast<std::size_t>(inputs_.count * lifted_dimension()));
    parallel_for(inputs_.count, arguments.threads, 64, [&](Index begin, Index end, int) {
      for (Index i = begin; i < end; ++i)
        Lifting<T>::lift_input(inputs_.row(i), inputs_.dimension, arguments.ball, neurons_.threshold,
                               lifted.data() + i * lifted_dimension());
    });
    index_ = inner_index_factory(arguments)(Points<T>{lifted.data(), inputs_.count, lifted_dimension()});
    this->ask_all(arguments.threads);
  }

  [[nodiscard]] const char* name() const noexcept override { return "data"; }
  [[nodiscard]] bool exact() const noexcept override { return index_->exact(); }
  [[nodiscard]] std::size_t bytes() const noexcept override {
    return limits_.bytes() + lists_.bytes() + index_->bytes();
  }

 private:
  [[nodiscard]] Index lifted_dimension() const noexcept { return neurons_.dimension + Lifting<T>::kExtra; }

  Work ask(const NeuronId* rows, Index count, int threads) override {
    Work work;
    const Index batch = neurons_per_batch(inputs_.count), size = lifted_dimension();
    AlignedVector<T> normals(static_cast<std::size_t>(std::min(batch, count) * size));
    std::vector<double> thresholds(static_cast<std::size_t>(std::min(batch, count)));
    IdLists<Index> reported;
    for (Index first = 0; first < count; first += batch) {
      const Index queries = std::min(batch, count - first);
      parallel_for(queries, threads, 256, [&](Index begin, Index end, int) {
        for (Index k = begin; k < end; ++k) {
          const NeuronId r = rows[first + k];
          Lifting<T>::lift_neuron(neurons_, r, norm_, normals.data() + k * size);
          thresholds[static_cast<std::size_t>(k)] =
              Lifting<T>::threshold(neurons_, std::abs(Lifting<T>::offset(neurons_, r)));
        }
      });
      const Work asked = index_->report(normals.data(), thresholds.data(), queries, threads, reported);
      work.inner_products += asked.inner_products;
      work.bounds += asked.bounds;
      for (Index k = 0; k < queries; ++k) lists_.replace(rows[first + k], reported.begin(k), reported.length(k));
    }
    return work;
  }

  Norm norm_;
  std::unique_ptr<HalfSpaceIndex<T>> index_;
};

}  // namespace

template <class T>
FinderPointer<T> make_data(const FinderArguments<T>& arguments) {
  return std::make_unique<Data<T>>(arguments);
}
template FinderPointer<float> make_data<float>(const FinderArguments<float>&);
template FinderPointer<double> make_data<double>(const FinderArguments<double>&);

}  // namespace sublinear
