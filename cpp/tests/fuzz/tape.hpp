// The bytes of a fuzzer as a tape that numbers are taken off.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace sublinear {

// Zeros when the bytes are used up.
class Tape {
 public:
  Tape(const std::uint8_t* data, std::size_t size) : data_(data), end_(data + size) {}
  [[nodiscard]] bool done() const { return data_ == end_; }
  unsigned byte() { return data_ == end_ ? 0U : *data_++; }

  // A number below `bound`, at most 256.
  unsigned below(unsigned bound) { return byte() % bound; }

  // Mostly small integers, whose products tie; else numbers of all sizes.
  template <class T>
  T coordinate() {
    const unsigned b = byte();
    if (b < 200) return static_cast<T>(static_cast<int>(b % 9) - 4);
    return signed_power<T>(static_cast<int>(b - 228) * (sizeof(T) == 4 ? 4 : 35));
  }

  // The same, not so large that anything a training step computes of it could overflow.
  template <class T>
  T moderate() {
    const unsigned b = byte();
    if (b < 128) return static_cast<T>(static_cast<int>(b % 9) - 4) / T(2);
    if (b < 240) return static_cast<T>((static_cast<int>(b) - 184) * 256 + static_cast<int>(byte())) / T(8192);
    return signed_power<T>(b < 248 ? static_cast<int>(b - 240)
                                   : -static_cast<int>(b - 247) * (sizeof(T) == 4 ? 18 : 130));
  }

 private:
  template <class T>
  T signed_power(int exponent) {
    const T value = static_cast<T>(std::ldexp(1.0 + byte() / 256.0, exponent));
    return byte() % 2 == 0 ? value : -value;
  }

  const std::uint8_t *data_, *end_;
};

// Ends the program as a fuzzer expects it of a finding.
[[noreturn]] inline void fail(const std::string& who, const char* what) {
  std::fprintf(stderr, "%s: %s\n", who.c_str(), what);
  std::abort();
}

}  // namespace sublinear
