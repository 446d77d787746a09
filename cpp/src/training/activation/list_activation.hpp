// Which neurons of a list fire at the points of one input, while an attack moves it: only those near their threshold
// are looked at again, and their rows are read only when bounds leave open on which side they are.
//
// What a neuron's product with the first point was is known from this visit or, where it is cached, from an earlier one
// less what the row has moved since; from there its 8-bit copy tells within a narrow bound what changes on the way. So
// the work of an attack is proportional to the neurons that fire and to those near their threshold.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/unstable_neuron.hpp"
#include "kernels/unstable_neurons.hpp"
#include "sublinear/finding/neuron_finder.hpp"
#include "sublinear/kernels/work.hpp"
#include "sublinear/training/network.hpp"
#include "training/activation/attack_path.hpp"

namespace sublinear {

// Scratch space of one thread; `attach` again for the next input.
template <class T>
class ListActivation {
 public:
  // Looks at these candidates (ascending, distinct), of which all that fire within the ball are some. All that is
  // passed must outlive the use. `reach` says about how far, in l2, the visit goes from its first point; it changes
  // speed only.
  void attach(const TwoLayerNetwork<T>& network, const KnownRows<T>& known, const CandidateView<T>& candidates,
              double reach);

  // Goes to x: decides by the canonical test which neurons fire there. With cached products, the first point must be
  // the same at every visit, bit for bit. Returns whether that is another point than before.
  bool move_to(const T* x);
  [[nodiscard]] const T* at() const noexcept { return path_.at(); }
  // Neurons that fire where it is, ascending.
  [[nodiscard]] const std::vector<NeuronId>& fired();
  // Their canonical products with the point.
  [[nodiscard]] const T* products();
  // The neurons that changed sides in the last move, ascending, and whether they fire now.
  void changed(std::vector<NeuronId>& ids, std::vector<char>& firing) const;

  // Work since the last call of this function.
  Work take_work() noexcept;

 private:
  void bound_all();
  void decide_at_anchor();
  void go(const T* x);
  [[nodiscard]] Index take_line();
  [[nodiscard]] Index ask_copies(const NeuronId* which, Index count);
  void settle(Index count);
  [[nodiscard]] LinePoint<T> line_point() const;
  [[nodiscard]] T safe_distance(const UnstableNeuron<T>& unstable, T level, T error, const LinePoint<T>& point) const;
  [[nodiscard]] T own_error(const RowFact<T>& fact) const;
  void read_rows(Index count);
  void change_side(NeuronId k);
  void read_near_rows(Index count);

  const TwoLayerNetwork<T>* network_ = nullptr;
  KnownRows<T> known_;
  const NeuronId* candidates_ = nullptr;
  Index count_ = 0;
  CachedProduct<T>* cached_ = nullptr;
  double reach_ = 0;
  AttackPath<T> path_;
  bool started_ = false, at_anchor_ = false, listed_ = false;

  std::vector<CachedProduct<T>> own_cached_;  // where they are kept for a visit that comes without
  AlignedVector<T> inactive_;                 // per candidate: 0 if it fires, 1 if it is inactive

  // The candidates that can change sides within reach: their positions, what is known of them, and how far beside the
  // line it is safe to go.
  Index unstable_count_ = 0;
  std::vector<NeuronId> unstable_positions_;
  AlignedVector<UnstableNeuron<T>> unstable_;
  AlignedVector<T> safe_;

  // Those of them that are asked, as positions among them, and their answers; the candidates that changed sides.
  std::vector<NeuronId> asked_, asked_ids_, flipped_;
  AlignedVector<T> asked_products_, row_products_;
  Index flips_ = 0;  // how many of flipped_ changed sides in the last move

  AlignedVector<std::int16_t> offset_copy_;
  T offset_scale_ = 0;
  T rounding_ = 0, norm_size_ = 0, bias_size_ = 0, constant_size_ = 0, constant_ = 0;  // see BoundOptions

  std::vector<NeuronId> fired_, fired_positions_;
  std::vector<T> products_;
  Work work_;
};

}  // namespace sublinear
