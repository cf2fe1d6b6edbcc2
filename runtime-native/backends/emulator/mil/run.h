// What a kernel is given when a program runs, and how it stores what it computed.

#pragma once

#include <cstdint>
#include <functional>

#include "anec/thread_pool.h"
#include "half.h"
#include "mil.h"

namespace anec::emulator {

// Elements that kernels handle at once in double.
inline constexpr int64_t kBlock = 256;

struct Run {
  const Numerics& numerics;
  ThreadPool* pool;
  float* const* in;    // cells of the statement's operands, in the order in which it asked for them
  float* const* out;   // cells of its results
  std::byte* scratch;  // what the statement asked for
  std::byte* thread_scratch;  // the same for each thread, `thread_stride` bytes apart
  int64_t thread_stride;
  const char**
      complaint;  // set by a kernel whose data makes no sense, such as an index out of range

  bool exact() const { return numerics.arithmetic == Arithmetic::exact; }
  bool ideal() const { return numerics.arithmetic == Arithmetic::ideal; }

  double* thread_doubles(int thread) const {
    return reinterpret_cast<double*>(thread_scratch + thread * thread_stride);
  }

  // body(begin, end, thread) on ranges of 0 .. count.
  template <class Body>
  void parallel(int64_t count, int64_t grain, const Body& body) const {
    if (pool == nullptr) {
      if (count > 0) body(int64_t{0}, count, 0);
    } else {
      pool->parallel_for(count, grain, body);
    }
  }
};

using Kernel = std::function<void(const Run&)>;

// Whether cells of this type hold floats; others hold int32.
inline bool is_float(ElementType type) {
  return type == ElementType::fp16 || type == ElementType::fp32 || type == ElementType::bf16;
}

// Elements in[0], in[step], … as numbers; with `decoded`, infinities and NaN as the engine reads
// them.
void load_cells(const float* in, int64_t step, int64_t n, ElementType type, bool decoded,
                double* out);

// Rounds to the element type as the numerics want it and stores at out[0], out[step], …
void store_cells(const double* in, int64_t n, ElementType type, const Numerics& numerics,
                 float* out, int64_t step = 1);

// What comes by a way that multiplies by 16 and takes it back: beyond 4,094 an infinity.
void overflow_by_gain(float* cells, int64_t n);

// The smallest and largest number of an integer type.
struct IntegerRange {
  double low, high;
};
IntegerRange integer_range(ElementType type);
bool is_integer(ElementType type);
int bits_of(ElementType type);

}  // namespace anec::emulator
