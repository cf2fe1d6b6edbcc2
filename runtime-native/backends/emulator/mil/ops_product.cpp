// Matrix products and attention.

#include <algorithm>
#include <cmath>
#include <limits>

#include "integers.h"
#include "ops.h"
#include "product.h"

namespace anec::emulator {
namespace {

constexpr int64_t kMostBatches = int64_t{1} << 20;

// The last two dimensions of an operand as [rows, columns], after the transposition asked for. A
// vector is a row on the left and a column on the right, and is not transposed.
struct Matrix {
  int64_t rows, columns;
  int64_t row_stride, column_stride;
  Shape batch;  // the leading dimensions
};

Matrix matrix_of(const Operand& x, bool left, bool flipped) {
  Matrix m;
  if (x.shape.size() == 1) {
    m = left ? Matrix{1, x.shape[0], x.shape[0], 1, {}} : Matrix{x.shape[0], 1, 1, 1, {}};
    return m;
  }
  const int64_t p = x.shape[x.shape.size() - 2], q = x.shape.back();
  m = flipped ? Matrix{q, p, 1, q, {}} : Matrix{p, q, q, 1, {}};
  m.batch.assign(x.shape.begin(), x.shape.end() - 2);
  return m;
}

// Where the matrices of an operand start, for every batch of the result.
std::vector<int64_t> batch_starts(const Matrix& m, const Shape& batch) {
  Shape strides = broadcast_strides(m.batch, batch);
  for (int64_t& stride : strides) stride *= m.rows * m.columns;
  return offsets_of(batch, strides);
}

bool check_floats(Call& c, const char* name) {
  return is_float(c.one(name).type) || c.unsupported("multiplies only floating-point numbers here");
}

// [.., M, K] · [.., K, N] = [.., M, N]
bool matmul(Call& c) {
  const Operand &x = c.one("x"), &y = c.one("y");
  if (!check_floats(c, "x") || !check_floats(c, "y")) return false;
  if (x.shape.empty()) return c.fail("x", "needs a dimension");
  if (y.shape.empty()) return c.fail("y", "needs a dimension");
  // The elements of a constant follow those of the other operand.
  if (x.type != y.type && x.is_constant == y.is_constant)
    return c.fail("y", "must have the elements of `x`");
  const ElementType type = x.is_constant ? y.type : x.type;
  const Matrix a = matrix_of(x, true, c.flag("transpose_x"));
  const Matrix b = matrix_of(y, false, c.flag("transpose_y"));
  if (a.columns != b.rows)
    return c.fail("y",
                  "needs " + std::to_string(a.columns) + " rows, not " + std::to_string(b.rows));
  const auto batch = broadcast(a.batch, b.batch);
  if (!batch) return c.fail("y", "does not broadcast with `x`");
  Shape shape = *batch;
  if (x.shape.size() > 1) shape.push_back(a.rows);
  if (y.shape.size() > 1) shape.push_back(b.columns);
  if (size_of(*batch) > kMostBatches)
    return c.unsupported("has more matrices than the emulator takes");
  c.result(type, shape);
  c.flops(2.0 * double(size_of(shape)) * double(a.columns));
  c.thread_scratch(product_scratch(a.columns));
  const int64_t rank = int64_t(y.shape.size()),
                columns = rank < 2 ? -1 : rank - (c.flag("transpose_y") ? 2 : 1);
  return c.run([=, in_a = c.in(x), in_b = c.in(y), from_a = batch_starts(a, *batch),
                from_b = batch_starts(b, *batch),
                path = integer_path(c, x, -1, y, columns, a.columns)](const Run& run) {
    const bool integers = path.taken(run);
    const IntegerFactors factors = integers ? path.factors(run) : IntegerFactors{};
    const float* left = run.in[integers ? path.a : in_a];
    const float* right = run.in[integers ? path.b : in_b];
    for (size_t i = 0; i < from_a.size(); ++i) {
      const StridedPanels panels{right + from_b[i], a.columns, b.row_stride, b.column_stride};
      multiply(run, {.m = a.rows,
                     .n = b.columns,
                     .k = a.columns,
                     .a = left + from_a[i],
                     .a_row = a.row_stride,
                     .a_column = a.column_stride,
                     .pack = pack_strided,
                     .b = &panels,
                     .bias = nullptr,
                     .bias_by_row = false,
                     .out = run.out[0] + int64_t(i) * a.rows * b.columns,
                     .out_row = b.columns,
                     .type = type,
                     .integers = integers ? &factors : nullptr});
    }
  });
}

// x · weightᵀ + bias, with the weight as [outputs, inputs]
bool linear(Call& c) {
  const Operand &x = c.one("x"), &weight = c.one("weight");
  const Operand* bias = c.maybe("bias");
  if (!check_floats(c, "x") || !check_floats(c, "weight")) return false;
  if (x.shape.empty()) return c.fail("x", "needs a dimension");
  if (weight.shape.size() != 2) return c.fail("weight", "needs 2 dimensions");
  const int64_t outputs = weight.shape[0], inputs = weight.shape[1];
  if (x.shape.back() != inputs)
    return c.fail("weight", "needs " + std::to_string(x.shape.back()) + " columns, not " +
                                std::to_string(inputs));
  if (bias != nullptr && bias->shape != Shape{outputs})
    return c.fail("bias", "must be a list of " + std::to_string(outputs) + " values");
  if (bias != nullptr && !check_floats(c, "bias")) return false;
  Shape shape = x.shape;
  shape.back() = outputs;
  c.result(x.type, shape);
  c.flops(2.0 * double(size_of(shape)) * double(inputs));
  c.thread_scratch(product_scratch(inputs));
  const int64_t rows = size_of(x.shape) / inputs;
  return c.run([=, type = x.type, a = c.in(x), b = c.in(weight), start = c.in("bias"),
                path = integer_path(c, x, -1, weight, 0, inputs)](const Run& run) {
    const bool integers = path.taken(run);
    const IntegerFactors factors = integers ? path.factors(run) : IntegerFactors{};
    const StridedPanels panels{run.in[integers ? path.b : b], inputs, 1, inputs};
    multiply(run, {.m = rows,
                   .n = outputs,
                   .k = inputs,
                   .a = run.in[integers ? path.a : a],
                   .a_row = inputs,
                   .a_column = 1,
                   .pack = pack_strided,
                   .b = &panels,
                   .bias = start < 0 ? nullptr : run.in[start],
                   .bias_by_row = false,
                   .out = run.out[0],
                   .out_row = outputs,
                   .type = type,
                   .integers = integers ? &factors : nullptr});
  });
}

// Scores and weights are values of the engine as well, so they are rounded like any other.
struct Attention {
  int64_t l, e, s, v;  // query [l, e], key [s, e], value [s, v]
  ElementType type;
};

void attend(const Run& run, const Attention& a, const float* query, const float* key,
            const float* value, const float* mask, const int64_t* mask_strides, bool mask_is_bool,
            float* scores, float* out) {
  const StridedPanels keys{key, a.e, 1, a.e}, values{value, a.s, a.v, 1};
  Product scoring{.m = a.l,
                  .n = a.s,
                  .k = a.e,
                  .a = query,
                  .a_row = a.e,
                  .a_column = 1,
                  .pack = pack_strided,
                  .b = &keys,
                  .bias = nullptr,
                  .bias_by_row = false,
                  .out = scores,
                  .out_row = a.s,
                  .type = a.type};
  multiply(run, scoring);
  const double divisor = std::sqrt(double(a.e));
  double* row = run.thread_doubles(0);
  const Numerics& numerics = run.numerics;
  for (int64_t i = 0; i < a.l; ++i) {
    float* cells = scores + i * a.s;
    load_cells(cells, 1, a.s, a.type, run.exact(), row);
    for (int64_t j = 0; j < a.s; ++j) row[j] /= divisor;
    if (mask != nullptr) {
      store_cells(row, a.s, a.type, numerics, cells);
      load_cells(cells, 1, a.s, a.type, run.exact(), row);
      for (int64_t j = 0; j < a.s; ++j) {
        const float* m = mask + i * mask_strides[0] + j * mask_strides[1];
        double allowed;
        load_cells(m, 1, 1, mask_is_bool ? ElementType::boolean : a.type, run.exact(), &allowed);
        if (!mask_is_bool)
          row[j] += allowed;
        else if (allowed == 0)
          row[j] = -std::numeric_limits<double>::infinity();
      }
    }
    double top = row[0], total = 0;
    for (int64_t j = 1; j < a.s; ++j) top = row[j] > top ? row[j] : top;
    for (int64_t j = 0; j < a.s; ++j) total += row[j] = std::exp(row[j] - top);
    for (int64_t j = 0; j < a.s; ++j) row[j] /= total;
    store_cells(row, a.s, a.type, numerics, cells);
  }
  multiply(run, {.m = a.l,
                 .n = a.v,
                 .k = a.s,
                 .a = scores,
                 .a_row = a.s,
                 .a_column = 1,
                 .pack = pack_strided,
                 .b = &values,
                 .bias = nullptr,
                 .bias_by_row = false,
                 .out = out,
                 .out_row = a.v,
                 .type = a.type});
}

// softmax(query · keyᵀ / √E + mask) · value; a bool mask lets pass where it holds.
bool attention(Call& c) {
  const Operand &query = c.one("query"), &key = c.one("key"), &value = c.one("value");
  const size_t rank = query.shape.size();
  if (rank < 3 || rank > 5) return c.fail("query", "needs 3 to 5 dimensions");
  const Shape batch(query.shape.begin(), query.shape.end() - 2);
  for (const char* name : {"key", "value"}) {
    const Operand& o = c.one(name);
    const bool same = o.type == query.type && o.shape.size() == rank &&
                      std::equal(batch.begin(), batch.end(), o.shape.begin());
    if (!same) return c.fail(name, "must have the elements and batches of `query`");
  }
  const Attention a{query.shape[rank - 2], query.shape[rank - 1], value.shape[rank - 2],
                    value.shape[rank - 1], query.type};
  if (key.shape[rank - 1] != a.e)
    return c.fail("key", "must have vectors as long as those of `query`");
  if (key.shape[rank - 2] != a.s) return c.fail("value", "must have as many vectors as `key`");
  Shape scores = batch, shape = batch;
  scores.insert(scores.end(), {a.l, a.s});
  shape.insert(shape.end(), {a.l, a.v});
  const Operand* mask = c.maybe("attn_mask");
  Shape mask_strides(rank, 0);
  if (mask != nullptr) {
    const auto both = broadcast(mask->shape, scores);
    if (!both || *both != scores) return c.fail("attn_mask", "does not broadcast to the scores");
    if (mask->type != ElementType::boolean && mask->type != query.type)
      return c.fail("attn_mask", "must be bools, or have the elements of `query`");
    mask_strides = broadcast_strides(mask->shape, scores);
  }
  const Shape batch_strides(mask_strides.begin(), mask_strides.end() - 2);
  c.result(query.type, shape);
  c.flops(double(size_of(scores)) * double(2 * a.e + 2 * a.v + 4));
  if (size_of(scores) > kLargest || size_of(batch) > kMostBatches)
    return c.unsupported("is larger than anything the emulator holds");
  c.scratch(a.l * a.s * int64_t(sizeof(float)));
  c.thread_scratch(
      std::max({product_scratch(a.e), product_scratch(a.s), a.s * int64_t(sizeof(double))}));
  return c.run([=, q = c.in(query), k = c.in(key), v = c.in(value), m = c.in("attn_mask"),
                masks = offsets_of(batch, batch_strides),
                is_bool = mask != nullptr && mask->type == ElementType::boolean](const Run& run) {
    const bool masked = m >= 0 && !run.numerics.ignores_attention_mask;
    const int64_t last[2] = {mask_strides[mask_strides.size() - 2], mask_strides.back()};
    for (size_t i = 0; i < masks.size(); ++i) {
      const int64_t b = int64_t(i);
      attend(run, a, run.in[q] + b * a.l * a.e, run.in[k] + b * a.s * a.e,
             run.in[v] + b * a.s * a.v, masked ? run.in[m] + masks[i] : nullptr, last, is_bool,
             reinterpret_cast<float*>(run.scratch), run.out[0] + b * a.l * a.v);
    }
  });
}

}  // namespace

std::span<const OpSpec> product_ops() {
  static constexpr OpSpec list[] = {
      {"matmul", "x:numbers y:numbers transpose_x:flag? transpose_y:flag?", matmul},
      {"linear", "x:numbers weight:numbers bias:numbers?", linear},
      {"scaled_dot_product_attention", "query:floats key:floats value:floats attn_mask:values?",
       attention},
  };
  return list;
}

}  // namespace anec::emulator
