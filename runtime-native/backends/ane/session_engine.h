// The Neural Engine as a session's engine: the programs, surfaces and calls of a plan, compiled and
// allocated once.

#pragma once

#include <memory>
#include <mutex>
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
  Result<void> stage(const EnginePlace& place, const float* value) override;
  Result<void> read(const EnginePlace& place, float* value) override;
  Result<void> copy(const EngineCopy& copy) override;
  Result<void> call(int64_t index) override;

  const Device& device() const { return *device_; }
  CacheCounts cache_counts() const { return cache_->counts(); }
  // Values that did not fit into fp16 since the engine was made.
  int64_t overflows() const { return overflows_; }
  // Bytes on surfaces moved by write, read and copy, and by stage where the surface held something else.
  int64_t bytes_written() const { return written_; }
  int64_t bytes_read() const { return read_; }
  int64_t bytes_copied() const { return copied_; }
  int64_t bytes_staged() const { return staged_; }

  // Sentences on what was mended since this was last asked: compiles and runs that were tried again, entries
  // of the cache that were made anew. May be called while another thread runs.
  std::vector<std::string> take_notes();

 private:
  SessionEngine() = default;
  struct Notes {
    std::mutex mutex;
    std::vector<std::string> sentences;
  };
  template <class T, class Visit>
  static Result<void> for_each_block(const EnginePlace& place, T* value, const Visit& visit);
  Result<int64_t> put(const EnginePlace& place, const float* value);
  Result<bool> holds(const EnginePlace& place, const float* value);

  // The device writes notes until it goes, the workspace needs the others: members go last to first.
  std::unique_ptr<Notes> notes_ = std::make_unique<Notes>();
  std::unique_ptr<Device> device_;
  std::unique_ptr<ProgramCache> cache_;
  std::unique_ptr<Workspace> workspace_;
  std::vector<std::string> labels_;
  std::vector<float> scratch_;
  int64_t overflows_ = 0, written_ = 0, read_ = 0, copied_ = 0, staged_ = 0;
};

}  // namespace anec::ane
