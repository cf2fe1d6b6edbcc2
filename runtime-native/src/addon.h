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

// What a handle points at. `session` is null once closed.
struct Handle {
  std::unique_ptr<Session> session;
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
