// Sums, extremes and orders along axes.

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ops.h"
#include "parser.h"
#include "rows.h"
#include "tables.h"

namespace anec::emulator {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

double larger(double a, double x) { return a != a ? a : x != x ? x : x > a ? x : a; }
double smaller(double a, double x) { return a != a ? a : x != x ? x : x < a ? x : a; }

double sum_of(const Row& r) {
  double sum = 0;
  if (r.numerics.arithmetic == Arithmetic::exact && r.numerics.half_sums) {
    for (int64_t i = 0; i < r.n; ++i) sum = round_to_half<true>(sum + r.in[i]);
  } else {
    for (int64_t i = 0; i < r.n; ++i) sum += r.in[i];
  }
  return sum;
}

double largest_of(const Row& r) {
  double top = -kInfinity;
  for (int64_t i = 0; i < r.n; ++i) top = larger(top, r.in[i]);
  return top;
}

double smallest_of(const Row& r) {
  double low = kInfinity;
  for (int64_t i = 0; i < r.n; ++i) low = smaller(low, r.in[i]);
  return low;
}

double squares_of(const Row& r) {
  double sum = 0;
  for (int64_t i = 0; i < r.n; ++i) sum += r.in[i] * r.in[i];
  return sum;
}

void sum(const Row& r) { *r.out = sum_of(r); }
void mean(const Row& r) { *r.out = sum_of(r) / double(r.n); }
void largest(const Row& r) { *r.out = largest_of(r); }
void smallest(const Row& r) { *r.out = smallest_of(r); }
void sum_square(const Row& r) { *r.out = squares_of(r); }
void l2_norm(const Row& r) { *r.out = std::sqrt(squares_of(r)); }
void log_sum(const Row& r) { *r.out = std::log(sum_of(r)); }
void product(const Row& r) {
  double all = 1;
  for (int64_t i = 0; i < r.n; ++i) all *= r.in[i];
  *r.out = all;
}
void l1_norm(const Row& r) {
  double all = 0;
  for (int64_t i = 0; i < r.n; ++i) all += std::fabs(r.in[i]);
  *r.out = all;
}
// The engine stores the exponentials and their sum (fact: log_sum_exp).
double stored(double x) { return double(decode(float(round_to_half<true>(x)))); }

void engine_log_sum_exp(const Row& r) {
  double sum = 0;
  for (int64_t i = 0; i < r.n; ++i) {
    sum += stored(table::exp(r.in[i]));
    if (r.numerics.half_sums) sum = round_to_half<true>(sum);
  }
  *r.out = table::log(stored(sum), 0);
}

// With the largest element taken out no exponential overflows.
void log_sum_exp(const Row& r) {
  const double top = largest_of(r);
  double all = 0;
  for (int64_t i = 0; i < r.n; ++i) all += std::exp(r.in[i] - top);
  *r.out = std::isfinite(top) ? top + std::log(all) : top;
}

void half_log_sum_exp(const Row& r) {
  r.numerics.arithmetic == Arithmetic::exact ? engine_log_sum_exp(r) : log_sum_exp(r);
}

// No axes means all of them.
template <RowFunction F>
bool reduction(Call& c) {
  const Operand& x = c.one("x");
  Shape axes, shape;
  if (!axes_parameter(c, "axes", x, axes)) return false;
  for (size_t d = 0; d < x.shape.size(); ++d) {
    if (!contains(axes, int64_t(d)))
      shape.push_back(x.shape[d]);
    else if (c.flag("keep_dims"))
      shape.push_back(1);
  }
  c.result(x.type, shape);
  c.flops(double(size_of(x.shape)));
  return map_rows(c, x, axes, 1, F);
}

bool log_sum_exp_op(Call& c) {
  const bool is_number = is_float(c.one("x").type);
  return is_number ? reduction<half_log_sum_exp>(c) : reduction<log_sum_exp>(c);
}

int64_t place_of(const Row& r, double value) {
  for (int64_t i = 0; i < r.n; ++i)
    if (r.in[i] == value) return i;
  return -1;
}
void place_of_largest(const Row& r) { *r.out = double(place_of(r, largest_of(r))); }
void place_of_smallest(const Row& r) { *r.out = double(place_of(r, smallest_of(r))); }

bool place_type(Call& c, const char* name, ElementType& out) {
  const std::string text = c.text(name, "int32");
  return (element_type_of(text, out) && is_integer(out)) || c.fail(name, "must be an integer type");
}

template <RowFunction F>
bool place(Call& c) {
  const Operand& x = c.one("x");
  int64_t axis;
  ElementType type;
  if (!axis_parameter(c, "axis", x, -1, axis) || !place_type(c, "output_dtype", type)) return false;
  Shape shape = x.shape;
  if (c.flag("keep_dims"))
    shape[size_t(axis)] = 1;
  else
    shape.erase(shape.begin() + axis);
  c.result(type, shape);
  c.flops(double(size_of(x.shape)));
  return map_rows(c, x, {axis}, 1, F);
}

void softmax_row(const Row& r) {
  const double top = largest_of(r);
  double total = 0;
  for (int64_t i = 0; i < r.n; ++i) total += r.out[i] = std::exp(r.in[i] - top);
  for (int64_t i = 0; i < r.n; ++i) r.out[i] /= total;
}

bool softmax(Call& c) {
  const Operand& x = c.one("x");
  int64_t axis;
  if (!axis_parameter(c, "axis", x, -1, axis)) return false;
  c.result(x);
  c.flops(4 * double(size_of(x.shape)));
  return map_rows(c, x, {axis}, x.shape[size_t(axis)], softmax_row);
}

// constants: exclusive, reverse
void cumulative_sum(const Row& r) {
  double total = 0;
  for (int64_t k = 0; k < r.n; ++k) {
    const int64_t i = r.constants[1] != 0 ? r.n - 1 - k : k;
    r.out[i] = r.constants[0] != 0 ? total : total + r.in[i];
    total += r.in[i];
  }
}

bool cumsum(Call& c) {
  const Operand& x = c.one("x");
  int64_t axis;
  if (!axis_parameter(c, "axis", x, 0, axis)) return false;
  c.result(x);
  c.flops(double(size_of(x.shape)));
  const std::vector<double> constants = {double(c.flag("exclusive")), double(c.flag("reverse"))};
  return map_rows(c, x, {axis}, x.shape[size_t(axis)], cumulative_sum, {.constants = constants});
}

// Equal elements keep their order. Places are written to out, as doubles.
void order(const double* in, int64_t n, bool ascending, double* out) {
  for (int64_t i = 0; i < n; ++i) out[i] = double(i);
  std::sort(out, out + n, [&](double a, double b) {
    const double x = in[int64_t(a)], y = in[int64_t(b)];
    if (x < y) return ascending;
    if (y < x) return !ascending;
    const bool x_nan = x != x, y_nan = y != y;  // NaN behind all numbers
    return x_nan != y_nan ? y_nan : a < b;
  });
}

void argsort_row(const Row& r) { order(r.in, r.n, r.constants[0] != 0, r.out); }

bool argsort(Call& c) {
  const Operand& x = c.one("x");
  int64_t axis;
  if (!axis_parameter(c, "axis", x, -1, axis)) return false;
  c.result(ElementType::int32, x.shape);
  const double ascending = double(c.flag("ascending"));
  return map_rows(c, x, {axis}, x.shape[size_t(axis)], argsort_row, {.constants = {ascending}});
}

// The first `k` elements in order, and their places unless they are not asked for.
bool topk(Call& c) {
  const Operand& x = c.one("x");
  int64_t axis;
  if (!axis_parameter(c, "axis", x, -1, axis)) return false;
  const int64_t n = x.shape[size_t(axis)], asked = c.integer("k", 1), k = asked == -1 ? n : asked;
  if (k < 1 || k > n) return c.fail("k", "must be from 1 to " + std::to_string(n));
  Shape shape = x.shape;
  shape[size_t(axis)] = k;
  c.result(x.type, shape);
  const bool has_places = c.integer("return_indices", 1) != 0;
  ElementType places;
  if (!place_type(c, "output_indices_dtype", places)) return false;
  if (has_places) c.result(places, shape);
  int64_t inner = 1;
  for (size_t d = size_t(axis) + 1; d < shape.size(); ++d) inner *= shape[d];
  c.flops(double(size_of(x.shape)));
  c.thread_scratch((2 * n + k) * int64_t(sizeof(double)));
  return c.run([=, in = c.in(x), type = x.type, rows = size_of(x.shape) / n,
                ascending = c.flag("ascending")](const Run& run) {
    run.parallel(rows, 4096 / n + 1, [&](int64_t begin, int64_t end, int thread) {
      double* const row = run.thread_doubles(thread);
      double *const at = row + n, *const best = at + n;
      for (int64_t i = begin; i < end; ++i) {
        const int64_t outer = i / inner, lane = i % inner, to = outer * k * inner + lane;
        load_cells(run.in[in] + outer * n * inner + lane, inner, n, type, run.exact(), row);
        order(row, n, ascending, at);
        for (int64_t j = 0; j < k; ++j) best[j] = row[int64_t(at[j])];
        store_cells(best, k, type, run.numerics, run.out[0] + to, inner);
        if (has_places) store_cells(at, k, places, run.numerics, run.out[1] + to, inner);
      }
    });
  });
}

// Elements further than `lower` below or `upper` above the diagonal of each matrix become 0.
bool band_part(Call& c) {
  const Operand& x = c.one("x");
  if (x.shape.size() < 2) return c.fail("x", "needs at least two dimensions");
  const int64_t columns = x.shape.back(), rows = x.shape[x.shape.size() - 2];
  const int64_t lower = c.integer("lower", -1), upper = c.integer("upper", -1);
  c.result(x);
  return c.run(
      [in = c.in(x), size = size_of(x.shape), columns, rows, lower, upper](const Run& run) {
        for (int64_t i = 0; i < size; ++i) {
          const int64_t below = i / columns % rows - i % columns;
          const bool kept = (lower < 0 || below <= lower) && (upper < 0 || -below <= upper);
          run.out[0][i] = kept ? run.in[in][i] : 0.0f;
        }
      });
}

constexpr const char* kReduction = "x:numbers axes:ints? keep_dims:flag?";
constexpr const char* kPlace = "x:numbers axis:int? keep_dims:flag? output_dtype:text?";

}  // namespace

