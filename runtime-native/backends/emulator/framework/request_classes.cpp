// Surfaces, requests, clients, counters and the device's description; and the evaluation of a
// request.

#include "model_classes.h"

#include <algorithm>

#include "classes.h"
#include "state.h"

namespace anec::emulator {
namespace {

constexpr int64_t connection_interrupted = 4097;  // NSXPCConnectionInterrupted

std::string request_failure(const char* status, const char* kind, const char* words) {
  return std::string(
             "processRequest:model:qos:qIndex:modelStringID:options:error:: "
             "ANEProgramProcessRequestDirect() Failed with status=") +
         status + " : statusType=" + kind + ": Program Inference " + words;
}

signed char inference_error(void** error, const char* status, const std::string& reason) {
  return fail(error, engine_domain, 8, request_failure(status, "0x9", "error"),
              {{"AnecEmulatorReason", text(reason)}});
}

// + objectWithIOSurface:
Object* make_surface_object(Object*, Selector, const void* surface) {
  SurfaceMemory* memory = surface_in(surface, "+[_ANEIOSurfaceObject objectWithIOSurface:]");
  if (memory == nullptr || happens(Fault::nil_wrapper)) return nullptr;
  return autorelease(new SurfaceObject(memory));
}

bool read_side(const void* surfaces, const void* indices, std::vector<SurfaceObject*>& objects,
               std::vector<int64_t>& symbols) {
  const char* where = "+[_ANERequest requestWithInputs:…]";
  const Array* list = array_in(surfaces, where);
  const Array* numbers = array_in(indices, where);
  if (list == nullptr || numbers == nullptr) return false;
  if (list->items.size() != numbers->items.size()) {
    violation(std::string(where) + ": as many indices as surfaces are needed");
    return false;
  }
  for (Object* item : list->items) {
    if (name_of(item) != "_ANEIOSurfaceObject") {
      violation(std::string(where) + ": a " + name_of(item) + " where a surface should be");
      return false;
    }
    objects.push_back(static_cast<SurfaceObject*>(retain(item)));
  }
  for (const Object* item : numbers->items) {
    const Number* number = number_in(item, where);
    if (number == nullptr) return false;
    symbols.push_back(number->value);
  }
  return true;
}

Object* make_request(const void* inputs, const void* input_indices, const void* outputs,
                     const void* output_indices, const void* procedure) {
  auto* request = new Request();
  autorelease(request);
  const Number* index = number_in(procedure, "+[_ANERequest …procedureIndex:]");
  const bool good = read_side(inputs, input_indices, request->inputs, request->input_symbols) &&
                    read_side(outputs, output_indices, request->outputs, request->output_symbols);
  if (!good || index == nullptr || happens(Fault::nil_request)) return nullptr;
  request->procedure = index->value;
  return request;
}

void expect_nil(const void* object, const char* what) {
  if (object != nullptr) violation(std::string("+[_ANERequest …]: the emulator has no ") + what);
}

Object* request_with_both(Object*, Selector, const void* in, const void* in_at, const void* out,
                          const void* out_at, const void* weights, const void* stats,
                          const void* procedure) {
  expect_nil(weights, "weights buffer");
  expect_nil(stats, "counters given from outside");
  return make_request(in, in_at, out, out_at, procedure);
}

Object* request_with_stats(Object*, Selector, const void* in, const void* in_at, const void* out,
                           const void* out_at, const void* stats, const void* procedure) {
  expect_nil(stats, "counters given from outside");
  return make_request(in, in_at, out, out_at, procedure);
}

Object* request_with_weights(Object*, Selector, const void* in, const void* in_at, const void* out,
                             const void* out_at, const void* weights, const void* procedure) {
  expect_nil(weights, "weights buffer");
  return make_request(in, in_at, out, out_at, procedure);
}

Object* request_plain(Object*, Selector, const void* in, const void* in_at, const void* out,
                      const void* out_at, const void* procedure) {
  return make_request(in, in_at, out, out_at, procedure);
}

// _ANEPerformanceStats: only ever made by an evaluation.
struct Stats : Object {
  int64_t ns;
  explicit Stats(int64_t n) : Object(declare_class("_ANEPerformanceStats"), Kind::other), ns(n) {}
};

Object* stats_of(Request* self, Selector) {
  return self->hardware_ns == 0 ? nullptr : autorelease(new Stats(self->hardware_ns));
}
Object* stats_list(Request* self, Selector selector) {
  Object* stats = stats_of(self, selector);
  return stats == nullptr ? array({}) : array({stats});
}
uint64_t stats_ns(Stats* self, Selector) { return static_cast<uint64_t>(self->ns); }

Object* client() {
  static Object* shared = [] {
    struct Client : Object {
      Client() : Object(declare_class("_ANEClient"), Kind::other) { shared = true; }
    };
    return new Client();
  }();
  return shared;
}

Object* shared_client(Object*, Selector) { return client(); }

signed char evaluate_by_client(Object*, Selector, const void* model, const void* how,
                               const void* request, uint32_t qos, void** error) {
  Object* found = checked(model, Kind::other, "-[_ANEClient evaluateWithModel:…]");
  if (found == nullptr || name_of(found) != "_ANEInMemoryModel") {
    violation("-[_ANEClient evaluateWithModel:…]: a " + name_of(found) +
              " where a model should be");
    return 0;
  }
  return evaluate_request(static_cast<Model*>(found), qos, how, request, error);
}

// Surfaces in the order of binding. Empty if every one is there, is named once and is big enough.
std::string bind_side(const std::vector<SurfaceObject*>& objects,
                      const std::vector<int64_t>& symbols, const std::vector<PortLayout>& ports,
                      int64_t first, const char*& status, std::vector<SurfaceMemory*>& bound) {
  status = "0x1d";
  if (objects.size() != ports.size())
    return std::to_string(objects.size()) + " surfaces for " + std::to_string(ports.size()) +
           " ports";
  bound.assign(ports.size(), nullptr);
  for (size_t i = 0; i < objects.size(); ++i) {
    const int64_t at = symbols[i] - first;
    if (at < 0 || at >= static_cast<int64_t>(ports.size()) ||
        bound[static_cast<size_t>(at)] != nullptr) {
      status = "0x2";
      return "symbol " + std::to_string(symbols[i]) +
             " is not one of this procedure, or is named twice";
    }
    bound[static_cast<size_t>(at)] = objects[i]->memory;
  }
  for (size_t i = 0; i < ports.size(); ++i) {
    const int64_t needed = std::max({ports[i].bytes(), page, options().minimum_surface});
    if (bound[i]->size < needed)
      return "port `" + ports[i].name + "` needs " + std::to_string(needed) + " bytes and has " +
             std::to_string(bound[i]->size);
    if (bound[i]->is_locked()) violation("a surface was evaluated while the host had it locked");
  }
  return "";
}

signed char yes(Object*, Selector) { return options().engine ? 1 : 0; }
Object* architecture(Object*, Selector) { return text(architecture_of(options())); }
Object* build(Object*, Selector) { return text(build_of(options())); }
Object* product(Object*, Selector) { return text("anec emulator of " + options().chip); }
uint32_t cores(Object*, Selector) { return 16; }

}  // namespace

SurfaceObject::SurfaceObject(SurfaceMemory* m)
    : Object(declare_class("_ANEIOSurfaceObject"), Kind::other), memory(m) {
  retain(memory);
}
SurfaceObject::~SurfaceObject() { release(memory); }

Request::Request() : Object(declare_class("_ANERequest"), Kind::other) {}
Request::~Request() {
  for (SurfaceObject* object : inputs) release(object);
  for (SurfaceObject* object : outputs) release(object);
}

signed char evaluate_request(Model* model, uint32_t qos, const void* how, const void* given,
                             void** error) {
  if (!check_call("evaluate…", qos, how)) return 0;
  Object* object = checked(given, Kind::other, "evaluate…: the request");
  if (object == nullptr || name_of(object) != "_ANERequest") {
    violation("evaluate…: a " + name_of(object) + " where a request should be");
    return 0;
  }
  auto* request = static_cast<Request*>(object);
  ++counters().evaluations;
  if (happens(Fault::daemon_restart)) restart_service();

  std::shared_ptr<const Compiled> loaded;
  {
    const std::lock_guard guard(model->mutex);
    if (model->loaded == nullptr) {
      violation("a program was evaluated that is not loaded");
      return inference_error(error, "0xd", "the program is not loaded");
    }
    if (model->epoch != service_epoch())
      return fail(error, "NSCocoaErrorDomain", connection_interrupted,
                  "The connection to service named com.apple.appleneuralengine was interrupted.");
    loaded = model->loaded;
  }
  if (request->procedure < 0 || request->procedure >= static_cast<int64_t>(loaded->entries.size()))
    return inference_error(error, "0x2", "there is no such procedure");
  const Entry& entry = loaded->entries[static_cast<size_t>(request->procedure)];

  const char* status = nullptr;
  std::vector<SurfaceMemory*> inputs, outputs;
  std::string fault = bind_side(request->inputs, request->input_symbols, entry.inputs,
                                entry.first_input, status, inputs);
  if (fault.empty())
    fault = bind_side(request->outputs, request->output_symbols, entry.outputs, entry.first_output,
                      status, outputs);
  if (!fault.empty()) return inference_error(error, status, fault);
  if (happens(Fault::timeout))
    return fail(error, engine_domain, 3, request_failure("0xf", "0x11", "timeout: timed out"));
  if (happens(Fault::inference)) return inference_error(error, "0x16", "a fault that passes");

  if (auto done = run(*loaded, entry, inputs, outputs); !done.ok())
    return inference_error(error, "0x16", done.error().message);
  const bool counted = options().counters && model->counter_mask != 0;
  request->hardware_ns = counted ? entry.predicted_ns : 0;
  return 1;
}

void declare_request_classes() {
  Class* surface = declare_class("_ANEIOSurfaceObject");
  factory_method(surface, "objectWithIOSurface:", make_surface_object);

  Class* request = declare_class("_ANERequest");
  const std::string start = "requestWithInputs:inputIndices:outputs:outputIndices:";
  static const std::string forms[] = {
      start + "weightsBuffer:perfStats:procedureIndex:", start + "perfStats:procedureIndex:",
      start + "weightsBuffer:procedureIndex:", start + "procedureIndex:"};
  factory_method(request, forms[0].c_str(), request_with_both);
  factory_method(request, forms[1].c_str(), request_with_stats);
  factory_method(request, forms[2].c_str(), request_with_weights);
  factory_method(request, forms[3].c_str(), request_plain);
  instance_method(request, "perfStats", stats_of);
  instance_method(request, "perfStatsArray", stats_list);

  Class* stats = declare_class("_ANEPerformanceStats");
  instance_method(stats, "hwExecutionTime", stats_ns);

  Class* client = declare_class("_ANEClient");
  factory_method(client, "sharedConnection", shared_client);
  instance_method(client, "evaluateWithModel:options:request:qos:error:", evaluate_by_client);
  instance_method(client,
                  "doEvaluateDirectWithModel:options:request:qos:error:", evaluate_by_client);
  instance_method(declare_class("_ANEInMemoryModel"), "sharedConnection", shared_client);

  Class* info = declare_class("_ANEDeviceInfo");
  factory_method(info, "hasANE", yes);
  factory_method(info, "aneArchitectureType", architecture);
  factory_method(info, "buildVersion", build);
  factory_method(info, "productName", product);
  factory_method(info, "numANECores", cores);
}

}  // namespace anec::emulator
