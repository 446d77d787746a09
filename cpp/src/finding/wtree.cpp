// "wtree": per neuron a max-tree over its products with all inputs (Alman et al., correlation WTree). A moved neuron's
// tree is computed again and reports the inputs on which the neuron can fire.
#include "finding/finders.hpp"
#include "finding/max_tree.hpp"
#include "finding/stored_lists.hpp"
#include "sublinear/kernels/require.hpp"

namespace sublinear {
namespace {

template <class T>
class WTree final : public StoredListsFinder<T> {
  using StoredListsFinder<T>::inputs_;
  using StoredListsFinder<T>::limits_;
  using StoredListsFinder<T>::lists_;
  using StoredListsFinder<T>::neurons_;

 public:
  WTree(const FinderArguments<T>& arguments, const MaxTree& shape, std::size_t list_bytes)
      : StoredListsFinder<T>(arguments, list_bytes),
        shape_(shape),
        trees_(static_cast<std::size_t>(neurons_.count * shape_.size())) {
    for (Index r = 0; r < neurons_.count; ++r) shape_.clear(tree(static_cast<NeuronId>(r)));
    this->ask_all(arguments.threads);
  }

  [[nodiscard]] const char* name() const noexcept override { return "wtree"; }
  [[nodiscard]] std::size_t bytes() const noexcept override {
    return limits_.bytes() + trees_.capacity() * sizeof(T) + lists_.bytes();
  }

 private:
  [[nodiscard]] T* tree(NeuronId r) noexcept { return trees_.data() + static_cast<Index>(r) * shape_.size(); }

  // Computes the trees of these neurons from their weights.
  Work ask(const NeuronId* rows, Index count, int threads) override {
    Work work;
    const Index batch = neurons_per_batch(inputs_.count);
    IdLists<Index> reported;
    for (Index first = 0; first < count; first += batch) {
      const Index size = std::min(batch, count - first);
      work += fill_lists(size, threads, 16, reported, [&](Index k, std::vector<Index>& part, int) {
        const NeuronId r = rows[first + k];
        T* const keys = tree(r);
        inner_products(inputs_.data, inputs_.count, inputs_.dimension, neurons_.row(r), keys);
        for (Index i = 0; i < inputs_.count; ++i) keys[i] = key(keys[i], limits_[r]);
        shape_.build(keys);
        Work own;
        own.inner_products = inputs_.count;
        own.bounds = shape_.report(keys, [&](Index i) { part.push_back(i); });
        return own;
      });
      for (Index k = 0; k < size; ++k) lists_.replace(rows[first + k], reported.begin(k), reported.length(k));
    }
    return work;
  }

  MaxTree shape_;
  AlignedVector<T> trees_;
};

}  // namespace

template <class T>
FinderPointer<T> make_wtree(const FinderArguments<T>& arguments) {
  const MaxTree shape(arguments.inputs.count);
  const std::size_t need = forest_bytes<T>(shape, arguments.neurons.count);
  require_memory(need, arguments.max_bytes,
                 "strategy \"wtree\" for " + std::to_string(arguments.neurons.count) + " neurons and " +
                     std::to_string(arguments.inputs.count) + " inputs");
  return std::make_unique<WTree<T>>(arguments, shape, arguments.max_bytes - need);
}
template FinderPointer<float> make_wtree<float>(const FinderArguments<float>&);
template FinderPointer<double> make_wtree<double>(const FinderArguments<double>&);

}  // namespace sublinear