std::span<const OpSpec> reduction_ops() {
  static constexpr OpSpec list[] = {
      {"reduce_sum", kReduction, reduction<sum>},
      {"reduce_mean", kReduction, reduction<mean>},
      {"reduce_max", kReduction, reduction<largest>},
      {"reduce_min", kReduction, reduction<smallest>},
      {"reduce_prod", kReduction, reduction<product>},
      {"reduce_l1_norm", kReduction, reduction<l1_norm>},
      {"reduce_l2_norm", kReduction, reduction<l2_norm>},
      {"reduce_sum_square", kReduction, reduction<sum_square>},
      {"reduce_log_sum", kReduction, reduction<log_sum>},
      {"reduce_log_sum_exp", kReduction, log_sum_exp_op},
      {"reduce_argmax", kPlace, place<place_of_largest>},
      {"reduce_argmin", kPlace, place<place_of_smallest>},
      {"softmax", "x:floats axis:int?", softmax},
      {"cumsum", "x:numbers axis:int? exclusive:flag? reverse:flag?", cumsum},
      {"argsort", "x:numbers axis:int? ascending:flag?", argsort},
      {"topk",
       "x:numbers k:int? axis:int? ascending:flag? sort:flag? return_indices:flag? "
       "output_indices_dtype:text?",
       topk},
      {"band_part", "x:values lower:int? upper:int?", band_part},
  };
  return list;
}

}  // namespace anec::emulator
