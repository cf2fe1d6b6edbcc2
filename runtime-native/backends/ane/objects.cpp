// Values in and out of the framework. Everything asks for an object's type before it reads it.

#include "objects.h"

#include <algorithm>

namespace anec::ane {
namespace {

constexpr uint32_t utf8 = 0x08000100;
constexpr long int64_number = 4;  // kCFNumberSInt64Type
constexpr int deepest_error = 8;  // errors beneath errors that are written out

bool is(const Framework& f, Id object, unsigned long (*type)()) {
  return object != nullptr && f.c.type_of(object) == type();
}

std::string describe(const Framework& f, Id object, int depth);

std::string describe_error(const Framework& f, Id error, int depth) {
  std::string text = "Error Domain=" + text_of(f, f.c.error_domain(error)) +
                     " Code=" + std::to_string(f.c.error_code(error));
  const Owned description(f, f.c.error_description(error));
  text += " \"" + text_of(f, description.get()) + "\"";
  const Owned info(f, f.c.error_info(error));
  if (!is(f, info.get(), f.c.dictionary_type) || f.c.dictionary_count(info.get()) == 0) return text;

  const size_t count = static_cast<size_t>(f.c.dictionary_count(info.get()));
  std::vector<const void*> keys(count), values(count);
  f.c.dictionary_all(info.get(), keys.data(), values.data());
  std::vector<std::string> entries;
  for (size_t i = 0; i < count; ++i) {
    const Id key = static_cast<Id>(const_cast<void*>(keys[i]));
    const Id value = static_cast<Id>(const_cast<void*>(values[i]));
    entries.push_back(describe(f, key, depth) + "=" + describe(f, value, depth + 1));
  }
  std::sort(entries.begin(), entries.end());  // dictionaries have no order
  text += " UserInfo={";
  for (size_t i = 0; i < count; ++i) text += (i == 0 ? "" : ", ") + entries[i];
  return text + "}";
}

std::string describe(const Framework& f, Id object, int depth) {
  if (object == nullptr) return "(null)";
  if (is(f, object, f.c.string_type)) return text_of(f, object);
  if (is(f, object, f.c.error_type) && depth < deepest_error)
    return describe_error(f, object, depth);
  const Owned description(f, f.c.description(object));
  return text_of(f, description.get());
}

}  // namespace

Owned make_data(const Framework& f, std::span<const uint8_t> bytes) {
  return Owned(f, f.c.data_create(nullptr, bytes.data(), static_cast<long>(bytes.size())));
}

Owned make_string(const Framework& f, std::string_view text) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  return Owned(f, f.c.string_create(nullptr, bytes, static_cast<long>(text.size()), utf8, 0));
}

Owned make_number(const Framework& f, int64_t value) {
  return Owned(f, f.c.number_create(nullptr, int64_number, &value));
}

Owned make_array(const Framework& f, const std::vector<Id>& items) {
  std::vector<const void*> values(items.begin(), items.end());
  return Owned(f, f.c.array_create(nullptr, values.data(), static_cast<long>(values.size()),
                                   f.c.array_callbacks));
}

Owned make_dictionary(const Framework& f, const std::vector<std::pair<Id, Id>>& entries) {
  std::vector<const void*> keys, values;
  for (const auto& [key, value] : entries) {
    keys.push_back(key);
    values.push_back(value);
  }
  return Owned(
      f, f.c.dictionary_create(nullptr, keys.data(), values.data(), static_cast<long>(keys.size()),
                               f.c.key_callbacks, f.c.value_callbacks));
}

std::string text_of(const Framework& f, Id object) {
  if (!is(f, object, f.c.string_type)) return "";
  std::string text(static_cast<size_t>(f.c.string_max(f.c.string_length(object), utf8)) + 1, '\0');
  if (f.c.string_get(object, text.data(), static_cast<long>(text.size()), utf8) == 0) return "";
  text.resize(text.find('\0'));
  return text;
}

int64_t number_of(const Framework& f, Id object, int64_t otherwise) {
  int64_t value = otherwise;
  if (!is(f, object, f.c.number_type)) return otherwise;
  return f.c.number_get(object, int64_number, &value) != 0 ? value : otherwise;
}

int64_t length_of(const Framework& f, Id object) {
  return is(f, object, f.c.array_type) ? f.c.array_count(object) : 0;
}

Id item_of(const Framework& f, Id object, int64_t index) {
  return index >= 0 && index < length_of(f, object) ? f.c.array_at(object, index) : nullptr;
}

Id value_of(const Framework& f, Id object, std::string_view key) {
  if (!is(f, object, f.c.dictionary_type)) return nullptr;
  const Owned name = make_string(f, key);
  return f.c.dictionary_get(object, name.get());
}

std::string error_text(const Framework& f, Id error) {
  if (error == nullptr) return "the framework gave no reason (nil NSError)";
  return describe(f, error, 0);
}

}  // namespace anec::ane
