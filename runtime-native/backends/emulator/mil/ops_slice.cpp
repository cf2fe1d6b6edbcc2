// Ops that cut boxes out of tensors, put them back, and add or take borders.

#include <algorithm>
#include <cstring>
#include <limits>

#include "ops.h"

namespace anec::emulator {
namespace {

// M1 and M2 multiply what they slice by 16 if the slice starts inside the last axis.
bool copy_slice(Call& c, const Operand& x, const Box& box, bool inside_last_axis) {
  const int64_t size = size_of(box.shape);
  const bool overflows = inside_last_axis && x.type == ElementType::fp16;
  return c.run([in = c.in(x), box = merged(box), size, overflows](const Run& run) {
    copy_box(box, run.in[in], run.out[0]);
    if (overflows && run.numerics.width_slice_overflow) overflow_by_gain(run.out[0], size);
  });
}

// A size of -1 reaches to the end of its axis.
bool slice_by_size(Call& c) {
  const Operand& x = c.one("x");
  const Shape begin = *c.ints("begin"), size = *c.ints("size");
  if (begin.size() != x.shape.size()) return c.fail("begin", "needs one number for each dimension");
  if (size.size() != x.shape.size()) return c.fail("size", "needs one number for each dimension");
  Box box{size, strides_of(x.shape)};
  for (size_t i = 0; i < size.size(); ++i) {
    if (size[i] == -1) box.shape[i] = x.shape[i] - begin[i];
    if (begin[i] < 0 || begin[i] > x.shape[i] || box.shape[i] < 0 ||
        box.shape[i] > x.shape[i] - begin[i])
      return c.fail("size", "reaches outside " + text_of(x.shape));
    box.offset += begin[i] * box.strides[i];
  }
  c.result(x.type, box.shape);
  return copy_slice(c, x, box, !begin.empty() && begin.back() > 0);
}

// One dimension of a slice as Python counts it.
struct Cut {
  int64_t from, step, count;
  bool squeezed;
};

bool cuts_of(Call& c, const Operand& x, std::vector<Cut>& out) {
  const size_t rank = x.shape.size();
  const char* names[] = {"begin", "end", "stride", "begin_mask", "end_mask", "squeeze_mask"};
  Shape lists[6];
  for (int i = 0; i < 6; ++i) {
    lists[i] = c.ints(names[i]).value_or(Shape(rank, i == 2 ? 1 : 0));
    if (lists[i].size() != rank) return c.fail(names[i], "needs one value for each dimension");
  }
  for (size_t i = 0; i < rank; ++i) {
    const int64_t n = x.shape[i], step = lists[2][i], b = lists[0][i];
    if (step == 0) return c.fail("stride", "must not be 0");
    if (lists[5][i] != 0) {
      const int64_t from = lists[3][i] != 0 ? 0 : b < 0 ? b + n : b;
      if (from < 0 || from >= n)
        return c.fail("begin", "must lie inside dimension " + std::to_string(i) + " of `x`");
      out.push_back({from, 1, 1, true});
      continue;
    }
    const auto place = [&](int64_t at) {
      const int64_t counted = at < 0 ? at + n : at;
      return step > 0 ? std::clamp<int64_t>(counted, 0, n)
                      : std::clamp<int64_t>(counted, -1, n - 1);
    };
    const int64_t from = lists[3][i] != 0 ? (step > 0 ? 0 : n - 1) : place(b);
    const int64_t to = lists[4][i] != 0 ? (step > 0 ? n : -1) : place(lists[1][i]);
    const int64_t room = step > 0 ? to - from : from - to, pace = step > 0 ? step : -step;
    const int64_t count = room <= 0 ? 0 : (room + pace - 1) / pace;
    out.push_back({from, count > 1 ? step : 1, count, false});
  }
  return true;
}

Box box_of(const Operand& x, const std::vector<Cut>& cuts) {
  const Shape strides = strides_of(x.shape);
  Box box;
  for (size_t i = 0; i < cuts.size(); ++i) {
    box.shape.push_back(cuts[i].count);
    box.strides.push_back(cuts[i].step * strides[i]);
    box.offset += cuts[i].from * strides[i];
  }
  return box;
}

Shape shape_of(const std::vector<Cut>& cuts) {
  Shape shape;
  for (const Cut& cut : cuts)
    if (!cut.squeezed) shape.push_back(cut.count);
  return shape;
}

bool slice_by_index(Call& c) {
  const Operand& x = c.one("x");
  std::vector<Cut> cuts;
  if (!cuts_of(c, x, cuts)) return false;
  c.result(x.type, shape_of(cuts));
  const Shape none(x.shape.size() + 1, 0);
  const bool inside =
      c.ints("begin").value_or(none).back() != 0 && c.ints("begin_mask").value_or(none).back() == 0;
  return copy_slice(c, x, box_of(x, cuts), !cuts.empty() && inside);
}

// x with a slice replaced; the update has the shape of the slice.
bool slice_update(Call& c) {
  const Operand &x = c.one("x"), &update = c.one("update");
  if (x.type != update.type) return c.fail("update", "must have the elements of `x`");
  std::vector<Cut> cuts;
  if (!cuts_of(c, x, cuts)) return false;
  if (shape_of(cuts) != update.shape)
    return c.fail("update", "must be as large as the slice, " + text_of(shape_of(cuts)));
  c.result(x);
  return c.run([in = c.in(x), from = c.in(update), box = merged(box_of(x, cuts)),
                size = size_of(x.shape)](const Run& run) {
    std::memcpy(run.out[0], run.in[in], size_t(size) * sizeof(float));
    scatter_box(box, run.in[from], run.out[0]);
  });
}

// Where place `at` of a padded axis of n elements comes from; -1 is the constant.
int64_t source_of(const std::string& mode, int64_t at, int64_t n) {
  if (at >= 0 && at < n) return at;
  if (mode == "constant") return -1;
  if (mode == "replicate") return at < 0 ? 0 : n - 1;
  const int64_t edge = mode == "reflect" ? 0 : 1;
  return at < 0 ? -at - edge : 2 * (n - 1) - at + edge;
}

bool pad(Call& c) {
  const Operand& x = c.one("x");
  const std::string mode = c.text("mode", "constant");
  if (mode != "constant" && mode != "reflect" && mode != "replicate" && mode != "symmetric")
    return c.fail("mode", "must be \"constant\", \"reflect\", \"replicate\" or \"symmetric\"");
  Shape given = *c.ints("pad");
  const size_t rank = x.shape.size();
  if (given.size() % 2 != 0 || given.size() > 2 * rank)
    return c.fail("pad", "needs two numbers for each of the last dimensions");
  given.insert(given.begin(), 2 * rank - given.size(), 0);
  Shape shape = x.shape;
  for (size_t i = 0; i < rank; ++i) {
    const int64_t before = given[2 * i], after = given[2 * i + 1];
    const int64_t most = mode == "reflect"     ? x.shape[i] - 1
                         : mode == "symmetric" ? x.shape[i]
                                               : kLargest;
    if (before < 0 || after < 0) return c.fail("pad", "must not be negative");
    if (before > most || after > most) return c.fail("pad", "reaches too far");
    shape[i] += before + after;
  }
  const Operand* value = c.maybe("constant_val");
  c.result(x.type, shape);
  if (size_of(shape) > kLargest) return c.unsupported("is larger than anything the emulator holds");
  // For each axis where its places come from.
  std::vector<std::vector<int64_t>> sources(rank);
  const Shape strides = strides_of(x.shape);
  for (size_t i = 0; i < rank; ++i) {
    for (int64_t at = 0; at < shape[i]; ++at) {
      const int64_t from = source_of(mode, at - given[2 * i], x.shape[i]);
      sources[i].push_back(from < 0 ? -1 : from * strides[i]);
    }
  }
  return c.run([=, sources = std::move(sources), in = c.in(x), fill = c.in("constant_val"),
                type = x.type,
                value_type = value == nullptr ? x.type : value->type](const Run& run) {
    double constant = 0;
    if (fill >= 0) load_cells(run.in[fill], 1, 1, value_type, false, &constant);
    float padding;
    store_cells(&constant, 1, type, run.numerics, &padding);
    Shape index(shape.size(), 0);
    const int64_t size = size_of(shape);
    for (int64_t i = 0; i < size; ++i) {
      int64_t at = 0;
      bool inside = true;
      for (size_t d = 0; d < shape.size(); ++d) {
        const int64_t from = sources[d][size_t(index[d])];
        inside = inside && from >= 0;
        at += from;
      }
      std::memcpy(run.out[0] + i, inside ? run.in[in] + at : &padding, sizeof(float));
      for (size_t d = shape.size(); d-- > 0;) {
        if (++index[d] < shape[d]) break;
        index[d] = 0;
      }
    }
  });
}

// Rows and columns are taken off the last two dimensions.
bool crop(Call& c) {
  const Operand& x = c.one("x");
  const size_t rank = x.shape.size();
  if (rank < 3) return c.fail("x", "needs 3 or more dimensions");
  Box box{x.shape, strides_of(x.shape)};
  const char* names[] = {"crop_height", "crop_width"};
  for (size_t i = 0; i < 2; ++i) {
    const Shape cut = *c.ints(names[i]);
    const size_t d = rank - 2 + i;
    if (cut.size() != 2 || cut[0] < 0 || cut[1] < 0 || cut[0] > x.shape[d] ||
        cut[1] > x.shape[d] - cut[0])
      return c.fail(names[i], "must be two numbers that leave a part of `x`");
    box.shape[d] -= cut[0] + cut[1];
    box.offset += cut[0] * box.strides[d];
  }
  c.result(x.type, box.shape);
  return copy_slice(c, x, box, false);
}

#define ANEC_SLICE \
  "begin:ints end:ints stride:ints? begin_mask:flags? end_mask:flags? squeeze_mask:flags?"

}  // namespace

std::span<const OpSpec> slice_ops() {
  static constexpr OpSpec list[] = {
      {"slice_by_size", "x:values begin:ints size:ints", slice_by_size},
      {"slice_by_index", "x:values " ANEC_SLICE, slice_by_index},
      {"slice_update", "x:values update:values " ANEC_SLICE, slice_update},
      {"pad", "x:values pad:ints mode:text? constant_val:number?", pad},
      {"crop", "x:floats crop_height:ints crop_width:ints", crop},
  };
  return list;
}

}  // namespace anec::emulator
