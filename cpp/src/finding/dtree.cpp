// "dtree": per input a max-tree over its products with all neurons (Alman et al., correlation DTree). A moved neuron's
// products are computed again, never updated, so they are the canonical ones at any time.
#include "finding/finders.hpp"
#include "finding/max_tree.hpp"
#include "finding/scan.hpp"
#include "sublinear/kernels/require.hpp"

namespace sublinear {
namespace {

template <class T>
class DTree final : public NeuronFinder<T> {
 public:
  DTree(const FinderArguments<T>& arguments, const MaxTree& shape)
      : neurons_(arguments.neurons),
        inputs_(arguments.inputs),
        limits_(neurons_, inputs_, arguments.ball, arguments.threads),
        shape_(shape),
        trees_(static_cast<std::size_t>(inputs_.count * shape_.size())) {
    parallel_for(inputs_.count, arguments.threads, kInputsTogether, [&](Index begin, Index end, int) {
      for (Index i = begin; i < end; ++i) shape_.clear(tree(i));
      visit_products(
          neurons_, begin, end, [&](Index i) { return inputs_.row(i); },
          [&](Index i, Index first, Index size, const T* products) {
            T* const keys = tree(i) + first;
            for (Index k = 0; k < size; ++k) keys[k] = key(products[k], limits_[static_cast<NeuronId>(first + k)]);
          });
      for (Index i = begin; i < end; ++i) shape_.build(tree(i));
    });
  }

  [[nodiscard]] const char* name() const noexcept override { return "dtree"; }
  [[nodiscard]] std::size_t bytes() const noexcept override { return limits_.bytes() + trees_.capacity() * sizeof(T); }

  Work candidates(const Index* inputs, Index count, int threads, CandidateLists& out) override {
    require_positions(inputs, count, inputs_.count);
    return fill_lists(
        count, resolve_threads(threads), kInputsTogether, out, [&](Index k, std::vector<NeuronId>& part, int) {
          const std::size_t before = part.size();
          Work work;
          work.bounds = shape_.report(tree(inputs[k]), [&](Index r) { part.push_back(static_cast<NeuronId>(r)); });
          work.candidates = static_cast<std::int64_t>(part.size() - before);
          return work;
        });
  }

  Work moved(const NeuronId* rows, const Displacement* by, Index count, int requested) override {
    require_rows(rows, by, count, neurons_.count);
    const int threads = resolve_threads(requested);
    limits_.refresh(rows, count, threads);
    parallel_for(inputs_.count, threads, kInputsTogether, [&](Index begin, Index end, int) {
      visit_products_at(
          neurons_, rows, count, begin, end, [&](Index i) { return inputs_.row(i); },
          [&](Index i, Index first, Index size, const T* products) {
            T* const keys = tree(i);
            for (Index k = 0; k < size; ++k) keys[rows[first + k]] = key(products[k], limits_[rows[first + k]]);
          });
      std::vector<Index> scratch;
      for (Index i = begin; i < end; ++i) shape_.update(tree(i), rows, count, scratch);
    });
    Work work;
    work.inner_products = count * inputs_.count;
    work.rows_moved = count;
    return work;
  }

 private:
  [[nodiscard]] T* tree(Index i) noexcept { return trees_.data() + i * shape_.size(); }

  Neurons<T> neurons_;
  Points<T> inputs_;
  RowLimits<T> limits_;
  MaxTree shape_;
  AlignedVector<T> trees_;
};

}  // namespace

template <class T>
FinderPointer<T> make_dtree(const FinderArguments<T>& arguments) {
  const MaxTree shape(arguments.neurons.count);
  require_memory(forest_bytes<T>(shape, arguments.inputs.count), arguments.max_bytes,
                 "strategy \"dtree\" for " + std::to_string(arguments.neurons.count) + " neurons and " +
                     std::to_string(arguments.inputs.count) + " inputs");
  return std::make_unique<DTree<T>>(arguments, shape);
}
template FinderPointer<float> make_dtree<float>(const FinderArguments<float>&);
template FinderPointer<double> make_dtree<double>(const FinderArguments<double>&);

}  // namespace sublinear
