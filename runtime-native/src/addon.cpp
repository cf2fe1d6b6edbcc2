// The door to JavaScript: only this file and `addon_*.cpp` know N-API.
//
// Functions answer with a value, or with a plain object { code, message, detail } when something was
// wrong; `runtime-native/js/index.ts` turns that object into a NativeError. Nothing is thrown here.
//
// An arena becomes an ArrayBuffer over the session's own memory. Closing a session detaches the
// buffers, so a view kept by the program becomes empty, and gives the memory back at once. A buffer
// that the program has transferred to another one cannot be detached: its memory goes with that one.

#include <napi.h>

#include <memory>
#include <string>
#include <vector>

#include "anec/measure.h"
#include "addon.h"
#include "opcodes.h"

namespace anec {
namespace {

double number(const Napi::CallbackInfo& info, size_t index) {
  return info.Length() > index && info[index].IsNumber()
             ? info[index].As<Napi::Number>().DoubleValue()
             : 0.0;
}

bool flag(const Napi::CallbackInfo& info, size_t index) {
  return info.Length() > index && info[index].IsBoolean() &&
         info[index].As<Napi::Boolean>().Value();
}

// m, n, k, transA, transB of each product.
std::vector<ProductSize> sizes_of(Napi::Float64Array list) {
  std::vector<ProductSize> sizes;
  const double* at = list.Data();
  for (size_t i = 0; i + 5 <= list.ElementLength(); i += 5, at += 5) {
    sizes.push_back({static_cast<int64_t>(at[0]), static_cast<int64_t>(at[1]),
                     static_cast<int64_t>(at[2]), at[3] != 0, at[4] != 0});
  }
  return sizes;
}

// threads, blas, simd, products of the BLAS?, from argument `from` on.
DeviceOptions options_of(const Napi::CallbackInfo& info, size_t from) {
  DeviceOptions options;
  options.threads = static_cast<int>(number(info, from));
  if (info.Length() > from + 1 && info[from + 1].IsString())
    options.blas = info[from + 1].As<Napi::String>().Utf8Value();
  if (info.Length() > from + 2 && info[from + 2].IsString())
    options.simd = info[from + 2].As<Napi::String>().Utf8Value();
  if (info.Length() > from + 3 && info[from + 3].IsTypedArray() &&
      info[from + 3].As<Napi::TypedArray>().TypedArrayType() == napi_float64_array)
    options.in_library = sizes_of(info[from + 3].As<Napi::Float64Array>());
  return options;
}

Napi::Value describe(Napi::Env env, const Device& device) {
  Napi::Object info = Napi::Object::New(env);
  info.Set("threads", device.pool->threads());
  info.Set("simd", device.simd->simd);
  if (device.blas == nullptr) {
    info.Set("blas", env.Null());
  } else {
    Napi::Object blas = Napi::Object::New(env);
    blas.Set("name", device.blas->name);
    blas.Set("path", device.blas->path);
    info.Set("blas", blas);
  }
  return info;
}

// device(threads, blas, simd) → { threads, simd, blas }
Napi::Value device(const Napi::CallbackInfo& info) {
  auto opened = Device::open(options_of(info, 0));
  if (!opened.ok()) return failure(info.Env(), opened.error());
  return describe(info.Env(), opened.value());
}

// create(words, strings, threads, blas, simd, products of the BLAS?) → handle
Napi::Value create(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (info.Length() < 2 || !info[0].IsTypedArray() || !info[1].IsArray() ||
      info[0].As<Napi::TypedArray>().TypedArrayType() != napi_float64_array) {
    return misuse(env);
  }
  const Napi::Float64Array words = info[0].As<Napi::Float64Array>();
  const Napi::Array list = info[1].As<Napi::Array>();
  std::vector<std::string> strings;
  for (uint32_t i = 0; i < list.Length(); ++i) {
    const Napi::Value item = list.Get(i);
    if (!item.IsString()) return misuse(env);
    strings.push_back(item.As<Napi::String>().Utf8Value());
  }
  auto session = Session::create({words.Data(), words.ElementLength()}, strings,
                                 options_of(info, 2));
  if (!session.ok()) return failure(env, session.error());
  auto* handle = new Handle{std::move(session.value())};
  return Napi::External<Handle>::New(env, handle, [](Napi::Env, Handle* dead) { delete dead; });
}

// info(handle) → { threads, simd, blas }
Napi::Value info_of(const Napi::CallbackInfo& info) {
  Handle* handle = handle_of(info);
  if (handle == nullptr) return misuse(info.Env());
  if (handle->session == nullptr) return closed(info.Env());
  return describe(info.Env(), handle->session->device());
}

// arena(handle, index) → ArrayBuffer over the arena's memory; the same one every time
Napi::Value arena(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Handle* handle = handle_of(info);
  const int index = static_cast<int>(number(info, 1));
  if (handle == nullptr || index < 0 || index > 1) return misuse(env);
  if (handle->session == nullptr) return closed(env);
  const std::shared_ptr<Arena>& memory = handle->session->arena(index);
  if (memory->bytes() == 0) return Napi::ArrayBuffer::New(env, 0);
  ArenaBuffer& lent = handle->buffers[index];
  if (const Napi::ArrayBuffer known = lent.attached(); !known.IsEmpty()) return known;
  lent.memory = std::make_shared<std::shared_ptr<Arena>>(memory);
  using Owner = decltype(lent.memory);
  const auto made = Napi::ArrayBuffer::New(
      env, memory->data(), static_cast<size_t>(memory->bytes()),
      [](Napi::Env, void*, Owner* dead) { delete dead; }, new Owner(lent.memory));
  lent.buffer = Napi::Reference<Napi::ArrayBuffer>::New(made, 0);
  return made;
}

// run(handle, program, first, times?, last?)
Napi::Value run(const Napi::CallbackInfo& info) {
  Handle* handle = handle_of(info);
  if (handle == nullptr) return misuse(info.Env());
  if (handle->session == nullptr) return closed(info.Env());
  const int program = static_cast<int>(number(info, 1));
  if (program < 0 || program >= handle->session->programs()) return misuse(info.Env());
  std::span<double> times;
  if (info.Length() > 3 && info[3].IsTypedArray() &&
      info[3].As<Napi::TypedArray>().TypedArrayType() == napi_float64_array) {
    Napi::Float64Array list = info[3].As<Napi::Float64Array>();
    times = {list.Data(), list.ElementLength()};
  }
  auto ran = handle->session->run(program, flag(info, 2), times, flag(info, 4));
  if (!ran.ok()) return failure(info.Env(), ran.error());
  return info.Env().Undefined();
}

// attachRanks(handle, ranks): gives a session the table of runtime-native/mpi.
Napi::Value attach_ranks(const Napi::CallbackInfo& info) {
  Handle* handle = handle_of(info);
  if (handle == nullptr || info.Length() < 2 || !info[1].IsExternal()) return misuse(info.Env());
  if (handle->session == nullptr) return closed(info.Env());
  auto attached = handle->session->attach(*info[1].As<Napi::External<Ranks>>().Data());
  if (!attached.ok()) return failure(info.Env(), attached.error());
  return info.Env().Undefined();
}

// close(handle): detaches the arenas' ArrayBuffers, stops the threads and gives the memory back.
Napi::Value close(const Napi::CallbackInfo& info) {
  Handle* handle = handle_of(info);
  if (handle == nullptr) return misuse(info.Env());
  for (ArenaBuffer& lent : handle->buffers) {
    Napi::ArrayBuffer buffer = lent.attached();
    if (buffer.IsEmpty()) continue;
    buffer.Detach();
    if (buffer.IsDetached()) lent.memory->reset();
  }
  handle->session.reset();
  return info.Env().Undefined();
}

// measureGemm(m, n, k, transA, transB, seconds, threads, blas, simd) → GFLOP/s
Napi::Value measure(const Napi::CallbackInfo& info) {
  const GemmMeasurement what{static_cast<int64_t>(number(info, 0)),
                             static_cast<int64_t>(number(info, 1)),
                             static_cast<int64_t>(number(info, 2)),
                             flag(info, 3), flag(info, 4), number(info, 5)};
  auto measured = measure_gemm(options_of(info, 6), what);
  if (!measured.ok()) return failure(info.Env(), measured.error());
  return Napi::Number::New(info.Env(), measured.value());
}

// measureBound(what, seconds, threads, blas, simd) → "multiplyAdd": GFLOP/s, "read": GB/s, "handover": ns
Napi::Value measure_bound(const Napi::CallbackInfo& info) {
  if (info.Length() < 1 || !info[0].IsString()) return misuse(info.Env());
  const std::string what = info[0].As<Napi::String>().Utf8Value();
  const auto bound = what == "read"       ? measure_read
                     : what == "handover" ? measure_handover
                                          : measure_multiply_add;
  auto measured = bound(options_of(info, 2), number(info, 1));
  if (!measured.ok()) return failure(info.Env(), measured.error());
  return Napi::Number::New(info.Env(), measured.value());
}

// opcodes() → the names of the elementwise instructions, in order
Napi::Value opcodes(const Napi::CallbackInfo& info) {
  Napi::Array names = Napi::Array::New(info.Env());
  uint32_t at = 0;
  for (const char* name : opcode_names) names.Set(at++, Napi::String::New(info.Env(), name));
  return names;
}

// kernels() → the names of the host kernels
Napi::Value kernels(const Napi::CallbackInfo& info) {
  Napi::Array names = Napi::Array::New(info.Env());
  uint32_t at = 0;
  for (const Kernel* kernel : kernels_for(*micro_kernels().front()))
    names.Set(at++, Napi::String::New(info.Env(), kernel->name));
  return names;
}

// instructionSets() → what this processor can run, best first
Napi::Value instruction_sets(const Napi::CallbackInfo& info) {
  Napi::Array names = Napi::Array::New(info.Env());
  uint32_t at = 0;
  for (const MicroKernel* kernel : micro_kernels())
    names.Set(at++, Napi::String::New(info.Env(), kernel->simd));
  return names;
}

Napi::Object start(Napi::Env env, Napi::Object exports) {
  exports.Set("device", Napi::Function::New(env, device));
  exports.Set("create", Napi::Function::New(env, create));
  exports.Set("info", Napi::Function::New(env, info_of));
  exports.Set("arena", Napi::Function::New(env, arena));
  exports.Set("run", Napi::Function::New(env, run));
  exports.Set("close", Napi::Function::New(env, close));
  exports.Set("attach", Napi::Function::New(env, attach));
  exports.Set("attachRanks", Napi::Function::New(env, attach_ranks));
  exports.Set("engineCounts", Napi::Function::New(env, engine_counts));
  exports.Set("engineNotes", Napi::Function::New(env, engine_notes));
  exports.Set("measureGemm", Napi::Function::New(env, measure));
  exports.Set("measureBound", Napi::Function::New(env, measure_bound));
  exports.Set("opcodes", Napi::Function::New(env, opcodes));
  exports.Set("kernels", Napi::Function::New(env, kernels));
  exports.Set("instructionSets", Napi::Function::New(env, instruction_sets));
  add_ane(env, exports);
  return exports;
}

}  // namespace
}  // namespace anec

static Napi::Object start_addon(Napi::Env env, Napi::Object exports) {
  return anec::start(env, exports);
}

NODE_API_MODULE(anec, start_addon)
