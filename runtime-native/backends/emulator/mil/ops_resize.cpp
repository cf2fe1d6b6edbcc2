// Images at other sizes: every element is a weighted sum of elements around its place.

#include <cmath>

#include "ops.h"

namespace anec::emulator {
namespace {

// Place i of `to` on an axis of `from` elements.
using Grid = double (*)(double i, double from, double to);

double strict_aligned(double i, double from, double to) {
  return to == 1 ? 0 : i * (from - 1) / (to - 1);
}
double aligned(double i, double from, double to) {
  return to == 1 ? (from - 1) / 2 : i * (from - 1) / (to - 1);
}
double centred(double i, double from, double to) { return (i + 0.5) * from / to - 0.5; }
double proportional(double i, double from, double to) { return i * from / to; }
double offset(double i, double from, double to) {
  return (i + 0.5) * std::fmax(1, from - 1) / to;
}

bool grid_of(Call& c, Grid& out) {
  const std::string mode = c.text("sampling_mode", "DEFAULT");
  out = mode == "STRICT_ALIGN_CORNERS" ? strict_aligned
        : mode == "ALIGN_CORNERS"      ? aligned
        : mode == "UNALIGN_CORNERS"    ? centred
        : mode == "OFFSET_CORNERS"     ? offset
        : mode == "DEFAULT"            ? proportional
                                       : nullptr;
  return out != nullptr || c.fail("sampling_mode", "must be a way of placing corners");
}

double within(double place, double n) { return std::fmin(n - 1, std::fmax(0, place)); }

// The two elements around a place of one axis, or the one at it.
struct Taps {
  int64_t places[2];
  double weights[2];
};

Taps linear_taps(Grid grid, double i, double from, double to) {
  const double place = within(grid(i, from, to), from), low = std::floor(place);
  return {{int64_t(low), int64_t(within(low + 1, from))}, {1 - (place - low), place - low}};
}

// The element that `i` covers, or the nearest one to its place.
Taps nearest_taps(Grid grid, double i, double from, double to) {
  const double place = grid == proportional ? std::floor(grid(i, from, to))
                                            : std::floor(within(grid(i, from, to), from) + 0.5);
  return {{int64_t(within(place, from)), 0}, {1, 0}};
}

using TapsOf = Taps (*)(Grid grid, double i, double from, double to);

struct Sampling {
  Shape from, to, strides;
  size_t kept;  // dimensions before those that are resized
  TapsOf taps;
  Grid grid;
  ElementType type;
  int in;
};

// The sum over dimensions d, d + 1, … of the elements from `at` on.
double sample(const Run& run, const Sampling& s, const int64_t* index, size_t d, int64_t at) {
  if (d == s.to.size()) {
    double value;
    load_cells(run.in[s.in] + at, 1, 1, s.type, run.exact(), &value);
    return value;
  }
  if (d < s.kept) return sample(run, s, index, d + 1, at + index[d] * s.strides[d]);
  const Taps taps = s.taps(s.grid, double(index[d]), double(s.from[d]), double(s.to[d]));
  double sum = 0;
  for (int k = 0; k < 2; ++k) {
    // A weight of 0 must not spread an infinity.
    if (taps.weights[k] == 0) continue;
    sum += taps.weights[k] * sample(run, s, index, d + 1, at + taps.places[k] * s.strides[d]);
  }
  return sum;
}

// x with its last `count` dimensions at the sizes of `to`.
bool resample(Call& c, const Shape& to, size_t count, TapsOf taps, Grid grid) {
  const Operand& x = c.one("x");
  for (const int64_t n : to)
    if (n < 1) return c.fail("x", "must keep at least one pixel");
  c.result(x.type, to);
  Sampling s{x.shape, to, strides_of(x.shape), to.size() - count, taps, grid, x.type, c.in(x)};
  c.flops(8 * double(size_of(to)));
  return c.run([s = std::move(s), size = size_of(to)](const Run& run) {
    run.parallel(size, 512, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        int64_t index[8] = {}, rest = i;
        for (size_t d = s.to.size(); d-- > 0; rest /= s.to[d]) index[d] = rest % s.to[d];
        const double value = sample(run, s, index, 0, 0);
        store_cells(&value, 1, s.type, run.numerics, run.out[0] + i);
      }
    });
  });
}

