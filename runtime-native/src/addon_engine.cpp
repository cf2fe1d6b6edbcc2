// A session's engine from JavaScript: programs, surfaces and calls as `compiler/bundle/plan.ts` has them.

#include <string>
#include <vector>

#include "addon.h"
#include "addon_source.h"
#include "backends/ane/session_engine.h"

namespace anec {
namespace {

// Surfaces of a call, in the order of its ports.
bool read_surfaces(const Napi::Value& value, std::vector<int>& surfaces) {
  std::vector<int64_t> numbers;
  if (!read_numbers(value, numbers)) return false;
  for (const int64_t n : numbers) surfaces.push_back(static_cast<int>(n));
  return true;
}

// Reads every object of a list.
template <class Read>
bool read_each(const Napi::Value& value, const Read& read) {
  if (!value.IsArray()) return false;
  const Napi::Array list = value.As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); ++i) {
    const Napi::Value item = list.Get(i);
    if (!item.IsObject() || !read(item.As<Napi::Object>())) return false;
  }
  return true;
}

// { programs, surfaces: [{ shape }], calls: [{ program, label, inputs, outputs }] }
bool read_engine(const Napi::Object& object, ane::EngineSource& source) {
  const auto program = [&](const Napi::Object& given) {
    return read_source(given, source.programs.emplace_back());
  };
  const auto surface = [&](const Napi::Object& given) {
    return read_numbers(given.Get("shape"), source.surfaces.emplace_back());
  };
  const auto call = [&](const Napi::Object& given) {
    ane::EngineSource::Call& own = source.calls.emplace_back();
    own.program = number_of(given, "program", -1);
    own.label = text_of(given, "label");
    return read_surfaces(given.Get("inputs"), own.inputs) &&
           read_surfaces(given.Get("outputs"), own.outputs);
  };
  return read_each(object.Get("programs"), program) && read_each(object.Get("surfaces"), surface) &&
         read_each(object.Get("calls"), call);
}

// The engine of a handle's session, if it has one. There is only this kind.
ane::SessionEngine* engine_of(const Handle& handle) {
  return static_cast<ane::SessionEngine*>(handle.session->engine());
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
  options.compile_budget = number_of(given, "compileBudget", options.compile_budget);
  ane::CacheOptions cache;
  cache.folder = text_of(given, "cache");
  cache.version = text_of(given, "version");
  ane::EngineSource source;
  if (!read_engine(given, source)) return misuse(env);
  const Napi::Value overlap = given.Get("overlap");
  const bool overlaps = !overlap.IsBoolean() || overlap.As<Napi::Boolean>().Value();
  auto engine = ane::SessionEngine::create(source, std::move(options), std::move(cache));
  if (!engine.ok()) return failure(env, engine.error());
  Napi::Object told = Napi::Object::New(env);
  const ane::DeviceInfo& about = engine.value()->device().info();
  told.Set("architecture", about.architecture);
  told.Set("build", about.build);
  told.Set("product", about.product);
  told.Set("way", about.way);
  told.Set("compileBudget", about.compile_budget);
  auto attached = handle->session->attach(std::move(engine.value()), overlaps);
  if (!attached.ok()) return failure(env, attached.error());
  return told;
}

Napi::Value engine_counts(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Handle* handle = handle_of(info);
  if (handle == nullptr) return misuse(env);
  if (handle->session == nullptr) return closed(env);
  const ane::SessionEngine* engine = engine_of(*handle);
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
  set("bytesCopied", engine->bytes_copied());
  set("bytesStaged", engine->bytes_staged());
  return counts;
}

Napi::Value engine_notes(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Handle* handle = handle_of(info);
  if (handle == nullptr) return misuse(env);
  if (handle->session == nullptr) return closed(env);
  ane::SessionEngine* engine = engine_of(*handle);
  return list_of(env, engine == nullptr ? std::vector<std::string>{} : engine->take_notes());
}

}  // namespace anec
