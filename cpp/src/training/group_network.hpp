// A network seen from near each input of a group: what LocalNetwork is for one input and a list of candidates, for many
// inputs and all neurons. At every point it gives the bits of the whole network.
#pragma once

#include <vector>

#include "sublinear/training/loss.hpp"
#include "training/activation/group_activation.hpp"
#include "training/network_values.hpp"

namespace sublinear {

// Scratch space of one thread; `start` again for the next group.
template <class T>
class GroupNetwork {
 public:
  // The group is at `points`, `count` <= kMostOfGroup of them, from each of which it goes about `reach` far, in l2;
  // with reach 0 it cannot move. `known` has strips. With `linear` values come from a linear form, which changes their
  // bits.
  void start(const TwoLayerNetwork<T>& network, const KnownRows<T>& known, const T* const* points, Index count,
             double reach, bool linear);
  // The inputs which[k] of the group, ascending, go to points[k].
  void move(const Index* which, const T* const* points, Index count);

  // As those of LocalNetwork, of input i where it is.
  [[nodiscard]] const std::vector<NeuronId>& fired(Index i) { return activation_.fired(i); }
  [[nodiscard]] const std::vector<T>& values(Index i);
  double loss(Index i, const Loss& loss, double label);
  [[nodiscard]] const std::vector<double>& output_gradient(Index i) const { return member(i).values.output_gradient(); }
  void input_gradient(Index i, const Loss& loss, double label, T* gradient);
  // Whether its values have the class of the label; true for losses of numbers.
  [[nodiscard]] bool correct(Index i, const Loss& loss, double label);

  // Work since the last call of this function.
  Work take_work() noexcept;

 private:
  struct Member {
    NetworkValues<T> values;
    bool valued = false, at_start = true;
  };
  [[nodiscard]] Member& member(Index i) { return members_[static_cast<std::size_t>(i)]; }
  [[nodiscard]] const Member& member(Index i) const { return members_[static_cast<std::size_t>(i)]; }

  const TwoLayerNetwork<T>* network_ = nullptr;
  GroupActivation<T> activation_;
  std::vector<Member> members_;
  std::vector<char> firing_;
  std::vector<T> products_;
  Work work_;
};

}  // namespace sublinear
