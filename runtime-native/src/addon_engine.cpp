// A session's engine from JavaScript: programs, surfaces and calls as `compiler/bundle/plan.ts` has them.

#include <string>
#include <vector>

#include "addon.h"
#include "backends/ane/session_engine.h"

namespace anec {
namespace {

std::string text_of(const Napi::Object& object, const char* key) {
  const Napi::Value value = object.Get(key);
  return value.IsString() ? value.As<Napi::String>().Utf8Value() : std::string();
}

std::vector<int64_t> numbers_of(const Napi::Value& value) {
  std::vector<int64_t> numbers;
  if (!value.IsArray()) return numbers;
  const Napi::Array list = value.As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); ++i) {
    const Napi::Value item = list.Get(i);
    numbers.push_back(item.IsNumber() ? item.As<Napi::Number>().Int64Value() : -1);
  }
  return numbers;
}

std::vector<Napi::Object> objects_of(const Napi::Object& object, const char* key) {
  std::vector<Napi::Object> found;
  const Napi::Value value = object.Get(key);
  if (!value.IsArray()) return found;
  const Napi::Array list = value.As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); ++i) {
    const Napi::Value item = list.Get(i);
    if (item.IsObject()) found.push_back(item.As<Napi::Object>());
  }
  return found;
}

std::vector<ane::Port> ports_of(const Napi::Object& program, const char* key) {
  std::vector<ane::Port> ports;
  for (const Napi::Object& port : objects_of(program, key))
    ports.push_back({text_of(port, "name"), ane::ElementType::fp16, numbers_of(port.Get("shape"))});
  return ports;
}

ane::ProgramSource program_of(const Napi::Object& object) {
  ane::ProgramSource source;
  source.name = text_of(object, "name");
  source.mil = text_of(object, "mil");
  source.procedures.push_back({"main", ports_of(object, "inputs"), ports_of(object, "outputs")});
  const Napi::Value weights = object.Get("weights");
  if (weights.IsTypedArray()) {
    const Napi::Uint8Array bytes = weights.As<Napi::Uint8Array>();
    source.weights.push_back({"@model_path/weights/weight.bin",
                              std::string(reinterpret_cast<const char*>(bytes.Data()), bytes.ByteLength())});
  }
  return source;
}

ane::EngineSource source_of(const Napi::Object& object) {
  ane::EngineSource source;
  for (const Napi::Object& program : objects_of(object, "programs"))
    source.programs.push_back(program_of(program));
  for (const Napi::Object& surface : objects_of(object, "surfaces"))
    source.surfaces.push_back(numbers_of(surface.Get("shape")));
  for (const Napi::Object& call : objects_of(object, "calls")) {
    const auto indices = [&](const char* key) {
      std::vector<int> list;
      for (const int64_t n : numbers_of(call.Get(key))) list.push_back(static_cast<int>(n));
      return list;
    };
    const Napi::Value program = call.Get("program");
    const int index = program.IsNumber() ? program.As<Napi::Number>().Int32Value() : -1;
    source.calls.push_back({index, text_of(call, "label"), indices("inputs"), indices("outputs")});
  }
  return source;
}

}  // namespace

Napi::Value attach(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Handle* handle = handle_of(info);
  if (handle == nullptr || info.Length() < 2 || !info[1].IsObject()) return misuse(env);
  if (handle->session == nullptr) return closed(env);
  const Napi::Object given = info[1].As<Napi::Object>();
  ane::DeviceOptions options;
  options.library = text_of(given, "library");
  const Napi::Value budget = given.Get("compileBudget");
  if (budget.IsNumber()) options.compile_budget = budget.As<Napi::Number>().Int32Value();
  ane::CacheOptions cache;
  cache.folder = text_of(given, "cache");
  cache.version = text_of(given, "version");
  auto engine = ane::SessionEngine::create(source_of(given), std::move(options), std::move(cache));
  if (!engine.ok()) return failure(env, engine.error());
  Napi::Object told = Napi::Object::New(env);
  const ane::DeviceInfo& about = engine.value()->device().info();
  told.Set("architecture", about.architecture);
  told.Set("build", about.build);
  told.Set("product", about.product);
  told.Set("way", about.way);
  auto attached = handle->session->attach(std::move(engine.value()));
  if (!attached.ok()) return failure(env, attached.error());
  return told;
}

Napi::Value engine_counts(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Handle* handle = handle_of(info);
  if (handle == nullptr) return misuse(env);
  if (handle->session == nullptr) return closed(env);
  // The only engine there is.
  const auto* engine = static_cast<ane::SessionEngine*>(handle->session->engine());
  if (engine == nullptr) return env.Null();
  const ane::DeviceCounts& device = engine->device().counts();
  const ane::CacheCounts cache = engine->cache_counts();
  Napi::Object counts = Napi::Object::New(env);
  const auto set = [&](const char* name, int64_t value) { counts.Set(name, static_cast<double>(value)); };
  set("compiles", device.compiles);
  set("loads", device.loads);
  set("evaluations", device.evaluations);
  set("retries", device.retries);
  set("reloads", device.reloads);
  set("hardwareNanoseconds", static_cast<int64_t>(device.hardware_ns.load()));
  set("fromCache", cache.on_disk);
  set("rebuilt", cache.rebuilt);
  set("overflows", engine->overflows());
  set("bytesWritten", engine->bytes_written());
  set("bytesRead", engine->bytes_read());
  return counts;
}

}  // namespace anec
