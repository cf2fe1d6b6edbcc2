// The Neural Engine as a device: it compiles programs and counts what that costs.
//
//     auto device = Device::open({});                          // Apple's framework
//     auto device = Device::open({.library = emulator_path});  // the stand-in
//     auto program = device.value()->compile(source);
//     program.value()->evaluate(inputs, outputs);
//
// Programs and surfaces keep a pointer to their device: close it last. A device may be used from
// several threads.

#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "framework.h"
#include "model_folder.h"
#include "program.h"
#include "program_source.h"
#include "surface.h"

namespace anec::ane {

// How often a failure that may go away is tried again, and how long is waited in between:
// `first_ms`, then twice as long each time, up to `most_ms`.
struct RetryPolicy {
  int attempts = 5;
  int first_ms = 100;
  int most_ms = 1000;
};

struct DeviceOptions {
  std::string library;    // stands in for Apple's frameworks; empty: Apple's
  std::string temporary;  // where program folders go if the framework does not say; empty: TMPDIR
  int compile_budget =
      -1;                // compiles this process may do; −1: what is known of this macOS; 0: no end
  int in_flight = 2;     // evaluations at once; the engine's queue has two slots
  bool counters = true;  // ask for the engine's own time
  RetryPolicy retry;
  std::function<void(const std::string&)> say;  // one sentence whenever something was mended
};

struct DeviceInfo {
  std::string architecture;  // "h16g"; empty where this macOS does not say
  std::string build;         // "24F74"
  std::string product;
  int64_t cores = 0;
  std::string way;         // how programs are evaluated: "direct", "client" or "model"
  int compile_budget = 0;  // 0: no end
};

// What a device has done since it was opened.
struct DeviceCounts {
  std::atomic<int64_t> compiles{0}, loads{0}, evaluations{0}, retries{0}, reloads{0};
  std::atomic<uint64_t> hardware_ns{0};
};

class Device {
 public:
  static Result<std::unique_ptr<Device>> open(DeviceOptions options);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const DeviceInfo& info() const { return info_; }
  const DeviceCounts& counts() const { return counts_; }
  const Framework& framework() const { return *framework_; }
  // Compiles left in this process, or −1 for no end.
  int64_t compiles_left() const;

  // Compiles and loads. A program the system has compiled before is only loaded.
  Result<std::unique_ptr<Program>> compile(const ProgramSource& source);
  // Loads a program from what its compiler left behind in an earlier run; never compiles.
  Result<std::unique_ptr<Program>> load(const ProgramSource& source,
                                        const std::vector<FileData>& compiled);

  Result<std::unique_ptr<Surface>> surface(const Layout& layout) const;

 private:
  friend class Program;
  friend class ProgramCache;
  explicit Device(DeviceOptions options) : options_(std::move(options)) {}

  void say(const std::string& sentence) const;
  void wait_before(int attempt);
  std::string folder_of(Id model, const std::string& identifier) const;

  // A slot of the engine's queue for the length of one evaluation.
  void take_slot();
  void give_slot();

  DeviceOptions options_;
  DeviceInfo info_;
  DeviceCounts counts_;
  std::unique_ptr<Framework> framework_;
  std::mutex slots_mutex_;
  std::condition_variable slot_free_;
  int slots_ = 0;
};

}  // namespace anec::ane
