// Where the values of a function lie while it runs, planned once.

#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "plan.h"

namespace anec::emulator {

class Memory {
 public:
  // Plans and allocates, and runs the steps whose operands are all constant.
  static anec::Result<std::unique_ptr<Memory>> create(const FunctionPlan& plan,
                                                      const Numerics& numerics, ThreadPool* pool);

  bool serves(const Numerics& numerics, int threads) const;

  float* cells_of(int slot) const { return slots_[size_t(slot)]; }

  // Runs the steps that are constant, or the others. A complaint of a kernel is an error.
  anec::Result<void> run(bool constant_steps, ThreadPool* pool) const;

 private:
  struct Free {
    void operator()(std::byte* p) const { ::operator delete(p, std::align_val_t{64}); }
  };
  using Block = std::unique_ptr<std::byte, Free>;

  Memory(const FunctionPlan& plan, const Numerics& numerics, int threads)
      : plan_(plan), numerics_(numerics), threads_(threads) {}
  static Block allocate(size_t bytes);
  bool place();

  const FunctionPlan& plan_;
  Numerics numerics_;
  int threads_;
  Block block_;
  std::byte* scratch_ = nullptr;
  std::byte* thread_scratch_ = nullptr;
  int64_t thread_stride_ = 0;
  std::vector<float*> slots_;
  std::vector<std::vector<float*>> in_, out_;  // of each step
};

}  // namespace anec::emulator
