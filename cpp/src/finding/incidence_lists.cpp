#include "finding/incidence_lists.hpp"

#include <algorithm>

namespace sublinear {

IncidenceLists::IncidenceLists(Index neurons, Index inputs, std::size_t max_bytes)
    : by_neuron_(static_cast<std::size_t>(neurons)),
      by_input_(static_cast<std::size_t>(inputs)),
      dropped_(static_cast<std::size_t>(inputs)),
      wanted_(static_cast<std::size_t>(inputs)),
      max_bytes_(max_bytes) {}

void IncidenceLists::replace(NeuronId r, const Index* inputs, Index count) {
  for (Index k = 0; k < count; ++k) wanted_[static_cast<std::size_t>(inputs[k])] = 1;
  List& list = inputs_of(r);
  for (std::size_t position = 0; position < list.size();) {
    char& wanted = wanted_[static_cast<std::size_t>(list[position].id)];
    if (wanted != 0) {
      wanted = 0;
      ++position;
    } else {
      erase(list, position);  // the last entry is now here
    }
  }
  for (Index k = 0; k < count; ++k) {
    char& wanted = wanted_[static_cast<std::size_t>(inputs[k])];
    if (wanted != 0) insert(r, inputs[k]);
    wanted = 0;
  }
}

void IncidenceLists::append_neurons(Index input, std::vector<NeuronId>& out) const {
  for (const Entry& entry : by_input_[static_cast<std::size_t>(input)]) out.push_back(entry.id);
}

std::size_t IncidenceLists::bytes() const noexcept {
  return entry_bytes_ + (by_neuron_.size() + by_input_.size()) * sizeof(List) + dropped_.size() + wanted_.size();
}

void IncidenceLists::insert(NeuronId r, Index input) {
  if (dropped(input)) return;
  const auto i = static_cast<std::int32_t>(input);
  List &inputs = inputs_of(r), &neurons = neurons_of(i);
  if (!make_room(inputs) || !make_room(neurons)) {
    drop(input);
    return;
  }
  inputs.push_back({i, static_cast<std::int32_t>(neurons.size())});
  neurons.push_back({r, static_cast<std::int32_t>(inputs.size()) - 1});
}

void IncidenceLists::erase(List& inputs, std::size_t position) {
  const Entry gone = inputs[position];
  List& neurons = neurons_of(gone.id);
  const auto counterpart = static_cast<std::size_t>(gone.position);
  if (counterpart + 1 != neurons.size()) {
    const Entry last = neurons.back();
    neurons[counterpart] = last;
    inputs_of(last.id)[static_cast<std::size_t>(last.position)].position = gone.position;
  }
  neurons.pop_back();
  if (position + 1 != inputs.size()) {
    const Entry last = inputs.back();
    inputs[position] = last;
    neurons_of(last.id)[static_cast<std::size_t>(last.position)].position = static_cast<std::int32_t>(position);
  }
  inputs.pop_back();
}

void IncidenceLists::drop(Index input) {
  dropped_[static_cast<std::size_t>(input)] = 1;
  List& neurons = by_input_[static_cast<std::size_t>(input)];
  while (!neurons.empty()) {
    const Entry last = neurons.back();
    erase(inputs_of(last.id), static_cast<std::size_t>(last.position));
  }
  entry_bytes_ -= neurons.capacity() * sizeof(Entry);
  List().swap(neurons);
}

bool IncidenceLists::make_room(List& list) {
  if (list.size() < list.capacity()) return true;
  const std::size_t extra = std::max<std::size_t>(4, list.capacity() / 2);
  if (entry_bytes_ + extra * sizeof(Entry) > max_bytes_) return false;
  entry_bytes_ -= list.capacity() * sizeof(Entry);
  list.reserve(list.capacity() + extra);
  entry_bytes_ += list.capacity() * sizeof(Entry);
  return true;
}

}  // namespace sublinear
