// Data, strings, numbers, lists, dictionaries and errors, and the CoreFoundation functions over
// them.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "objects.h"

namespace anec::emulator {

struct Data : Object {
  std::string bytes;
  explicit Data(std::string b);
};

struct Text : Object {
  std::string value;
  explicit Text(std::string v);
};

struct Number : Object {
  int64_t value;
  explicit Number(int64_t v);
};

struct Array : Object {
  std::vector<Object*> items;  // retained
  explicit Array(std::vector<Object*> i);
  ~Array() override;
};

struct Dictionary : Object {
  std::vector<std::pair<Object*, Object*>> entries;  // retained
  explicit Dictionary(std::vector<std::pair<Object*, Object*>> e);
  ~Dictionary() override;
  Object* find(std::string_view key) const;
};

struct ErrorObject : Object {
  std::string domain;
  int64_t code;
  std::string description;
  Dictionary* info;  // owned
  ErrorObject(std::string d, int64_t c, std::string text, Dictionary* i);
  ~ErrorObject() override;
};

// Objects that live until the innermost pool ends.
Text* text(std::string value);
Number* number(int64_t value);
Array* array(std::vector<Object*> items);
Dictionary* dictionary(std::vector<std::pair<std::string, Object*>> entries);

ErrorObject* error_object(const char* domain, int64_t code, const std::string& description,
                          std::vector<std::pair<std::string, Object*>> info = {});

// Puts an NSError where the caller asked for one, and answers NO.
signed char fail(void** error, const char* domain, int64_t code, const std::string& description,
                 std::vector<std::pair<std::string, Object*>> info = {});

// What an object holds, or null with a violation that names `where`.
const Data* data_in(const void* object, const char* where);
const Text* text_in(const void* object, const char* where);
const Number* number_in(const void* object, const char* where);
const Array* array_in(const void* object, const char* where);
const Dictionary* dictionary_in(const void* object, const char* where);

void declare_foundation();

}  // namespace anec::emulator
