// Blocking and threading of the built-in matrix product.
//
// The shorter of m and n is the shared side: it is packed once, by all threads, and read by all.
// The longer side is cut into chunks; a thread packs a chunk into its own scratch, where it stays in
// the L2 cache while every panel of the shared side passes over it.
//
//     m = 128 rows, shared        n = 50,000 columns, in chunks
//     +-----------+               +------+------+------+---
//     | packed a  |       ·       | mine | hers | mine | …      over k in steps of 256
//     +-----------+               +------+------+------+---

#include "anec/gemm.h"

#include <algorithm>
#include <cstring>

namespace anec {
namespace {

constexpr int64_t kc_max = 256;                     // depth of one panel
constexpr int64_t shared_floats_aim = 512 * 1024;   // how much of the shared side is packed at a time
constexpr int64_t chunk_max = 192;                  // rows or columns of one chunk
constexpr int64_t width_max = 32;                   // widest panel of any micro kernel

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t round_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }

// Items of the shared side with room for a last, partly filled panel.
int64_t padded_items(int64_t items) { return items + width_max; }

// How deep a stretch of k is packed at a time: whole panels, as many as fit the aim.
int64_t depth_of_stage(int64_t shared_items, int64_t k) {
  const int64_t fit = shared_floats_aim / padded_items(shared_items) / kc_max * kc_max;
  return std::min(std::max(fit, kc_max), k);
}

// One operand as the packer sees it: items are rows of op(a) or columns of op(b).
struct Side {
  const float* data;
  int64_t items;
  int64_t item_stride, k_stride;
  int width;  // of a panel

  int64_t panels() const { return ceil_div(items, width); }
  int64_t padded() const { return panels() * width; }
  void pack(const MicroKernel& kernel, int64_t panel, int64_t k0, int64_t kc, float* to) const {
    const int64_t first = panel * width;
    kernel.pack(data + first * item_stride + k0 * k_stride, item_stride, k_stride,
                std::min<int64_t>(width, items - first), kc, width, to);
  }
};

struct Product {
  const MicroKernel& kernel;
  const GemmShape& shape;
  Side a, b;
  float* c;
  bool share_a;

  const Side& shared() const { return share_a ? a : b; }
  const Side& streamed() const { return share_a ? b : a; }

  Product(const MicroKernel& kernel_, const GemmShape& s, const float* a_, const float* b_, float* c_)
      : kernel(kernel_),
        shape(s),
        a{a_, s.m, s.trans_a ? 1 : s.lda, s.trans_a ? s.lda : 1, kernel_.mr},
        b{b_, s.n, s.trans_b ? s.ldb : 1, s.trans_b ? 1 : s.ldb, kernel_.nr},
        c(c_),
        share_a(s.m <= s.n) {}

  // One register tile; tiles at the edge of c pass through a full-size one.
  void tile(int64_t a_panel, int64_t b_panel, int64_t kc, const float* pa, const float* pb,
            bool add) const {
    const int64_t row = a_panel * a.width, column = b_panel * b.width;
    const int64_t rows = std::min<int64_t>(a.width, shape.m - row);
    const int64_t columns = std::min<int64_t>(b.width, shape.n - column);
    float* to = c + row * shape.ldc + column;
    if (rows == a.width && columns == b.width) {
      kernel.multiply(kc, pa, pb, shape.alpha, add, to, shape.ldc);
      return;
    }
    alignas(64) float edge[width_max * width_max];
    if (add) {
      for (int64_t i = 0; i < rows; ++i)
        std::memcpy(edge + i * b.width, to + i * shape.ldc, sizeof(float) * columns);
    }
    kernel.multiply(kc, pa, pb, shape.alpha, add, edge, b.width);
    for (int64_t i = 0; i < rows; ++i)
      std::memcpy(to + i * shape.ldc, edge + i * b.width, sizeof(float) * columns);
  }

  // Packs panel `job % panels` of the shared side, k block `job / panels` of the stage.
  void pack_shared(int64_t job, int64_t k0, int64_t depth, float* packed) const {
    const int64_t block = job / shared().panels(), panel = job % shared().panels();
    const int64_t from = block * kc_max, kc = std::min(kc_max, depth - from);
    shared().pack(kernel, panel, k0 + from, kc,
                  packed + from * shared().padded() + panel * kc * shared().width);
  }

