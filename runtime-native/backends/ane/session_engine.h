// The Neural Engine as a session's engine: the programs, surfaces and calls of a plan, compiled and
// allocated once.

#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "anec/engine.h"
#include "workspace.h"

namespace anec::ane {

// A plan's engine part, as the binding hands it over.
struct EngineSource {
  struct Call {
    int program;
    std::string label;
    std::vector<int> inputs, outputs;  // surfaces in the order of the ports
  };
  std::vector<ProgramSource> programs;
  std::vector<std::vector<int64_t>> surfaces;  // [1, C, 1, W]
  std::vector<Call> calls;
};

class SessionEngine : public Engine {
 public:
  static Result<std::unique_ptr<SessionEngine>> create(const EngineSource& source,
                                                       DeviceOptions device, CacheOptions cache);

  int64_t surfaces() const override { return workspace_->surfaces(); }
  Extent extent(int64_t surface) const override;
  int64_t calls() const override { return workspace_->calls(); }

  Result<void> write(const EnginePlace& place, const float* value) override;
  Result<void> read(const EnginePlace& place, float* value) override;
  Result<void> copy(const EngineCopy& copy) override;
  Result<void> call(int64_t index) override;

  const Device& device() const { return *device_; }
  CacheCounts cache_counts() const { return cache_->counts(); }
  // Values that did not fit into fp16 since the engine was made.
  int64_t overflows() const { return overflows_; }
  // Bytes moved by write, read and copy.
  int64_t bytes_written() const { return written_; }
  int64_t bytes_read() const { return read_; }

 private:
  SessionEngine() = default;
  template <class Lock, class T>
  static Result<int64_t> move(Lock& lock, const EnginePlace& place, T* value);

  // In the order in which they must go: the workspace first.
  std::unique_ptr<Device> device_;
  std::unique_ptr<ProgramCache> cache_;
  std::unique_ptr<Workspace> workspace_;
  std::vector<std::string> labels_;
  std::vector<float> scratch_;
  int64_t overflows_ = 0, written_ = 0, read_ = 0;
};

}  // namespace anec::ane
