// Flat files with a right checksum and wrong insides, as somebody would make them who means harm.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>

// Makes the checksum at the end that of what is before (kernels/flat_file.cpp).
inline void seal(std::string& bytes) {
  if (bytes.size() < 24 || bytes.size() % 8 != 0) return;
  std::uint64_t sum = 0xcbf29ce484222325;
  for (std::size_t at = 0; at + 8 < bytes.size(); at += 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data() + at, 8);
    sum = (sum ^ word) * 0x100000001b3;
    sum ^= sum >> 29;
  }
  std::memcpy(&bytes[bytes.size() - 8], &sum, 8);
}
