// CoreFoundation as far as the runtime uses it; every argument is checked.

#include "foundation.h"

#include <algorithm>
#include <cstring>

#include "state.h"

#define ANEC_EXPORT extern "C" __attribute__((visibility("default")))

namespace anec::emulator {
namespace {

constexpr uint32_t utf8 = 0x08000100;
constexpr long int64_number = 4;

Class* class_named(const char* name) { return declare_class(name); }

template <class T>
T* as(const void* object, Kind kind, const char* where) {
  return static_cast<T*>(checked(object, kind, where));
}

}  // namespace

Data::Data(std::string b) : Object(class_named("NSData"), Kind::data), bytes(std::move(b)) {}
Text::Text(std::string v) : Object(class_named("NSString"), Kind::text), value(std::move(v)) {}
Number::Number(int64_t v) : Object(class_named("NSNumber"), Kind::number), value(v) {}

Array::Array(std::vector<Object*> i)
    : Object(class_named("NSArray"), Kind::array), items(std::move(i)) {
  for (Object* item : items) retain(item);
}
Array::~Array() {
  for (Object* item : items) release(item);
}

Dictionary::Dictionary(std::vector<std::pair<Object*, Object*>> e)
    : Object(class_named("NSDictionary"), Kind::dictionary), entries(std::move(e)) {
  for (const auto& [key, value] : entries) {
    retain(key);
    retain(value);
  }
}
Dictionary::~Dictionary() {
  for (const auto& [key, value] : entries) {
    release(key);
    release(value);
  }
}

Object* Dictionary::find(std::string_view key) const {
  for (const auto& [name, value] : entries)
    if (name->kind == Kind::text && static_cast<const Text*>(name)->value == key) return value;
  return nullptr;
}

ErrorObject::ErrorObject(std::string d, int64_t c, std::string t, Dictionary* i)
    : Object(class_named("NSError"), Kind::error),
      domain(std::move(d)),
      code(c),
      description(std::move(t)),
      info(i) {}
ErrorObject::~ErrorObject() { release(info); }

Text* text(std::string value) {
  return static_cast<Text*>(autorelease(new Text(std::move(value))));
}
Number* number(int64_t value) { return static_cast<Number*>(autorelease(new Number(value))); }
Array* array(std::vector<Object*> items) {
  return static_cast<Array*>(autorelease(new Array(std::move(items))));
}
Dictionary* dictionary(std::vector<std::pair<std::string, Object*>> entries) {
  std::vector<std::pair<Object*, Object*>> pairs;
  for (auto& [key, value] : entries) pairs.emplace_back(text(key), value);
  return static_cast<Dictionary*>(autorelease(new Dictionary(std::move(pairs))));
}

ErrorObject* error_object(const char* domain, int64_t code, const std::string& description,
                          std::vector<std::pair<std::string, Object*>> info) {
  info.emplace_back("NSLocalizedDescription", text(description));
  Dictionary* details = dictionary(std::move(info));
  retain(details);
  return static_cast<ErrorObject*>(
      autorelease(new ErrorObject(domain, code, description, details)));
}

signed char fail(void** error, const char* domain, int64_t code, const std::string& description,
                 std::vector<std::pair<std::string, Object*>> info) {
  if (error != nullptr) *error = error_object(domain, code, description, std::move(info));
  return 0;
}

const Data* data_in(const void* o, const char* where) { return as<Data>(o, Kind::data, where); }
const Text* text_in(const void* o, const char* where) { return as<Text>(o, Kind::text, where); }
const Number* number_in(const void* o, const char* where) {
  return as<Number>(o, Kind::number, where);
}
const Array* array_in(const void* o, const char* where) { return as<Array>(o, Kind::array, where); }
const Dictionary* dictionary_in(const void* o, const char* where) {
  return as<Dictionary>(o, Kind::dictionary, where);
}

void declare_foundation() {
  for (const char* name : {"NSData", "NSString", "NSNumber", "NSArray", "NSDictionary", "NSError"})
    declare_class(name);
}

// CoreFoundation. Its objects are the same objects.

extern "C" {
__attribute__((visibility("default"))) char kCFTypeArrayCallBacks[40] = {};
__attribute__((visibility("default"))) char kCFTypeDictionaryKeyCallBacks[48] = {};
__attribute__((visibility("default"))) char kCFTypeDictionaryValueCallBacks[40] = {};
}

ANEC_EXPORT Data* CFDataCreate(const void*, const uint8_t* bytes, long length) {
  if (length < 0 || (bytes == nullptr && length > 0)) {
    violation("CFDataCreate: no bytes");
    return nullptr;
  }
  return new Data(std::string(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length)));
}

