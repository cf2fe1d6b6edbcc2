// The Objective-C runtime. One function is written in assembly: objc_msgSend.

#include "objects.h"

#include <mutex>
#include <set>
#include <unordered_set>
#include <vector>

#include "state.h"

#define ANEC_EXPORT extern "C" __attribute__((visibility("default")))

namespace anec::emulator {
namespace {

// Never freed: objects may be released while the process ends.
struct Heap {
  std::mutex mutex;
  std::unordered_set<const void*> alive;
  std::map<std::string, Class*, std::less<>> classes;
  std::set<std::string, std::less<>> selectors;
  std::unordered_set<const void*> known_selectors;
};

Heap& heap() {
  static Heap* heap = new Heap();
  return *heap;
}

struct AutoreleasePool {
  std::vector<Object*> objects;
};
thread_local std::vector<AutoreleasePool> pools;

uintptr_t answer_nothing() { return 0; }

}  // namespace

Object::Object(Class* c, Kind k) : cls(c), kind(k) {
  const std::lock_guard guard(heap().mutex);
  heap().alive.insert(this);
}

Method Class::find(std::string_view selector) const {
  if (is_hidden(selector)) return nullptr;
  const auto found = methods.find(selector);
  return found == methods.end() ? nullptr : found->second;
}

Class* declare_class(const char* name) {
  {
    const std::lock_guard guard(heap().mutex);
    if (const auto found = heap().classes.find(name); found != heap().classes.end())
      return found->second;
  }
  auto* own = new Class(std::string(name) + " (class)", nullptr);
  auto* cls = new Class(name, own);
  const std::lock_guard guard(heap().mutex);
  heap().classes[name] = cls;
  return cls;
}

bool is_alive(const void* object) {
  const std::lock_guard guard(heap().mutex);
  return heap().alive.contains(object);
}

std::string name_of(const Object* object) {
  if (object == nullptr) return "nil";
  if (object->kind == Kind::cls) return static_cast<const Class*>(object)->name;
  return object->cls->name;
}

Object* checked(const void* pointer, Kind kind, const char* where) {
  auto* object = static_cast<Object*>(const_cast<void*>(pointer));
  if (object == nullptr || !is_alive(object)) {
    violation(std::string(where) + ": " +
              (object == nullptr ? "nil" : "an object that is gone or never was"));
    return nullptr;
  }
  if (kind != Kind::other && object->kind != kind) {
    violation(std::string(where) + ": a " + name_of(object) + " is of the wrong kind");
    return nullptr;
  }
  return object;
}

Object* retain(Object* object) {
  if (object != nullptr) ++object->references;
  return object;
}

void release(Object* object) {
  if (object == nullptr || --object->references > 0) return;
  {
    const std::lock_guard guard(heap().mutex);
    heap().alive.erase(object);
  }
  delete object;
}

Object* autorelease(Object* object) {
  if (pools.empty())
    violation("a " + name_of(object) +
              " was made outside an autorelease pool: it is never released");
  else pools.back().objects.push_back(object);
  return object;
}

std::map<std::string, int64_t> live_objects() {
  const std::lock_guard guard(heap().mutex);
  std::map<std::string, int64_t> counts;
  for (const void* pointer : heap().alive) {
    const auto* object = static_cast<const Object*>(pointer);
    if (object->kind != Kind::cls && !object->shared) ++counts[object->cls->name];
  }
  return counts;
}

bool is_hidden(std::string_view name) { return options().missing.contains(std::string(name)); }

ANEC_EXPORT Object* objc_getClass(const char* name) {
  start();
  if (is_hidden(name)) return nullptr;
  const std::lock_guard guard(heap().mutex);
  const auto found = heap().classes.find(name);
  return found == heap().classes.end() ? nullptr : found->second;
}

ANEC_EXPORT Class* object_getClass(const void* pointer) {
  if (pointer == nullptr) return nullptr;
  const Object* object = checked(pointer, Kind::other, "object_getClass");
  return object == nullptr ? nullptr : object->cls;
}

ANEC_EXPORT Selector sel_registerName(const char* name) {
  const std::lock_guard guard(heap().mutex);
  Selector selector = &*heap().selectors.emplace(name).first;
  heap().known_selectors.insert(selector);
  return selector;
}

ANEC_EXPORT bool class_respondsToSelector(const void* cls, Selector selector) {
  const Object* object = checked(cls, Kind::cls, "class_respondsToSelector");
  return object != nullptr && static_cast<const Class*>(object)->find(*selector) != nullptr;
}

ANEC_EXPORT void* objc_autoreleasePoolPush() {
  pools.emplace_back();
  return reinterpret_cast<void*>(pools.size());
}

ANEC_EXPORT void objc_autoreleasePoolPop(void* pool) {
  const size_t depth = reinterpret_cast<size_t>(pool);
  if (depth == 0 || depth > pools.size()) {
    violation("objc_autoreleasePoolPop: this pool is not open");
    return;
  }
  if (depth < pools.size()) violation("objc_autoreleasePoolPop: an inner pool is still open");
  while (pools.size() >= depth) {
    const std::vector<Object*> objects = std::move(pools.back().objects);
    pools.pop_back();
    for (Object* object : objects) release(object);
  }
}

ANEC_EXPORT Object* objc_retain(void* object) {
  return object == nullptr ? nullptr : retain(checked(object, Kind::other, "objc_retain"));
}

ANEC_EXPORT void objc_release(void* object) {
  if (object != nullptr) release(checked(object, Kind::other, "objc_release"));
}

// The method a message is for. objc_msgSend jumps to it with the arguments it was given.
extern "C" __attribute__((visibility("hidden"), used)) Method
anec_emulator_find_method(const void* self, Selector selector) {
  const auto nothing = reinterpret_cast<Method>(&answer_nothing);
  {
    const std::lock_guard guard(heap().mutex);
    if (!heap().known_selectors.contains(selector)) selector = nullptr;
  }
  if (selector == nullptr) {
    violation("objc_msgSend: the selector was never registered");
    return nothing;
  }
  const Object* object = checked(self, Kind::other, selector->c_str());
  if (object == nullptr) return nothing;
  const Method method = object->cls == nullptr ? nullptr : object->cls->find(*selector);
  if (method != nullptr) return method;
  violation("unrecognized selector " + *selector + " sent to a " + name_of(object));
  return nothing;
}

}  // namespace anec::emulator

