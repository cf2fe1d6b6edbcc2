// Pools: what the elements under a sliding window come to.

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops.h"
#include "windows.h"

namespace anec::emulator {
namespace {

// `places` counts those in the padding too.
using Gather = double (*)(const double* elements, int64_t n, double places);

struct Pool {
  WindowAxis axes[3];
  int64_t counts[3];
  int64_t planes, pixels, places;
  ElementType type;
};

double total(const double* elements, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += elements[i];
  return sum;
}

double average(const double* e, int64_t n, double places) { return total(e, n) / places; }
double average_inside(const double* e, int64_t n, double) { return total(e, n) / double(n); }

double largest(const double* elements, int64_t n, double) {
  double top = -std::numeric_limits<double>::infinity();
  for (int64_t i = 0; i < n; ++i) {
    const double x = elements[i];
    const bool replaces = x != x || x > top || (x == top && std::signbit(top));
    top = top == top && replaces ? x : top;
  }
  return top;
}

double euclidean(const double* elements, int64_t n, double) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += elements[i] * elements[i];
  return std::sqrt(sum);
}

// Windows of one dimension: a window that hangs over the padding counts only its part inside.
struct Span {
  int64_t begin, end;
  double places;

  Span(const WindowAxis& a, int64_t index) {
    const int64_t start = index * a.stride - a.before;
    begin = std::max<int64_t>(0, start);
    end = std::min(a.size, start + a.kernel);
    places = double(std::min(start + a.kernel, a.size + a.after) - start);
  }
};

// `plane` are the pixels of one image; `found` has room for as many.
void pool_plane(const Pool& p, Gather gather, const double* plane, double* found, double* out) {
  for (int64_t i = 0; i < p.places; ++i) {
    const Span d(p.axes[0], i / p.counts[2] / p.counts[1]);
    const Span h(p.axes[1], i / p.counts[2] % p.counts[1]), w(p.axes[2], i % p.counts[2]);
    int64_t n = 0;
    for (int64_t z = d.begin; z < d.end; ++z)
      for (int64_t y = h.begin; y < h.end; ++y)
        for (int64_t x = w.begin; x < w.end; ++x)
          found[n++] = plane[(z * p.axes[1].size + y) * p.axes[2].size + x];
    out[i] = gather(found, n, d.places * h.places * w.places);
  }
}

// With `ceil_mode` a last window hangs over the end, unless it would start in the padding there.
int64_t count_of(const WindowAxis& a, bool is_ceil) {
  if (!is_ceil) return a.count();
  const int64_t room = a.size + a.before + a.after - a.reach();
  const int64_t count = (room > 0 ? (room + a.stride - 1) / a.stride : room / a.stride) + 1;
  const bool is_behind = (count - 1) * a.stride >= a.size + a.before;
  return is_behind && a.before + a.after > 0 ? count - 1 : count;
}

bool pool(Call& c, size_t most, Gather gather) {
  const Operand& x = c.one("x");
  if (x.shape.size() < 3 || x.shape.size() > most + 2)
    return c.fail("x", "needs 3 to " + std::to_string(most + 2) + " dimensions");
  const Shape kernel = *c.ints("kernel_sizes");
  bool fits = kernel.size() == x.shape.size() - 2;
  for (const int64_t n : kernel) fits = fits && n >= 1;
  if (!fits)
    return c.fail("kernel_sizes", "needs " + std::to_string(x.shape.size() - 2) + " sizes from 1");
  const bool is_ceil = c.flag("ceil_mode");
  if (is_ceil && c.text("pad_type", "valid").starts_with("same"))
    return c.fail("ceil_mode", "has no meaning when `pad_type` is `same`");
  Windows windows;
  if (!windows_of(c, x, kernel, windows)) return false;
  Pool p;
  p.type = x.type;
  three_axes(windows.axes, p.axes);
  Shape shape = {x.shape[0], x.shape[1]};
  p.pixels = 1;
  for (int d = 0; d < 3; ++d) {
    p.counts[d] = count_of(p.axes[d], is_ceil);
    if (p.counts[d] < 1) return c.fail("x", "is smaller than the window");
    p.pixels *= p.axes[d].size;
    if (d >= 3 - int(windows.axes.size())) shape.push_back(p.counts[d]);
  }
  p.planes = x.shape[0] * x.shape[1];
  p.places = size_of(Shape(p.counts, p.counts + 3));
  c.result(x.type, shape);
  double taps = 1;
  for (const int64_t n : kernel) taps *= double(n);
  c.flops(double(size_of(shape)) * taps);
  c.thread_scratch((2 * p.pixels + p.places) * int64_t(sizeof(double)));
  return c.run([p, gather, in = c.in(x)](const Run& run) {
    run.parallel(p.planes, 1, [&](int64_t begin, int64_t end, int thread) {
      double* const plane = run.thread_doubles(thread);
      double *const found = plane + p.pixels, *const out = found + p.pixels;
      for (int64_t i = begin; i < end; ++i) {
        load_cells(run.in[in] + i * p.pixels, 1, p.pixels, p.type, run.exact(), plane);
        pool_plane(p, gather, plane, found, out);
        store_cells(out, p.places, p.type, run.numerics, run.out[0] + i * p.places);
      }
    });
  });
}

bool avg_pool(Call& c) {
  return pool(c, 3, c.flag("exclude_padding_from_average") ? average_inside : average);
}
bool max_pool(Call& c) { return pool(c, 3, largest); }
bool l2_pool(Call& c) { return pool(c, 2, euclidean); }

constexpr const char* kPool =
    "x:floats kernel_sizes:ints strides:ints? pad_type:text? pad:ints? ceil_mode:flag?";

}  // namespace

std::span<const OpSpec> pool_ops() {
  static constexpr OpSpec list[] = {
      {"avg_pool",
       "x:floats kernel_sizes:ints strides:ints? pad_type:text? pad:ints? ceil_mode:flag? "
       "exclude_padding_from_average:flag?",
       avg_pool},
      {"max_pool", kPool, max_pool},
      {"l2_pool", kPool, l2_pool},
  };
  return list;
}

}  // namespace anec::emulator
