// A test is a sentence and a block. `main` runs the one that is named, in a process of its own,
// with a temporary folder of its own; vitest runs them all (tests/native/ane_backend.test.ts).

#pragma once

#include <cmath>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "backends/ane/device.h"
#include "backends/ane/program_cache.h"
#include "backends/ane/workspace.h"

namespace anec::test {

struct Test {
  const char* sentence;
  void (*body)();
};
std::vector<Test>& tests();
struct Registered {
  Registered(const char* sentence, void (*body)()) { tests().push_back({sentence, body}); }
};

void failed(const char* file, int line, const std::string& what);

// What two values look like in a failure.
inline std::string shown(const std::string& value) { return "\"" + value + "\""; }
inline std::string shown(const char* value) { return shown(std::string(value)); }
inline std::string shown(bool value) { return value ? "true" : "false"; }
template <class T>
std::string shown(const T& value) {
  return std::to_string(value);
}

template <class A, class B>
void expect_equal(const char* file, int line, const A& a, const B& b) {
  if (!(a == b)) failed(file, line, shown(a) + " is not " + shown(b));
}

inline void expect_part(const char* file, int line, const std::string& text,
                        const std::string& part) {
  if (text.find(part) == text.npos) failed(file, line, shown(text) + " has no " + shown(part));
}

#define ANEC_TEST2(sentence, number)                                                      \
  static void test_##number();                                                            \
  static const ::anec::test::Registered registered_##number(sentence, test_##number);     \
  static void test_##number()
#define ANEC_TEST(sentence, number) ANEC_TEST2(sentence, number)
#define TEST(sentence) ANEC_TEST(sentence, __COUNTER__)
#define EXPECT(condition) \
  if (!(condition)) ::anec::test::failed(__FILE__, __LINE__, #condition)
#define EXPECT_EQUAL(a, b) ::anec::test::expect_equal(__FILE__, __LINE__, a, b)
#define EXPECT_PART(text, part) ::anec::test::expect_part(__FILE__, __LINE__, text, part)
// The value of a result that must be good; the test ends if it is not.
#define MUST(result) ::anec::test::must(__FILE__, __LINE__, result)
#define EXPECT_ERROR(result, error_code, part)                                    \
  do {                                                                            \
    const auto outcome_ = (result);                                               \
    if (outcome_.ok()) {                                                          \
      ::anec::test::failed(__FILE__, __LINE__, "it succeeded");                   \
      break;                                                                      \
    }                                                                             \
    EXPECT_EQUAL(outcome_.error().code, std::string(error_code));                 \
    EXPECT_PART(outcome_.error().message + "\n" + outcome_.error().detail, part); \
  } while (false)

[[noreturn]] void give_up();

template <class T>
T must(const char* file, int line, Result<T> result) {
  if (result.ok()) return std::move(result.value());
  failed(file, line,
         result.error().code + ": " + result.error().message + "\n" + result.error().detail);
  give_up();
}
inline void must(const char* file, int line, Result<void> result) {
  if (result.ok()) return;
  failed(file, line,
         result.error().code + ": " + result.error().message + "\n" + result.error().detail);
  give_up();
}

// The emulator's library, from ANEC_EMULATOR_LIBRARY.
std::string library();
// A function of it.
void* symbol(const char* name);
// Starts the emulator over with these settings.
void configure(const std::string& settings);
// Its report, as JSON, and one number or list out of it.
std::string report();
int64_t reported(const std::string& name);
// What was done wrong, joined; empty if nothing was.
std::string violations();
// Ends the test's use of the emulator: nothing may be alive, nothing may have been done wrong.
void expect_clean();

// A folder for this test alone, and TMPDIR inside it.
std::string test_folder();

// Everything the device said it mended.
extern std::string said;

// A device on the emulator that does not wait between attempts.
ane::DeviceOptions quick_options();
std::unique_ptr<ane::Device> open_device(const std::string& settings = "",
                                         ane::DeviceOptions options = quick_options());

// z = (a − b) · c over [1, C, 1, W], one procedure. The order of the declarations is not the order
// of the alphabet.
ane::ProgramSource difference(int64_t channels = 4, int64_t width = 32,
                              const std::string& name = "difference");
// The same text around other statements: parameters and results as MIL writes them.
std::string mil(const std::string& functions);
std::string function(const std::string& name, const std::string& parameters,
                     const std::string& body, const std::string& results);

// Numbers that fp16 has exactly.
std::vector<float> small_numbers(int64_t count, int seed);

// Runs `difference` once on new surfaces and compares; what was wrong, or nothing.
Result<void> run_difference(ane::Device& device, ane::Program& program, int seed = 1);

}  // namespace anec::test
