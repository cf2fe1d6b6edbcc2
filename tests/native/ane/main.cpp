// Runs the test whose sentence is given, or lists all. `--leak` and `--overflow` do what a sanitizer reports.

#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "check.h"

namespace anec::test {
namespace {

int failures = 0;
std::string folder;

}  // namespace

std::string said;

std::vector<Test>& tests() {
  static std::vector<Test> all;
  return all;
}

void failed(const char* file, int line, const std::string& what) {
  const char* slash = std::strrchr(file, '/');
  std::printf("%s:%d: %s\n", slash == nullptr ? file : slash + 1, line, what.c_str());
  ++failures;
}

void give_up() {
  ane::remove_tree(folder);
  std::fflush(stdout);
  _exit(1);
}

std::string library() {
  const char* path = std::getenv("ANEC_EMULATOR_LIBRARY");
  return path == nullptr ? "" : path;
}

void* symbol(const char* name) {
  static void* handle = dlopen(library().c_str(), RTLD_NOW | RTLD_LOCAL);
  void* found = handle == nullptr ? nullptr : dlsym(handle, name);
  if (found == nullptr) {
    failed(__FILE__, __LINE__, std::string("the emulator has no ") + name);
    give_up();
  }
  return found;
}

void configure(const std::string& settings) {
  const auto call =
      reinterpret_cast<const char* (*)(const char*)>(symbol("anec_emulator_configure"));
  EXPECT_EQUAL(std::string(call(settings.c_str())), "");
}

std::string report() {
  return reinterpret_cast<const char* (*)()>(symbol("anec_emulator_report"))();
}

int64_t reported(const std::string& name) {
  const std::string text = report(), key = "\"" + name + "\":";
  const size_t at = text.find(key);
  return at == text.npos ? -1 : std::atoll(text.c_str() + at + key.size());
}

std::string violations() {
  const std::string text = report(), key = "\"violations\":[";
  const size_t from = text.find(key) + key.size();
  return text.substr(from, text.rfind("]}") - from);
}

void expect_clean() {
  EXPECT_EQUAL(violations(), "");
  EXPECT_PART(report(), "\"live\":{}");
  EXPECT_EQUAL(reported("surfaces"), 0);
  EXPECT_EQUAL(reported("loaded"), 0);
  std::string left;
  for (const std::string& file : ane::files_below(test_folder() + "/tmp")) left += file + " ";
  EXPECT_EQUAL(left, "");
}

std::string test_folder() { return folder; }

ane::DeviceOptions quick_options() {
  ane::DeviceOptions options;
  options.library = library();
  options.retry = {5, 0, 0};
  options.say = [](const std::string& sentence) { said += sentence + "\n"; };
  return options;
}

std::unique_ptr<ane::Device> open_device(const std::string& settings, ane::DeviceOptions options) {
  configure(settings);
  return MUST(ane::Device::open(std::move(options)));
}

std::string mil(const std::string& functions) {
  return "program(1.3)\n[buildInfo = dict<string, string>({{\"coremlc-component-MIL\", "
         "\"3510.2.1\"}, "
         "{\"coremlc-version\", \"3505.4.1\"}, {\"coremltools-component-milinternal\", \"\"}, "
         "{\"coremltools-version\", \"9.0\"}})]\n{\n" +
         functions + "}\n";
}

std::string function(const std::string& name, const std::string& parameters,
                     const std::string& body, const std::string& results) {
  return "    func " + name + "<ios18>(" + parameters + ") {\n" + body + "    } -> (" + results +
         ");\n";
}

ane::ProgramSource difference(int64_t channels, int64_t width, const std::string& name) {
  const std::string type =
      "tensor<fp16, [1, " + std::to_string(channels) + ", 1, " + std::to_string(width) + "]>";
  ane::ProgramSource source;
  source.name = name;
  source.mil = mil(function("main", type + " minuend, " + type + " C, " + type + " a_subtrahend",
                            "        " + type +
                                " d = sub(x = minuend, y = a_subtrahend)[name = string(\"d\")];\n"
                                "        " +
                                type + " z = mul(x = d, y = C)[name = string(\"z\")];\n",
                            "z"));
  const std::vector<int64_t> shape{1, channels, 1, width};
  using ane::ElementType;
  source.procedures = {{"main",
                        {{"minuend", ElementType::fp16, shape},
                         {"C", ElementType::fp16, shape},
                         {"a_subtrahend", ElementType::fp16, shape}},
                        {{"z", ElementType::fp16, shape}}}};
  return source;
}

std::vector<float> small_numbers(int64_t count, int seed) {
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i)
    values.push_back(static_cast<float>((i * 7 + seed * 13) % 31 - 15) / 4);
  return values;
}

Result<void> run_difference(ane::Device& device, ane::Program& program, int seed) {
  std::vector<std::unique_ptr<ane::Surface>> surfaces;
  std::vector<std::vector<float>> values;
  for (int port = 0; port < 3; ++port) {
    const ane::Layout& layout = program.input_layout(port);
    auto surface = device.surface(layout);
    if (!surface.ok()) return surface.error();
    values.push_back(small_numbers(layout.elements(), seed + port));
    if (auto written = surface.value()->write(values.back()); !written.ok()) return written.error();
    surfaces.push_back(std::move(surface.value()));
  }
  auto out = device.surface(program.output_layout(0));
  if (!out.ok()) return out.error();
  ane::Surface* inputs[] = {surfaces[0].get(), surfaces[1].get(), surfaces[2].get()};
  ane::Surface* outputs[] = {out.value().get()};
  auto done = program.evaluate(inputs, outputs);
  std::vector<float> result(values[0].size());
  if (done.ok()) done = out.value()->read(result);
  for (ane::Surface* surface : inputs) program.forget(*surface);
  if (!done.ok()) return done;
  for (size_t i = 0; i < result.size(); ++i) {
    const float expected = (values[0][i] - values[2][i]) * values[1][i];
    if (result[i] == expected) continue;
    return Error{"wrong", "element " + std::to_string(i) + " is " + std::to_string(result[i]),
                 "and should be " + std::to_string(expected)};
  }
  return {};
}

}  // namespace anec::test

int main(int count, char** arguments) {
  using namespace anec::test;
  if (count == 2 && std::strcmp(arguments[1], "--list") == 0) {
    for (const Test& test : tests()) std::printf("%s\n", test.sentence);
    return 0;
  }
  if (count == 2 && std::strcmp(arguments[1], "--leak") == 0) {
    // Many, since the last one may still be seen on the stack.
    for (int i = 0; i < 100; ++i)
      if (strdup(arguments[1]) == nullptr) return 2;
    return 0;
  }
  if (count == 2 && std::strcmp(arguments[1], "--overflow") == 0) {
    volatile int most = __INT_MAX__;
    return most + count < 0 ? 0 : 1;
  }
  const Test* chosen = nullptr;
  for (const Test& test : tests())
    if (count == 2 && std::strcmp(arguments[1], test.sentence) == 0) chosen = &test;
  if (chosen == nullptr) {
    std::printf("there is no such test\n");
    return 2;
  }
  char name[] = "/tmp/anec-ane-test-XXXXXX";
  folder = mkdtemp(name);
  mkdir((folder + "/tmp").c_str(), 0700);
  setenv("TMPDIR", (folder + "/tmp").c_str(), 1);
  chosen->body();
  anec::ane::remove_tree(folder);
  return failures == 0 ? 0 : 1;
}
