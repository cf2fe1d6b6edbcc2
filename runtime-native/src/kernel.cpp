// Shape: how a size rule reads its integers and says what it needs.

#include "anec/kernel.h"

#include <algorithm>

namespace anec {

int64_t Shape::next(const char* what) {
  if (next_ >= static_cast<int64_t>(ints_.size())) {
    require(false, std::string("integer ") + std::to_string(next_) + " (" + what + ") is missing");
    ++next_;
    return 0;
  }
  return ints_[next_++];
}

int64_t Shape::dim(const char* what) {
  const int64_t value = next(what);
  require(value >= 0, std::string(what) + " is " + std::to_string(value) + ", below 0");
  return ok() ? value : 0;
}

int64_t Shape::positive(const char* what) {
  const int64_t value = next(what);
  require(value >= 1, std::string(what) + " is " + std::to_string(value) + ", below 1");
  return ok() ? value : 0;
}

int64_t Shape::choice(const char* what, int64_t limit) {
  const int64_t value = next(what);
  require(value >= 0 && value < limit, std::string(what) + " is " + std::to_string(value) +
                                           ", not in 0 .. " + std::to_string(limit - 1));
  return ok() ? value : 0;
}

void Shape::expect_floats(int count) {
  floats_expected_ = true;
  require(floats_ == count, "takes " + std::to_string(count) + " numbers, got " +
                                std::to_string(floats_));
}

void Shape::operand(int index, DType dtype, Count elements) {
  if (index < 0 || index >= operands_ || index >= max_operands) {
    require(false, "operand " + std::to_string(index) + " is missing");
    return;
  }
  Need& need = needs_[index];
  need.mentioned = true;
  need.dtype = dtype;
  need.elements = std::max(need.elements, elements.n);
}

void Shape::optional_operand(int index, DType dtype, Count elements) {
  operand(index, dtype, elements);
  if (index < operands_) needs_[index].optional = true;
}

void Shape::operand_4_bytes(int index, Count elements, bool arithmetic) {
  operand(index, DType::f32, elements);
  if (index < operands_) needs_[index].any_4_bytes = !arithmetic;
}

void Shape::shared_scratch(Count floats) { shared_ = std::max(shared_, floats.n); }
void Shape::thread_scratch(Count floats) { thread_ = std::max(thread_, floats.n); }

void Shape::require(bool condition, const std::string& complaint) {
  if (!condition && complaint_.empty()) complaint_ = complaint;
}

Count Shape::reach(std::span<const Axis> axes) {
  Count last = 0;
  for (const Axis& axis : axes) {
    if (axis.size <= 0) return 0;
    last = last + Count(axis.size - 1) * Count(axis.stride);
  }
  return last + 1;
}

void Shape::finish() {
  require(remaining() <= 0, "has " + std::to_string(remaining()) + " integers too many");
  if (!floats_expected_) expect_floats(0);
  for (int i = 0; i < operands_ && i < max_operands; ++i) {
    require(needs_[i].mentioned, "has an operand too many (" + std::to_string(i) + ")");
  }
}

}  // namespace anec
