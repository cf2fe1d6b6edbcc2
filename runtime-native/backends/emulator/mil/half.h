// Numbers as the engine stores them.
//
// Inside the emulator every element lies in a cell of four bytes: floating-point types as float,
// which holds all fp16 and bf16 values, other types as int32. These functions round what was
// computed in double to an element type.

#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace anec::emulator {

inline constexpr double kHalfMax = 65504;

// The fp16 number with these bits; payloads of NaN are kept.
inline float half_value(uint16_t bits) {
  const uint32_t sign = uint32_t(bits & 0x8000) << 16, size = uint32_t(bits & 0x7fff) << 13;
  // One multiplication puts the exponent right, of subnormal numbers too.
  const uint32_t finite = std::bit_cast<uint32_t>(std::bit_cast<float>(size) * 0x1p112f);
  return std::bit_cast<float>(sign | (size >= 0x0f800000 ? size | 0x7f800000 : finite));
}

// The nearest fp16 number, halves to the even one or away from zero; at least 65520 is infinite.
// Without branches, so that compilers make vectors of loops over it.
template <bool Away>
__attribute__((always_inline)) inline double round_to_half(double x) {
  const uint64_t bits = std::bit_cast<uint64_t>(x);
  const uint64_t sign = bits & 0x8000000000000000u, size = bits ^ sign;
  // From 2^-14 on ten bits of the mantissa stay of 52.
  const uint64_t half = Away ? uint64_t{1} << 41 : (uint64_t{1} << 41) - 1 + ((size >> 42) & 1);
  const uint64_t cut = (size + half) & ~((uint64_t{1} << 42) - 1);
  const uint64_t large = cut >= 0x40f0000000000000u ? 0x7ff0000000000000u : cut;  // 65536
  // Below, numbers are multiples of 2^-24, which adding 1.5 · 2^28 rounds to, halves to even.
  const double small = std::bit_cast<double>(size);
  double whole = (small + 0x1.8p28) - 0x1.8p28;
  if (Away) whole = small - whole == 0x1p-25 ? whole + 0x1p-24 : whole;
  const uint64_t finite = small < 0x1p-14 ? std::bit_cast<uint64_t>(whole) : large;
  return std::bit_cast<double>(sign | (size >= 0x7ff0000000000000u ? size : finite));
}

// The bits of the fp16 number nearest to x, halves to even; NaN keeps the top of its payload.
inline uint16_t half_bits(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const uint16_t sign = uint16_t(bits >> 16 & 0x8000);
  if ((bits & 0x7fffffff) > 0x7f800000) {
    const uint32_t payload = bits >> 13 & 1023;
    return uint16_t(sign | 0x7c00 | (payload == 0 ? 1 : payload));
  }
  const float rounded = float(round_to_half<false>(double(x)));
  const uint32_t r = std::bit_cast<uint32_t>(rounded) & 0x7fffffff;
  if (r >= 0x7f800000) return uint16_t(sign | 0x7c00);
  if (r >= 0x38800000) return uint16_t(sign | ((r >> 13) - (112 << 10)));
  return uint16_t(sign | uint16_t(std::bit_cast<float>(r) * 0x1p24f));
}

inline float brain_value(uint16_t bits) { return std::bit_cast<float>(uint32_t(bits) << 16); }

// bf16 by nearest even.
inline float round_to_brain(double x) {
  const float f = float(x);
  uint32_t bits = std::bit_cast<uint32_t>(f);
  if ((bits & 0x7f800000) == 0x7f800000) return f;
  bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000;
  return std::bit_cast<float>(bits);
}

// The engine has no infinities and NaN among its operands: the exponent 31 is one more exponent, so
// infinity reads as 2^16 and 0x7E00 as 1.5 · 2^16.
inline float decode(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const uint32_t number = (bits & 0x807fffff) | (127 + 16) << 23;
  return std::bit_cast<float>((bits & 0x7f800000) == 0x7f800000 ? number : bits);
}

}  // namespace anec::emulator
