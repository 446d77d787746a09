// The safetensors container (https://github.com/huggingface/safetensors): named arrays and a table of texts.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sublinear/kernels/types.hpp"

namespace sublinear {

// One array. `dtype` is the container's: "F32", "F64", ...; elements are row-major and little-endian.
struct SafeTensor {
  std::string dtype;
  std::vector<Index> shape;
  const char* data = nullptr;
};

struct SafeTensors {
  std::map<std::string, SafeTensor> tensors;
  std::map<std::string, std::string> metadata;
};

// The bytes of a file: eight with the length of the header, the header (JSON, filled up with blanks to a multiple of
// eight bytes), the arrays one behind the other in the order of their names.
[[nodiscard]] std::string write_safetensors(const SafeTensors& content);

// What the bytes hold; the arrays point into them. Believes nothing: every size is checked against the bytes that are
// there, arrays must follow each other without gaps, and headers of over 100 million bytes or 10,000 values are
// refused. Throws std::invalid_argument: "this is not a usable network file: " and why.
[[nodiscard]] SafeTensors read_safetensors(const char* bytes, std::size_t size);

// Throws std::invalid_argument as read_safetensors does.
[[noreturn]] void refuse_network_file(const std::string& why);

}  // namespace sublinear
