// reduce: sum, max or mean over the middle axis of [outer, n, inner].
//
// Sums are in double. When everything is reduced to one number, chunks of 16,384 are summed by any
// thread and added in order.

#include "anec/kernel.h"
#include "rows.h"

namespace anec::ANEC_LEVEL::reduce {
namespace {

constexpr int64_t chunk = 16384;
constexpr int64_t columns = 64;
enum Kind : int64_t { sum_of = 0, max_of = 1, mean_of = 2 };

void describe(Shape& s) {
  const int64_t kind = s.choice("kind", 3);
  const int64_t outer = s.dim("outer"), n = s.dim("n"), inner = s.dim("inner");
  s.require(kind == sum_of || n > 0, "max and mean of nothing");
  s.choice("write", write_modes);
  s.operand(0, DType::f32, Count(outer) * Count(n) * Count(inner));
  s.operand(1, DType::f32, Count(outer) * Count(inner));
  s.shared_scratch(2 * (n / chunk + 1));
}

ANEC_INLINE double sum_row(const float* x, int64_t n) {
  return row_sum(n, [&](int64_t i, int64_t lanes) __attribute__((always_inline)) {
    return load_lanes(x + i, lanes, 0);
  });
}

// [n] → 1, with the chunks as the unit of work.
double sum_all(const Call& call, const float* x, int64_t n) {
  double* sums = reinterpret_cast<double*>(call.shared);
  const int64_t chunks = (n + chunk - 1) / chunk;
  call.pool.parallel_for(chunks, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t c = begin; c < end; ++c)
      sums[c] = sum_row(x + c * chunk, n - c * chunk < chunk ? n - c * chunk : chunk);
  });
  double total = 0;
  for (int64_t c = 0; c < chunks; ++c) total += sums[c];
  return total;
}

// Columns of one [n, inner] block: out[j] = Σ or max over rows.
void reduce_columns(int64_t kind, const float* x, int64_t n, int64_t inner, int64_t width,
                    double* out) {
  for (int64_t j = 0; j < width; ++j) out[j] = kind == max_of ? -__builtin_inf() : 0.0;
  for (int64_t row = 0; row < n; ++row) {
    const float* from = x + row * inner;
    if (kind == max_of) {
      for (int64_t j = 0; j < width; ++j) {
        const double value = from[j];
        out[j] = value > out[j] || value != value ? value : out[j];
      }
    } else {
      for (int64_t j = 0; j < width; ++j) out[j] += static_cast<double>(from[j]);
    }
  }
}

Fault run(const Call& call) {
  const int64_t kind = call.ints[0], outer = call.ints[1], n = call.ints[2], inner = call.ints[3];
  const bool add = call.adds(call.ints[4]);
  const float* in = call.f32(0);
  float* out = call.f32(1);
  const double factor = kind == mean_of ? 1.0 / static_cast<double>(n) : 1.0;
  const auto write = [=](int64_t i, double value) {
    out[i] = static_cast<float>(value * factor) + (add ? out[i] : 0.0f);
  };

  if (outer == 1 && inner == 1 && kind != max_of) {
    write(0, sum_all(call, in, n));
    return {};
  }
  if (inner == 1) {
    call.pool.parallel_for(outer, rows_per_range(n), [&](int64_t begin, int64_t end, int) {
      for (int64_t row = begin; row < end; ++row)
        write(row, kind == max_of ? double(row_max(in + row * n, n)) : sum_row(in + row * n, n));
    });
    return {};
  }
  const int64_t blocks = (inner + columns - 1) / columns;
  call.pool.parallel_for(outer * blocks, 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t o = item / blocks, j0 = item % blocks * columns;
      const int64_t width = inner - j0 < columns ? inner - j0 : columns;
      double sums[columns];
      reduce_columns(kind, in + o * n * inner + j0, n, inner, width, sums);
      for (int64_t j = 0; j < width; ++j) write(o * inner + j0 + j, sums[j]);
    }
  });
  return {};
}

}  // namespace

extern const Kernel kernel;
const Kernel kernel = {"reduce", describe, run};

}  // namespace anec::ANEC_LEVEL::reduce
