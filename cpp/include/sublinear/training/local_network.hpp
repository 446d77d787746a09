/// @file
/// A network seen from near one input: only the neurons that can fire there, and of those only the ones whose state may
/// have changed since the last look.
#pragma once

#include <cstdint>
#include <vector>

#include "sublinear/finding/neuron_finder.hpp"
#include "sublinear/kernels/export.hpp"
#include "sublinear/kernels/near_neuron.hpp"
#include "sublinear/kernels/types.hpp"
#include "sublinear/kernels/work.hpp"
#include "sublinear/training/loss.hpp"
#include "sublinear/training/network.hpp"
#include "sublinear/training/row_facts.hpp"

namespace sublinear {

template <class T>
struct LinePoint;

/// How an input is visited.
template <class T>
struct Visit {
  /// The neurons that can fire (ascending, distinct), with notes of earlier visits of the same input or without.
  CandidateView<T> candidates = {};
  /// Sums outputs from a linear form (see `LocalNetwork::values`). Changes the bits of results.
  bool linear = false;
  /// About how far, in l2, the visit goes from its first point. Changes speed only.
  double reach = 0;
};

/// The network restricted to a list of candidate neurons. At every point at which no other neuron fires it gives the
/// bits of the whole network. Scratch space of one thread; `attach` again for the next input.
///
/// It reads the row of a neuron only when bounds leave open on which side of the threshold it is. It knows a neuron's
/// pre-activation at the first point of the visit, from this visit or, with notes, from an earlier one less what the
/// row has moved since; from there a neuron's 8-bit copy tells within a narrow bound what changes on the way. So the
/// work of an attack is proportional to the neurons that fire and to those near their threshold.
template <class T>
class SUBLINEAR_API LocalNetwork {
 public:
  /// Looks at `network`, of whose rows `facts` are known. All that is passed must outlive the use.
  void attach(const TwoLayerNetwork<T>& network, const RowFacts<T>& facts, const Visit<T>& visit);
  // Temporaries would be gone before the first question.
  void attach(const TwoLayerNetwork<T>&& network, const RowFacts<T>& facts, const Visit<T>& visit) = delete;
  void attach(const TwoLayerNetwork<T>& network, const RowFacts<T>&& facts, const Visit<T>& visit) = delete;
  void attach(const TwoLayerNetwork<T>&& network, const RowFacts<T>&& facts, const Visit<T>& visit) = delete;

  /// Components of an input. Needs `attach`, as everything below.
  [[nodiscard]] Index dimension() const noexcept { return network_->dimension(); }
  /// How many values f has.
  [[nodiscard]] Index outputs() const noexcept { return network_->outputs(); }

  /// Goes to x: decides by the canonical test which neurons fire there. Costs nothing at the point it is at already.
  /// With notes, the first point must be the same at every visit, bit for bit.
  void evaluate(const T* x);
  /// Neurons that fire where it is, ascending.
  [[nodiscard]] const std::vector<NeuronId>& fired() &;
  /// f where it is; `outputs()` values. Summed over the fired neurons in ascending order; or, in a linear visit, output
  /// k is scale * (<A_k, x> + B_k) with A_k = sum a_rk w_r and B_k = sum a_rk (bias_r - threshold), summed over the
  /// neurons that fire at the first point and then following those that change sides, ascending within a move.
  [[nodiscard]] const std::vector<T>& values() &;

  /// The loss where it is, of `values()`, in double; fills `output_gradient()`.
  double loss(const Loss& loss, double label);
  /// d loss / d f, from the last `loss` or `input_gradient`.
  [[nodiscard]] const std::vector<double>& output_gradient() const& noexcept { return output_gradient_; }
  const std::vector<double>& output_gradient() const&& = delete;

  /// Writes d loss / d x where it is, at `values()`; `dimension()` values. The threshold's own derivative is ignored,
  /// as in the papers. In a linear visit a sum of the A_k, else summed afresh over the fired neurons.
  void input_gradient(const Loss& loss, double label, T* gradient);

  /// Work since the last call of this function.
  Work take_work() noexcept;

 private:
  void bound_all();
  void decide_at_anchor();
  void go(const T* x);
  void place(const T* x);
  [[nodiscard]] Index take_line();
  [[nodiscard]] Index ask_copies(const NeuronId* which, Index count);
  void settle(Index count);
  [[nodiscard]] LinePoint<T> line_point() const;
  [[nodiscard]] T safe_distance(const NearNeuron<T>& near, T level, T error, const LinePoint<T>& point) const;
  [[nodiscard]] T own_error(const RowFact<T>& fact) const;
  void read_rows(Index count);
  void change_side(NeuronId k);
  void read_near_rows(Index count);
  void follow_linear_form();
  void add_to_form(const NeuronId* positions, Index count);
  void activate();

  const TwoLayerNetwork<T>* network_ = nullptr;
  KnownRows<T> known_;
  const NeuronId* candidates_ = nullptr;
  Index count_ = 0;
  ProductNote<T>* notes_ = nullptr;
  double reach_ = 0;
  bool linear_visit_ = false;

  std::vector<ProductNote<T>> own_notes_;  // where they are kept for a visit that comes without
  AlignedVector<T> rests_;                 // per candidate: 0 if it fires, 1 if it rests

  // The candidates that can change sides within reach: their positions, what is known of them, and how far beside the
  // line it is safe to go.
  Index near_count_ = 0;
  std::vector<NeuronId> near_positions_;
  AlignedVector<NearNeuron<T>> near_;
  AlignedVector<T> safe_;

  // Those of them that are asked, as positions among them, and their answers; the candidates that changed sides.
  std::vector<NeuronId> asked_, asked_ids_, flipped_;
  AlignedVector<T> asked_products_, row_products_;
  Index flips_ = 0;  // how many of flipped_ changed sides in the last move

  // Where it is: at along_ on the line from the anchor in `direction_`, and beside that by a residual.
  AlignedVector<T> anchor_, at_, offset_, residual_, direction_;
  AlignedVector<std::int16_t> offset_copy_;
  T offset_scale_ = 0;
  double anchor_norm_ = 0, direction_norm_ = 0;
  double away_ = 0;     // how far from the anchor, at most
  double strayed_ = 0;  // at most the length of the way beside the line or back along it, since the line was chosen
  T along_ = 0, line_end_ = 0;
  T rounding_ = 0, norm_size_ = 0, bias_size_ = 0, constant_size_ = 0, constant_ = 0;  // see BoundOptions
  bool started_ = false, at_anchor_ = false, lined_ = false, listed_ = false, valued_ = false, linear_ = false;

  std::vector<NeuronId> fired_, fired_positions_, change_ids_, output_ids_;
  std::vector<T> coefficients_, form_coefficients_, values_, scaled_gradient_;
  AlignedVector<T> form_;       // A
  std::vector<T> form_offset_;  // B
  std::vector<double> exact_values_, output_gradient_;
  Work work_;
};

}  // namespace sublinear
