// Readers answer false for anything that is not of the type they expect.

#include "addon_source.h"

namespace anec {

std::string text_of(const Napi::Object& object, const char* key) {
  const Napi::Value value = object.Get(key);
  return value.IsString() ? value.As<Napi::String>().Utf8Value() : std::string();
}

int number_of(const Napi::Object& object, const char* key, int otherwise) {
  const Napi::Value value = object.Get(key);
  return value.IsNumber() ? value.As<Napi::Number>().Int32Value() : otherwise;
}

bool read_numbers(const Napi::Value& value, std::vector<int64_t>& numbers) {
  if (!value.IsArray()) return false;
  const Napi::Array list = value.As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); ++i) {
    const Napi::Value item = list.Get(i);
    if (!item.IsNumber()) return false;
    numbers.push_back(item.As<Napi::Number>().Int64Value());
  }
  return true;
}

bool read_port(const Napi::Value& value, ane::Port& port) {
  if (!value.IsObject()) return false;
  const Napi::Object object = value.As<Napi::Object>();
  const std::string type = text_of(object, "type");
  const Napi::Value shape = object.Get("shape");
  if (type != "fp16" && type != "fp32") return false;
  port.name = text_of(object, "name");
  port.type = type == "fp16" ? ane::ElementType::fp16 : ane::ElementType::fp32;
  return read_numbers(shape, port.shape);
}

namespace {

bool read_ports(const Napi::Value& value, std::vector<ane::Port>& ports) {
  if (!value.IsArray()) return false;
  const Napi::Array list = value.As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); ++i) {
    ports.emplace_back();
    if (!read_port(list.Get(i), ports.back())) return false;
  }
  return true;
}

}  // namespace

bool read_source(const Napi::Value& value, ane::ProgramSource& source) {
  if (!value.IsObject()) return false;
  const Napi::Object object = value.As<Napi::Object>();
  source.name = text_of(object, "name");
  source.mil = text_of(object, "mil");
  source.options = text_of(object, "options");
  const Napi::Value weights = object.Get("weights"), procedures = object.Get("procedures");
  if (!weights.IsArray() || !procedures.IsArray()) return false;
  const Napi::Array files = weights.As<Napi::Array>(), functions = procedures.As<Napi::Array>();
  for (uint32_t i = 0; i < files.Length(); ++i) {
    const Napi::Value file = files.Get(i);
    if (!file.IsObject()) return false;
    const Napi::Value bytes = file.As<Napi::Object>().Get("bytes");
    if (!bytes.IsTypedArray() || bytes.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array)
      return false;
    const Napi::Uint8Array data = bytes.As<Napi::Uint8Array>();
    source.weights.push_back(
        {text_of(file.As<Napi::Object>(), "path"),
         std::string(reinterpret_cast<const char*>(data.Data()), data.ByteLength())});
  }
  for (uint32_t i = 0; i < functions.Length(); ++i) {
    const Napi::Value function = functions.Get(i);
    if (!function.IsObject()) return false;
    const Napi::Object ports = function.As<Napi::Object>();
    ane::Procedure procedure{text_of(ports, "name"), {}, {}};
    if (!read_ports(ports.Get("inputs"), procedure.inputs) ||
        !read_ports(ports.Get("outputs"), procedure.outputs))
      return false;
    source.procedures.push_back(std::move(procedure));
  }
  return true;
}

Napi::Array list_of(Napi::Env env, const std::vector<std::string>& texts) {
  Napi::Array list = Napi::Array::New(env);
  for (const std::string& text : texts) list.Set(list.Length(), Napi::String::New(env, text));
  return list;
}

}  // namespace anec
