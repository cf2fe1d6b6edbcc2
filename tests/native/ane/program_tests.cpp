// Programs: compiled, bound, run, unloaded, against a framework that lacks this or that.

#include <dlfcn.h>

#include <thread>

#include "check.h"

using namespace anec::ane;
using namespace anec::test;

TEST("a program compiles, runs and leaves nothing behind") {
  auto device = open_device();
  {
    auto program = MUST(device->compile(difference()));
    EXPECT(program->loaded());
    EXPECT(program->binding().reported);
    EXPECT_EQUAL(program->source().name, "difference");
    EXPECT_EQUAL(program->identifier().size(), size_t{64 * 3 + 2});
    for (int seed = 0; seed < 3; ++seed) MUST(run_difference(*device, *program, seed));
    EXPECT(program->hardware_ns() > 50'000 && program->hardware_ns() < 1'000'000);
    EXPECT_EQUAL(device->counts().compiles.load(), 1);
    EXPECT_EQUAL(device->counts().loads.load(), 1);
    EXPECT_EQUAL(device->counts().evaluations.load(), 3);
    EXPECT_EQUAL(device->counts().hardware_ns.load(), 3 * program->hardware_ns());
    MUST(program->unload());
    MUST(program->unload());
    EXPECT(!program->loaded());
    MUST(run_difference(*device, *program));  // loads it again
    EXPECT_EQUAL(device->counts().loads.load(), 2);
    EXPECT_EQUAL(device->counts().compiles.load(), 1);
  }
  EXPECT_EQUAL(said, "");
  expect_clean();
}

TEST("a device says what it is") {
  auto device = open_device("chip=m4_max,os=15.5");
  EXPECT_EQUAL(device->info().architecture, "h16c");
  EXPECT_EQUAL(device->info().build, "24A100");
  EXPECT_PART(device->info().product, "emulator of m4_max");
  EXPECT_EQUAL(device->info().cores, 16);
  EXPECT_EQUAL(device->info().way, "direct");
  EXPECT_EQUAL(device->info().compile_budget, 100);
  EXPECT_EQUAL(device->compiles_left(), 100);
  EXPECT_EQUAL(open_device("os=26.3")->compiles_left(), -1);
  EXPECT_EQUAL(open_device("missing=_ANEDeviceInfo")->info().architecture, "");
  EXPECT_EQUAL(open_device("missing=_ANEDeviceInfo")->compiles_left(), 100);
  configure("engine=off");
  EXPECT_ERROR(Device::open(quick_options()), "E0620", "no Neural Engine");
  expect_clean();
}

TEST("what a framework lacks is named") {
  DeviceOptions options = quick_options();
  options.library = "";
#if !defined(__APPLE__)
  EXPECT_ERROR(Device::open(options), "E0620", "cannot load /usr/lib/libobjc.A.dylib");
  options.library = "libm.so.6";
#else
  options.library = "/usr/lib/libz.dylib";
#endif
  EXPECT_ERROR(Device::open(options), "E0620", "no function objc_getClass");
  options.library = test_folder() + "/none.so";
  EXPECT_ERROR(Device::open(options), "E0620", "none.so");
  for (const char* name :
       {"_ANEInMemoryModelDescriptor", "_ANEInMemoryModel", "_ANERequest", "_ANEIOSurfaceObject"}) {
    configure(std::string("missing=") + name);
    EXPECT_ERROR(Device::open(quick_options()), "E0620", std::string("no class ") + name);
  }
  configure("missing=compileWithQoS:options:error:");
  EXPECT_ERROR(Device::open(quick_options()), "E0620",
               "-[_ANEInMemoryModel compileWithQoS:options:error:]");
  configure("missing=inMemoryModelWithDescriptor:");
  EXPECT_ERROR(Device::open(quick_options()), "E0620",
               "+[_ANEInMemoryModel inMemoryModelWithDescriptor:]");
  const std::string start = "requestWithInputs:inputIndices:outputs:outputIndices:";
  configure("missing=" + start + "weightsBuffer:perfStats:procedureIndex:+" + start +
            "perfStats:procedureIndex:+" + start + "weightsBuffer:procedureIndex:+" + start +
            "procedureIndex:");
  EXPECT_ERROR(Device::open(quick_options()), "E0620", "shorter forms");
  expect_clean();
}

TEST("whatever a macOS version may lack, programs run without it") {
  const std::string start = "requestWithInputs:inputIndices:outputs:outputIndices:";
  const std::string both = start + "weightsBuffer:perfStats:procedureIndex:",
                    stats = start + "perfStats:procedureIndex:",
                    weights = start + "weightsBuffer:procedureIndex:";
  const struct {
    std::string missing;
    const char* way;
    bool timed;
  } cases[] = {
      {"doEvaluateDirectWithModel:options:request:qos:error:", "client", true},
      {"doEvaluateDirectWithModel:options:request:qos:error:+evaluateWithModel:options:request:qos:"
       "error:",
       "model", true},
      {"_ANEClient", "model", true},
      {"sharedConnection", "model", true},
      {"perfStats", "direct", true},
      {"perfStats+perfStatsArray", "direct", false},
      {"hwExecutionTime", "direct", false},
      {"setPerfStatsMask:", "direct", false},
      {"localModelPath+compiledModelExists+modelAttributes", "direct", true},
      {both, "direct", true},
      {both + "+" + stats, "direct", true},
      {both + "+" + stats + "+" + weights, "direct", true},
  };
  for (const auto& c : cases) {
    auto device = open_device("missing=" + c.missing);
    EXPECT_EQUAL(device->info().way, c.way);
    auto program = MUST(device->compile(difference()));
    MUST(run_difference(*device, *program));
    EXPECT_EQUAL(program->hardware_ns() > 0, c.timed);
    program.reset();
    expect_clean();
  }
}

TEST("ports go by name where programs do not describe them") {
  auto device = open_device("attributes=off");
  auto program = MUST(device->compile(difference()));
  EXPECT(!program->binding().reported);
  EXPECT_EQUAL(program->binding().procedures[0].inputs[0].port, 1);  // C, before the small letters
  EXPECT_EQUAL(program->binding().procedures[0].inputs[1].port, 2);  // a_subtrahend
  EXPECT_EQUAL(program->binding().procedures[0].inputs[2].port, 0);
  MUST(run_difference(*device, *program));
  program.reset();
  expect_clean();
}

TEST("order and strides come from the program where it describes them") {
  auto device = open_device("binding=declared,row-align=128");
  auto program = MUST(device->compile(difference()));
  EXPECT_EQUAL(program->binding().procedures[0].inputs[0].port, 0);
  EXPECT_EQUAL(program->input_layout(0).row_stride, 128);
  MUST(run_difference(*device, *program));
  program.reset();
  expect_clean();
}

TEST("a description that cannot be true is not followed, and that is said") {
  const std::pair<const char*, const char*> lies[] = {
      {"count", "it lists 4 of 3 ports"},   {"name", "it lists a port `other_C`"},
      {"procedure", "no procedure `main`"}, {"live", "strides of a port `other_C`"},
      {"interleave", "`C` is interleaved"}, {"strides", "`C` cannot lie like that"},
      {"type", "`C` is of UInt8"},
  };
  for (const auto& [lie, words] : lies) {
    said = "";
    auto device = open_device(std::string("lie=") + lie);
    auto program = MUST(device->compile(difference()));
    EXPECT(!program->binding().reported);
    EXPECT_PART(said, "description of its ports is not usable: ");
    EXPECT_PART(said, words);
    MUST(run_difference(*device, *program));
  }
  expect_clean();
}

TEST("rows narrower than 64 bytes are where the engine looks for them") {
  for (const int64_t width : {1, 5, 31, 33, 100}) {
    for (const char* settings : {"", "attributes=off", "padding=keep"}) {
      auto device = open_device(settings);
      auto program = MUST(device->compile(difference(7, width)));
      MUST(run_difference(*device, *program, static_cast<int>(width)));
    }
  }
  expect_clean();
}

TEST("a program may have several procedures, whose symbols are counted through") {
  const std::string type = "tensor<fp16, [1, 4, 1, 32]>";
  ProgramSource source;
  source.name = "two";
  source.mil =
      mil(function("twice", type + " x",
                   "        " + type + " y = add(x = x, y = x)[name = string(\"y\")];\n", "y") +
          function("sums", type + " x, " + type + " b",
                   "        " + type +
                       " s = add(x = x, y = b)[name = string(\"s\")];\n"
                       "        " +
                       type + " d = sub(x = x, y = b)[name = string(\"d\")];\n",
                   "s, d"));
  const std::vector<int64_t> shape{1, 4, 1, 32};
  const auto port = [&](const char* name) { return Port{name, ElementType::fp16, shape}; };
  source.procedures = {{"twice", {port("x")}, {port("y")}},
                       {"sums", {port("x"), port("b")}, {port("s"), port("d")}}};
  for (const char* settings : {"", "attributes=off"}) {
    auto device = open_device(settings);
    auto program = MUST(device->compile(source));
    EXPECT_EQUAL(program->binding().procedures[1].inputs[0].symbol, 1);
    std::vector<std::unique_ptr<Surface>> s;
    for (int i = 0; i < 4; ++i) s.push_back(MUST(device->surface(program->input_layout(0))));
    const std::vector<float> a = small_numbers(128, 1), b = small_numbers(128, 2);
    MUST(s[0]->write(a));
    MUST(s[1]->write(b));
    Surface *x[] = {s[0].get()}, *y[] = {s[2].get()}, *xb[] = {s[0].get(), s[1].get()},
            *sd[] = {s[2].get(), s[3].get()};
    std::vector<float> out(128), other(128);
    MUST(program->evaluate(x, y, 0));
    MUST(s[2]->read(out));
    for (size_t i = 0; i < 128; ++i) EXPECT_EQUAL(out[i], 2 * a[i]);
    MUST(program->evaluate(xb, sd, 1));
    MUST(s[2]->read(out));
    MUST(s[3]->read(other));
    for (size_t i = 0; i < 128; ++i) EXPECT_EQUAL(out[i] - other[i], 2 * b[i]);
    // A surface one procedure wrote is the next one's input.
    Surface *chain[] = {s[3].get(), s[2].get()}, *end[] = {s[0].get(), s[1].get()};
    MUST(program->evaluate(chain, end, 1));
    MUST(s[0]->read(out));
    for (size_t i = 0; i < 128; ++i) EXPECT_EQUAL(out[i], 2 * a[i]);
    EXPECT_ERROR(program->evaluate(x, y, 2), "E0626", "no procedure 2");
    EXPECT_ERROR(program->evaluate(x, y, -1), "E0626", "no procedure -1");
  }
  expect_clean();
}

TEST("surfaces that do not fit are refused before the engine sees them") {
  auto device = open_device();
  {
    auto program = MUST(device->compile(difference(4, 64)));
    const auto make = [&](ElementType type, std::vector<int64_t> shape) {
      return MUST(device->surface(MUST(Layout::of(type, shape))));
    };
    auto a = make(ElementType::fp16, {1, 4, 1, 64}), b = make(ElementType::fp16, {1, 1, 4, 64}),
         c = make(ElementType::fp16, {4, 64}), z = make(ElementType::fp16, {1, 4, 1, 64}),
         narrow = make(ElementType::fp16, {1, 4, 1, 63}),
         few = make(ElementType::fp16, {1, 3, 1, 64}),
         wide = make(ElementType::fp32, {1, 4, 1, 64});
    Surface* out[] = {z.get()};
    const auto run = [&](Surface* x, Surface* y, Surface* w, std::span<Surface* const> to) {
      Surface* in[] = {x, y, w};
      return program->evaluate(in, to);
    };
    MUST(run(a.get(), b.get(), c.get(), out));  // the same rows, cut into other dimensions
    EXPECT_ERROR(run(narrow.get(), b.get(), c.get(), out), "E0626", "does not fit port `minuend`");
    EXPECT_ERROR(run(a.get(), few.get(), c.get(), out), "E0626", "does not fit port `C`");
    EXPECT_ERROR(run(a.get(), b.get(), wide.get(), out), "E0626",
                 "does not fit port `a_subtrahend`");
    EXPECT_ERROR(run(a.get(), nullptr, c.get(), out), "E0626", "no surface for port `C`");
    EXPECT_ERROR(run(a.get(), b.get(), z.get(), out), "E0626", "would write port `z` over another");
    EXPECT_ERROR(run(a.get(), b.get(), c.get(), {}), "E0626", "3 and 0 of 3 and 1");
    MUST(run(a.get(), a.get(), a.get(), out));
  }
  expect_clean();
}

TEST("many sets of surfaces, more than requests are kept for") {
  auto device = open_device();
  {
    auto program = MUST(device->compile(difference(1, 32)));
    std::vector<std::unique_ptr<Surface>> s;
    for (int i = 0; i < 72; ++i) s.push_back(MUST(device->surface(program->input_layout(0))));
    for (int round = 0; round < 2; ++round) {
      for (size_t i = 1; i < s.size(); ++i) {
        Surface *in[] = {s[0].get(), s[0].get(), s[0].get()}, *out[] = {s[i].get()};
        MUST(program->evaluate(in, out));
      }
    }
  }
  expect_clean();
}

TEST("a source that makes no sense is refused with its fault") {
  auto device = open_device();
  const auto broken = [&](auto change) {
    ProgramSource source = difference();
    change(source);
    return device->compile(source);
  };
  EXPECT_ERROR(broken([](auto& s) { s.mil = ""; }), "E0626", "has no text");
  EXPECT_ERROR(broken([](auto& s) { s.procedures.clear(); }), "E0626", "has no procedure");
  EXPECT_ERROR(broken([](auto& s) { s.procedures.push_back(s.procedures[0]); }), "E0626",
               "two procedures named `main`");
  EXPECT_ERROR(broken([](auto& s) { s.procedures[0].outputs.clear(); }), "E0626",
               "without outputs");
  EXPECT_ERROR(broken([](auto& s) { s.procedures[0].inputs[1].name = "minuend"; }), "E0626",
               "two ports of one name");
  EXPECT_ERROR(broken([](auto& s) { s.procedures[0].inputs[1].name = ""; }), "E0626",
               "or a port without");
  EXPECT_ERROR(broken([](auto& s) { s.procedures[0].outputs[0].shape = {0}; }), "E0626",
               "cannot have this shape");
  for (const char* path :
       {"w.bin", "@model_path/../w.bin", "@model_path/", "@model_path/model.mil"})
    EXPECT_ERROR(broken([&](auto& s) { s.weights = {{path, ""}}; }), "E0626",
                 "weight file it cannot have");
  EXPECT_ERROR(broken([](auto& s) { s.weights = {{"@model_path/w", ""}, {"@model_path/w", "x"}}; }),
               "E0626", "or twice");
  EXPECT_ERROR(device->load(ProgramSource{}, {}), "E0626", "has no text");
  const std::string digest = difference().digest();
  ProgramSource source = difference(4, 32, "another name");
  EXPECT_EQUAL(source.digest(), digest);
  source.options = "o";
  EXPECT(source.digest() != digest);
  source.options = "", source.weights = {{"@model_path/w", "1"}};
  EXPECT(source.digest() != digest);
  expect_clean();
}

TEST("several threads share a device and its programs") {
  DeviceOptions options = quick_options();
  options.in_flight = 1;
  auto device = open_device("", options);
  {
    auto one = MUST(device->compile(difference(4, 32))),
         two = MUST(device->compile(difference(2, 64)));
    std::vector<std::thread> threads;
    std::atomic<int> wrong{0};
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 20; ++i)
          wrong += !run_difference(*device, t % 2 == 0 ? *one : *two, i).ok();
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQUAL(wrong.load(), 0);
  }
  expect_clean();
}
