// Products with a single row: every number of b is used once, so how b is read decides the time.

#include <algorithm>

#include "anec/gemm.h"

namespace anec {
namespace {

// A row times b is cut into pieces of b that are read from one end to the other, of about 256 KB: rows of b
// where it has few columns, and their sums are added up in order; columns where there are enough of them.
// Where the pieces begin follows from the shape alone.
struct RowPieces {
  int64_t columns, depth;  // of one piece
  int64_t across, down;    // how many there are

  explicit RowPieces(const GemmShape& s) : RowPieces(s.n, s.k, s.trans_b) {}
  RowPieces(int64_t n, int64_t k, bool trans_b) {
    constexpr int64_t piece = 65536, widest = 2048, many = 8;
    columns = trans_b ? std::max<int64_t>(64, round_up(ceil_div(piece, k), 64)) : widest;
    across = ceil_div(n, columns);
    depth = trans_b || across >= many ? k : std::min(k, ceil_div(piece, std::min(n, columns)));
    down = ceil_div(k, depth);
  }
  // Room for the sums of all pieces.
  int64_t floats(int64_t n) const { return down > 1 ? down * n : 0; }
};

}  // namespace

int64_t gemm_row_floats(int64_t m, int64_t n, int64_t k) {
  if (m != 1 || n == 0 || k == 0) return 0;
  if (k > (int64_t{1} << 40) || n > (int64_t{1} << 40)) return INT64_MAX;
  return RowPieces(n, k, false).floats(n);
}

void gemm_row_parallel(const MicroKernel& kernel, ThreadPool& pool, const GemmShape& s,
                       const float* a, const float* b, float* c, float* shared) {
  const RowPieces pieces(s);
  pool.parallel_for(pieces.across * pieces.down, 1, [&](int64_t i, int64_t last, int) {
    for (; i < last; ++i) {
      const int64_t begin = i % pieces.across * pieces.columns, row = i / pieces.across;
      const int64_t end = std::min(begin + pieces.columns, s.n), k = row * pieces.depth;
      GemmShape piece = s;
      piece.k = std::min(pieces.depth, s.k - k);
      piece.add = s.add && pieces.down == 1;
      float* to = pieces.down == 1 ? c : shared + row * s.n;
      kernel.row_times_matrix(piece, a + k, s.trans_b ? b : b + k * s.ldb, to, begin, end);
    }
  });
  if (pieces.down == 1) return;
  for (int64_t j = 0; j < s.n; ++j) c[j] = shared[j] + (s.add ? c[j] : 0.0f);
  for (int64_t row = 1; row < pieces.down; ++row) {
    const float* sums = shared + row * s.n;
    for (int64_t j = 0; j < s.n; ++j) c[j] += sums[j];
  }
}

}  // namespace anec
