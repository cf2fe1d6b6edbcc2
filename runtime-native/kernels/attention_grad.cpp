// attention_grad: dq, dk and dv of attention, with the probabilities computed again.
//
//     p  = softmax(scale · q · kᵀ)       dp = do · vᵀ        δ = Σ_t p · dp
//     ds = scale · p · (dp − δ)          dq = ds · k         dk = dsᵀ · q        dv = pᵀ · do
//
// Short sequences keep the probabilities of a head (attention_grad_whole.h). Long ones take two passes.
// The first goes over blocks of queries, gives dq, and keeps three numbers a row: the maximum, 1 / sum,
// and δ. The second goes over blocks of keys and, for each, over the query heads and query blocks that
// see it, in order; so each element of dk and dv is one sum in one order.

#include "attention_grad_whole.h"

namespace anec::ANEC_LEVEL::attention_grad {
namespace {

constexpr int64_t key_block = 64;
constexpr int64_t query_stretch = 128;  // queries per step of the second pass

struct Stored {
  float most, over_sum, delta;
};

void describe(Shape& s) {
  const int64_t h = s.dim("H"), k = s.positive("K"), queries = s.dim("S"), keys = s.dim("T");
  const int64_t e = s.positive("E");
  int64_t strides[14];
  for (int64_t& stride : strides) stride = s.dim("stride");
  const bool causal = s.choice("causal", 2) == 1;
  s.expect_floats(1);
  s.require(s.ok() && h % k == 0, "H is not a multiple of K");
  s.require(!causal || keys >= queries, "causal attention needs T >= S");
  s.require(queries == 0 || keys > 0, "there are no keys");
  // q k v do dq dk dv
  constexpr bool of_queries[7] = {true, false, false, true, true, false, false};
  for (int i = 0; i < 7; ++i) {
    const int64_t heads = of_queries[i] ? h : k, rows = of_queries[i] ? queries : keys;
    s.operand(i, DType::f32,
              Shape::reach({{heads, strides[2 * i]}, {rows, strides[2 * i + 1]}, {e, 1}}));
  }
  if (fits_whole(queries, keys)) {
    s.shared_scratch(whole_shared_scratch(h, k, keys, e));
    s.thread_scratch(whole_thread_scratch(queries, keys, e));
    return;
  }
  s.shared_scratch(Count(h) * Count(queries) * 3);
  const Count tile = Count(query_stretch) * Count(key_block);
  const Count first = Count(query_block) * Count(keys) * 2 + attention_scratch(keys, e);
  const Count second = tile * 2 + Count(gemm_serial_floats(query_stretch, key_block, e)) +
                       Count(gemm_serial_floats(key_block, e, query_stretch));
  s.thread_scratch(first + second);
}

using Operands = AttentionOperands;

void query_pass(const Call& call, const Attention& a, const Operands& x, Stored* stored) {
  const int64_t blocks = (a.queries + query_block - 1) / query_block;
  call.pool.parallel_for(a.heads * blocks, 1, [&](int64_t begin, int64_t end, int thread) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t h = item % a.heads, s0 = (blocks - 1 - item / a.heads) * query_block;
      const int64_t rows = std::min(query_block, a.queries - s0), kh = a.key_head(h);
      const int64_t width = a.visible(s0 + rows - 1);
      float *p = call.scratch(thread), *dp = p + query_block * a.keys;
      float* pack = dp + query_block * a.keys;
      score_block(call, a, x.q.at(h, s0), x.q.row, x.k.at(kh, 0), x.k.row, rows, width, a.scale, p,
                  width, pack);
      score_block(call, a, x.dout.at(h, s0), x.dout.row, x.v.at(kh, 0), x.v.row, rows, width, 1.0f,
                  dp, width, pack);
      for (int64_t i = 0; i < rows; ++i) {
        float *pi = p + i * width, *di = dp + i * width;
        const int64_t visible = a.visible(s0 + i);
        const RowStats stats = normalise(pi, visible, width);
        const float delta = static_cast<float>(row_dot(pi, di, visible));
        stored[h * a.queries + s0 + i] = {stats.most, stats.over_sum, delta};
        for (int64_t t = 0; t < visible; ++t) di[t] = a.scale * pi[t] * (di[t] - delta);
        for (int64_t t = visible; t < width; ++t) di[t] = 0;
      }
      gemm_serial(call.simd, product(rows, a.e, width, width, x.k.row, x.dq.row, 1.0f), dp,
                  x.k.at(kh, 0), x.dq.at(h, s0), pack);
    }
  });
}