// x with images of another height and width.
bool image(Call& c, double height, double width, Shape& out) {
  out = c.one("x").shape;
  if (out.size() < 3) return c.fail("x", "needs at least 3 dimensions");
  const double most = double(kLargest) + 1;
  out[out.size() - 2] = int64_t(std::fmax(0, std::fmin(height, most)));
  out[out.size() - 1] = int64_t(std::fmax(0, std::fmin(width, most)));
  return true;
}

bool to_target(Call& c, Shape& out) {
  return image(c, double(c.integer("target_size_height", 1)),
               double(c.integer("target_size_width", 1)), out);
}

bool by_factor(Call& c, Shape& out) {
  const Shape& x = c.one("x").shape;
  if (x.size() < 3) return c.fail("x", "needs at least 3 dimensions");
  return image(c, std::floor(double(x[x.size() - 2]) * c.number("scale_factor_height", 1)),
               std::floor(double(x[x.size() - 1]) * c.number("scale_factor_width", 1)), out);
}

bool resize_nearest(Call& c) {
  Shape to;
  return to_target(c, to) && resample(c, to, 2, nearest_taps, proportional);
}

bool upsample_nearest(Call& c) {
  Shape to;
  return by_factor(c, to) && resample(c, to, 2, nearest_taps, proportional);
}

bool resize_bilinear(Call& c) {
  Shape to;
  Grid grid;
  return to_target(c, to) && grid_of(c, grid) && resample(c, to, 2, linear_taps, grid);
}

// Corners are aligned unless told otherwise; pixels have their centres at halves.
bool upsample_bilinear(Call& c) {
  const bool is_aligned = c.integer("align_corners", 1) != 0;
  const bool has_centres = c.integer("half_pixel_centers", is_aligned ? 0 : 1) != 0;
  Shape to;
  return by_factor(c, to) && resample(c, to, 2, linear_taps,
                                      is_aligned    ? strict_aligned
                                      : has_centres ? centred
                                                    : proportional);
}

// The last `resized_dims` sizes of `shape` replace those of x; 0 keeps one.
bool resize(Call& c) {
  const Shape sizes = *c.ints("shape");
  const int64_t count = c.integer("resized_dims", 0);
  Shape to = c.one("x").shape;
  if (count < 0 || count > int64_t(sizes.size()) || sizes.size() > to.size())
    return c.fail("resized_dims", "must not be more than `shape` and `x` have");
  for (size_t i = 0; i < size_t(count); ++i) {
    const int64_t size = sizes[sizes.size() - size_t(count) + i];
    if (size != 0) to[to.size() - size_t(count) + i] = size;
  }
  const std::string mode = c.text("interpolation_mode", "LINEAR");
  if (mode != "LINEAR" && mode != "NEAREST_NEIGHBOR")
    return c.fail("interpolation_mode", "must be \"LINEAR\" or \"NEAREST_NEIGHBOR\"");
  Grid grid;
  return grid_of(c, grid) &&
         resample(c, to, size_t(count), mode == "LINEAR" ? linear_taps : nearest_taps, grid);
}

constexpr const char* kTarget = "x:floats target_size_height:int target_size_width:int";

}  // namespace

std::span<const OpSpec> resize_ops() {
  static constexpr OpSpec list[] = {
      {"resize_nearest_neighbor", kTarget, resize_nearest},
      {"upsample_nearest_neighbor",
       "x:floats scale_factor_height:factor? scale_factor_width:factor?", upsample_nearest},
      {"resize_bilinear",
       "x:floats target_size_height:int? target_size_width:int? sampling_mode:text?",
       resize_bilinear},
      {"upsample_bilinear",
       "x:floats scale_factor_height:factor? scale_factor_width:factor? align_corners:flag? "
       "half_pixel_centers:flag?",
       upsample_bilinear},
      {"resize",
       "x:floats shape:ints resized_dims:int interpolation_mode:text? sampling_mode:text?", resize},
  };
  return list;
}

}  // namespace anec::emulator
