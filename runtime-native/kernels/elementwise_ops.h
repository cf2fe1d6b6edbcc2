// One instruction of `elementwise` on a block of floats.
//
// Blocks are whole vectors: registers have room for a block rounded up to eight, and what the
// padding lanes compute is never stored outside a register.

#pragma once

#include "anec/simd.h"
#include "opcodes.h"

namespace anec::ANEC_LEVEL {

// erf(x) = x · P(x²) / Q(x²) for |x| < 4, ±1 beyond.
ANEC_INLINE f32x8 error_function(f32x8 x) {
  f32x8 y = select(x > 4.0f, all(4.0f), x);
  y = select(y < -4.0f, all(-4.0f), y);
  const f32x8 z = y * y;
  f32x8 p = -2.72614225801306e-10f * z + 2.77068142495902e-08f;
  p = p * z + -2.10102402082508e-06f;
  p = p * z + -5.69250639462346e-05f;
  p = p * z + -7.34990630326855e-04f;
  p = p * z + -2.95459980854025e-03f;
  p = p * z + -1.60960333262415e-02f;
  f32x8 q = -1.45660718464996e-05f * z + -2.13374055278905e-04f;
  q = q * z + -1.68282697438203e-03f;
  q = q * z + -7.37332916720468e-03f;
  q = q * z + -1.42647390514189e-02f;
  return y * (p / q);
}

ANEC_INLINE f32x8 power(f32x8 x, f32x8 y) {
  for (int i = 0; i < 8; ++i) x[i] = __builtin_powf(x[i], y[i]);
  return x;
}

// Which operand of a binary instruction is one number, eight times over, and not a block.
enum class Single { none, a, b };

template <Single Which, class F>
ANEC_INLINE void each(float* to, const float* a, const float* b, int64_t n, const F& f) {
  if constexpr (Which == Single::a) {
    const f32x8 x = load(a);
    for (int64_t i = 0; i < n; i += 8) store(to + i, f(x, load(b + i)));
  } else if constexpr (Which == Single::b) {
    const f32x8 y = load(b);
    for (int64_t i = 0; i < n; i += 8) store(to + i, f(load(a + i), y));
  } else {
    for (int64_t i = 0; i < n; i += 8) store(to + i, f(load(a + i), load(b + i)));
  }
}

#define ANEC_CASE(name, expression)                                                    \
  case Opcode::name:                                                                   \
    each<Which>(to, a, b, n, [](f32x8 x, f32x8 y) __attribute__((always_inline)) {     \
      (void)y;                                                                         \
      return expression;                                                               \
    });                                                                                \
    break;
#define ANEC_BINARY                                                                    \
  ANEC_CASE(add, x + y)                                                                \
  ANEC_CASE(sub, x - y)                                                                \
  ANEC_CASE(mul, x * y)                                                                \
  ANEC_CASE(div, x / y)                                                                \
  ANEC_CASE(max, larger(x, y))                                                         \
  ANEC_CASE(min, smaller(x, y))                                                        \
  ANEC_CASE(pow, power(x, y))                                                          \
  ANEC_CASE(gt, select(x > y, all(1.0f), f32x8{}))

// As `evaluate`, for the binary instructions, where one operand is a single number.
template <Single Which>
inline void evaluate_single(Opcode opcode, float* to, const float* a, const float* b, int64_t n) {
  switch (opcode) {
    ANEC_BINARY
    default:
      break;
  }
}

// to[0 .. n) = opcode(a, b), n a multiple of eight.
inline void evaluate(Opcode opcode, float* to, const float* a, const float* b, int64_t n) {
  constexpr Single Which = Single::none;
  switch (opcode) {
    ANEC_BINARY
    ANEC_CASE(copy, x)
    ANEC_CASE(neg, -x)
    ANEC_CASE(exp, ANEC_LEVEL::exp(x))
    ANEC_CASE(log, ANEC_LEVEL::log(x))
    ANEC_CASE(sqrt, square_root(x))
    ANEC_CASE(rsqrt, 1.0f / square_root(x))
    ANEC_CASE(tanh, ANEC_LEVEL::tanh(x))
    ANEC_CASE(sigmoid, ANEC_LEVEL::sigmoid(x))
    ANEC_CASE(silu, x * ANEC_LEVEL::sigmoid(x))
    ANEC_CASE(relu, larger(x, f32x8{}))
    ANEC_CASE(abs, absolute(x))
    ANEC_CASE(sin, ANEC_LEVEL::sin(x))
    ANEC_CASE(cos, ANEC_LEVEL::cos(x))
    ANEC_CASE(square, x * x)
    ANEC_CASE(reciprocal, 1.0f / x)
    ANEC_CASE(erf, error_function(x))
    case Opcode::constant:
    case Opcode::count:
      break;
  }
}

#undef ANEC_BINARY
#undef ANEC_CASE

// n elements to every `stride`-th place; `add` to what is there. They may be there already.
inline void store_block(float* to, const float* from, int64_t stride, bool add, int64_t n) {
  if (add && stride == 1) for (int64_t k = 0; k < n; ++k) to[k] += from[k];
  else if (add) for (int64_t k = 0; k < n; ++k) to[k * stride] += from[k];
  else if (stride == 1) std::memmove(to, from, sizeof(float) * n);
  else for (int64_t k = 0; k < n; ++k) to[k * stride] = from[k];
}

}  // namespace anec::ANEC_LEVEL
