// Objects, classes and selectors as libobjc has them, with every use of them checked.
//
// Each object is known while it lives. A message to anything else, or one the object has no method
// for, is written down as a violation and answered with nil, where the real runtime would crash.

#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace anec::emulator {

using Method = void (*)();
using Selector = const std::string*;

enum class Kind { cls, data, text, number, array, dictionary, error, surface, other };

struct Class;

struct Object {
  Class* cls;
  Kind kind;
  std::atomic<int64_t> references{1};
  bool shared = false;  // lives as long as the process

  Object(Class* c, Kind k);
  virtual ~Object() = default;
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
};

struct Class : Object {
  std::string name;
  std::map<std::string_view, Method> methods;

  // A class and its own class, which has its factory methods.
  Class(std::string n, Class* own) : Object(own, Kind::cls), name(std::move(n)) {}
  Method find(std::string_view selector) const;
};

// Declares a class with an empty list of methods, or finds it.
Class* declare_class(const char* name);
// Adds a method; the function takes (self, selector, arguments…).
template <class Function>
void instance_method(Class* cls, const char* selector, Function* function) {
  cls->methods[selector] = reinterpret_cast<Method>(function);
}
template <class Function>
void factory_method(Class* cls, const char* selector, Function* function) {
  cls->cls->methods[selector] = reinterpret_cast<Method>(function);
}

// The object if it lives and is of this kind; otherwise null, and a violation that names `where`.
Object* checked(const void* object, Kind kind, const char* where);
bool is_alive(const void* object);

Object* retain(Object* object);
void release(Object* object);
// Releases it when the thread's innermost pool ends; answers the object.
Object* autorelease(Object* object);

// Live objects of each class, without those that live as long as the process.
std::map<std::string, int64_t> live_objects();
// Whether the options say that this macOS has no such class or method.
bool is_hidden(std::string_view name);

// The name of the object's class, of the class it is, or "nil".
std::string name_of(const Object* object);

}  // namespace anec::emulator