  // Streamed panels s0 .. s1 against shared panels h0 .. h1 over one stage of k.
  void multiply(int64_t k0, int64_t depth, const float* packed, int64_t s0, int64_t s1, int64_t h0,
                int64_t h1, float* mine) const {
    for (int64_t from = 0; from < depth; from += kc_max) {
      const int64_t kc = std::min(kc_max, depth - from);
      const bool add = shape.add || k0 + from > 0;
      const int64_t streamed_size = kc * streamed().width, shared_size = kc * shared().width;
      for (int64_t s = s0; s < s1; ++s)
        streamed().pack(kernel, s, k0 + from, kc, mine + (s - s0) * streamed_size);
      const float* block = packed + from * shared().padded();
      for (int64_t h = h0; h < h1; ++h) {
        for (int64_t s = s0; s < s1; ++s) {
          const float* ps = mine + (s - s0) * streamed_size;
          const float* ph = block + h * shared_size;
          if (share_a) tile(h, s, kc, ph, ps, add);
          else tile(s, h, kc, ps, ph, add);
        }
      }
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

int64_t gemm_thread_floats() { return (chunk_max + 2 * width_max) * kc_max; }

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
  const int64_t chunk = std::max<int64_t>(1, chunk_max / product.streamed().width);
  float* mine = scratch + gemm_shared_floats(shape.m, shape.n, shape.k);
  for (int64_t k0 = 0; k0 < shape.k; k0 += stage) {
    const int64_t depth = std::min(stage, shape.k - k0);
    const int64_t jobs = product.shared().panels() * ceil_div(depth, kc_max);
    for (int64_t job = 0; job < jobs; ++job) product.pack_shared(job, k0, depth, scratch);
    for (int64_t s = 0; s < product.streamed().panels(); s += chunk) {
      product.multiply(k0, depth, scratch, s, std::min(s + chunk, product.streamed().panels()), 0,
                       product.shared().panels(), mine);
    }
  }
}

void gemm_parallel(const MicroKernel& kernel, ThreadPool& pool, const GemmShape& shape,
                   const float* a, const float* b, float* c, float* shared, float* thread_scratch,
                   int64_t thread_stride) {
  if (empty_product(shape, c)) return;
  if (is_row(shape)) {
    const int64_t grain = std::max<int64_t>(64, round_up(ceil_div(65536, shape.k), 64));
    pool.parallel_for(shape.n, grain, [&](int64_t begin, int64_t end, int) {
      kernel.row_times_matrix(shape, a, b, c, begin, end);
    });
    return;
  }
  const Product product(kernel, shape, a, b, c);
  const int64_t stage = depth_of_stage(product.shared().items, shape.k);
  const int64_t shared_panels = product.shared().panels();
  const int64_t streamed_panels = product.streamed().panels();

  // Enough jobs for every thread to get a few; where chunks do not suffice, the shared side is cut.
  const int64_t wanted = 4 * pool.threads();
  const int64_t chunk = std::clamp<int64_t>(streamed_panels / wanted, 1,
                                            std::max(1, int(chunk_max) / product.streamed().width));
  const int64_t chunks = ceil_div(streamed_panels, chunk);
  const int64_t parts = std::min(shared_panels, std::max<int64_t>(1, wanted / 2 / chunks));
  const int64_t part = ceil_div(shared_panels, parts);

  for (int64_t k0 = 0; k0 < shape.k; k0 += stage) {
    const int64_t depth = std::min(stage, shape.k - k0);
    const int64_t jobs = shared_panels * ceil_div(depth, kc_max);
    pool.parallel_for(jobs, std::max<int64_t>(1, jobs / wanted), [&](int64_t i, int64_t end, int) {
      for (; i < end; ++i) product.pack_shared(i, k0, depth, shared);
    });
    pool.parallel_for(chunks * parts, 1, [&](int64_t i, int64_t end, int thread) {
      for (; i < end; ++i) {
        const int64_t s = i / parts * chunk, h = i % parts * part;
        product.multiply(k0, depth, shared, s, std::min(s + chunk, streamed_panels), h,
                         std::min(h + part, shared_panels),
                         thread_scratch + thread * thread_stride);
      }
    });
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