ANEC_EXPORT Text* CFStringCreateWithBytes(const void*, const uint8_t* bytes, long length,
                                          uint32_t encoding, unsigned char) {
  if (length < 0 || (bytes == nullptr && length > 0) || encoding != utf8) {
    violation("CFStringCreateWithBytes: no bytes, or an encoding that is not UTF-8");
    return nullptr;
  }
  return new Text(std::string(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length)));
}

ANEC_EXPORT unsigned char CFStringGetCString(const void* string, char* buffer, long size,
                                             uint32_t encoding) {
  const Text* text = text_in(string, "CFStringGetCString");
  if (text == nullptr || encoding != utf8 || size <= static_cast<long>(text->value.size()))
    return 0;
  std::memcpy(buffer, text->value.c_str(), text->value.size() + 1);
  return 1;
}

// UTF-16 units; for the bytes below 128 that names are made of, as many as bytes.
ANEC_EXPORT long CFStringGetLength(const void* string) {
  const Text* text = text_in(string, "CFStringGetLength");
  return text == nullptr ? 0 : static_cast<long>(text->value.size());
}

ANEC_EXPORT long CFStringGetMaximumSizeForEncoding(long length, uint32_t) { return length * 3; }

ANEC_EXPORT Number* CFNumberCreate(const void*, long type, const void* value) {
  if (type != int64_number || value == nullptr) {
    violation("CFNumberCreate: a type of number the emulator does not know");
    return nullptr;
  }
  int64_t number;
  std::memcpy(&number, value, sizeof number);
  return new Number(number);
}

ANEC_EXPORT unsigned char CFNumberGetValue(const void* object, long type, void* value) {
  const Number* number = number_in(object, "CFNumberGetValue");
  if (number == nullptr || type != int64_number) return 0;
  std::memcpy(value, &number->value, sizeof number->value);
  return 1;
}

ANEC_EXPORT Array* CFArrayCreate(const void*, const void** values, long count,
                                 const void* callbacks) {
  if (callbacks != kCFTypeArrayCallBacks) violation("CFArrayCreate: items would not be retained");
  std::vector<Object*> items;
  for (long i = 0; i < count; ++i) {
    Object* item = checked(values[i], Kind::other, "CFArrayCreate");
    if (item == nullptr) return nullptr;
    items.push_back(item);
  }
  return new Array(std::move(items));
}

ANEC_EXPORT long CFArrayGetCount(const void* object) {
  const Array* array = array_in(object, "CFArrayGetCount");
  return array == nullptr ? 0 : static_cast<long>(array->items.size());
}

ANEC_EXPORT Object* CFArrayGetValueAtIndex(const void* object, long index) {
  const Array* array = array_in(object, "CFArrayGetValueAtIndex");
  if (array == nullptr) return nullptr;
  if (index < 0 || index >= static_cast<long>(array->items.size())) {
    violation("CFArrayGetValueAtIndex: beyond the end");
    return nullptr;
  }
  return array->items[static_cast<size_t>(index)];
}

