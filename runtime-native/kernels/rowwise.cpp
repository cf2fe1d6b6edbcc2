// rowwise: a register program over the rows of an index space, with sums and maxima of whole rows.
//
//     ints = [rank, shape…, n,
//             inputs,  per input  [stride…, stride along n],
//             outputs, per output [stride…, stride along n, kind, write, register],
//             instructions, per instruction [opcode, a, b]]
//
// What `elementwise` does for each element this does for each row: see row_program.h. Norms, softmax and
// their gradients are one call each, and a row stays in the first-level cache from its first read to its
// last. Sums over a row run as in rows.h. Sums over the rows (outputs of kind 2) run in chunks that depend
// on the shape alone, which are added in order.

#include <cstring>

#include "anec/kernel.h"
#include "elementwise_ops.h"
#include "row_products.h"
#include "row_program.h"
#include "row_schedule.h"
#include "rows.h"

namespace anec::ANEC_LEVEL::rowwise {
namespace {

// What one thread works with.
struct Machine : Values {
  const Call& call;
  float* gathered;  // a block for each input that cannot be read where it is
  float* blocks;
  float* kept;      // whole rows
  float* columns;   // Σ over rows of this chunk so far, a row for each output of kind 2
  Cursor cursor{}, next_row{};
  Ahead ahead{};
  double sum[max_row_instructions];

  Machine(const Call& c, const RowProgram& program, const Schedule& schedule, int thread)
      : Values(program), call(c) {
    ahead.arrays = schedule.aheads;
    ahead.n = p.n;
    ahead.lines_per_pass = schedule.lines_per_pass;
    gathered = c.scratch(thread);
    blocks = gathered + p.inputs * p.block;
    kept = blocks + p.blocks * p.block;
    columns = kept + p.rows_kept * p.padded();
    for (int i = 0; i < p.instructions; ++i)
      if (p.code[i].step == RowStep::constant)
        set_number(p.register_of(i), static_cast<float>(call.floats[p.code[i].a]));
  }

