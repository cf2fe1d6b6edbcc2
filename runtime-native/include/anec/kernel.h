// What a host kernel is: a name, a size rule, and a function.
//
// The size rule (`describe`) reads the integers of a command and says what each operand must hold
// and how much scratch is needed. It runs once per command when a session is made, on numbers nobody
// has checked, with arithmetic that saturates; the function runs every step and trusts it. What only
// the data can tell (an id beyond its table, a position beyond its cache) the function checks itself
// and answers with a Fault.

#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "anec/gemm.h"
#include "anec/thread_pool.h"

namespace anec {

struct Blas;

enum class DType : int32_t { f32, i32, f64 };
inline constexpr int max_rank = 8;
inline constexpr int max_operands = 40;

// A non-negative count that saturates instead of overflowing.
struct Count {
  static constexpr int64_t most = INT64_MAX;
  int64_t n;
  constexpr Count(int64_t value) : n(value) {}
  friend Count operator*(Count a, Count b) {
    int64_t r;
    return __builtin_mul_overflow(a.n, b.n, &r) ? Count(most) : Count(r);
  }
  friend Count operator+(Count a, Count b) {
    int64_t r;
    return __builtin_add_overflow(a.n, b.n, &r) ? Count(most) : Count(r);
  }
};

// The argument of a size rule.
class Shape {
 public:
  Shape(std::span<const int64_t> ints, int floats, int operands)
      : ints_(ints), floats_(floats), operands_(operands) {}

  // The next integer. Each returns 0 after a failure, so a rule may go on reading.
  int64_t dim(const char* what);                     // >= 0
  int64_t positive(const char* what);                // >= 1
  int64_t choice(const char* what, int64_t limit);   // 0 .. limit − 1
  int64_t remaining() const { return static_cast<int64_t>(ints_.size()) - next_; }

  void expect_floats(int count);
  int floats() const { return floats_; }
  int operands() const { return operands_; }

  // Operand `index` holds at least `elements`.
  void operand(int index, DType dtype, Count elements);
  // The same, for an operand that a plan may leave out.
  void optional_operand(int index, DType dtype, Count elements);
  // Any 4-byte dtype; f32 only if `arithmetic`.
  void operand_4_bytes(int index, Count elements, bool arithmetic);

  void shared_scratch(Count floats);
  void thread_scratch(Count floats);

  void require(bool condition, const std::string& complaint);
  bool ok() const { return complaint_.empty(); }

  // Elements a strided walk touches: 0 if any size is 0, else 1 + Σ (size − 1) · stride.
  struct Axis {
    int64_t size, stride;
  };
  static Count reach(std::span<const Axis> axes);
  static Count reach(std::initializer_list<Axis> axes) {
    return reach(std::span<const Axis>(axes.begin(), axes.size()));
  }

  // What the rule said. The session reads these.
  struct Need {
    bool mentioned = false, optional = false, any_4_bytes = false;
    DType dtype = DType::f32;
    int64_t elements = 0;
  };
  const Need& need(int index) const { return needs_[index]; }
  int64_t shared_floats() const { return shared_; }
  int64_t thread_floats() const { return thread_; }
  // Call after the rule: checks that every integer was read and every operand mentioned.
  void finish();
  const std::string& complaint() const { return complaint_; }

 private:
  int64_t next(const char* what);

  std::span<const int64_t> ints_;
  int64_t next_ = 0;
  int floats_;
  int operands_;
  Need needs_[max_operands];
  int64_t shared_ = 0, thread_ = 0;
  bool floats_expected_ = false;
  std::string complaint_;
};

// What was wrong with the data of a run. `what` is null when nothing was.
struct Fault {
  const char* what = nullptr;  // "id", "target", "position"
  int64_t value = 0;
  int64_t position = 0;  // where in its operand
  int64_t limit = 0;     // the first value that is too large
  bool ok() const { return what == nullptr; }
};

// The argument of a kernel function.
struct Call {
  void* const* operands;  // null where absent
  const int64_t* ints;
  const double* floats;
  bool first;  // the run is the first of its accumulation group
  ThreadPool& pool;
  const MicroKernel& simd;
  const Blas* blas;  // null: the built-in matrix product
  float* shared;
  float* thread_base;
  int64_t thread_stride;

  float* f32(int i) const { return static_cast<float*>(operands[i]); }
  const int32_t* i32(int i) const { return static_cast<const int32_t*>(operands[i]); }
  double* f64(int i) const { return static_cast<double*>(operands[i]); }
  float* scratch(int thread) const { return thread_base + thread * thread_stride; }
  // Whether write mode `write` keeps what the output holds.
  bool adds(int64_t write) const { return write == 1 || (write == 2 && !first); }
};

struct Kernel {
  const char* name;
  void (*describe)(Shape& shape);
  Fault (*run)(const Call& call);
};

// The table of kernels compiled for the instruction set of `simd`.
std::span<const Kernel* const> kernels_for(const MicroKernel& simd);

inline constexpr int64_t write_modes = 3;

}  // namespace anec
