// Products of matrices in blocks of rows and panels of columns (see product.h).

#include "product.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "product_tiles.h"

namespace anec::emulator {
namespace {

constexpr int64_t kRows = 64;  // rows of a that a thread prepares at once

// At least Σ |x · w|.
double bound(const Norms& x, const Norms& w, int64_t k) {
  const double by_squares = std::sqrt(double(x.squares) * w.squares);
  const double by_sums = std::min(double(x.sum) * w.largest, double(x.largest) * w.sum);
  return std::min(by_squares, by_sums) * (1 + double(k + 16) * 0x1p-22);
}

constexpr int64_t kLimit = int64_t{1} << 31;  // 2^15 in units of 2^-16

// The sum one product after another, in 64 bits; column j of the panel.
double saturating_sum(int64_t start, int64_t k, const Multiplier* a, const float* panel) {
  int64_t sum = start;
  for (int64_t i = 0;; ++i) {
    if (sum >= kLimit || sum <= -kLimit)
      return std::copysign(std::numeric_limits<double>::infinity(), double(sum));
    if (i == k) return double(sum);
    const float w = panel[i * kPanel];
    if (std::fabs(w) < a[i].threshold) continue;
    const int64_t whole = int64_t(double(std::fabs(w)) * a[i].size + 0.5);
    const bool negative = ((std::bit_cast<uint32_t>(w) ^ a[i].sign) & 0x80000000u) != 0;
    sum += negative ? -whole : whole;
  }
}

int64_t units_of(double bias) {
  const double scaled = double(decode(float(bias))) * 65536;
  return int64_t(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
}

struct Scratch {
  float* panel;             // [k, kPanel]
  Multiplier* multipliers;  // [kRows, k]
  float* rows;              // [kRows, k], in place of the multipliers
  float* row;               // [k]

  Scratch(const Run& run, int thread, int64_t k) {
    std::byte* at = run.thread_scratch + thread * run.thread_stride;
    panel = reinterpret_cast<float*>(at);
    multipliers = reinterpret_cast<Multiplier*>(panel + k * kPanel);
    rows = panel + k * kPanel;
    row = rows + kRows * k * int64_t(sizeof(Multiplier) / sizeof(float));
  }
};

class Exact {
 public:
  Exact(const Product& p, const Scratch& scratch) : p_(p), s_(scratch) {}

  void prepare_rows(int64_t first, int64_t count) {
    for (int64_t r = 0; r < count; ++r) {
      const float* from = p_.a + (first + r) * p_.a_row;
      if (p_.a_column != 1 || p_.type != ElementType::fp16) {
        for (int64_t i = 0; i < p_.k; ++i) s_.row[i] = from[i * p_.a_column];
        round_operands(s_.row, p_.k);
        from = s_.row;
      }
      rows_[r] = tiles().prepare_row(p_.k, from, s_.multipliers + r * p_.k);
    }
  }

  void prepare_panel() {
    round_operands(s_.panel, p_.k * kPanel);
    tiles().prepare_panel(p_.k, s_.panel, columns_);
  }

  void compute(int64_t first, int64_t count, int64_t column, int64_t width) {
    int32_t sums[2 * kPanel];
    for (int64_t r = 0; r < count; r += 2) {
      const Multiplier* a0 = s_.multipliers + r * p_.k;
      const Multiplier* a1 = r + 1 < count ? a0 + p_.k : a0;
      tiles().exact(p_.k, a0, a1, s_.panel, sums);
      for (int64_t half = 0; half < 2 && r + half < count; ++half)
        finish(first, r + half, column, width, sums + half * kPanel);
    }
  }

 private:
  // Operands that are no fp16 numbers become the nearest ones.
  void round_operands(float* x, int64_t n) const {
    if (p_.type == ElementType::fp16) return;
    for (int64_t i = 0; i < n; ++i) x[i] = float(round_to_half<false>(x[i]));
  }

  void finish(int64_t first, int64_t r, int64_t column, int64_t width, const int32_t* sums) {
    float* out = p_.out + (first + r) * p_.out_row + column;
    for (int64_t j = 0; j < width; ++j) {
      const double bias = p_.bias == nullptr ? 0 : p_.bias[p_.bias_by_row ? first + r : column + j];
      const int64_t start = bias == 0 ? 0 : units_of(bias);
      const double most = bound(rows_[r], columns_[j], p_.k) + double(p_.k) * 0x1p-17 +
                          std::fabs(double(start)) * 0x1p-16;
      const double sum = most < 32767
                             ? double(start + sums[j])
                             : saturating_sum(start, p_.k, s_.multipliers + r * p_.k, s_.panel + j);
      out[j] = float(round_to_half<true>(sum * 0x1p-16)) + 0.0f;
    }
  }

  const Product& p_;
  const Scratch& s_;
  Norms rows_[kRows], columns_[kPanel];
};

class Single {
 public:
  Single(const Product& p, const Scratch& scratch, const Numerics& numerics)
      : p_(p), s_(scratch), numerics_(numerics) {}

  void prepare_rows(int64_t first, int64_t count) {
    for (int64_t r = 0; r < count; ++r) {
      const float* from = p_.a + (first + r) * p_.a_row;
      rows_[r] = from;
      if (p_.a_column == 1) continue;
      float* to = s_.rows + r * p_.k;
      for (int64_t i = 0; i < p_.k; ++i) to[i] = from[i * p_.a_column];
      rows_[r] = to;
    }
  }

  void prepare_panel() {}

  void compute(int64_t first, int64_t count, int64_t column, int64_t width) {
    float sums[4 * kPanel];
    double rounded[kPanel];
    for (int64_t r = 0; r < count; r += 4) {
      const float* a[4];
      for (int64_t i = 0; i < 4; ++i) a[i] = rows_[std::min(r + i, count - 1)];
      tiles().single(p_.k, a, s_.panel, sums);
      for (int64_t i = 0; i < 4 && r + i < count; ++i) {
        const int64_t row = first + r + i;
        for (int64_t j = 0; j < width; ++j) {
          const float bias = p_.bias == nullptr ? 0 : p_.bias[p_.bias_by_row ? row : column + j];
          rounded[j] = sums[i * kPanel + j] + bias;
        }
        store_cells(rounded, width, p_.type, numerics_, p_.out + row * p_.out_row + column);
      }
    }
  }

 private:
  const Product& p_;
  const Scratch& s_;
  const Numerics& numerics_;
  const float* rows_[kRows];
};

typedef int32_t Whole __attribute__((may_alias));

// int8 or uint8 operands less a shift: |product| < 2^16, and K < 2^15 of them stay in 32 bits.
class Integers {
 public:
  Integers(const Product& p, const Scratch& scratch) : p_(p), s_(scratch) {}

  void prepare_rows(int64_t first, int64_t count) {
    for (int64_t r = 0; r < count; ++r) {
      const Whole* from = reinterpret_cast<const Whole*>(p_.a) + (first + r) * p_.a_row;
      Multiplier* to = s_.multipliers + r * p_.k;
      for (int64_t i = 0; i < p_.k; ++i) {
        const int32_t x = from[i * p_.a_column] - p_.integers->a_shift;
        to[i] = {std::fabs(float(x)), 0, x < 0 ? 0x80000000u : 0};
      }
    }
  }

  void prepare_panel() {
    const Whole* from = reinterpret_cast<const Whole*>(s_.panel);
    for (int64_t i = 0; i < p_.k * kPanel; ++i) s_.panel[i] = float(from[i] - p_.integers->b_shift);
  }

  void compute(int64_t first, int64_t count, int64_t column, int64_t width) {
    const IntegerFactors& f = *p_.integers;
    int32_t sums[2 * kPanel];
    for (int64_t r = 0; r < count; r += 2) {
      const Multiplier* a0 = s_.multipliers + r * p_.k;
      tiles().exact(p_.k, a0, r + 1 < count ? a0 + p_.k : a0, s_.panel, sums);
      for (int64_t i = 0; i < 2 && r + i < count; ++i) {
        const int64_t row = first + r + i;
        for (int64_t j = 0; j < width; ++j) {
          const float bias = p_.bias == nullptr ? 0 : p_.bias[p_.bias_by_row ? row : column + j];
          const double scale =
              double(f.a_scale[f.a_by_row ? row : 0]) * f.b_scale[f.b_by_column ? column + j : 0];
          const double value = double(sums[i * kPanel + j]) * scale + decode(bias);
          p_.out[row * p_.out_row + column + j] = float(round_to_half<true>(value)) + 0.0f;
        }
      }
    }
  }

 private:
  const Product& p_;
  const Scratch& s_;
};

// Rows `first` on with panels `begin` .. `end`.
template <class Engine>
void compute_block(Engine engine, const Product& p, const Scratch& scratch, int64_t first,
                   int64_t begin, int64_t end) {
  const int64_t count = std::min(kRows, p.m - first);
  engine.prepare_rows(first, count);
  for (int64_t panel = begin; panel < end; ++panel) {
    const int64_t column = panel * kPanel, width = std::min(kPanel, p.n - column);
    if (width < kPanel) std::memset(scratch.panel, 0, size_t(p.k * kPanel) * sizeof(float));
    p.pack(p.b, column, width, scratch.panel);
    engine.prepare_panel();
    engine.compute(first, count, column, width);
  }
}

}  // namespace

int64_t product_scratch(int64_t k) {
  return k * (int64_t((kPanel + 1) * sizeof(float)) + kRows * int64_t(sizeof(Multiplier)));
}

// Blocks of rows times chunks of panels, enough of them for all threads.
void multiply(const Run& run, const Product& p) {
  const int64_t blocks = (p.m + kRows - 1) / kRows, panels = (p.n + kPanel - 1) / kPanel;
  const int64_t threads = run.pool == nullptr ? 1 : run.pool->threads();
  const int64_t wanted = threads == 1 ? 1 : std::max<int64_t>(1, 4 * threads / blocks);
  const int64_t chunks = std::min(panels, wanted), chunk = (panels + chunks - 1) / chunks;
  run.parallel(blocks * chunks, 1, [&](int64_t begin, int64_t end, int thread) {
    const Scratch scratch(run, thread, p.k);
    for (int64_t task = begin; task < end; ++task) {
      const int64_t first = task / chunks * kRows, from = task % chunks * chunk;
      const int64_t to = std::min(from + chunk, panels);
      if (p.integers != nullptr)
        compute_block(Integers(p, scratch), p, scratch, first, from, to);
      else if (run.exact())
        compute_block(Exact(p, scratch), p, scratch, first, from, to);
      else
        compute_block(Single(p, scratch, run.numerics), p, scratch, first, from, to);
    }
  });
}

void pack_strided(const void* panels, int64_t j, int64_t count, float* panel) {
  const StridedPanels& b = *static_cast<const StridedPanels*>(panels);
  const float* from = b.data + j * b.column;
  if (b.column == 1 && count == kPanel) {
    for (int64_t i = 0; i < b.k; ++i)
      std::memcpy(panel + i * kPanel, from + i * b.row, kPanel * sizeof(float));
    return;
  }
  if (b.column == 1) {
    for (int64_t i = 0; i < b.k; ++i)
      for (int64_t c = 0; c < count; ++c) panel[i * kPanel + c] = from[i * b.row + c];
    return;
  }
  for (int64_t c = 0; c < count; ++c)
    for (int64_t i = 0; i < b.k; ++i) panel[i * kPanel + c] = from[i * b.row + c * b.column];
}

}  // namespace anec::emulator
