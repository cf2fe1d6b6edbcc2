// What files of the addon read from JavaScript and hand back to it: programs of the engine, lists of texts.

#pragma once

#include <napi.h>

#include <cstdint>
#include <string>
#include <vector>

#include "backends/ane/program_source.h"

namespace anec {

// The entry of an object, or what it is without one of that type.
std::string text_of(const Napi::Object& object, const char* key);
int number_of(const Napi::Object& object, const char* key, int otherwise);

// Whether a value is a list of numbers, and those as whole ones.
bool read_numbers(const Napi::Value& value, std::vector<int64_t>& numbers);

// { name, type: "fp16" | "fp32", shape: number[] }
bool read_port(const Napi::Value& value, ane::Port& port);

// { name, mil, options, weights: [{ path, bytes }], procedures: [{ name, inputs, outputs }] }
bool read_source(const Napi::Value& value, ane::ProgramSource& source);

Napi::Array list_of(Napi::Env env, const std::vector<std::string>& texts);

}  // namespace anec
