/// @file
/// Named flat arrays in one block of bytes: the file format of indexes.
///
/// Little-endian: 8 bytes "SUBLFLAT"; the version (uint32); the number of arrays (uint32); for each array the length of
/// its name (uint32), its type (uint32: 1 int8, 2 int32, 3 int64, 4 float32, 5 float64), the number of elements
/// (uint64), the name and the elements, each padded with zeros to a multiple of 8 bytes; a checksum of all before
/// (uint64). No structure of the program's memory is in it. Readers believe nothing: sizes are checked before memory is
/// taken, and bytes that are foreign, cut short, changed or of another version are refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sublinear/kernels/export.hpp"
#include "sublinear/kernels/types.hpp"

namespace sublinear {

/// Gathers arrays.
class SUBLINEAR_API FlatWriter {
 public:
  /// The version that is written, and the only one that is read.
  static constexpr std::uint32_t kVersion = 1;

  FlatWriter();
  /// Adds a copy of `count` elements of type int8_t, int32_t, int64_t, float or double.
  template <class T>
  void add(const std::string& name, const T* values, std::size_t count);
  /// Adds the characters of a text.
  void add_text(const std::string& name, const std::string& text);
  /// The bytes. The writer is empty afterwards.
  [[nodiscard]] std::string finish();

 private:
  void pad();

  std::string bytes_;
  std::uint32_t arrays_ = 0;
};

/// Takes arrays out of bytes, which must outlive it.
class SUBLINEAR_API FlatReader {
 public:
  /// @throws std::invalid_argument if the bytes are not what a FlatWriter of this version made.
  FlatReader(const char* bytes, std::size_t size);

  /// The elements of an array. @throws std::invalid_argument if it is missing, of another type or another length, as
  /// the functions below do.
  template <class T>
  [[nodiscard]] std::vector<T> take(const std::string& name) const;
  /// The same for an array that must have `count` elements.
  template <class T>
  [[nodiscard]] std::vector<T> take(const std::string& name, std::size_t count) const;
  /// The only element of an array.
  [[nodiscard]] Index take_number(const std::string& name) const { return take<std::int64_t>(name, 1)[0]; }
  /// What `add_text` added.
  [[nodiscard]] std::string take_text(const std::string& name) const;

  /// @throws std::invalid_argument: "this is not a usable file: " and why.
  [[noreturn]] static void fail(const std::string& why);

 private:
  struct Array {
    std::uint32_t type;
    std::size_t count;
    const char* data;
  };
  [[nodiscard]] const Array& find(const std::string& name, std::uint32_t type) const;

  std::map<std::string, Array> arrays_;
};

}  // namespace sublinear
