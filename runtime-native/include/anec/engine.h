// An engine beside the processor, as a session uses it: surfaces, calls, and what moves between them
// and the session's memory.
//
// Commands named `engine_…` go to it; everything else runs on the processor. A session is given its engine
// once, and every command is checked against the engine's surfaces and calls then.

#pragma once

#include <cstdint>
#include <span>

#include "anec/kernel.h"
#include "anec/result.h"

namespace anec {

// Where a value [lead, rows, columns] lies on a surface. Laid out as rows it is a matrix of lead · rows
// rows; as channels the last two axes are swapped first. Each block holds as many rows of that matrix as
// it has, and the next one goes on.
struct EnginePlace {
  struct Block {
    int64_t row, column, rows, columns;
  };
  int64_t surface;
  bool channels;
  int64_t lead, rows, columns;
  int64_t count;
  const int64_t* blocks;  // count times [row, column, rows, columns]

  int64_t height() const { return lead * (channels ? columns : rows); }
  int64_t width() const { return channels ? rows : columns; }
  int64_t elements() const { return lead * rows * columns; }
  Block block(int64_t i) const {
    return {blocks[4 * i], blocks[4 * i + 1], blocks[4 * i + 2], blocks[4 * i + 3]};
  }
  static EnginePlace of(const int64_t* ints) {
    return {ints[0], ints[1] == 1, ints[2], ints[3], ints[4], ints[5], ints + 6};
  }
};

// Rows and columns of one surface that are copied to another.
struct EngineCopy {
  int64_t from, to, from_row, from_column, to_row, to_column, rows, columns;
  static EngineCopy of(const int64_t* ints) {
    return {ints[0], ints[1], ints[2], ints[3], ints[4], ints[5], ints[6], ints[7]};
  }
};

class Engine {
 public:
  struct Extent {
    int64_t rows, columns;
  };
  virtual ~Engine() = default;

  virtual int64_t surfaces() const = 0;
  virtual Extent extent(int64_t surface) const = 0;
  virtual int64_t calls() const = 0;

  virtual Result<void> write(const EnginePlace& place, const float* value) = 0;
  // As `write`, unless the surface holds the value already.
  virtual Result<void> stage(const EnginePlace& place, const float* value) = 0;
  virtual Result<void> read(const EnginePlace& place, float* value) = 0;
  virtual Result<void> copy(const EngineCopy& copy) = 0;
  virtual Result<void> call(int64_t index) = 0;
};

// engine_write, engine_stage, engine_read, engine_copy, engine_call. They have no function: the session runs them.
std::span<const Kernel* const> engine_kernels();

// Whether it is the one that calls a program, rather than moves values.
bool is_engine_call(const Kernel& kernel);

// Runs one of them. `value` is its operand, if it has one.
Result<void> run_engine_command(Engine& engine, const Kernel& kernel, const int64_t* ints, float* value);
// Whether the engine has what a command speaks of.
Result<void> check_engine_command(const Engine& engine, const Kernel& kernel, const int64_t* ints);

}  // namespace anec