ANEC_EXPORT Dictionary* CFDictionaryCreate(const void*, const void** keys, const void** values,
                                           long count, const void* key_callbacks,
                                           const void* value_callbacks) {
  if (key_callbacks != kCFTypeDictionaryKeyCallBacks ||
      value_callbacks != kCFTypeDictionaryValueCallBacks)
    violation("CFDictionaryCreate: entries would not be retained");
  std::vector<std::pair<Object*, Object*>> entries;
  for (long i = 0; i < count; ++i) {
    Object* key = checked(keys[i], Kind::other, "CFDictionaryCreate");
    Object* value = checked(values[i], Kind::other, "CFDictionaryCreate");
    if (key == nullptr || value == nullptr) return nullptr;
    entries.emplace_back(key, value);
  }
  return new Dictionary(std::move(entries));
}

ANEC_EXPORT long CFDictionaryGetCount(const void* object) {
  const Dictionary* found = dictionary_in(object, "CFDictionaryGetCount");
  return found == nullptr ? 0 : static_cast<long>(found->entries.size());
}

ANEC_EXPORT Object* CFDictionaryGetValue(const void* object, const void* key) {
  const Dictionary* found = dictionary_in(object, "CFDictionaryGetValue");
  const Text* name = text_in(key, "CFDictionaryGetValue: the key");
  return found == nullptr || name == nullptr ? nullptr : found->find(name->value);
}

ANEC_EXPORT void CFDictionaryGetKeysAndValues(const void* object, const void** keys,
                                              const void** values) {
  const Dictionary* found = dictionary_in(object, "CFDictionaryGetKeysAndValues");
  if (found == nullptr) return;
  for (size_t i = 0; i < found->entries.size(); ++i) {
    keys[i] = found->entries[i].first;
    values[i] = found->entries[i].second;
  }
}

ANEC_EXPORT unsigned long CFGetTypeID(const void* object) {
  const Object* found = checked(object, Kind::other, "CFGetTypeID");
  return found == nullptr ? 0 : 100 + static_cast<unsigned long>(found->kind);
}

ANEC_EXPORT unsigned long CFStringGetTypeID() {
  return 100 + static_cast<unsigned long>(Kind::text);
}
ANEC_EXPORT unsigned long CFNumberGetTypeID() {
  return 100 + static_cast<unsigned long>(Kind::number);
}
ANEC_EXPORT unsigned long CFArrayGetTypeID() {
  return 100 + static_cast<unsigned long>(Kind::array);
}
ANEC_EXPORT unsigned long CFErrorGetTypeID() {
  return 100 + static_cast<unsigned long>(Kind::error);
}
ANEC_EXPORT unsigned long CFDictionaryGetTypeID() {
  return 100 + static_cast<unsigned long>(Kind::dictionary);
}

ANEC_EXPORT Object* CFErrorGetDomain(const void* object) {
  const auto* error = as<ErrorObject>(object, Kind::error, "CFErrorGetDomain");
  return error == nullptr ? nullptr : text(error->domain);
}

ANEC_EXPORT long CFErrorGetCode(const void* object) {
  const auto* error = as<ErrorObject>(object, Kind::error, "CFErrorGetCode");
  return error == nullptr ? 0 : static_cast<long>(error->code);
}

ANEC_EXPORT Object* CFErrorCopyDescription(const void* object) {
  const auto* error = as<ErrorObject>(object, Kind::error, "CFErrorCopyDescription");
  return error == nullptr ? nullptr : new Text(error->description);
}

ANEC_EXPORT Object* CFErrorCopyUserInfo(const void* object) {
  const auto* error = as<ErrorObject>(object, Kind::error, "CFErrorCopyUserInfo");
  return error == nullptr ? nullptr : retain(error->info);
}

ANEC_EXPORT Object* CFCopyDescription(const void* object) {
  const Object* found = checked(object, Kind::other, "CFCopyDescription");
  if (found == nullptr) return nullptr;
  if (found->kind == Kind::number)
    return new Text(std::to_string(static_cast<const Number*>(found)->value));
  std::string description = "<";
  description += name_of(found);
  return new Text(description + ">");
}

}  // namespace anec::emulator
