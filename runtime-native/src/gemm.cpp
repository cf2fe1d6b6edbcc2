// Blocking and threading of the built-in matrix product.
//
// One operand is read number by number (`rows` of the tiles), the other in vectors (`columns`). The
// first is read where it lies if its numbers follow each other along k; the second is always packed.
// Which is which follows from how the operands lie, so that hardly anything is ever transposed:
//
//     a · b     rows of a in place      columns of b copied
//     a · bᵀ    the longer in place     the shorter transposed; tiles may lie across c
//     aᵀ · b    rows of aᵀ copied       columns of b copied
//
// The shorter of m and n is the shared side. Few threads pack it each for themselves: a line that another
// core has takes longer to write, and to read again, than to pack. Many pack it together, once. The longer
// side is cut into chunks, which stay in the L2 cache while the shared side passes over them.
//
//     m = 128 rows, shared        n = 50,000 columns, in chunks
//     +-----------+               +------+------+------+---
//     |     a     |       ·       | mine | hers | mine | …      over k in steps of 768
//     +-----------+               +------+------+------+---
//
// While a tile is computed, the piece of the longer side that comes next is fetched from memory. Columns are
// packed soon after: a whole panel of rows that lie a power of two apart does not stay in the L2 cache.

#include "anec/gemm_side.h"

#include <algorithm>
#include <cstring>

namespace anec {
namespace {

constexpr int64_t kc_max = 768;                     // depth of one panel
constexpr int64_t shared_floats_aim = 512 * 1024;   // how much of the shared side is packed at a time
constexpr int most_own_copies = 4;                   // threads that pack the shared side each for themselves
constexpr int64_t chunk_parts = 4;                   // of a chunk, along the shared side
constexpr int64_t chunk_columns = 128;              // of a packed chunk
constexpr int64_t chunk_rows = 64;                  // of a chunk of rows
constexpr int fetched_rows = 16;                      // of a panel of columns, before they are packed
constexpr int64_t group = 4;                        // panels of rows packed together
constexpr int64_t width_max = 32;                   // widest panel of any micro kernel
constexpr int64_t line = 16;                        // floats

// Items of the shared side with room for a last, partly filled panel.
int64_t padded_items(int64_t items) { return items + width_max; }

// How deep a stretch of k is packed at a time: whole panels, as many as fit the aim.
int64_t depth_of_stage(int64_t shared_items, int64_t k) {
  const int64_t fit = shared_floats_aim / padded_items(shared_items) / kc_max * kc_max;
  return std::min(std::max(fit, kc_max), k);
}

// A stage is cut into blocks of equal depth.
int64_t depth_of_block(int64_t depth) {
  return std::min(depth, round_up(ceil_div(depth, ceil_div(depth, kc_max)), 16));
}

struct Range {
  int64_t begin, end;
};

struct Product {
  const MicroKernel& kernel;
  const GemmShape& shape;
  Side rows, columns;
  float* c;
  bool across;       // rows of the tiles are columns of c
  bool share_rows;   // the rows are the shorter side

  const Side& shared() const { return share_rows ? rows : columns; }
  const Side& streamed() const { return share_rows ? columns : rows; }

  Product(const MicroKernel& kernel_, const GemmShape& s, const float* a, const float* b, float* c_)
      : kernel(kernel_), shape(s), c(c_) {
    const Side of_a{a, s.m, s.trans_a ? 1 : s.lda, s.trans_a ? s.lda : 1};
    const Side of_b{b, s.n, s.trans_b ? s.ldb : 1, s.trans_b ? 1 : s.ldb};
    across = s.trans_b && (s.trans_a || s.n >= s.m);
    rows = across ? of_b : of_a;
    columns = across ? of_a : of_b;
    rows.cut_into_panels(kernel.rows);
    rows.is_rows = true;
    rows.in_place = rows.k_stride == 1;
    columns.cut_into_panels(kernel.columns);
    share_rows = rows.items <= columns.items;
  }

