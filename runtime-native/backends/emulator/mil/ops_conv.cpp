// Convolutions over one to three spatial dimensions: products with the image, unrolled by panels.

#include <bit>

#include "integers.h"
#include "ops.h"
#include "product.h"
#include "windows.h"

namespace anec::emulator {
namespace {

struct Convolution {
  WindowAxis axes[3];
  int64_t counts[3];
  int64_t batches, groups;
  int64_t channels, outputs;  // of one group
  int64_t pixels, places, taps;
  ElementType type;
  bool pointwise;  // windows of one pixel that do not move: the image is the matrix
};

// The image of one batch and group as [channels · taps, places].
struct Image {
  const Convolution& conv;
  const float* data;
  float outside;  // the cell of what counts as zero
};

// Panel column j is place j; row (c, t) is the pixel under tap t in channel c.
void pack_image(const void* from, int64_t first, int64_t count, float* panel) {
  const Image& image = *static_cast<const Image*>(from);
  const Convolution& v = image.conv;
  int64_t at[kPanel][3];
  for (int64_t j = 0; j < count; ++j) {
    int64_t place = first + j;
    for (int d = 3; d-- > 0;) {
      at[j][d] = place % v.counts[d] * v.axes[d].stride - v.axes[d].before;
      place /= v.counts[d];
    }
  }
  int64_t tap = 0;
  for (int64_t kd = 0; kd < v.axes[0].kernel; ++kd) {
    for (int64_t kh = 0; kh < v.axes[1].kernel; ++kh) {
      for (int64_t kw = 0; kw < v.axes[2].kernel; ++kw, ++tap) {
        int64_t pixels[kPanel];
        for (int64_t j = 0; j < count; ++j) {
          const int64_t z = at[j][0] + kd * v.axes[0].dilation;
          const int64_t y = at[j][1] + kh * v.axes[1].dilation;
          const int64_t x = at[j][2] + kw * v.axes[2].dilation;
          const bool inside = z >= 0 && z < v.axes[0].size && y >= 0 && y < v.axes[1].size &&
                              x >= 0 && x < v.axes[2].size;
          pixels[j] = inside ? (z * v.axes[1].size + y) * v.axes[2].size + x : -1;
        }
        for (int64_t c = 0; c < v.channels; ++c) {
          const float* channel = image.data + c * v.pixels;
          float* row = panel + (c * v.taps + tap) * kPanel;
          for (int64_t j = 0; j < count; ++j)
            row[j] = pixels[j] < 0 ? image.outside : channel[pixels[j]];
        }
      }
    }
  }
}

void run_conv(const Run& run, const Convolution& v, const float* x, const float* weight,
              const float* bias, const IntegerPath& path) {
  const bool integers = path.taken(run);
  if (integers) {
    x = run.in[path.b];
    weight = run.in[path.a];
  }
  const int64_t k = v.channels * v.taps;
  for (int64_t n = 0; n < v.batches; ++n) {
    for (int64_t g = 0; g < v.groups; ++g) {
      const int64_t block = n * v.groups + g;
      const IntegerFactors factors = integers ? path.factors(run, g * v.outputs) : IntegerFactors{};
      const Image image{v, x + block * v.channels * v.pixels,
                        std::bit_cast<float>(factors.b_shift)};
      const StridedPanels flat{image.data, k, v.pixels, 1};
      multiply(run, {.m = v.outputs,
                     .n = v.places,
                     .k = k,
                     .a = weight + g * v.outputs * k,
                     .a_row = k,
                     .a_column = 1,
                     .pack = v.pointwise ? pack_strided : pack_image,
                     .b = v.pointwise ? static_cast<const void*>(&flat) : &image,
                     .bias = bias == nullptr ? nullptr : bias + g * v.outputs,
                     .bias_by_row = true,
                     .out = run.out[0] + block * v.outputs * v.places,
                     .out_row = v.places,
                     .type = v.type,
                     .integers = integers ? &factors : nullptr});
    }
  }
}

// x [N, C, ..], weight [O, C / groups, ..] give [N, O, ..]
bool conv(Call& c) {
  const Operand &x = c.one("x"), &weight = c.one("weight");
  const Operand* bias = c.maybe("bias");
  if (x.shape.size() < 3 || x.shape.size() > 5) return c.fail("x", "needs 3 to 5 dimensions");
  if (weight.shape.size() != x.shape.size())
    return c.fail("weight", "must have as many dimensions as `x`");
  const int64_t groups = c.integer("groups", 1), channels = x.shape[1], outputs = weight.shape[0];
  if (groups < 1 || channels % groups != 0)
    return c.fail("groups", "must divide the " + std::to_string(channels) + " channels");
  if (outputs % groups != 0)
    return c.fail("groups",
                  "must divide the " + std::to_string(outputs) + " channels of the result");
  if (weight.shape[1] != channels / groups)
    return c.fail("weight", "needs " + std::to_string(channels / groups) + " input channels");
  if (bias != nullptr && bias->shape != Shape{outputs})
    return c.fail("bias", "must be a list of " + std::to_string(outputs) + " values");
  Windows windows;
  if (!windows_of(c, x, Shape(weight.shape.begin() + 2, weight.shape.end()), windows)) return false;

  Convolution v;
  three_axes(windows.axes, v.axes);
  Shape shape = {x.shape[0], outputs};
  v.pixels = v.places = v.taps = 1;
  v.pointwise = true;
  for (int d = 0; d < 3; ++d) {
    const WindowAxis& a = v.axes[d];
    v.counts[d] = a.count();
    if (v.counts[d] < 1) return c.fail("x", "is smaller than the window");
    v.pixels *= a.size;
    v.taps *= a.kernel;
    v.places = v.places > kLargest ? v.places : v.places * v.counts[d];
    v.pointwise = v.pointwise && a.kernel == 1 && a.stride == 1 && a.before == 0 && a.after == 0;
    if (d >= 3 - int(windows.axes.size())) shape.push_back(v.counts[d]);
  }
  v.batches = x.shape[0];
  v.groups = groups;
  v.channels = channels / groups;
  v.outputs = outputs / groups;
  v.type = x.type;
  c.result(x.type, shape);
  c.flops(2.0 * double(size_of(shape)) * double(v.channels) * double(v.taps));
  c.thread_scratch(product_scratch(v.channels * v.taps));
  return c.run([v, a = c.in(x), b = c.in(weight), start = c.in("bias"),
                path = integer_path(c, weight, 0, x, -1, v.channels * v.taps)](const Run& run) {
    run_conv(run, v, run.in[a], run.in[b], start < 0 ? nullptr : run.in[start], path);
  });
}

}  // namespace

std::span<const OpSpec> convolution_ops() {
  static constexpr OpSpec list[] = {
      {"conv",
       "x:floats weight:floats bias:floats? strides:ints? pad_type:text? pad:ints? dilations:ints? "
       "groups:int?",
       conv},
  };
  return list;
}

}  // namespace anec::emulator
