// _ANEInMemoryModelDescriptor, _ANEInMemoryModel and the requests they are run with.

#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "foundation.h"
#include "service.h"

namespace anec::emulator {

// The domain of the engine's own errors.
inline constexpr const char* engine_domain = "com.apple.appleneuralengine";

struct Descriptor : Object {
  std::string mil, options;
  std::vector<std::pair<std::string, std::string>> weights;  // path, bytes
  std::string identifier;
  Descriptor();
};

struct Model : Object {
  Descriptor* descriptor;  // owned
  std::mutex mutex;
  bool compiled_here = false;
  std::shared_ptr<const Compiled> loaded;
  int64_t epoch = 0;  // the service's, when it was loaded
  uint32_t counter_mask = 0;
  explicit Model(Descriptor* d);
  ~Model() override;
};

struct SurfaceObject : Object {
  SurfaceMemory* memory;  // owned
  explicit SurfaceObject(SurfaceMemory* m);
  ~SurfaceObject() override;
};

struct Request : Object {
  std::vector<SurfaceObject*> inputs, outputs;  // owned
  std::vector<int64_t> input_symbols, output_symbols;
  int64_t procedure = 0;
  std::atomic<int64_t> hardware_ns{0};
  Request();
  ~Request() override;
};

// evaluateWithQoS:options:request:error:, whoever it is sent to.
signed char evaluate_request(Model* model, uint32_t qos, const void* options, const void* request,
                             void** error);

// The arguments every call has: a quality of service, a dictionary of options, a place for an
// error.
bool check_call(const char* where, uint32_t qos, const void* options);

void declare_model_classes();
void declare_request_classes();

}  // namespace anec::emulator
