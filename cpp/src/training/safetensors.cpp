#include "training/safetensors.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <tuple>

#include "training/json.hpp"

namespace sublinear {
namespace {

// Headers as long as every reader of the format takes them, in metadata mostly. Few values, because each takes a
// hundred times the memory of its text.
constexpr std::size_t kLength = 8, kMostHeader = 100'000'000, kMostValues = 10'000, kShown = 40;

// Bytes of an element; 0 for types that are not known.
Index element_size(const std::string& dtype) {
  static const std::pair<const char*, Index> sizes[] = {{"F64", 8}, {"I64", 8}, {"U64", 8},  {"F32", 4}, {"I32", 4},
                                                        {"U32", 4}, {"F16", 2}, {"BF16", 2}, {"I16", 2}, {"U16", 2},
                                                        {"I8", 1},  {"U8", 1},  {"BOOL", 1}};
  for (const auto& [name, size] : sizes)
    if (dtype == name) return size;
  return 0;
}

const JsonValue& member(const JsonValue& object, const char* name, JsonValue::Kind kind, const std::string& of) {
  const JsonValue* found = object.find(name);
  if (found == nullptr || found->kind != kind) refuse_network_file(of + " has no usable \"" + name + "\"");
  return *found;
}

// A number of elements or bytes: digits only, and at most `limit`.
Index whole_number(const JsonValue& value, Index limit, const std::string& of) {
  Index number = 0;
  bool fits = value.kind == JsonValue::Kind::number;
  for (const char c : value.text) {
    fits = fits && c >= '0' && c <= '9';
    if (!fits) break;
    const Index digit = c - '0';
    fits = number <= (limit - digit) / 10;
    number = number * 10 + digit;
    if (!fits) break;
  }
  if (!fits) refuse_network_file(of + " has a size that the file does not have room for");
  return number;
}

}  // namespace

void refuse_network_file(const std::string& why) {
  throw std::invalid_argument("this is not a usable network file: " + why);
}

std::string write_safetensors(const SafeTensors& content) {
  std::string header = "{\"__metadata__\":{";
  const char* separator = "";
  for (const auto& [name, text] : content.metadata) {
    header += separator + json_quoted(name) + ":" + json_quoted(text);
    separator = ",";
  }
  header += "}";
  Index at = 0;
  std::vector<std::pair<const char*, Index>> blocks;
  for (const auto& [name, tensor] : content.tensors) {
    Index bytes = element_size(tensor.dtype);
    std::string shape;
    for (const Index size : tensor.shape) {
      shape += (shape.empty() ? "" : ",") + std::to_string(size);
      bytes *= size;
    }
    header += "," + json_quoted(name) + ":{\"dtype\":" + json_quoted(tensor.dtype) + ",\"shape\":[" + shape +
              "],\"data_offsets\":[" + std::to_string(at) + "," + std::to_string(at + bytes) + "]}";
    blocks.emplace_back(tensor.data, bytes);
    at += bytes;
  }
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  if (header.size() > kMostHeader)
    throw std::length_error("the metadata of the network fill a header of " + std::to_string(header.size()) +
                            " bytes; files have room for 100 million");
  const auto length = static_cast<std::uint64_t>(header.size());
  std::string bytes;
  bytes.reserve(kLength + header.size() + static_cast<std::size_t>(at));
  bytes.append(reinterpret_cast<const char*>(&length), kLength);
  bytes += header;
  for (const auto& [data, size] : blocks) bytes.append(data, static_cast<std::size_t>(size));
  return bytes;
}

SafeTensors read_safetensors(const char* bytes, std::size_t size) {
  if (bytes == nullptr || size < kLength) refuse_network_file("it is shorter than the length of its header");
  std::uint64_t length;
  std::memcpy(&length, bytes, kLength);
  if (length > size - kLength) refuse_network_file("it ends inside its header, or begins with something else");
  if (length > kMostHeader) refuse_network_file("its header is longer than 100 million bytes");
  const char* const data = bytes + kLength + length;
  const auto room = static_cast<Index>(size - kLength - static_cast<std::size_t>(length));

  JsonValue header;
  try {
    header = parse_json(bytes + kLength, static_cast<std::size_t>(length), kMostValues);
  } catch (const std::invalid_argument& error) {
    refuse_network_file(error.what());
  }
  if (header.kind != JsonValue::Kind::object) refuse_network_file("its header is no table");
  SafeTensors content;
  std::vector<std::pair<Index, Index>> places;
  for (std::size_t k = 0; k < header.names.size(); ++k) {
    const std::string& name = header.names[k];
    const JsonValue& entry = header.items[k];
    const std::string what = "\"" + name.substr(0, kShown) + "\"";
    if (entry.kind != JsonValue::Kind::object) refuse_network_file(what + " is no table");
    if (name == "__metadata__") {
      for (std::size_t j = 0; j < entry.names.size(); ++j) {
        if (entry.items[j].kind != JsonValue::Kind::string) refuse_network_file("its metadata are not all texts");
        content.metadata.emplace(entry.names[j], entry.items[j].text);
      }
      continue;
    }
    SafeTensor tensor;
    tensor.dtype = member(entry, "dtype", JsonValue::Kind::string, what).text;
    const Index each = element_size(tensor.dtype);
    if (each == 0) refuse_network_file(what + " has the unknown type " + tensor.dtype.substr(0, kShown));
    Index count = 1;
    for (const JsonValue& extent : member(entry, "shape", JsonValue::Kind::array, what).items) {
      tensor.shape.push_back(whole_number(extent, room, what));
      if (tensor.shape.back() != 0 && count > room / tensor.shape.back())
        refuse_network_file(what + " has a size that the file does not have room for");
      count *= tensor.shape.back();
    }
    const JsonValue& offsets = member(entry, "data_offsets", JsonValue::Kind::array, what);
    if (offsets.items.size() != 2) refuse_network_file(what + " has no usable \"data_offsets\"");
    const Index begin = whole_number(offsets.items[0], room, what), end = whole_number(offsets.items[1], room, what);
    if (end < begin || end - begin != count * each)
      refuse_network_file("the shape of " + what + " does not fit its bytes");
    tensor.data = data + begin;
    places.emplace_back(begin, end);
    content.tensors.emplace(name, std::move(tensor));
  }
  std::sort(places.begin(), places.end());
  Index at = 0;
  for (const auto& [begin, end] : places) {
    if (begin != at) refuse_network_file("its arrays overlap or leave gaps");
    at = end;
  }
  if (at != room) refuse_network_file("it is cut short, or something follows its last array");
  return content;
}

}  // namespace sublinear
