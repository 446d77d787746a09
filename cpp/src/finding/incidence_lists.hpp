// Which neurons can fire on which inputs, kept from both sides.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sublinear/kernels/types.hpp"

namespace sublinear {

// Two mutually inverse adjacency lists, inputs per neuron and neurons per input. Each entry knows the position of its
// counterpart, so that a pair is inserted or erased in O(1) (Song-Yang-Zhang, algorithm 2).
//
// The entries hold at most `max_bytes`: an input whose list would not fit is dropped for good, and its neurons have to
// be found otherwise. The order within a list is arbitrary, but a function of the calls alone.
class IncidenceLists {
 public:
  IncidenceLists(Index neurons, Index inputs, std::size_t max_bytes);

  // Makes `inputs` (distinct) the inputs of neuron r, except those dropped. O(inputs before and after).
  void replace(NeuronId r, const Index* inputs, Index count);

  [[nodiscard]] bool dropped(Index input) const { return dropped_[static_cast<std::size_t>(input)] != 0; }
  // Appends the neurons of an input that is not dropped, in no order.
  void append_neurons(Index input, std::vector<NeuronId>& out) const;
  [[nodiscard]] std::size_t bytes() const noexcept;

 private:
  struct Entry {
    std::int32_t id;        // of the other side
    std::int32_t position;  // of the counterpart in the list of `id`
  };
  using List = std::vector<Entry>;

  void insert(NeuronId r, Index input);
  void erase(List& of_neuron, std::size_t position);
  void drop(Index input);
  bool make_room(List& list);
  [[nodiscard]] List& inputs_of(std::int32_t r) { return by_neuron_[static_cast<std::size_t>(r)]; }
  [[nodiscard]] List& neurons_of(std::int32_t i) { return by_input_[static_cast<std::size_t>(i)]; }

  std::vector<List> by_neuron_, by_input_;
  std::vector<char> dropped_;
  std::vector<char> wanted_;  // per input, all 0 between calls
  std::size_t entry_bytes_ = 0, max_bytes_;
};

}  // namespace sublinear
