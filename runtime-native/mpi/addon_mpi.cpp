// The door of the addon for MPI. It is a library of its own, so that nothing else needs MPI to be installed.
//
// Functions answer with a value or with { code, message, detail }, as those of the runtime do.

#include <napi.h>

#include <string>

#include "mpi/world.h"
#include "src/addon.h"

namespace anec {
namespace {

// MPI is one for the whole process, and cannot be started again.
World* world = nullptr;

Napi::Value not_open(Napi::Env env) {
  return failure(env, Error{"E0606", "this process has not joined the others", ""});
}

bool read_bytes(const Napi::CallbackInfo& info, size_t at, std::span<const char>& bytes) {
  if (info.Length() <= at || !info[at].IsTypedArray() ||
      info[at].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array)
    return false;
  const Napi::Uint8Array list = info[at].As<Napi::Uint8Array>();
  bytes = {reinterpret_cast<const char*>(list.Data()), list.ByteLength()};
  return true;
}

Napi::Value bytes_of(Napi::Env env, const std::string& text) {
  Napi::Uint8Array list = Napi::Uint8Array::New(env, text.size());
  if (!text.empty()) std::memcpy(list.Data(), text.data(), text.size());
  return list;
}

// open(seconds) → { rank, size, library, ranks }: `ranks` is what a session is given.
// After so many seconds of waiting for other ranks it says that it waits.
Napi::Value open(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (world == nullptr) {
    const bool is_given = info.Length() > 0 && info[0].IsNumber();
    const double seconds = is_given ? info[0].As<Napi::Number>().DoubleValue() : 30;
    auto opened = World::open(std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000)));
    if (!opened.ok()) return failure(env, opened.error());
    world = opened.value().release();
  }
  Napi::Object told = Napi::Object::New(env);
  told.Set("rank", world->rank());
  told.Set("size", world->size());
  told.Set("library", world->library());
  told.Set("ranks", Napi::External<Ranks>::New(env, const_cast<Ranks*>(&world->table())));
  return told;
}

// gather(bytes) → the bytes of every rank
Napi::Value gather(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  std::span<const char> bytes;
  if (!read_bytes(info, 0, bytes)) return misuse(env);
  if (world == nullptr) return not_open(env);
  auto gathered = world->gather(bytes);
  if (!gathered.ok()) return failure(env, gathered.error());
  Napi::Array all = Napi::Array::New(env);
  uint32_t at = 0;
  for (const std::string& one : gathered.value()) all.Set(at++, bytes_of(env, one));
  return all;
}

// send(rank, bytes)
Napi::Value send(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  std::span<const char> bytes;
  if (info.Length() < 2 || !info[0].IsNumber() || !read_bytes(info, 1, bytes)) return misuse(env);
  if (world == nullptr) return not_open(env);
  const int to = info[0].As<Napi::Number>().Int32Value();
  if (to < 0 || to >= world->size()) return misuse(env);
  auto sent = world->send(to, bytes);
  if (!sent.ok()) return failure(env, sent.error());
  return env.Undefined();
}

// receive() → { from, bytes }, or null if there is nothing
Napi::Value receive(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (world == nullptr) return not_open(env);
  auto received = world->receive();
  if (!received.ok()) return failure(env, received.error());
  if (!received.value().has_value()) return env.Null();
  Napi::Object message = Napi::Object::New(env);
  message.Set("from", received.value()->from);
  message.Set("bytes", bytes_of(env, received.value()->bytes));
  return message;
}

// close()
Napi::Value close(const Napi::CallbackInfo& info) {
  if (world != nullptr) world->close();
  return info.Env().Undefined();
}

}  // namespace
}  // namespace anec

static Napi::Object start_addon(Napi::Env env, Napi::Object exports) {
  exports.Set("open", Napi::Function::New(env, anec::open));
  exports.Set("gather", Napi::Function::New(env, anec::gather));
  exports.Set("send", Napi::Function::New(env, anec::send));
  exports.Set("receive", Napi::Function::New(env, anec::receive));
  exports.Set("close", Napi::Function::New(env, anec::close));
  return exports;
}

NODE_API_MODULE(anec_mpi, start_addon)
