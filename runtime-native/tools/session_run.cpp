// Runs a program of a plan with an engine, and says how often memory was asked for in each run.
//
//     session_run PLAN LIBRARY stage micro_step micro_step …
//
// Prints one number a run, or −1 where nobody counts (a build with sanitizers, a Mac). PLAN is what
// tests/support/session_run.ts writes: fields of [length, bytes], numbers as doubles. Threads of the host: 2.
//
// The program has the C++ library in itself, so what the emulator asks for, which has its own, is not counted.

#include <atomic>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "anec/session.h"
#include "backends/ane/session_engine.h"

namespace {

std::atomic<int64_t> asked{0};

#if defined(ANEC_COUNT)
constexpr bool counts = true;
#else
constexpr bool counts = false;
#endif

// The fields of a file, one after another; after the last come empty ones.
class Fields {
 public:
  explicit Fields(const char* path) {
    std::ifstream file(path, std::ios::binary);
    bytes_.assign(std::istreambuf_iterator<char>(file), {});
  }
  std::string text() {
    uint32_t length = 0;
    if (bytes_.size() - at_ < sizeof length) return {};
    std::memcpy(&length, bytes_.data() + at_, sizeof length);
    at_ += sizeof length;
    if (bytes_.size() - at_ < length) return {};
    at_ += length;
    return bytes_.substr(at_ - length, length);
  }
  std::vector<double> numbers() {
    const std::string field = text();
    std::vector<double> values(field.size() / sizeof(double));
    std::memcpy(values.data(), field.data(), values.size() * sizeof(double));
    return values;
  }
  template <class T>
  std::vector<T> integers() {
    std::vector<T> values;
    for (const double n : numbers()) values.push_back(static_cast<T>(n));
    return values;
  }
  size_t count() {
    const std::vector<double> values = numbers();
    return values.empty() ? 0 : static_cast<size_t>(values.front());
  }

 private:
  std::string bytes_;
  size_t at_ = 0;
};

std::vector<anec::ane::Port> ports(Fields& fields) {
  std::vector<anec::ane::Port> list(fields.count());
  for (anec::ane::Port& port : list) {
    port.name = fields.text();
    port.type = anec::ane::ElementType::fp16;
    port.shape = fields.integers<int64_t>();
  }
  return list;
}

anec::ane::EngineSource engine(Fields& fields) {
  anec::ane::EngineSource source;
  source.programs.resize(fields.count());
  for (anec::ane::ProgramSource& program : source.programs) {
    program.name = fields.text();
    program.mil = fields.text();
    const std::string weights = fields.text();
    if (!weights.empty()) program.weights.push_back({"@model_path/weights/weight.bin", weights});
    anec::ane::Procedure main{"main", ports(fields), {}};
    main.outputs = ports(fields);
    program.procedures.push_back(std::move(main));
  }
  source.surfaces.resize(fields.count());
  for (auto& shape : source.surfaces) shape = fields.integers<int64_t>();
  source.calls.resize(fields.count());
  for (anec::ane::EngineSource::Call& call : source.calls) {
    call.program = static_cast<int>(fields.count());
    call.label = fields.text();
    call.inputs = fields.integers<int>();
    call.outputs = fields.integers<int>();
  }
  return source;
}

int fail(const anec::Error& error) {
  std::fprintf(stderr, "%s %s\n%s\n", error.code.c_str(), error.message.c_str(),
               error.detail.c_str());
  return 1;
}

}  // namespace

#if defined(ANEC_COUNT)
extern "C" {
void* __real_malloc(size_t);
void* __real_calloc(size_t, size_t);
void* __real_realloc(void*, size_t);
void* __real_aligned_alloc(size_t, size_t);
int __real_posix_memalign(void**, size_t, size_t);
void* __wrap_malloc(size_t size) { return ++asked, __real_malloc(size); }
void* __wrap_calloc(size_t n, size_t size) { return ++asked, __real_calloc(n, size); }
void* __wrap_realloc(void* old, size_t size) { return ++asked, __real_realloc(old, size); }
void* __wrap_aligned_alloc(size_t to, size_t size) { return ++asked, __real_aligned_alloc(to, size); }
int __wrap_posix_memalign(void** at, size_t to, size_t size) {
  return ++asked, __real_posix_memalign(at, to, size);
}
}
#endif

int main(int count, char** words) {
  if (count < 4) return fail({"E0603", "usage: session_run PLAN LIBRARY PROGRAM…", ""});
  Fields fields(words[1]);
  const std::vector<double> plan = fields.numbers();
  std::vector<std::string> strings(fields.count()), names(fields.count());
  for (std::string& text : strings) text = fields.text();
  for (std::string& name : names) name = fields.text();
  anec::DeviceOptions options;
  options.threads = 2;
  options.blas = "builtin";
  auto session = anec::Session::create(plan, strings, options);
  if (!session.ok()) return fail(session.error());
  anec::ane::DeviceOptions device;
  device.library = words[2];
  auto made = anec::ane::SessionEngine::create(engine(fields), std::move(device), {});
  if (!made.ok()) return fail(made.error());
  if (auto attached = session.value()->attach(std::move(made.value()), true); !attached.ok())
    return fail(attached.error());
  for (int i = 3; i < count; ++i) {
    int program = 0;
    while (program < session.value()->programs() &&
           names[static_cast<size_t>(program)] != words[i])
      ++program;
    if (program == session.value()->programs()) return fail({"E0606", "no such program", words[i]});
    const int64_t before = asked;
    auto ran = session.value()->run(program, true);
    const int64_t during = asked - before;
    if (!ran.ok()) return fail(ran.error());
    std::printf("%lld\n", counts ? static_cast<long long>(during) : -1LL);
  }
  return 0;
}
