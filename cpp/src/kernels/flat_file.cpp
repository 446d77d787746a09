#include "sublinear/kernels/flat_file.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "sublinear/kernels/require.hpp"

namespace sublinear {
namespace {

constexpr char kMagic[] = "SUBLFLAT";
constexpr std::size_t kMagicSize = 8, kHeader = 16, kArrayHeader = 16, kChecksum = 8;

template <class T>
constexpr std::uint32_t kType = 0;
template <>
constexpr std::uint32_t kType<std::int8_t> = 1;
template <>
constexpr std::uint32_t kType<std::int32_t> = 2;
template <>
constexpr std::uint32_t kType<std::int64_t> = 3;
template <>
constexpr std::uint32_t kType<float> = 4;
template <>
constexpr std::uint32_t kType<double> = 5;
constexpr std::size_t kSizes[] = {0, 1, 4, 8, 4, 8};

template <class T>
void append(std::string& bytes, T value) {
  char raw[sizeof(T)];
  std::memcpy(raw, &value, sizeof(T));
  bytes.append(raw, sizeof(T));
}

template <class T>
T read(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

std::size_t padded(std::size_t size) { return (size + 7) / 8 * 8; }

// FNV-1a in words of 8 bytes, with a shift so that high bits reach low ones. `size` is a multiple of 8.
std::uint64_t checksum(const char* bytes, std::size_t size) {
  std::uint64_t sum = 0xcbf29ce484222325;
  for (std::size_t at = 0; at < size; at += 8) {
    sum = (sum ^ read<std::uint64_t>(bytes + at)) * 0x100000001b3;
    sum ^= sum >> 29;
  }
  return sum;
}

}  // namespace

FlatWriter::FlatWriter() {
  bytes_.append(kMagic, kMagicSize);
  append(bytes_, kVersion);
  append(bytes_, std::uint32_t{0});
}

void FlatWriter::pad() { bytes_.resize(padded(bytes_.size()), '\0'); }

template <class T>
void FlatWriter::add(const std::string& name, const T* values, std::size_t count) {
  require_pointer(values, count > 0 ? 1 : 0, "values");
  append(bytes_, static_cast<std::uint32_t>(name.size()));
  append(bytes_, kType<T>);
  append(bytes_, static_cast<std::uint64_t>(count));
  bytes_ += name;
  pad();
  if (count > 0) bytes_.append(reinterpret_cast<const char*>(values), count * sizeof(T));
  pad();
  ++arrays_;
}

void FlatWriter::add_text(const std::string& name, const std::string& text) {
  add(name, reinterpret_cast<const std::int8_t*>(text.data()), text.size());
}

std::string FlatWriter::finish() {
  std::memcpy(&bytes_[kMagicSize + 4], &arrays_, sizeof(arrays_));
  append(bytes_, checksum(bytes_.data(), bytes_.size()));
  std::string finished;
  finished.swap(bytes_);
  *this = FlatWriter();
  return finished;
}

void FlatReader::fail(const std::string& why) {
  // Names come from the file: any bytes, of any length.
  std::string text = why.substr(0, 120);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  throw std::invalid_argument("this is not a usable index file: " + text);
}

FlatReader::FlatReader(const char* bytes, std::size_t size) {
  if (bytes == nullptr) size = 0;
  if (size < kHeader + kChecksum || std::memcmp(bytes, kMagic, kMagicSize) != 0)
    fail("it does not begin as one; give a file that holds an index of this library");
  const auto version = read<std::uint32_t>(bytes + kMagicSize);
  if (version != FlatWriter::kVersion)
    fail("its format has version " + std::to_string(version) + ", this library reads version " +
         std::to_string(FlatWriter::kVersion));
  const std::size_t end = size - kChecksum;
  if (size % 8 != 0 || checksum(bytes, end) != read<std::uint64_t>(bytes + end))
    fail("its checksum is wrong; it was cut short or changed");
  std::size_t at = kHeader;
  for (auto left = read<std::uint32_t>(bytes + kMagicSize + 4); left > 0; --left) {
    if (end - at < kArrayHeader) fail("it ends inside an array");
    const std::size_t name_size = read<std::uint32_t>(bytes + at);
    const auto type = read<std::uint32_t>(bytes + at + 4);
    const auto count = read<std::uint64_t>(bytes + at + 8);
    at += kArrayHeader;
    if (padded(name_size) > end - at) fail("it ends inside a name");
    std::string name(bytes + at, name_size);
    at += padded(name_size);
    if (type == 0 || type >= sizeof(kSizes) / sizeof(kSizes[0])) fail("an array has an unknown type");
    if (count > (end - at) / kSizes[type]) fail("it ends inside the array " + name);
    const Array array{type, static_cast<std::size_t>(count), bytes + at};
    if (!arrays_.emplace(std::move(name), array).second) fail("an array is there twice");
    at += padded(array.count * kSizes[type]);
  }
  if (at != end) fail("something follows its last array");
}

const FlatReader::Array& FlatReader::find(const std::string& name, std::uint32_t type) const {
  const auto found = arrays_.find(name);
  if (found == arrays_.end()) fail("it has no array called " + name);
  if (found->second.type != type) fail("the array " + name + " has another type");
  return found->second;
}

template <class T>
std::vector<T> FlatReader::take(const std::string& name) const {
  const Array& array = find(name, kType<T>);
  std::vector<T> values(array.count);
  if (array.count > 0) std::memcpy(values.data(), array.data, array.count * sizeof(T));
  return values;
}

template <class T>
std::vector<T> FlatReader::take(const std::string& name, std::size_t count) const {
  const std::size_t stored = find(name, kType<T>).count;
  if (stored != count)
    fail("the array " + name + " has " + std::to_string(stored) + " elements, expected " + std::to_string(count));
  return take<T>(name);
}

std::string FlatReader::take_text(const std::string& name) const {
  const Array& array = find(name, kType<std::int8_t>);
  return std::string(array.data, array.count);
}

#define SUBLINEAR_INSTANTIATE(T)                                               \
  template void FlatWriter::add<T>(const std::string&, const T*, std::size_t); \
  template std::vector<T> FlatReader::take<T>(const std::string&) const;       \
  template std::vector<T> FlatReader::take<T>(const std::string&, std::size_t) const;
SUBLINEAR_INSTANTIATE(std::int8_t)
SUBLINEAR_INSTANTIATE(std::int32_t)
SUBLINEAR_INSTANTIATE(std::int64_t)
SUBLINEAR_INSTANTIATE(float)
SUBLINEAR_INSTANTIATE(double)

}  // namespace sublinear
