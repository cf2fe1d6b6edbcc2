// Cells to numbers and back.

#include <cmath>
#include <limits>

#include "run.h"

namespace anec::emulator {
namespace {

typedef int32_t Whole __attribute__((may_alias));

template <class Round>
void store_floats(const double* in, int64_t n, float* out, int64_t step, Round round) {
  for (int64_t i = 0; i < n; ++i) out[i * step] = round(in[i]);
}

template <bool Away>
__attribute__((always_inline)) inline void store_halves(const double* in, int64_t n, float* out) {
  for (int64_t i = 0; i < n; ++i) out[i] = float(round_to_half<Away>(in[i]));
}

#if defined(__x86_64__)
// The same loop for processors with wider vectors; the bits are the same.
template <bool Away>
__attribute__((target("avx2"))) void store_halves_avx2(const double* in, int64_t n, float* out) {
  store_halves<Away>(in, n, out);
}
#endif

template <bool Away>
void store_as_halves(const double* in, int64_t n, float* out, int64_t step) {
  if (step != 1)
    return store_floats(in, n, out, step, [](double x) { return float(round_to_half<Away>(x)); });
#if defined(__x86_64__)
  static const bool has_avx2 = __builtin_cpu_supports("avx2");
  if (has_avx2) return store_halves_avx2<Away>(in, n, out);
#endif
  store_halves<Away>(in, n, out);
}

// Towards zero; what int32 cannot hold becomes its nearest number, NaN becomes 0.
int32_t whole(double x) {
  if (!(x > -2147483649.0)) return x == x ? INT32_MIN : 0;
  return x < 2147483648.0 ? int32_t(x) : INT32_MAX;
}

}  // namespace

void load_cells(const float* in, int64_t step, int64_t n, ElementType type, bool decoded,
                double* out) {
  if (!is_float(type)) {
    const Whole* from = reinterpret_cast<const Whole*>(in);
    for (int64_t i = 0; i < n; ++i) out[i] = from[i * step];
  } else if (decoded) {
    for (int64_t i = 0; i < n; ++i) out[i] = decode(in[i * step]);
  } else {
    for (int64_t i = 0; i < n; ++i) out[i] = in[i * step];
  }
}

void store_cells(const double* in, int64_t n, ElementType type, const Numerics& numerics,
                 float* out, int64_t step) {
  if (!is_float(type)) {
    Whole* to = reinterpret_cast<Whole*>(out);
    for (int64_t i = 0; i < n; ++i) to[i * step] = whole(in[i]);
    return;
  }
  const auto single = [](double x) { return float(x); };
  if (numerics.arithmetic == Arithmetic::ideal || type == ElementType::fp32) {
    store_floats(in, n, out, step, single);
  } else if (type == ElementType::bf16) {
    store_floats(in, n, out, step, round_to_brain);
  } else if (numerics.arithmetic == Arithmetic::exact) {
    store_as_halves<true>(in, n, out, step);
  } else {
    store_as_halves<false>(in, n, out, step);
  }
}

bool is_integer(ElementType type) {
  return type >= ElementType::int4 && type <= ElementType::uint64;
}

int bits_of(ElementType type) {
  switch (type) {
    case ElementType::uint1: return 1;
    case ElementType::uint2: return 2;
    case ElementType::uint3: return 3;
    case ElementType::int4:
    case ElementType::uint4: return 4;
    case ElementType::uint6: return 6;
    case ElementType::boolean:
    case ElementType::int8:
    case ElementType::uint8: return 8;
    case ElementType::fp16:
    case ElementType::bf16:
    case ElementType::int16:
    case ElementType::uint16: return 16;
    case ElementType::fp64:
    case ElementType::int64:
    case ElementType::uint64: return 64;
    default: return 32;
  }
}

IntegerRange integer_range(ElementType type) {
  if (type == ElementType::boolean) return {0, 1};
  const int bits = bits_of(type);
  if (type >= ElementType::uint1) return {0, std::ldexp(1.0, bits) - 1};
  return {-std::ldexp(1.0, bits - 1), std::ldexp(1.0, bits - 1) - 1};
}

void overflow_by_gain(float* cells, int64_t n) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (int64_t i = 0; i < n; ++i)
    if (std::fabs(cells[i]) > 4094) cells[i] = std::copysign(infinity, cells[i]);
}

}  // namespace anec::emulator
