/// @file
/// Networks as bytes and files, the same as Python's `TwoLayerNetwork.save` and `load`.
#pragma once

#include <cstddef>
#include <string>

#include "sublinear/kernels/export.hpp"
#include "sublinear/training/network.hpp"

namespace sublinear {

/// The network as bytes of a safetensors file: the arrays "weights" (width x dimension), "output_weights"
/// (width x outputs) and "biases" (width) in T, and in its metadata the format "sublinear-two-layer-network-1", the
/// scalars and the network's own `metadata`. Any reader of safetensors opens it. The same network gives the same bytes
/// here; Python may write the header in another order. @throws std::length_error for metadata of 100 million bytes and
/// more, which readers refuse; std::bad_alloc where memory runs out.
template <class T>
[[nodiscard]] SUBLINEAR_API std::string network_bytes(const TwoLayerNetwork<T>& network);

/// The network with the bits and the metadata of the one that `network_bytes`, or Python, wrote.
/// @throws std::invalid_argument for bytes that are foreign, cut short or damaged, of another T
/// (`describe_network_bytes` tells of which), or whose values a network cannot have; std::length_error for 2^31 neurons
/// or more. No memory is taken that the size of the bytes does not justify.
template <class T>
[[nodiscard]] SUBLINEAR_API TwoLayerNetwork<T> network_from_bytes(const char* bytes, std::size_t size);

/// What bytes that hold a network say about it.
struct NetworkDescription {
  std::string dtype = {};  ///< "float32" or "float64"
  Index width = 0;         ///< m
  Index dimension = 0;     ///< d
  Index outputs = 0;       ///< c
};
/// @throws std::invalid_argument as `network_from_bytes`, but for values, which it does not look at.
[[nodiscard]] SUBLINEAR_API NetworkDescription describe_network_bytes(const char* bytes, std::size_t size);

/// `network_bytes` in a file, which is written whole or not at all: links are followed, a file that exists keeps its
/// mode, a new one has what the umask leaves. @throws std::runtime_error (std::system_error with the reason) if it
/// cannot be written, and as `network_bytes`.
template <class T>
SUBLINEAR_API void save_network(const TwoLayerNetwork<T>& network, const std::string& path);
/// What `save_network`, or Python, wrote. @throws std::runtime_error if the file cannot be read, and as
/// `network_from_bytes`.
template <class T>
[[nodiscard]] SUBLINEAR_API TwoLayerNetwork<T> load_network(const std::string& path);
/// The description of a file, so that the right T can be loaded. @throws std::runtime_error if the file cannot be read,
/// and as `describe_network_bytes`.
[[nodiscard]] SUBLINEAR_API NetworkDescription describe_network(const std::string& path);

}  // namespace sublinear
