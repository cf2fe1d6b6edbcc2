// What the files of the addon share: failures as JavaScript sees them, and the handle of a session.

#pragma once

#include <napi.h>

#include <memory>

#include "anec/session.h"

namespace anec {

inline Napi::Value failure(Napi::Env env, const Error& error) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("code", error.code);
  object.Set("message", error.message);
  object.Set("detail", error.detail);
  return object;
}

inline Napi::Value misuse(Napi::Env env) {
  return failure(env, Error{"E0603", "the addon was called with arguments of the wrong type", ""});
}

// The ArrayBuffer over an arena. Its finalizer holds `memory` as well, and runs when the event loop turns, which
// may be long after the buffer was detached: close() empties `memory` before. It must not where the buffer was
// detached by somebody else, by `transfer()`, since then another one lies over the same bytes.
struct ArenaBuffer {
  Napi::Reference<Napi::ArrayBuffer> buffer;  // weak
  std::shared_ptr<std::shared_ptr<Arena>> memory;

  // The buffer; empty if there is none, or it lies over nothing any more.
  Napi::ArrayBuffer attached() const {
    const Napi::ArrayBuffer found = buffer.IsEmpty() ? Napi::ArrayBuffer() : buffer.Value();
    return found.IsEmpty() || found.IsDetached() ? Napi::ArrayBuffer() : found;
  }
};

// What a handle points at. `session` is null once closed.
struct Handle {
  std::unique_ptr<Session> session;
  ArenaBuffer buffers[2] = {};
};

inline Handle* handle_of(const Napi::CallbackInfo& info) {
  if (info.Length() < 1 || !info[0].IsExternal()) return nullptr;
  return info[0].As<Napi::External<Handle>>().Data();
}

inline Napi::Value closed(Napi::Env env) {
  return failure(env, Error{"E0606", "the session is closed", ""});
}

// attach(handle, { library, cache, version, compileBudget, overlap, programs, surfaces, calls }): gives a session
// its engine.
Napi::Value attach(const Napi::CallbackInfo& info);
// engineCounts(handle) → what the engine has done, by name
Napi::Value engine_counts(const Napi::CallbackInfo& info);
// engineNotes(handle) → sentences on what the engine has mended since this was last asked
Napi::Value engine_notes(const Napi::CallbackInfo& info);

// Adds the functions of addon_ane.cpp.
void add_ane(Napi::Env env, Napi::Object exports);

}  // namespace anec