// objc_msgSend keeps every register that can hold an argument, finds the method, and jumps to it;
// nil answers zero. It cannot be written in C++, which does not let a function pass on arguments
// it does not know.

#if defined(__APPLE__)
#define ANEC_SYMBOL(name) "_" name
#define ANEC_HIDE ".private_extern "
#else
#define ANEC_SYMBOL(name) name
#define ANEC_HIDE ".hidden "
#endif

#if defined(__x86_64__)
asm(".text\n"
    ".globl " ANEC_SYMBOL("objc_msgSend") "\n" ANEC_SYMBOL("objc_msgSend") ":\n"
    "  test %rdi, %rdi\n"
    "  jz 1f\n"
    "  push %rbp\n  mov %rsp, %rbp\n"
    "  push %rdi\n  push %rsi\n  push %rdx\n  push %rcx\n  push %r8\n  push %r9\n"
    "  call " ANEC_SYMBOL("anec_emulator_find_method") "\n"
    "  pop %r9\n  pop %r8\n  pop %rcx\n  pop %rdx\n  pop %rsi\n  pop %rdi\n"
    "  pop %rbp\n"
    "  jmp *%rax\n"
    "1: xor %eax, %eax\n  ret\n");
#elif defined(__aarch64__)
asm(".text\n"
    ".globl " ANEC_SYMBOL("objc_msgSend") "\n.p2align 2\n" ANEC_SYMBOL("objc_msgSend") ":\n"
    "  cbz x0, 1f\n"
    "  stp x29, x30, [sp, #-96]!\n  mov x29, sp\n"
    "  stp x0, x1, [sp, #16]\n  stp x2, x3, [sp, #32]\n"
    "  stp x4, x5, [sp, #48]\n  stp x6, x7, [sp, #64]\n  str x8, [sp, #80]\n"
    "  bl " ANEC_SYMBOL("anec_emulator_find_method") "\n"
    "  mov x16, x0\n"
    "  ldp x0, x1, [sp, #16]\n  ldp x2, x3, [sp, #32]\n"
    "  ldp x4, x5, [sp, #48]\n  ldp x6, x7, [sp, #64]\n  ldr x8, [sp, #80]\n"
    "  ldp x29, x30, [sp], #96\n"
    "  br x16\n"
    "1: mov x0, #0\n  ret\n");
#endif
