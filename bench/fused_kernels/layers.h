// Layers fused by hand: what `fused_layer.ts` holds layers made from equations against.
//
// One thread, [rows, n] with n a multiple of 8, and the vector functions of the host kernels, so that what
// is compared is the fusion and nothing else. `dw` and `db` are replaced.

#pragma once

#include <cstdint>

#include "anec/simd.h"
#include "rows.h"

namespace anec::ANEC_LEVEL {

struct RowMoments {
  float mean, inverse_deviation;
};

inline RowMoments moments_of(const float* x, int64_t n) {
  const double sum = row_sum(n, [&](int64_t i, int64_t) __attribute__((always_inline)) {
    return load(x + i);
  });
  const float mean = static_cast<float>(sum / static_cast<double>(n));
  const double squares = row_sum(n, [&](int64_t i, int64_t) __attribute__((always_inline)) {
    const f32x8 c = load(x + i) - mean;
    return c * c;
  });
  const float variance = static_cast<float>(squares / static_cast<double>(n));
  return {mean, 1.0f / __builtin_sqrtf(variance + 1e-5f)};
}

// y = (x − mean) · r · w + b, r = 1 / sqrt(variance + 1e-5).
inline void layer_norm(int64_t rows, int64_t n, float* const* at) {
  const float *x = at[0], *w = at[1], *b = at[2];
  float* y = at[3];
  for (int64_t row = 0; row < rows; ++row, x += n, y += n) {
    const auto [mean, r] = moments_of(x, n);
    for (int64_t i = 0; i < n; i += 8)
      store(y + i, (load(x + i) - mean) * r * load(w + i) + load(b + i));
  }
}

// With h = (x − mean) · r and g = dy · w: dx = r · (g − mean(g) − h · mean(g · h)), dw = Σ dy · h, db = Σ dy.
inline void layer_norm_gradients(int64_t rows, int64_t n, float* const* at) {
  const float *x = at[0], *w = at[1], *dy = at[2];
  float *dx = at[3], *dw = at[4], *db = at[5];
  std::memset(dw, 0, sizeof(float) * n);
  std::memset(db, 0, sizeof(float) * n);
  for (int64_t row = 0; row < rows; ++row, x += n, dy += n, dx += n) {
    const auto [mean, r] = moments_of(x, n);
    const double g = row_dot(dy, w, n);
    const double gh = row_sum(n, [&](int64_t i, int64_t) __attribute__((always_inline)) {
      const f32x8 d = load(dy + i), h = (load(x + i) - mean) * r;
      store(dw + i, load(dw + i) + d * h);
      store(db + i, load(db + i) + d);
      return d * load(w + i) * h;
    });
    const float share = static_cast<float>(g / static_cast<double>(n));
    const float slope = static_cast<float>(gh / static_cast<double>(n));
    for (int64_t i = 0; i < n; i += 8) {
      const f32x8 h = (load(x + i) - mean) * r;
      store(dx + i, r * (load(dy + i) * load(w + i) - share - h * slope));
    }
  }
}

// y = silu(gate) · up.
inline void swiglu(int64_t rows, int64_t n, float* const* at) {
  const float *gate = at[0], *up = at[1];
  float* y = at[2];
  for (int64_t i = 0; i < rows * n; i += 8) {
    const f32x8 g = load(gate + i);
    store(y + i, g * sigmoid(g) * load(up + i));
  }
}

// With s = σ(gate): dgate = dy · up · s · (1 + gate · (1 − s)), dup = dy · gate · s.
inline void swiglu_gradients(int64_t rows, int64_t n, float* const* at) {
  const float *gate = at[0], *up = at[1], *dy = at[2];
  float *dgate = at[3], *dup = at[4];
  for (int64_t i = 0; i < rows * n; i += 8) {
    const f32x8 g = load(gate + i), s = sigmoid(g), d = load(dy + i);
    store(dgate + i, d * load(up + i) * s * (1.0f + g * (1.0f - s)));
    store(dup + i, d * g * s);
  }
}

// y = x/2 · (1 + t), t = tanh(a · (x + c · x³)).
inline constexpr float gelu_a = 0.7978845608028654f, gelu_c = 0.044715f;

inline void gelu(int64_t rows, int64_t n, float* const* at) {
  const float* in = at[0];
  float* y = at[1];
  for (int64_t i = 0; i < rows * n; i += 8) {
    const f32x8 x = load(in + i), t = tanh(gelu_a * (x + gelu_c * x * x * x));
    store(y + i, 0.5f * x * (1.0f + t));
  }
}

// dx = dy/2 · (1 + t + x · (1 − t²) · a · (1 + 3c · x²)).
inline void gelu_gradient(int64_t rows, int64_t n, float* const* at) {
  const float *in = at[0], *dy = at[1];
  float* dx = at[2];
  for (int64_t i = 0; i < rows * n; i += 8) {
    const f32x8 x = load(in + i), z = x * x, t = tanh(gelu_a * (x + gelu_c * z * x));
    const f32x8 slope = x * (1.0f - t * t) * (gelu_a + 3.0f * gelu_a * gelu_c * z);
    store(dx + i, 0.5f * load(dy + i) * (1.0f + t + slope));
  }
}

// y = x + σ(gate) · f.
inline void gated_residual(int64_t rows, int64_t n, float* const* at) {
  const float *x = at[0], *gate = at[1], *f = at[2];
  float* y = at[3];
  for (int64_t i = 0; i < rows * n; i += 8)
    store(y + i, load(x + i) + sigmoid(load(gate + i)) * load(f + i));
}

// dx = dy, dgate = dy · f · s · (1 − s), df = dy · s.
inline void gated_residual_gradients(int64_t rows, int64_t n, float* const* at) {
  const float *gate = at[0], *f = at[1], *dy = at[2];
  float *dx = at[3], *dgate = at[4], *df = at[5];
  for (int64_t i = 0; i < rows * n; i += 8) {
    const f32x8 d = load(dy + i), s = sigmoid(load(gate + i)), ds = d * s;
    store(dx + i, d);
    store(df + i, ds);
    store(dgate + i, ds * load(f + i) * (1.0f - s));
  }
}

}  // namespace anec::ANEC_LEVEL
