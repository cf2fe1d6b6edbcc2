// SHA-256: what programs and files are known by.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace anec::ane {

class Sha256 {
 public:
  void add(const void* data, size_t bytes);
  // Length first, so that ("ab", "c") and ("a", "bc") differ.
  void add_field(std::string_view text);
  // 64 hexadecimal digits. Call it once.
  std::string hex();

 private:
  void block(const uint8_t* bytes);

  std::array<uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  uint8_t pending_[64] = {};
  size_t pending_bytes_ = 0;
  uint64_t total_ = 0;
};

std::string sha256(std::string_view bytes);

}  // namespace anec::ane
