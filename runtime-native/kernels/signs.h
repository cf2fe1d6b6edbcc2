// What both kernels of random signs share.

#pragma once

#include <cmath>
#include <cstdint>

namespace anec::ANEC_LEVEL {

inline uint64_t word_of(int32_t low, int32_t high) {
  return (static_cast<uint64_t>(static_cast<uint32_t>(high)) << 32) | static_cast<uint32_t>(low);
}

// The last step of splitmix64.
inline uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// w += z · add, w += z · more, and w without the digits that |w| + grid has not.
struct Step {
  float add, more, grid;
  explicit Step(const float* scalars) : add(scalars[0]), more(scalars[1]), grid(scalars[2]) {}

  float taken(float w, bool is_plus) const {
    w += is_plus ? add : -add;
    w += is_plus ? more : -more;
    const float side = std::copysign(grid, w);
    const float far = w + side;
    return far - side;
  }
};

}  // namespace anec::ANEC_LEVEL