// p and ds of queries s0 .. s0 + rows against keys t0 .. t0 + columns, from the stored rows.
void tile_again(const Attention& a, const Stored* stored, int64_t s0, int64_t rows, int64_t t0,
                int64_t columns, float* p, float* ds) {
  for (int64_t i = 0; i < rows; ++i) {
    const Stored row = stored[s0 + i];
    float *pi = p + i * columns, *di = ds + i * columns;
    const int64_t visible = std::clamp<int64_t>(a.visible(s0 + i) - t0, 0, columns);
    each_vector(0, visible, [&](int64_t t, int64_t lanes) __attribute__((always_inline)) {
      const f32x8 prob = exp(load_lanes(pi + t, lanes, 0) - row.most) * row.over_sum;
      const f32x8 dp = load_lanes(di + t, lanes, 0);
      store_lanes(pi + t, prob, lanes);
      store_lanes(di + t, a.scale * prob * (dp - row.delta), lanes);
    });
    for (int64_t t = visible; t < columns; ++t) pi[t] = di[t] = 0;
  }
}

void zero(const Heads& x, int64_t head, int64_t row, int64_t rows, int64_t e) {
  for (int64_t r = 0; r < rows; ++r) std::memset(x.at(head, row + r), 0, sizeof(float) * e);
}

void key_pass(const Call& call, const Attention& a, const Operands& x, const Stored* stored) {
  const int64_t blocks = (a.keys + key_block - 1) / key_block, group = a.heads / a.key_heads;
  call.pool.parallel_for(a.key_heads * blocks, 1, [&](int64_t begin, int64_t end, int thread) {
    for (int64_t item = begin; item < end; ++item) {
      const int64_t kh = item % a.key_heads, t0 = item / a.key_heads * key_block;
      const int64_t columns = std::min(key_block, a.keys - t0);
      const int64_t s_first = a.causal ? std::max<int64_t>(0, t0 - (a.keys - a.queries)) : 0;
      float *p = call.scratch(thread), *ds = p + query_stretch * key_block;
      float* pack = ds + query_stretch * key_block;
      bool add = false;
      for (int64_t h = kh * group; h < (kh + 1) * group; ++h) {
        for (int64_t s0 = s_first; s0 < a.queries; s0 += query_stretch) {
          const int64_t rows = std::min(query_stretch, a.queries - s0);
          score_block(call, a, x.q.at(h, s0), x.q.row, x.k.at(kh, t0), x.k.row, rows, columns,
                      a.scale, p, columns, pack);
          score_block(call, a, x.dout.at(h, s0), x.dout.row, x.v.at(kh, t0), x.v.row, rows, columns,
                      1.0f, ds, columns, pack);
          tile_again(a, stored + h * a.queries, s0, rows, t0, columns, p, ds);
          GemmShape shape = product(columns, a.e, rows, columns, x.dout.row, x.dv.row, 1.0f);
          shape.trans_a = true;
          shape.add = add;
          gemm_serial(call.simd, shape, p, x.dout.at(h, s0), x.dv.at(kh, t0), pack);
          shape.ldb = x.q.row;
          shape.ldc = x.dk.row;
          gemm_serial(call.simd, shape, ds, x.q.at(h, s0), x.dk.at(kh, t0), pack);
          add = true;
        }
      }
      if (add) continue;
      zero(x.dk, kh, t0, columns, a.e);
      zero(x.dv, kh, t0, columns, a.e);
    }
  });
}

Fault run(const Call& call) {
  const int64_t* i = call.ints;
  const Attention a{i[0], i[1], i[2], i[3], i[4], i[19] == 1, static_cast<float>(call.floats[0])};
  Heads x[7];
  for (int n = 0; n < 7; ++n) x[n] = {call.f32(n), i[5 + 2 * n], i[6 + 2 * n]};
  const Operands operands{x[0], x[1], x[2], x[3], x[4], x[5], x[6]};
  if (fits_whole(a.queries, a.keys)) {
    whole_attention_grad(call, a, operands);
    return {};
  }
  Stored* stored = reinterpret_cast<Stored*>(call.shared);
  query_pass(call, a, operands, stored);
  key_pass(call, a, operands, stored);
  return {};
}

}  // namespace

extern const Kernel kernel;
const Kernel kernel = {"attention_grad", describe, run};

}  // namespace anec::ANEC_LEVEL::attention_grad
