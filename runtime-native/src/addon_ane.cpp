// Programs and surfaces of the Neural Engine from JavaScript, one by one: what `anec probe` and
// tests are built on. Sessions use the same classes from C++ (addon_engine.cpp).
//
// Handles keep their device alive. A device's notes are what it mended since they were last asked
// for.

#include <dlfcn.h>

#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "addon.h"
#include "addon_source.h"
#include "backends/ane/device.h"

namespace anec {
namespace {

struct AneDevice {
  std::unique_ptr<ane::Device> device;
  std::mutex mutex;
  std::vector<std::string> notes;
};
struct AneProgram {
  std::shared_ptr<AneDevice> owner;
  std::unique_ptr<ane::Program> program;
};
struct AneSurface {
  std::shared_ptr<AneDevice> owner;
  std::unique_ptr<ane::Surface> surface;
};

// Told apart when JavaScript hands them back.
constexpr napi_type_tag device_tag{0x616e65634445, 1}, program_tag{0x616e65634445, 2},
    surface_tag{0x616e65634445, 3};

template <class T>
Napi::Value wrap(Napi::Env env, T* owned, const napi_type_tag& tag) {
  auto external = Napi::External<T>::New(env, owned, [](Napi::Env, T* dead) { delete dead; });
  external.TypeTag(&tag);
  return external;
}

template <class T>
T* unwrap(const Napi::Value& value, const napi_type_tag& tag) {
  if (!value.IsExternal() || !value.As<Napi::External<T>>().CheckTypeTag(&tag)) return nullptr;
  return value.As<Napi::External<T>>().Data();
}

Napi::Value gone(Napi::Env env) {
  return failure(env, Error{"E0606", "the device, program or surface is closed", ""});
}

bool read_surfaces(const Napi::Value& value, std::vector<ane::Surface*>& surfaces, bool& closed) {
  if (!value.IsArray()) return false;
  const Napi::Array list = value.As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); ++i) {
    AneSurface* surface = unwrap<AneSurface>(list.Get(i), surface_tag);
    if (surface == nullptr) return false;
    closed = closed || surface->surface == nullptr;
    surfaces.push_back(surface->surface.get());
  }
  return true;
}

// aneOpen({ library, temporary, compileBudget, attempts, firstMs, mostMs }) → device
Napi::Value open(const Napi::CallbackInfo& info) {
  if (info.Length() < 1 || !info[0].IsObject()) return misuse(info.Env());
  const Napi::Object given = info[0].As<Napi::Object>();
  auto owner = std::make_shared<AneDevice>();
  ane::DeviceOptions options;
  options.library = text_of(given, "library");
  options.temporary = text_of(given, "temporary");
  options.compile_budget = number_of(given, "compileBudget", options.compile_budget);
  options.retry.attempts = number_of(given, "attempts", options.retry.attempts);
  options.retry.first_ms = number_of(given, "firstMs", options.retry.first_ms);
  options.retry.most_ms = number_of(given, "mostMs", options.retry.most_ms);
  AneDevice* notes = owner.get();  // outlives its device
  options.say = [notes](const std::string& sentence) {
    const std::lock_guard guard(notes->mutex);
    notes->notes.push_back(sentence);
  };
  auto device = ane::Device::open(std::move(options));
  if (!device.ok()) return failure(info.Env(), device.error());
  owner->device = std::move(device.value());
  return wrap(info.Env(), new std::shared_ptr<AneDevice>(std::move(owner)), device_tag);
}

// aneState(device) → { info, counts, notes }; the notes are then forgotten
Napi::Value state(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto* owner =
      info.Length() < 1 ? nullptr : unwrap<std::shared_ptr<AneDevice>>(info[0], device_tag);
  if (owner == nullptr) return misuse(env);
  if (*owner == nullptr) return gone(env);
  const ane::Device& device = *(*owner)->device;
  Napi::Object told = Napi::Object::New(env);
  const auto set = [&](const char* name, int64_t value) {
    told.Set(name, static_cast<double>(value));
  };
  told.Set("architecture", device.info().architecture);
  told.Set("build", device.info().build);
  told.Set("product", device.info().product);
  told.Set("way", device.info().way);
  set("cores", device.info().cores);
  set("compilesLeft", device.compiles_left());
  set("compiles", device.counts().compiles);
  set("loads", device.counts().loads);
  set("evaluations", device.counts().evaluations);
  set("retries", device.counts().retries);
  set("reloads", device.counts().reloads);
  set("hardwareNs", static_cast<int64_t>(device.counts().hardware_ns.load()));
  const std::lock_guard guard((*owner)->mutex);
  told.Set("notes", list_of(env, (*owner)->notes));
  (*owner)->notes.clear();
  return told;
}

// aneCompile(device, source) → program
Napi::Value compile(const Napi::CallbackInfo& info) {
  auto* owner =
      info.Length() < 2 ? nullptr : unwrap<std::shared_ptr<AneDevice>>(info[0], device_tag);
  ane::ProgramSource source;
  if (owner == nullptr || !read_source(info[1], source)) return misuse(info.Env());
  if (*owner == nullptr) return gone(info.Env());
  auto program = (*owner)->device->compile(source);
  if (!program.ok()) return failure(info.Env(), program.error());
  return wrap(info.Env(), new AneProgram{*owner, std::move(program.value())}, program_tag);
}