  // How many panels of the streamed side one job takes at most.
  int64_t most_panels() const {
    return std::max<int64_t>(1, (share_rows ? chunk_columns : chunk_rows) / streamed().width);
  }

  // How many panels of the shared side are packed together: a panel of rows has but part of a line.
  int64_t shared_group() const { return share_rows ? group : 1; }

  // Packs group `job % groups` of the shared side's panels, k block `job / groups` of the stage.
  void pack_shared(int64_t job, int64_t k0, int64_t depth, float* packed) const {
    const int64_t group = shared_group();
    const int64_t groups = ceil_div(shared().panels(), group), panel = job % groups * group;
    const int64_t block = depth_of_block(depth), from = job / groups * block;
    const int64_t kc = std::min(block, depth - from);
    shared().pack(kernel, panel, std::min(group, shared().panels() - panel), k0 + from, kc,
                  packed + from * shared().padded() + panel * kc * shared().width);
  }
  // Packs whole groups of the shared side's panels, all k blocks of the stage.
  void pack_shared_panels(Range panels, int64_t k0, int64_t depth, float* packed) const {
    const int64_t groups = ceil_div(shared().panels(), shared_group());
    for (int64_t block = 0; block < ceil_div(depth, depth_of_block(depth)); ++block) {
      for (int64_t i = panels.begin; i < panels.end; i += shared_group())
        pack_shared(block * groups + i / shared_group(), k0, depth, packed);
    }
  }
  int64_t shared_jobs(int64_t depth) const {
    if (shared().in_place) return 0;
    return ceil_div(shared().panels(), shared_group()) * ceil_div(depth, depth_of_block(depth));
  }

  // The rows that come after panel `panel` of r, which meets `tiles` panels of columns. The job that
  // this thread takes next is `skip` panels behind the end of this one.
  Ahead rows_to_come(const Range& r, int64_t panel, int64_t tiles, int64_t skip, int64_t k,
                     int64_t kc) const {
    if (!rows.in_place) {
      // Panels are packed in groups; the first of a group fetch the lines of the next group.
      const int64_t at = (panel - r.begin) % group, next = panel - at + group;
      if (next >= r.end || at * line >= group * rows.width) return {};
      const int64_t share = ceil_div(kc, tiles);
      // The last number of each line, so that columns that begin within a line are all covered.
      return {rows.at(next, k) + (at + 1) * line - 1, 0, rows.k_stride, 1, share * rows.k_stride,
              kc / share};
    }
    const int64_t next = panel + 1 < r.end ? panel + 1 : panel + 1 + skip;
    if (next >= rows.panels()) return {};
    const int64_t count = rows.count(next), share = ceil_div(count, tiles);
    return {rows.at(next, k), rows.item_stride, line, static_cast<int>(share),
            share * rows.item_stride, count / share};
  }

  // Panel `next` of the columns from k on, next_kc deep, which is packed while `tiles` tiles of depth kc are
  // computed; nothing where it is not copied row by row.
  PackAhead columns_to_pack(int64_t next, int64_t k, int64_t next_kc, int64_t tiles, int64_t kc,
                            float* to) const {
    const bool whole = columns.item_stride == 1 && k < shape.k && next < columns.panels() &&
                       columns.count(next) == columns.width;
    const int64_t times = tiles * (kc / 16);
    if (!whole || times == 0) return {};
    const float* from = columns.at(next, k);
    const int count = static_cast<int>(ceil_div(next_kc, times));
    return {from, from, columns.k_stride, to, next_kc, count, fetched_rows};
  }

  // Sets where the tiles of a strip lie in c, and their size; the first is at (row, column).
  void place(Strip& t, int64_t row, int64_t column) const {
    const int64_t i = rows.first(row), j = columns.first(column);
    t.alpha = shape.alpha;
    t.c = across ? c + j * shape.ldc + i : c + i * shape.ldc + j;
    t.c_row = across ? 1 : shape.ldc;
    t.c_column = across ? shape.ldc : 1;
    t.rows = static_cast<int>(rows.count(row));
    t.columns = static_cast<int>(columns.count(column));
  }