  void go_to(int64_t row) {
    next_row.go_to(p, row);
    go_on();
  }
  void go_on() {
    cursor = next_row;
    next_row.next(p);
  }
  float* output(int o) const { return call.f32(p.inputs + o) + cursor.at[p.inputs + o]; }
  void set_number(int r, float value) {
    for (float& lane : number[r]) lane = value;
  }
};

void describe(Shape& s) {
  RowProgram p;
  read_row_program(p, s.floats(), [&](const char* what, int64_t limit) {
    return limit == INT64_MAX ? s.dim(what) : s.choice(what, limit);
  });
  s.expect_floats(s.floats());
  s.require(p.n > 0, "rows have no elements");
  Shape::Axis axes[max_rank + 1];
  const auto reach = [&](int array, bool rows, bool elements) {
    for (int d = 0; d < p.rank; ++d) axes[d] = {p.shape[d], rows ? p.strides[array][d] : 0};
    axes[p.rank] = {p.n, elements ? p.strides[array][p.rank] : 0};
    return Shape::reach({axes, size_t(p.rank) + 1});
  };
  for (int i = 0; i < p.inputs && s.ok(); ++i) s.operand(i, DType::f32, reach(i, true, true));
  for (int i = 0; i < p.instructions && s.ok(); ++i) {
    const RowInstruction& c = p.code[i];
    if (c.step == RowStep::constant) s.require(s.floats() > 0, "reads a constant, but there are none");
    else s.require(p.register_of(i) > 0, "reads a register before it is set");
  }
  for (int i = 0; i < p.outputs && s.ok(); ++i)
    s.require(p.output[i].source < p.registers(), "writes a register that is never set");
  if (!s.ok()) return;
  arrange(p);
  Count rows = 1;
  for (int d = 0; d < p.rank; ++d) rows = rows * p.shape[d];
  s.require(rows.n < INT64_MAX / 64, "there are too many rows");
  for (int i = 0; i < p.outputs && s.ok(); ++i) {
    const auto [kind, write, source] = p.output[i];
    const int array = p.inputs + i;
    const bool by_row = kind != OutputKind::columns, by_element = kind != OutputKind::rows;
    for (int d = 0; d <= p.rank; ++d) {
      const int64_t size = d < p.rank ? p.shape[d] : p.n;
      const bool written = d < p.rank ? by_row : by_element;
      s.require(size <= 1 || (p.strides[array][d] > 0) == written,
                written ? "outputStride is 0 along an axis longer than 1"
                        : "outputStride is not 0 along an axis that is not written");
    }
    s.require(by_element || !p.is_row[source], "writes a row where one number belongs");
    s.operand(array, DType::f32, reach(array, by_row, by_element));
  }
  if (!s.ok()) return;
  s.thread_scratch(Count(p.inputs + p.blocks) * p.block +
                   Count(p.rows_kept + p.columns) * (Count(p.n) + 8));
  s.shared_scratch(Count(2 * p.columns) * p.chunks() * p.n);
}

void evaluate_number(Machine& m, int i) {
  const RowInstruction& c = m.p.code[i];
  const int r = m.p.register_of(i);
  switch (c.step) {
    case RowStep::map:
      evaluate(c.opcode, m.number[r], m.number[c.a], m.number[reads_two(c.opcode) ? c.b : c.a], 8);
      break;
    default:
      if (m.p.is_row[c.a]) {
        const double factor = c.step == RowStep::mean ? 1.0 / static_cast<double>(m.p.n) : 1.0;
        m.set_number(r, static_cast<float>(m.sum[i] * factor));
      } else {
        const double times = c.step == RowStep::sum ? static_cast<double>(m.p.n) : 1.0;
        m.set_number(r, static_cast<float>(m.number[c.a][0] * times));
      }
  }
}

// The block of row x from element `from` on, where the whole row is somewhere.
void fetch(Machine& m, int x, int64_t from, int64_t n) {
  const RowProgram& p = m.p;
  if (p.home[x] == Home::row) {
    m.now[x] = m.kept + p.place[x] * p.padded() + from;
  } else if (p.home[x] == Home::output) {
    m.now[x] = m.output(p.place[x]) + from;
  } else {
    const int64_t stride = p.strides[x][p.rank];
    const float* at = m.call.f32(x) + m.cursor.at[x] + from * stride;
    if (stride == 1 && n % 8 == 0) {
      m.now[x] = at;
      return;
    }
    float* to = m.gathered + x * p.block;
    for (int64_t k = 0; k < n; ++k) to[k] = at[k * stride];
    for (int64_t k = n; k % 8 != 0; ++k) to[k] = 0;
    m.now[x] = to;
  }
}

void reduce_block(Machine& m, int i, int64_t n) {
  const RowInstruction& c = m.p.code[i];
  if (c.step == RowStep::max) {
    const double value = row_max(m.now[c.a], n);
    m.sum[i] = value > m.sum[i] || value != value ? value : m.sum[i];
  } else if (m.p.home[c.a] == Home::folded) {
    const RowInstruction& product = m.p.code[c.a - m.p.inputs];
    const bool squares = product.opcode == Opcode::square;
    m.sum[i] += row_dot(m.now[product.a], m.now[squares ? product.a : product.b], n);
  } else {
    const float* x = m.now[c.a];
    m.sum[i] += row_sum(n, [&](int64_t at, int64_t lanes) __attribute__((always_inline)) {
      return load_lanes(x + at, lanes, 0);
    });
  }
}

// Outputs that are the row r, a block of it.
void write_block(Machine& m, int r, int64_t from, int64_t n) {
  const RowProgram& p = m.p;
  int column = 0;
  for (int o = 0; o < p.outputs; ++o) {
    const auto [kind, write, source] = p.output[o];
    const bool sums = kind == OutputKind::columns;
    if (source == r && sums) {
      float* to = m.columns + column * p.padded() + from;
      for (int64_t k = 0; k < n; ++k) to[k] += m.now[r][k];
    } else if (source == r && !(p.home[r] == Home::output && p.place[r] == o)) {
      const int64_t stride = p.strides[p.inputs + o][p.rank];
      store_block(m.output(o) + from * stride, m.now[r], stride, m.call.adds(write), n);
    }
    column += sums;
  }
}

void compute_block(Machine& m, int i, int64_t from, int64_t n) {
  const RowProgram& p = m.p;
  const RowInstruction& c = p.code[i];
  const int r = p.register_of(i);
  const bool sums = p.home[r] == Home::column;
  float* to = p.home[r] == Home::output ? m.output(p.place[r]) + from
              : p.home[r] == Home::row  ? m.kept + p.place[r] * p.padded() + from
              : sums                    ? m.columns + p.place[r] * p.padded() + from
                                        : m.blocks + p.place[r] * p.block;
  const int64_t padded = (n + 7) / 8 * 8;
  const bool two = reads_two(c.opcode);
  m.now[r] = to;
  if (sums) return add_product(m, c, to, padded);
  if (reads_folded(p, c)) return combine_products(m, c, to, padded);
  const float *a = m.of(c.a), *b = two ? m.of(c.b) : a;
  if (two && !p.is_row[c.a]) evaluate_single<Single::a>(c.opcode, to, a, b, padded);
  else if (two && !p.is_row[c.b]) evaluate_single<Single::b>(c.opcode, to, a, b, padded);
  else evaluate(c.opcode, to, a, b, padded);
}

void run_row(Machine& m, const Schedule& schedule) {
  const RowProgram& p = m.p;
  m.ahead.array = 0;
  m.ahead.at = 0;
  for (int k = 0; k < schedule.aheads; ++k) {
    const int i = schedule.ahead[k];
    m.ahead.from[k] = m.call.f32(i) + m.next_row.at[i];
  }
  for (int x = 0; x < p.inputs; ++x)
    if (!p.is_row[x]) m.set_number(x, m.call.f32(x)[m.cursor.at[x]]);
  for (int i = 0; i < p.instructions; ++i)
    m.sum[i] = p.code[i].step == RowStep::max ? -__builtin_inf() : 0.0;
  for (int at = 0; at <= p.phases; ++at) {
    const Schedule::Phase& phase = schedule.phase[at];
    for (int k = 0; k < phase.numbers; ++k) evaluate_number(m, phase.number[k]);
    if (phase.passes + phase.fetches == 0) continue;
    for (int64_t from = 0; from < p.n; from += p.block) {
      const int64_t n = std::min(p.block, p.n - from);
      for (int k = 0; k < phase.fetches; ++k) {
        const int x = phase.fetch[k];
        fetch(m, x, from, n);
        if (at == 0 && schedule.written[x]) write_block(m, x, from, n);
      }
      for (int k = 0; k < phase.passes; ++k) {
        const int i = phase.pass[k], r = p.register_of(i);
        m.ahead.fetch();
        if (!p.is_row[r]) {
          reduce_block(m, i, n);
          continue;
        }
        compute_block(m, i, from, n);
        if (schedule.written[r]) write_block(m, r, from, n);
      }
    }
  }
  // Numbers go out when all are known.
  int column = 0;
  for (int o = 0; o < p.outputs; ++o) {
    const auto [kind, write, source] = p.output[o];
    const bool add = m.call.adds(write), sums = kind == OutputKind::columns;
    if (!p.is_row[source]) {
      const float value = m.number[source][0];
      float* to = sums ? m.columns + column * p.padded() : m.output(o);
      const int64_t stride = sums ? 1 : p.strides[p.inputs + o][p.rank];
      const int64_t n = kind == OutputKind::rows ? 1 : p.n;
      for (int64_t k = 0; k < n; ++k) to[k * stride] = value + (add || sums ? to[k * stride] : 0.0f);
    }
    column += sums;
  }
}

// Adds what the thread summed to the sums of its chunk.
void flush_columns(Machine& m, double* sums, int64_t chunk) {
  const RowProgram& p = m.p;
  for (int c = 0; c < p.columns; ++c) {
    double* to = sums + (c * p.chunks() + chunk) * p.n;
    float* from = m.columns + c * p.padded();
    for (int64_t k = 0; k < p.n; ++k) to[k] += static_cast<double>(from[k]);
    std::memset(from, 0, sizeof(float) * p.n);
  }
}

// Adds up the sums of all chunks, in order, where those of the first are.
void add_chunks(const Call& call, const RowProgram& p, double* sums) {
  const int64_t n = p.n, chunks = p.chunks();
  double* total = sums;
  for (int o = 0; o < p.outputs; ++o) {
    if (p.output[o].kind != OutputKind::columns) continue;
    for (int64_t c = 1; c < chunks; ++c) {
      const double* from = total + c * n;
      for (int64_t k = 0; k < n; ++k) total[k] += from[k];
    }
    float* to = call.f32(p.inputs + o);
    const int64_t stride = p.strides[p.inputs + o][p.rank];
    const bool add = call.adds(p.output[o].write);
    for (int64_t k = 0; k < n; ++k)
      to[k * stride] = static_cast<float>(chunks > 0 ? total[k] : 0.0) + (add ? to[k * stride] : 0.0f);
    total += chunks * n;
  }
}

Fault run(const Call& call) {
  RowProgram p;
  const int64_t* at = call.ints;
  read_row_program(p, 0, [&](const char*, int64_t) { return *at++; });
  arrange(p);
  const Schedule schedule(p);
  const int64_t rows = p.rows(), chunk = p.chunk_rows();
  double* sums = reinterpret_cast<double*>(call.shared);
  if (p.columns == 0) {
    call.pool.parallel_for(rows, rows_per_range(p.n), [&](int64_t begin, int64_t end, int thread) {
      Machine m(call, p, schedule, thread);
      m.go_to(begin);
      for (int64_t row = begin; row < end; ++row, m.go_on()) run_row(m, schedule);
    });
    return {};
  }
  if (rows > 0) std::memset(sums, 0, sizeof(double) * p.columns * p.chunks() * p.n);
  call.pool.parallel_for(p.chunks(), 1, [&](int64_t begin, int64_t end, int thread) {
    Machine m(call, p, schedule, thread);
    std::memset(m.columns, 0, sizeof(float) * p.columns * p.padded());
    m.go_to(begin * chunk);
    for (int64_t row = begin * chunk; row < std::min(rows, end * chunk); m.go_on()) {
      run_row(m, schedule);
      if (++row % column_rows == 0 || row == rows) flush_columns(m, sums, (row - 1) / chunk);
    }
  });
  add_chunks(call, p, sums);
  return {};
}

}  // namespace

extern const Kernel kernel;
const Kernel kernel = {"rowwise", describe, run};

}  // namespace anec::ANEC_LEVEL::rowwise
