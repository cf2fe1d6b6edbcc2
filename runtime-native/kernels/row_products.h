// Instructions of `rowwise` with products that were taken into them (row_program.h, fold_products): one look at
// the row for what would be two or three. Blocks are padded to eight floats.

#pragma once

#include "anec/kernel.h"
#include "row_program.h"
#include "rows.h"

namespace anec::ANEC_LEVEL {

// What the registers hold in the current block.
struct Values {
  const RowProgram& p;
  const float* now[max_row_registers];  // of each row
  float number[max_row_registers][8];   // eight times the same

  explicit Values(const RowProgram& program) : p(program) {}
  const float* of(int r) const { return p.is_row[r] ? now[r] : number[r]; }
  const RowInstruction& maker(int r) const { return p.code[r - p.inputs]; }
};

// The row and the other factor of a product.
struct Factors {
  int row, other;
  Factors(const RowProgram& p, const RowInstruction& c)
      : row(p.is_row[c.a] ? c.a : c.b), other(p.is_row[c.a] ? c.b : c.a) {}
};

// to = f(x, y, z), where x is a row, and y and z are rows or one number eight times over.
template <bool RowY, bool RowZ, class F>
ANEC_INLINE void combine_three(const float* x, const float* y, const float* z, float* to, int64_t n,
                               const F& f) {
  const f32x8 one_y = load(y), one_z = load(z);
  for (int64_t i = 0; i < n; i += 8)
    store(to + i, f(load(x + i), RowY ? load(y + i) : one_y, RowZ ? load(z + i) : one_z));
}

// to = x · y · z + v, as above.
template <bool RowY, bool RowZ, bool RowV>
void add_to_three(const float* x, const float* y, const float* z, const float* v, float* to, int64_t n) {
  const f32x8 one_y = load(y), one_z = load(z), one_v = load(v);
  for (int64_t i = 0; i < n; i += 8)
    store(to + i, load(x + i) * (RowY ? load(y + i) : one_y) * (RowZ ? load(z + i) : one_z) +
                      (RowV ? load(v + i) : one_v));
}

// x · s ± y · t, of numbers s and t.
inline void combine_two_products(const Values& m, const RowInstruction& c, float* to, int64_t n) {
  const Factors first(m.p, m.maker(c.a)), second(m.p, m.maker(c.b));
  const float *x = m.of(first.row), *y = m.of(second.row);
  const f32x8 s = load(m.of(first.other)), number = load(m.of(second.other));
  const f32x8 t = c.opcode == Opcode::sub ? -number : number;
  for (int64_t i = 0; i < n; i += 8) store(to + i, load(x + i) * s + load(y + i) * t);
}

// The product c, of which one factor is a product, and v: a row, or a number.
inline void add_three(const Values& m, const RowInstruction& c, const float* v, bool row_v, float* to,
                      int64_t n) {
  using Add = void (*)(const float*, const float*, const float*, const float*, float*, int64_t);
  static constexpr Add add[2][2][2] = {
      {{add_to_three<0, 0, 0>, add_to_three<0, 0, 1>}, {add_to_three<0, 1, 0>, add_to_three<0, 1, 1>}},
      {{add_to_three<1, 0, 0>, add_to_three<1, 0, 1>}, {add_to_three<1, 1, 0>, add_to_three<1, 1, 1>}}};
  const int inner = is_folded(m.p, c.a) ? c.a : c.b, third = inner == c.a ? c.b : c.a;
  const Factors factors(m.p, m.maker(inner));
  add[m.p.is_row[factors.other]][m.p.is_row[third]][row_v](m.of(factors.row), m.of(factors.other),
                                                           m.of(third), v, to, n);
}

// to += the product c, of which one factor may be a product.
inline void add_product(const Values& m, const RowInstruction& c, float* to, int64_t n) {
  if (reads_folded(m.p, c)) return add_three(m, c, to, true, to, n);
  const Factors factors(m.p, c);
  const float *x = m.of(factors.row), *y = m.of(factors.other);
  const auto add = [](f32x8 a, f32x8 b, f32x8 sum) __attribute__((always_inline)) { return a * b + sum; };
  if (m.p.is_row[factors.other]) combine_three<true, true>(x, y, to, to, n, add);
  else combine_three<false, true>(x, y, to, to, n, add);
}

// Instruction c, into which one or both operands were taken.
inline void combine_products(const Values& m, const RowInstruction& c, float* to, int64_t n) {
  const bool first = is_folded(m.p, c.a);
  if (first && is_folded(m.p, c.b)) return combine_two_products(m, c, to, n);
  const RowInstruction& product = m.maker(first ? c.a : c.b);
  const int third = first ? c.b : c.a;
  if (reads_folded(m.p, product)) return add_three(m, product, m.of(third), m.p.is_row[third], to, n);
  const Factors factors(m.p, product);
  const float *x = m.of(factors.row), *y = m.of(factors.other), *z = m.of(third);
  const bool row_y = m.p.is_row[factors.other], row_z = m.p.is_row[third];
  const auto combine = [&](const auto& f) __attribute__((always_inline)) {
    if (row_y && row_z) combine_three<true, true>(x, y, z, to, n, f);
    else if (row_y) combine_three<true, false>(x, y, z, to, n, f);
    else if (row_z) combine_three<false, true>(x, y, z, to, n, f);
    else combine_three<false, false>(x, y, z, to, n, f);
  };
  if (c.opcode == Opcode::mul)
    combine([](f32x8 a, f32x8 b, f32x8 v) __attribute__((always_inline)) { return a * b * v; });
  else if (c.opcode == Opcode::add)
    combine([](f32x8 a, f32x8 b, f32x8 v) __attribute__((always_inline)) { return a * b + v; });
  else if (first)
    combine([](f32x8 a, f32x8 b, f32x8 v) __attribute__((always_inline)) { return a * b - v; });
  else
    combine([](f32x8 a, f32x8 b, f32x8 v) __attribute__((always_inline)) { return v - a * b; });
}

}  // namespace anec::ANEC_LEVEL