  // One panel of the streamed columns against the shared rows h. The next one is `next`, at next_k; it is
  // packed meanwhile.
  void multiply_column(int64_t column, const Range& h, int64_t k, int64_t kc, bool add, const float* block,
                       int64_t next, int64_t next_k, int64_t next_kc, float* mine, Prepared& prepared) const {
    Strip t{};
    t.kc = kc;
    t.add = add;
    const int64_t tiles = h.end - h.begin;
    float *panel = mine + (prepared.second ? 1 : 0) * columns.width * kc_max;
    float *other = mine + (prepared.second ? 0 : 1) * columns.width * kc_max;
    const bool stays = next == column && next_k == k;  // the next rows meet the same panel
    PackAhead to_pack;
    if (!stays) to_pack = columns_to_pack(next, next_k, next_kc, tiles, kc, other);
    if (to_pack.count > 0) t.pack_ahead = &to_pack;
    const bool is_packed = prepared.panel == column && prepared.k == k;
    if (is_packed) t.b = panel;
    else pack_columns(column, k, kc, panel, t);
    for (int64_t i = h.begin; i < h.end; i += t.tiles) {
      // Tiles of one size that follow each other are a strip; the first tile may pack.
      place(t, i, column);
      t.tiles = t.b_row != 0 ? 1 : std::max<int64_t>(1, std::min(h.end, rows.whole_panels()) - i);
      t.a = rows.in_place ? rows.at(i, k) : block + i * kc * rows.width;
      t.a_row = rows.in_place ? rows.item_stride : 0;
      t.a_next = rows.in_place ? rows.width * rows.item_stride : kc * rows.width;
      t.c_next = rows.width * t.c_row;
      kernel.multiply(t);
      t.b = panel;
      t.b_row = 0;
    }
    if (to_pack.count == 0) {
      prepared.panel = stays ? column : -1;
      prepared.k = k;
      return;
    }
    if (to_pack.rows > 0)
      kernel.pack(to_pack.from, 1, to_pack.stride, columns.width, to_pack.rows, columns.width, to_pack.to);
    prepared = {next, next_k, !prepared.second};
  }

  // One panel of the streamed rows, at a, against the shared columns h.
  void multiply_row(int64_t row, const Range& h, int64_t kc, bool add, const float* a,
                    const float* block, const Ahead& ahead) const {
    Strip t{};
    t.kc = kc;
    t.add = add;
    t.a = a;
    t.a_row = rows.in_place ? rows.item_stride : 0;
    t.b_next = kc * columns.width;
    t.ahead = ahead;
    for (int64_t j = h.begin; j < h.end; j += t.tiles) {
      place(t, row, j);
      t.tiles = std::max<int64_t>(1, std::min(h.end, columns.whole_panels()) - j);
      t.b = block + j * kc * columns.width;
      t.c_next = columns.width * t.c_column;
      kernel.multiply(t);
      t.ahead.from += t.tiles * t.ahead.next;
      t.ahead.tiles -= t.tiles;
    }
  }

  // Panels s of the streamed side against panels h of the shared side over one stage of k. The job
  // that this thread takes next is `skip` panels further on.
  void multiply(int64_t k0, int64_t depth, const float* packed, Range s, Range h, int64_t skip,
                float* mine, Prepared& prepared) const {
    const int64_t kc_all = depth_of_block(depth);
    for (int64_t from = 0; from < depth; from += kc_all) {
      const int64_t kc = std::min(kc_all, depth - from), k = k0 + from;
      const bool add = shape.add || k > 0, is_last = from + kc >= depth;
      const float* block = packed + from * shared().padded();
      for (int64_t i = s.begin; i < s.end; ++i) {
        if (share_rows) {
          const bool in_block = i + 1 < s.end;
          const int64_t next = in_block ? i + 1 : is_last ? s.begin + skip : s.begin;
          const int64_t next_k = in_block ? k : is_last ? k0 : k + kc;
          const int64_t next_kc = std::min(kc_all, depth - (next_k - k0));
          multiply_column(i, h, k, kc, add, block, next, next_k, next_kc, mine, prepared);
          continue;
        }
        const float* a = rows.at(i, k);
        if (!rows.in_place) {
          const int64_t at = (i - s.begin) % group;
          if (at == 0) rows.pack(kernel, i, std::min(group, s.end - i), k, kc, mine);
          a = mine + at * kc * rows.width;
        }
        const int64_t tiles = h.end - h.begin;
        multiply_row(i, h, kc, add, a, block,
                     rows_to_come(s, i, tiles, skip - (s.end - s.begin), k, kc));
      }
    }
  }

