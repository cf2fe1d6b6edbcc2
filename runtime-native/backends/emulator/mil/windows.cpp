// The parameters of sliding windows, checked.

#include "windows.h"

#include <algorithm>

namespace anec::emulator {
namespace {

// Larger parameters would overflow what is computed from them.
constexpr int64_t kLargestParameter = int64_t{1} << 28;

bool list(Call& c, const char* name, size_t count, int64_t otherwise, int64_t least, Shape& out) {
  out = c.ints(name).value_or(Shape(count, otherwise));
  bool fits = out.size() == count;
  for (const int64_t n : out) fits = fits && n >= least && n <= kLargestParameter;
  return fits || c.fail(name, "needs " + std::to_string(count) + " numbers, none below " +
                                  std::to_string(least));
}

}  // namespace

bool windows_of(Call& c, const Operand& x, const Shape& kernel, Windows& out) {
  const std::string type = c.text("pad_type", "valid");
  if (type != "valid" && type != "custom" && type != "same" && type != "same_lower")
    return c.fail("pad_type", "must be \"valid\", \"same\", \"same_lower\" or \"custom\"");
  const size_t count = x.shape.size() - 2;
  Shape strides, dilations, pad;
  if (!list(c, "strides", count, 1, 1, strides) || !list(c, "dilations", count, 1, 1, dilations))
    return false;
  // Padding counts only if it is asked for; some programs give a list of another length with
  // others.
  if (type == "custom" && !list(c, "pad", 2 * count, 0, 0, pad)) return false;
  for (size_t i = 0; i < count; ++i) {
    WindowAxis a{x.shape[i + 2], kernel[i], strides[i], dilations[i]};
    if (type == "custom") {
      a.before = pad[2 * i];
      a.after = pad[2 * i + 1];
    } else if (type != "valid") {
      const int64_t windows = (a.size + a.stride - 1) / a.stride;
      const int64_t total = std::max<int64_t>(0, (windows - 1) * a.stride + a.reach() - a.size);
      a.before = type == "same_lower" ? total - total / 2 : total / 2;
      a.after = total - a.before;
    }
    out.axes.push_back(a);
  }
  return true;
}

void three_axes(const std::vector<WindowAxis>& axes, WindowAxis out[3]) {
  for (size_t i = 0; i < 3; ++i) out[i] = WindowAxis();
  for (size_t i = 0; i < axes.size(); ++i) out[3 - axes.size() + i] = axes[i];
}

}  // namespace anec::emulator