// aneSurface(device, { type, shape }) → surface with computed strides, or aneSurface(program,
// port, isOutput, procedure) with the strides the program expects
Napi::Value surface(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 2) return misuse(env);
  std::shared_ptr<AneDevice> owner;
  ane::Layout layout;
  if (AneProgram* from = unwrap<AneProgram>(info[0], program_tag)) {
    if (info.Length() < 4 || !info[1].IsNumber() || !info[2].IsBoolean() || !info[3].IsNumber())
      return misuse(env);
    if (from->program == nullptr) return gone(env);
    const int port = info[1].As<Napi::Number>().Int32Value(),
              p = info[3].As<Napi::Number>().Int32Value();
    const bool is_output = info[2].As<Napi::Boolean>().Value();
    const auto& procedures = from->program->source().procedures;
    if (p < 0 || p >= static_cast<int>(procedures.size())) return misuse(env);
    const auto& ports = is_output ? procedures[static_cast<size_t>(p)].outputs
                                  : procedures[static_cast<size_t>(p)].inputs;
    if (port < 0 || port >= static_cast<int>(ports.size())) return misuse(env);
    owner = from->owner;
    layout =
        is_output ? from->program->output_layout(port, p) : from->program->input_layout(port, p);
  } else {
    auto* device = unwrap<std::shared_ptr<AneDevice>>(info[0], device_tag);
    ane::Port port;
    if (device == nullptr || !read_port(info[1], port)) return misuse(env);
    if (*device == nullptr) return gone(env);
    auto computed = ane::Layout::of(port.type, port.shape);
    if (!computed.ok()) return failure(env, computed.error());
    owner = *device;
    layout = computed.value();
  }
  auto made = owner->device->surface(layout);
  if (!made.ok()) return failure(env, made.error());
  return wrap(env, new AneSurface{std::move(owner), std::move(made.value())}, surface_tag);
}

// aneWrite(surface, Float32Array) → how many values did not fit; aneRead(surface, Float32Array)
template <bool Writes>
Napi::Value move(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  AneSurface* to = info.Length() < 2 ? nullptr : unwrap<AneSurface>(info[0], surface_tag);
  if (to == nullptr || !info[1].IsTypedArray() ||
      info[1].As<Napi::TypedArray>().TypedArrayType() != napi_float32_array) {
    return misuse(env);
  }
  if (to->surface == nullptr) return gone(env);
  Napi::Float32Array values = info[1].As<Napi::Float32Array>();
  if constexpr (Writes) {
    auto written =
        to->surface->write(std::span<const float>(values.Data(), values.ElementLength()));
    if (!written.ok()) return failure(env, written.error());
    return Napi::Number::New(env, static_cast<double>(written.value()));
  } else {
    auto got = to->surface->read(std::span<float>(values.Data(), values.ElementLength()));
    return got.ok() ? env.Undefined() : failure(env, got.error());
  }
}

// aneEvaluate(program, inputs, outputs, procedure) → nanoseconds of the engine, 0 if it does not
// say
Napi::Value evaluate(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  AneProgram* program = info.Length() < 4 ? nullptr : unwrap<AneProgram>(info[0], program_tag);
  std::vector<ane::Surface*> inputs, outputs;
  bool closed = false;
  if (program == nullptr || !read_surfaces(info[1], inputs, closed) ||
      !read_surfaces(info[2], outputs, closed) || !info[3].IsNumber()) {
    return misuse(env);
  }
  if (program->program == nullptr || closed) return gone(env);
  auto done = program->program->evaluate(inputs, outputs, info[3].As<Napi::Number>().Int32Value());
  if (!done.ok()) return failure(env, done.error());
  return Napi::Number::New(env, static_cast<double>(program->program->hardware_ns()));
}

// aneClose(device, program or surface); closing twice is no fault
Napi::Value close_ane(const Napi::CallbackInfo& info) {
  if (info.Length() < 1) return misuse(info.Env());
  if (auto* surface = unwrap<AneSurface>(info[0], surface_tag)) *surface = {};
  else if (auto* program = unwrap<AneProgram>(info[0], program_tag))
    program->program.reset(), program->owner.reset();
  else if (auto* device = unwrap<std::shared_ptr<AneDevice>>(info[0], device_tag)) device->reset();
  else return misuse(info.Env());
  return info.Env().Undefined();
}

// emulatorControl(library, settings or null) → what is wrong with the settings, or the report
Napi::Value emulator_control(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 2 || !info[0].IsString()) return misuse(env);
  void* library = dlopen(info[0].As<Napi::String>().Utf8Value().c_str(), RTLD_NOW | RTLD_LOCAL);
  const bool asks = !info[1].IsString();
  void* found = library == nullptr
                    ? nullptr
                    : dlsym(library, asks ? "anec_emulator_report" : "anec_emulator_configure");
  if (found == nullptr)
    return failure(env, Error{"E0620", "this is not the emulator's library", ""});
  if (asks) return Napi::String::New(env, reinterpret_cast<const char* (*)()>(found)());
  const std::string settings = info[1].As<Napi::String>().Utf8Value();
  return Napi::String::New(env,
                           reinterpret_cast<const char* (*)(const char*)>(found)(settings.c_str()));
}

}  // namespace

void add_ane(Napi::Env env, Napi::Object exports) {
  exports.Set("aneOpen", Napi::Function::New(env, open));
  exports.Set("aneState", Napi::Function::New(env, state));
  exports.Set("aneCompile", Napi::Function::New(env, compile));
  exports.Set("aneSurface", Napi::Function::New(env, surface));
  exports.Set("aneWrite", Napi::Function::New(env, move<true>));
  exports.Set("aneRead", Napi::Function::New(env, move<false>));
  exports.Set("aneEvaluate", Napi::Function::New(env, evaluate));
  exports.Set("aneClose", Napi::Function::New(env, close_ane));
  exports.Set("emulatorControl", Napi::Function::New(env, emulator_control));
}

}  // namespace anec