  // Sees to it that a panel of columns is packed when the first tile of t has been computed.
  void pack_columns(int64_t panel, int64_t k, int64_t kc, float* to, Strip& t) const {
    if (columns.item_stride == 1 && columns.count(panel) == columns.width) {
      t.b = columns.at(panel, k);
      t.b_row = columns.k_stride;
      t.b_copy = to;
    } else {
      columns.pack(kernel, panel, 1, k, kc, to);
      t.b = to;
    }
  }
};

// Nothing to sum: c = 0 (+ c).
bool empty_product(const GemmShape& s, float* c) {
  if (s.m == 0 || s.n == 0) return true;
  if (s.k > 0) return false;
  if (!s.add) {
    for (int64_t i = 0; i < s.m; ++i) std::memset(c + i * s.ldc, 0, sizeof(float) * s.n);
  }
  return true;
}

bool has_own_copies(int threads, const GemmShape& s) {
  return threads <= most_own_copies && gemm_shared_floats(s.m, s.n, s.k) <= shared_floats_aim;
}

// Row vectors need no packing: every element of b is used once.
bool is_row(const GemmShape& s) { return s.m == 1 && (!s.trans_a || s.lda == 1); }

}  // namespace

// Never smaller for a larger product, so room for the largest block is room for every block.
int64_t gemm_shared_floats(int64_t m, int64_t n, int64_t k) {
  const int64_t items = std::min(m, n);
  if (items > (int64_t{1} << 40)) return INT64_MAX;
  const int64_t padded = padded_items(items);
  const int64_t most = std::max(shared_floats_aim, padded * kc_max);
  int64_t whole;
  return __builtin_mul_overflow(padded, k, &whole) ? most : std::min(whole, most);
}

int64_t gemm_thread_floats() { return (chunk_columns + width_max) * kc_max; }

int64_t gemm_parallel_floats(int64_t m, int64_t n, int64_t k) {
  return gemm_thread_floats() + std::min(gemm_shared_floats(m, n, k), shared_floats_aim);
}

int64_t gemm_serial_floats(int64_t m, int64_t n, int64_t k) {
  const int64_t shared = gemm_shared_floats(m, n, k);
  return shared == INT64_MAX ? shared : shared + gemm_thread_floats();
}

void gemm_serial(const MicroKernel& kernel, const GemmShape& shape, const float* a, const float* b,
                 float* c, float* scratch) {
  if (empty_product(shape, c)) return;
  if (is_row(shape)) {
    kernel.row_times_matrix(shape, a, b, c, 0, shape.n);
    return;
  }
  const Product product(kernel, shape, a, b, c);
  const int64_t stage = depth_of_stage(product.shared().items, shape.k);
  const int64_t chunk = product.most_panels();
  float* mine = scratch + gemm_shared_floats(shape.m, shape.n, shape.k);
  const int64_t panels = product.streamed().panels();
  Prepared prepared;
  for (int64_t k0 = 0; k0 < shape.k; k0 += stage) {
    const int64_t depth = std::min(stage, shape.k - k0), jobs = product.shared_jobs(depth);
    for (int64_t job = 0; job < jobs; ++job) product.pack_shared(job, k0, depth, scratch);
    for (int64_t s = 0; s < panels; s += chunk) {
      product.multiply(k0, depth, scratch, {s, std::min(s + chunk, panels)},
                       {0, product.shared().panels()}, chunk, mine, prepared);
    }
  }
}

void gemm_parallel(const MicroKernel& kernel, ThreadPool& pool, const GemmShape& shape,
                   const float* a, const float* b, float* c, float* shared, float* thread_scratch,
                   int64_t thread_stride) {
  if (empty_product(shape, c)) return;
  if (is_row(shape)) {
    gemm_row_parallel(kernel, pool, shape, a, b, c, shared);
    return;
  }
  const Product product(kernel, shape, a, b, c);
  const int64_t stage = depth_of_stage(product.shared().items, shape.k);
  const int64_t shared_panels = product.shared().panels();
  const int64_t streamed_panels = product.streamed().panels();

  const int threads = pool.threads();
  const bool own_copies = has_own_copies(threads, shape);

  // Enough chunks for every thread to get several. They are cut along the shared side for the last ones, of
  // which each thread takes a part, and where there are few.
  const int64_t wanted = 8 * threads, group = product.shared_group();
  const int64_t chunk = std::clamp<int64_t>(streamed_panels / wanted, 1, product.most_panels());
  const int64_t chunks = ceil_div(streamed_panels, chunk);
  const int64_t cuts = std::min(shared_panels, std::max<int64_t>(chunk_parts, wanted / 2 / chunks));
  const int64_t part = round_up(ceil_div(shared_panels, cuts), group);
  const int64_t parts = ceil_div(shared_panels, part);
  const auto panels_of = [&](int64_t begin, int64_t end) {
    return Range{begin * part, std::min(end * part, shared_panels)};
  };

  for (int64_t k0 = 0; k0 < shape.k; k0 += stage) {
    const int64_t depth = std::min(stage, shape.k - k0), jobs = product.shared_jobs(depth);
    if (!own_copies) {
      pool.parallel_for(jobs, std::max<int64_t>(1, jobs / wanted), [&](int64_t i, int64_t end, int) {
        for (; i < end; ++i) product.pack_shared(i, k0, depth, shared);
      });
    }
    OwnCopy copies[most_own_copies];
    const auto multiply = [&](int64_t i, int64_t end, int thread) {
      float* mine = thread_scratch + thread * thread_stride;
      Prepared fresh;
      Prepared& prepared = own_copies ? copies[thread].prepared : fresh;
      float* packed = own_copies ? mine + gemm_thread_floats() : shared;
      for (int64_t next; i < end; i = next) {
        next = std::min(end, i - i % parts + parts);
        const int64_t s = i / parts * chunk, h = i % parts, h_end = h + next - i;
        for (int64_t j = h; own_copies && jobs > 0 && j < h_end; ++j) {
          if (copies[thread].lacks(j)) product.pack_shared_panels(panels_of(j, j + 1), k0, depth, packed);
        }
        const int64_t skip = next / parts * chunk - s;  // to what this thread most likely does next
        product.multiply(k0, depth, packed, {s, std::min(s + chunk, streamed_panels)}, panels_of(h, h_end),
                         skip, mine, prepared);
      }
    };
    pool.parallel_for(chunks * parts, 1, multiply, parts);
  }
}

void gemm_reference(const GemmShape& s, const float* a, const float* b, float* c) {
  for (int64_t i = 0; i < s.m; ++i) {
    for (int64_t j = 0; j < s.n; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < s.k; ++k) {
        const float x = s.trans_a ? a[k * s.lda + i] : a[i * s.lda + k];
        const float y = s.trans_b ? b[j * s.ldb + k] : b[k * s.ldb + j];
        sum += double(x) * double(y);
      }
      float& out = c[i * s.ldc + j];
      out = static_cast<float>(double(s.alpha) * sum) + (s.add ? out : 0.0f);
    }
  }
}

}  // namespace anec
