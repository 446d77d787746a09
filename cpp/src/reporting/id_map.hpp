// Which id lies where in an index, and which are still there. What every structure does the same way.
#pragma once

#include <algorithm>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "sublinear/kernels/flat_file.hpp"
#include "sublinear/kernels/require.hpp"
#include "sublinear/kernels/types.hpp"

namespace sublinear {

// Makes room for `more` elements, so that adding them cannot throw; grows geometrically.
template <class Vector>
void grow_by(Vector& vector, std::size_t more) {
  const std::size_t need = vector.size() + more;
  if (need > vector.capacity()) vector.reserve(std::max(need, vector.capacity() * 2));
}

// Slots 0 ... slots() - 1 hold one id each; an erased one keeps its slot, not alive, until the owner arranges them
// anew. Ids are given in ascending order and never again.
class IdMap {
 public:
  static constexpr Index kGone = -1;

  [[nodiscard]] Index slots() const noexcept { return static_cast<Index>(ids_.size()); }
  [[nodiscard]] Index alive() const noexcept { return alive_count_; }
  [[nodiscard]] Index next_id() const noexcept { return static_cast<Index>(where_.size()); }
  [[nodiscard]] Index id(Index slot) const noexcept { return ids_[at(slot)]; }
  [[nodiscard]] Index slot(Index id) const noexcept { return where_[at(id)]; }
  [[nodiscard]] bool is_alive(Index slot) const noexcept { return alive_[at(slot)] != 0; }
  // Whether every slot is alive and its own id, as long as nothing was erased and nothing arranged.
  [[nodiscard]] bool is_plain() const noexcept { return is_plain_ && alive_count_ == slots(); }
  [[nodiscard]] std::size_t bytes() const noexcept {
    return (ids_.capacity() + where_.capacity()) * sizeof(Index) + alive_.capacity();
  }

  // So that appending this many cannot throw.
  void make_room(Index count) {
    for (auto* each : {&ids_, &where_}) grow_by(*each, at(count));
    grow_by(alive_, at(count));
  }

  // Slots with new ids behind the last one. Returns the first id.
  Index append(Index count) {
    make_room(count);
    const Index first = next_id();
    for (Index k = 0; k < count; ++k) {
      where_.push_back(slots());
      ids_.push_back(first + k);
      alive_.push_back(1);
    }
    alive_count_ += count;
    return first;
  }

  // Undoes an append of this many: they are the last slots and ids.
  void take_back(Index count) noexcept {
    where_.resize(where_.size() - at(count));
    ids_.resize(ids_.size() - at(count));
    alive_.resize(alive_.size() - at(count));
    alive_count_ -= count;
  }

  // The slots of these ids, which must be known and distinct.
  [[nodiscard]] std::vector<Index> slots_of(const Index* ids, Index count) const {
    require(count >= 0, "the number of ids is negative");
    require_pointer(ids, count, "ids");
    std::vector<Index> sorted(ids, ids + count), found;
    std::sort(sorted.begin(), sorted.end());
    const auto repeated = std::adjacent_find(sorted.begin(), sorted.end());
    if (repeated != sorted.end())
      throw std::invalid_argument("id " + std::to_string(*repeated) + " is given more than once; ids must be distinct");
    found.reserve(at(count));
    for (Index k = 0; k < count; ++k) {
      const bool known = ids[k] >= 0 && ids[k] < next_id();
      if (!known || where_[at(ids[k])] == kGone)
        throw std::invalid_argument("id " + std::to_string(ids[k]) + (known ? " was erased" : " was never given") +
                                    "; the index has " + std::to_string(alive_count_) + " points and ids below " +
                                    std::to_string(next_id()));
      found.push_back(where_[at(ids[k])]);
    }
    return found;
  }

  void erase(const std::vector<Index>& slots) noexcept {
    for (const Index slot : slots) {
      alive_[at(slot)] = 0;
      where_[at(ids_[at(slot)])] = kGone;
    }
    alive_count_ -= static_cast<Index>(slots.size());
  }

  // The ids at these slots get slots behind the last one, in order; their old ones are no longer alive. Call make_room.
  void relocate(const std::vector<Index>& slots) noexcept {
    for (const Index slot : slots) {
      alive_[at(slot)] = 0;
      const Index id = ids_[at(slot)];
      where_[at(id)] = static_cast<Index>(ids_.size());
      ids_.push_back(id);
      alive_.push_back(1);
    }
    is_plain_ = false;
  }

  // The slots from `begin` on that are alive, ascending.
  [[nodiscard]] std::vector<Index> alive_slots(Index begin = 0) const {
    std::vector<Index> kept;
    kept.reserve(at(alive_count_));
    for (Index slot = begin; slot < slots(); ++slot)
      if (is_alive(slot)) kept.push_back(slot);
    return kept;
  }

  // What is at slot order[k] (alive, distinct, all from `begin` on) comes to slot begin + k; the rest is dropped.
  // Throws before anything was changed or not at all.
  void arrange(Index begin, const std::vector<Index>& order) {
    std::vector<Index> ids(order.size());
    std::transform(order.begin(), order.end(), ids.begin(), [&](Index slot) { return id(slot); });
    for (std::size_t k = 0; k < order.size(); ++k) {
      ids_[at(begin) + k] = ids[k];
      alive_[at(begin) + k] = 1;
      where_[at(ids[k])] = begin + static_cast<Index>(k);
    }
    ids_.resize(at(begin) + order.size());
    alive_.resize(at(begin) + order.size());
    is_plain_ = false;
    // Growth by doubling may have left much more than is needed.
    if (2 * ids_.size() < ids_.capacity()) {
      try {
        std::vector<Index>(ids_).swap(ids_);
        std::vector<char>(alive_).swap(alive_);
      } catch (const std::bad_alloc&) {
      }
    }
  }

  void save(FlatWriter& writer) const { writer.add("slots", where_.data(), where_.size()); }

  // For `slots` slots.
  void load(const FlatReader& reader, Index slots) {
    where_ = reader.take<Index>("slots");
    ids_.assign(at(slots), 0);
    alive_.assign(at(slots), 0);
    alive_count_ = 0;
    for (Index id = 0; id < next_id(); ++id) {
      const Index slot = where_[at(id)];
      if (slot == kGone) continue;
      if (slot < 0 || slot >= slots || alive_[at(slot)] != 0) reader.fail("an id has no place of its own");
      alive_[at(slot)] = 1;
      ids_[at(slot)] = id;
      ++alive_count_;
    }
    is_plain_ = false;
  }

 private:
  static std::size_t at(Index k) noexcept { return static_cast<std::size_t>(k); }

  Index alive_count_ = 0;
  bool is_plain_ = true;
  std::vector<Index> ids_;    // by slot
  std::vector<char> alive_;   // by slot
  std::vector<Index> where_;  // by id: the slot, or kGone
};

}  // namespace sublinear
