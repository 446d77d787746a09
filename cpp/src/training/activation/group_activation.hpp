// Which neurons fire at the points of a group of inputs, while an attack moves them: tiles of neurons are the outer
// loop, so that the copies and rows of a tile are read once for all inputs of the group.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/copy_bounds.hpp"
#include "sublinear/kernels/row_fact.hpp"
#include "sublinear/kernels/work.hpp"
#include "sublinear/training/network.hpp"
#include "training/activation/attack_path.hpp"
#include "training/activation/pass_point.hpp"

namespace sublinear {

// Inputs that are taken together: enough that reading a tile's copies is a small part of multiplying with them.
inline constexpr Index kMostOfGroup = 64;

// Most components of inputs that are taken together: their integer products fit 32 bits.
inline constexpr Index kMostComponents = Index{1} << 16;

// Looks at all neurons, by their 8-bit copies; reads the row of a neuron only where that leaves open on which side of
// the threshold it is. Scratch space of one thread. Memory: two numbers per neuron and input of the group, none where
// no input moves.
template <class T>
class GroupActivation {
 public:
  // The group is from now on at `points`, `count` <= kMostOfGroup of them, from each of which it will go about `reach`
  // far, in l2 (with 0 it does not move: then less is noted). `known` has strips. With `products` the canonical
  // products of the fired neurons are kept.
  void start(const TwoLayerNetwork<T>& network, const KnownRows<T>& known, const T* const* points, Index count,
             double reach, bool products);

  // The inputs which[k] of the group, ascending, go to points[k].
  void move(const Index* which, const T* const* points, Index count);

  // Neurons that fire where input i is, ascending.
  [[nodiscard]] const std::vector<NeuronId>& fired(Index i);
  // What `start` was asked for: the products of those, at its point.
  [[nodiscard]] const std::vector<T>& products(Index i) const { return input(i).products; }
  // Whether its last `move` took it to another point.
  [[nodiscard]] bool moved(Index i) const { return input(i).moved; }
  // Those that changed sides in the input's last move, ascending.
  [[nodiscard]] const std::vector<NeuronId>& changed(Index i) const { return input(i).changed; }
  [[nodiscard]] bool fires(Index i, NeuronId r) const { return holds(input(i).fires, r); }
  [[nodiscard]] const T* at(Index i) const { return input(i).path.at(); }

  // Work since the last call of this function.
  Work take_work() noexcept;

 private:
  using Bits = std::vector<std::uint64_t>;

  // What a number from a copy may err by, per unit of the copy's scale and of the row's norm.
  struct CopyError {
    double scale = 0, norm = 0, constant = 0;
    friend CopyError operator+(const CopyError& a, const CopyError& b) {
      return {a.scale + b.scale, a.norm + b.norm, a.constant + b.constant};
    }
    CopyError times(double factor) const { return {scale * factor, norm * factor, constant * factor}; }
  };

  struct Input {
    AttackPath<T> path;
    PassPoint<T> point;                 // where it is, or its offset from the anchor
    AlignedVector<T> shortfall, slope;  // of every neuron: at the anchor, and what the line takes of it in one unit
    Bits fires;                         // where it is
    std::vector<NeuronId> fired, changed;
    std::vector<T> products;
    bool moved = false;
    bool listed = false;  // `fired` is of the point it is at

    ErrorTerms<T> test;       // what the canonical test errs by,
    CopyError start, line;    // and shortfalls and slopes from the copies,
    ErrorTerms<T> near, now;  // and all this with slopes, or with the copies' products with the offset
    bool whole = false;       // the move takes another line, and asks all copies
    T along = 1;              // where on the line
    Index open = 0;           // neurons whose side the line left open
    AlignedVector<std::int16_t> offset;
    T offset_scale = 0;
  };

  [[nodiscard]] Input& input(Index i) { return inputs_[static_cast<std::size_t>(i)]; }
  [[nodiscard]] const Input& input(Index i) const { return inputs_[static_cast<std::size_t>(i)]; }
  static bool holds(const Bits& bits, NeuronId r) {
    return (bits[static_cast<std::size_t>(r) / 64] >> (r % 64) & 1) != 0;
  }

  void look(const TwoLayerNetwork<T>& network, const KnownRows<T>& known, const T* const* points, Index count,
            double reach, bool products, bool moves);
  void make_movable();
  void start_input(Input& own, const T* x, double reach);
  void count_products(Index count);
  void load_tile(Index first);
  void multiply(const Index* which, Index count, bool fine);
  void measure_rounding(Input& own) const;
  [[nodiscard]] static ErrorTerms<T> with(const ErrorTerms<T>& test, const CopyError& error);
  [[nodiscard]] TileProducts<T> products_of(const Input& own, Index k, bool fine, const ErrorTerms<T>& error) const;
  [[nodiscard]] T shortfall_of(NeuronId r, T product) const;
  void read_rows(const Input& own, Index count);
  void start_tile(Input& own, const TileProducts<T>& products);
  void prepare_move(Input& own, const T* x);
  void pass_tile(Input& own, const TileProducts<T>& products);
  void follow_tile(Input& own);
  void decide(Input& own);
  [[nodiscard]] Index ask_copies(Input& own, Index count);
  void read_open(const Input& own, Index count, T* shortfall);
  void take_sides(Input& own, const T* shortfall);

  const TwoLayerNetwork<T>* network_ = nullptr;
  KnownRows<T> known_;
  bool moves_ = false, keeps_products_ = false;
  std::vector<Input> inputs_;
  Index count_ = 0;

  // The tile at hand.
  Index first_ = 0, size_ = 0;
  TileFacts<T> facts_;
  AlignedVector<std::int32_t> products_, fine_products_, rest_products_;  // kTile for each input
  AlignedVector<T> here_, margin_, row_products_;
  std::vector<NeuronId> open_, ids_, fired_;
  std::vector<std::int32_t> asked_products_;
  Work work_;
};

}  // namespace sublinear
