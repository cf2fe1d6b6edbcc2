// A session: the memory of one plan and the programs that run on it.
//
// A plan arrives as a list of numbers and a list of strings (`runtime-native/js/encode.ts` writes
// them, `plan_reader.cpp` reads them). Everything in it is checked before memory is touched: buffers
// lie in their arena, operands in their buffer, and every command passes its kernel's size rule.

#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "anec/blas.h"
#include "anec/engine.h"
#include "anec/kernel.h"
#include "anec/overlap.h"
#include "anec/ranks.h"
#include "anec/result.h"
#include "anec/thread_pool.h"

namespace anec {

// Zeroed memory on a 64-byte boundary, in huge pages where the system has them.
class Arena {
 public:
  // `what` names the memory in the error.
  static Result<std::shared_ptr<Arena>> create(int64_t bytes, const char* what);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  char* data() const { return data_; }
  int64_t bytes() const { return bytes_; }

 private:
  Arena() = default;
  char* data_ = nullptr;
  int64_t bytes_ = 0;   // asked for
  size_t mapped_ = 0;
};

// What a plan says, with indices resolved and sizes checked.
struct Plan {
  struct Buffer {
    std::string name;
    int arena;  // 0 state, 1 scratch
    DType dtype;
    int64_t offset, bytes;
  };
  struct Operand {
    int buffer;  // -1: absent
    int64_t offset;
  };
  struct Command {
    const Kernel* kernel;
    std::string label;
    std::vector<Operand> operands;
    std::vector<int64_t> ints;
    std::vector<double> floats;
    std::vector<void*> pointers;  // of the operands, once memory exists
    bool in_library = true;       // a product that the BLAS computes, if there is one
  };
  struct Program {
    std::string name;
    std::vector<Command> commands;
    std::vector<CommandOrder> order;  // one for each command, or empty: one after another
  };
  int64_t arena_bytes[2] = {0, 0};
  int64_t shared_floats = 0, thread_floats = 0;
  std::vector<Buffer> buffers;
  std::vector<Program> programs;
};

Result<Plan> read_plan(std::span<const double> words, const std::vector<std::string>& strings,
                       std::span<const Kernel* const> kernels);

// Which products a BLAS computes: those of these sizes.
struct ProductSize {
  int64_t m, n, k;
  bool trans_a, trans_b;
  bool operator==(const ProductSize&) const = default;
};

struct DeviceOptions {
  int threads = 0;              // 0: one per processor
  std::string blas = "auto";
  std::string simd = "auto";
  std::vector<ProductSize> in_library;  // empty: all products are the BLAS's, where there is one
};

// The processor as a session uses it.
struct Device {
  std::unique_ptr<ThreadPool> pool;
  const Blas* blas = nullptr;
  const MicroKernel* simd = nullptr;

  static Result<Device> open(const DeviceOptions& options);
};

class Session {
 public:
  static Result<std::unique_ptr<Session>> create(std::span<const double> words,
                                                 const std::vector<std::string>& strings,
                                                 const DeviceOptions& options);

  // Runs every command of a program, or up to the first that finds a fault in its data. When each
  // command starts and ends goes to `times`, in milliseconds, as far as it reaches. Sums over the ranks are left
  // out unless the run is the `last` of its group.
  Result<void> run(int program, bool first, std::span<double> times = {}, bool last = false);

  // Gives the session its engine. Plans with commands of an engine do not run without one. With `overlaps`,
  // programs that say how run beside its calls; otherwise their commands run one after another.
  Result<void> attach(std::unique_ptr<Engine> engine, bool overlaps);
  Engine* engine() const { return engine_.get(); }

  // Gives the session its ranks: sums over them run beside the host's work. `ranks` outlives the session.
  Result<void> attach(const Ranks& ranks);

  int programs() const { return static_cast<int>(plan_.programs.size()); }
  const Device& device() const { return device_; }
  const std::shared_ptr<Arena>& arena(int index) const { return arenas_[index]; }

 private:
  Session() = default;
  class Run;
  Result<void> run_elsewhere(const Plan::Command& command);
  Result<void> open_lanes();

  Plan plan_;
  Device device_;
  std::shared_ptr<Arena> arenas_[2];
  std::unique_ptr<Engine> engine_;
  bool beside_engine_ = false;
  const Ranks* ranks_ = nullptr;
  std::unique_ptr<Overlap> overlap_;  // goes before the engine, which its threads use
  std::shared_ptr<Arena> work_;  // shared scratch, then one piece per thread
  int64_t thread_stride_ = 0;
};

}  // namespace anec
