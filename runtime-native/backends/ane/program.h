// A program on the engine: compiled, loaded, and run on surfaces.
//
// A service of the system owns what is loaded. When that service restarts, the program is loaded
// again, and compiled again if need be; the caller sees an error only if that fails too.

#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string>
#include <vector>

#include "binding.h"
#include "model_folder.h"
#include "program_source.h"
#include "surface.h"

namespace anec::ane {

class Device;

class Program {
 public:
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program();

  const ProgramSource& source() const { return source_; }
  const Binding& binding() const { return binding_; }
  // The framework's name of the program: a digest of its text, options and weights.
  const std::string& identifier() const { return identifier_; }

  // Where an evaluation expects a port's values; `port` counts in the declared order.
  const Layout& input_layout(int port, int procedure = 0) const;
  const Layout& output_layout(int port, int procedure = 0) const;

  // Runs a procedure. Surfaces are in the declared order of its ports and not locked. Requests are
  // made once for each set of surfaces and kept.
  Result<void> evaluate(std::span<Surface* const> inputs, std::span<Surface* const> outputs,
                        int procedure = 0);

  // Makes the request of an evaluation ahead of it, and finds everything that is wrong with it.
  Result<void> prepare_request(std::span<Surface* const> inputs, std::span<Surface* const> outputs,
                               int procedure = 0);

  // Gives the engine's memory back until the next evaluation.
  Result<void> unload();
  bool loaded() const { return loaded_; }

  // What the compiler left beside the program's own files: enough to load it in another process, on
  // systems that leave something.
  std::vector<FileData> compiled() const;

  // Forgets the requests made of a surface that is about to go.
  void forget(const Surface& surface);

  // Nanoseconds of the engine in the last evaluation; 0 where the chip gives none.
  uint64_t hardware_ns() const { return hardware_ns_; }

 private:
  friend class Device;
  struct Request {
    int procedure = 0;
    std::vector<uint64_t> surfaces;  // numbers of the inputs, then of the outputs
    Owned object;
    uint64_t used = 0;
  };

  Program(Device& device, const ProgramSource& source) : device_(device), source_(source) {}
  Result<void> prepare();
  Result<void> compile();
  Result<void> load();
  Result<void> load_once();
  Result<void> load_or_compile();
  Result<void> reload(uint64_t generation);
  Result<void> check_surfaces(std::span<Surface* const> inputs, std::span<Surface* const> outputs,
                              int procedure) const;
  Result<std::shared_ptr<Request>> request(std::span<Surface* const> inputs,
                                           std::span<Surface* const> outputs, int procedure);
  Result<std::shared_ptr<Request>> make_request(std::span<Surface* const> inputs,
                                                std::span<Surface* const> outputs,
                                                int procedure) const;
  Result<void> evaluate_once(const Request& request, std::string& words, uint64_t& generation);
  Error failure(const char* code, const std::string& what, const std::string& words) const;

  Device& device_;
  ProgramSource source_;
  std::string identifier_;
  std::unique_ptr<ModelFolder> folder_;
  Owned descriptor_, model_, options_;
  Binding binding_;

  // Held shared while evaluating, alone while loading or unloading.
  mutable std::shared_mutex state_;
  std::atomic<bool> loaded_{false};
  uint64_t generation_ = 0;  // counts loads
  std::atomic<uint64_t> hardware_ns_{0};

  std::mutex requests_mutex_;
  std::vector<std::shared_ptr<Request>> requests_;
  uint64_t clock_ = 0;
};

}  // namespace anec::ane
