// JSON, as far as the headers of safetensors files need it.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

namespace sublinear {

// A parsed value. Numbers stay text until it is known what they have to be.
struct JsonValue {
  enum class Kind { null, boolean, number, string, array, object };

  Kind kind = Kind::null;
  bool flag = false;
  std::string text;                // of a number or a string
  std::vector<std::string> names;  // of an object's items, distinct
  std::vector<JsonValue> items;    // of an array or an object

  // The item of an object; null if there is none, or this is no object.
  [[nodiscard]] const JsonValue* find(const std::string& name) const noexcept;
};

// Throws std::invalid_argument, saying where, for text that is not one JSON value (RFC 8259) with distinct names in
// each object, for values nested more than 16 deep, and for more than `most` values. Memory and time are proportional
// to the text; a value takes a hundred bytes beside it.
[[nodiscard]] JsonValue parse_json(const char* text, std::size_t size,
                                   std::size_t most = std::numeric_limits<std::size_t>::max());

// A number to the nearest double, whatever the locale. Throws std::invalid_argument if it is too large.
[[nodiscard]] double json_double(const std::string& number);

// A finite number as text that `json_double` and other readers turn into the same double, -0 included.
[[nodiscard]] std::string json_text(double value);

// A string in quotes. What is not ASCII stays as it is.
[[nodiscard]] std::string json_quoted(const std::string& text);

}  // namespace sublinear
