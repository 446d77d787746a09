#include "sublinear/training/network_file.hpp"

#include <cstring>
#include <map>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "kernels/whole_file.hpp"
#include "training/json.hpp"
#include "training/safetensors.hpp"

namespace sublinear {
namespace {

constexpr const char* kOwn[] = {"format", "scalars"};  // in the metadata; all else is the network's
constexpr const char* kFormat = "sublinear-two-layer-network-1";

template <class T>
constexpr const char* kStoredType = std::is_same_v<T, float> ? "F32" : "F64";

const char* type_name(const std::string& stored) { return stored == "F32" ? "float32" : "float64"; }

// A file with the arrays of a network, of shapes that fit together; not yet their values.
class StoredNetwork {
 public:
  StoredNetwork(const char* bytes, std::size_t size) : content_(read_safetensors(bytes, size)) {
    const auto format = content_.metadata.find("format");
    if (format == content_.metadata.end() || format->second != kFormat)
      refuse_network_file("its format is " +
                          (format == content_.metadata.end() ? "missing" : "\"" + format->second.substr(0, 40) + "\"") +
                          ", not \"" + kFormat + "\"");
    weights_ = &find("weights", 2);
    output_weights_ = &find("output_weights", 2);
    biases_ = &find("biases", 1);
    const Index width = weights_->shape[0];
    if (output_weights_->shape[0] != width || biases_->shape[0] != width)
      refuse_network_file("its arrays have different numbers of neurons");
    const std::string& dtype = weights_->dtype;
    if ((dtype != "F32" && dtype != "F64") || output_weights_->dtype != dtype || biases_->dtype != dtype)
      refuse_network_file("its arrays are not all float32 or all float64");
  }

  [[nodiscard]] NetworkDescription describe() const {
    return {type_name(weights_->dtype), weights_->shape[0], weights_->shape[1], output_weights_->shape[1]};
  }

  template <class T>
  [[nodiscard]] TwoLayerNetwork<T> read() const {
    if (weights_->dtype != kStoredType<T>)
      refuse_network_file(std::string("its numbers are ") + type_name(weights_->dtype) + ", not " +
                          type_name(kStoredType<T>) + "; read it as what it is");
    T threshold = 0, scale = 0;
    Activation activation = Activation::shifted;
    read_scalars(threshold, scale, activation);
    // Copies, because nothing says that the bytes lie on a boundary of T.
    const AlignedVector<T> weights = values<T>(*weights_), output_weights = values<T>(*output_weights_),
                           biases = values<T>(*biases_);
    TwoLayerNetwork<T> network({weights.data(), weights_->shape[0], weights_->shape[1]}, output_weights.data(),
                               output_weights_->shape[1], biases.data(), threshold, scale, activation);
    std::map<std::string, std::string> others = content_.metadata;
    for (const char* name : kOwn) others.erase(name);
    network.set_metadata(std::move(others));
    return network;
  }

 private:
  [[nodiscard]] const SafeTensor& find(const char* name, std::size_t dimensions) const {
    const auto found = content_.tensors.find(name);
    if (found == content_.tensors.end()) refuse_network_file(std::string("it has no array called \"") + name + "\"");
    if (found->second.shape.size() != dimensions)
      refuse_network_file(std::string("the array \"") + name + "\" has " + std::to_string(found->second.shape.size()) +
                          " dimensions, expected " + std::to_string(dimensions));
    return found->second;
  }

  template <class T>
  void read_scalars(T& threshold, T& scale, Activation& activation) const {
    const auto stored = content_.metadata.find("scalars");
    if (stored == content_.metadata.end()) refuse_network_file("it has no scalars");
    try {
      const JsonValue scalars = parse_json(stored->second.data(), stored->second.size());
      threshold = static_cast<T>(json_double(member(scalars, "threshold", JsonValue::Kind::number).text));
      scale = static_cast<T>(json_double(member(scalars, "scale", JsonValue::Kind::number).text));
      const std::string& name = member(scalars, "activation", JsonValue::Kind::string).text;
      if (name != "shifted" && name != "jump")
        throw std::invalid_argument("activation is \"" + name.substr(0, 40) + "\"; known are \"shifted\" and \"jump\"");
      activation = name == "jump" ? Activation::jump : Activation::shifted;
    } catch (const std::invalid_argument& error) {
      refuse_network_file(std::string("its scalars: ") + error.what());
    }
  }

  static const JsonValue& member(const JsonValue& scalars, const char* name, JsonValue::Kind kind) {
    const JsonValue* found = scalars.find(name);
    if (found == nullptr || found->kind != kind) throw std::invalid_argument(std::string("no usable ") + name);
    return *found;
  }

  template <class T>
  static AlignedVector<T> values(const SafeTensor& tensor) {
    Index count = 1;
    for (const Index size : tensor.shape) count *= size;
    AlignedVector<T> copied(static_cast<std::size_t>(count));
    if (count > 0) std::memcpy(copied.data(), tensor.data, static_cast<std::size_t>(count) * sizeof(T));
    return copied;
  }

  SafeTensors content_;
  const SafeTensor *weights_ = nullptr, *output_weights_ = nullptr, *biases_ = nullptr;
};

}  // namespace

template <class T>
std::string network_bytes(const TwoLayerNetwork<T>& network) {
  const auto tensor = [](const T* values, std::vector<Index> shape) {
    return SafeTensor{kStoredType<T>, std::move(shape), reinterpret_cast<const char*>(values)};
  };
  SafeTensors content;
  content.tensors["weights"] = tensor(network.weights(), {network.width(), network.dimension()});
  content.tensors["output_weights"] = tensor(network.output_weights(), {network.width(), network.outputs()});
  content.tensors["biases"] = tensor(network.biases(), {network.width()});
  content.metadata = network.metadata();
  content.metadata["format"] = kFormat;
  content.metadata["scalars"] =
      "{\"threshold\": " + json_text(static_cast<double>(network.threshold())) +
      ", \"scale\": " + json_text(static_cast<double>(network.scale())) +
      ", \"activation\": " + (network.activation() == Activation::jump ? "\"jump\"" : "\"shifted\"") + "}";
  return write_safetensors(content);
}

template <class T>
TwoLayerNetwork<T> network_from_bytes(const char* bytes, std::size_t size) {
  return StoredNetwork(bytes, size).read<T>();
}

NetworkDescription describe_network_bytes(const char* bytes, std::size_t size) {
  return StoredNetwork(bytes, size).describe();
}

template <class T>
void save_network(const TwoLayerNetwork<T>& network, const std::string& path) {
  write_whole(path, network_bytes(network), "the network");
}

template <class T>
TwoLayerNetwork<T> load_network(const std::string& path) {
  const std::string bytes = read_whole(path, "the network");
  return network_from_bytes<T>(bytes.data(), bytes.size());
}

NetworkDescription describe_network(const std::string& path) {
  const std::string bytes = read_whole(path, "the network");
  return describe_network_bytes(bytes.data(), bytes.size());
}

#define SUBLINEAR_INSTANTIATE(T)                                                \
  template std::string network_bytes<T>(const TwoLayerNetwork<T>&);             \
  template TwoLayerNetwork<T> network_from_bytes<T>(const char*, std::size_t);  \
  template void save_network<T>(const TwoLayerNetwork<T>&, const std::string&); \
  template TwoLayerNetwork<T> load_network<T>(const std::string&);
SUBLINEAR_INSTANTIATE(float)
SUBLINEAR_INSTANTIATE(double)

}  // namespace sublinear
