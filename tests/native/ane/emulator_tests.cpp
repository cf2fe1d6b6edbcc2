// The emulator itself: every wrong use of Apple's frameworks is found and named.

#include "backends/ane/objects.h"
#include "check.h"

using namespace anec::ane;
using namespace anec::test;

namespace {

// What was done wrong since the last call.
std::string wrong() {
  const std::string found = violations();
  configure("");
  return found;
}

// A framework and what most tests need of it.
struct Bench {
  std::unique_ptr<Framework> owner;
  Framework& f;
  Pool pool;
  Owned none, zero;
  Bench()
      : owner(MUST(Framework::open(library()))),
        f(*owner),
        pool(f),
        none(make_dictionary(f, {})),
        zero(make_number(f, 0)) {}

  template <class R = Id, class... Args>
  R send(Id object, const char* selector, Args... args) {
    using Method = R (*)(Id, Selector, Args...);
    return reinterpret_cast<Method>(f.c.message)(object, f.c.selector(selector), args...);
  }
  Owned data(const std::string& text) {
    return make_data(f, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  }
  Owned text(const std::string& value) { return make_string(f, value); }
  Id model(const std::string& text) {
    return f.model(f.descriptor(data(text).get(), none.get(), nullptr));
  }
  Owned surface(int64_t bytes) {
    const Owned keys[] = {text("IOSurfaceWidth"), text("IOSurfaceHeight"),
                          text("IOSurfaceBytesPerElement")};
    const Owned values[] = {make_number(f, bytes), make_number(f, 1), make_number(f, 1)};
    const Owned properties = make_dictionary(f, {{keys[0].get(), values[0].get()},
                                                 {keys[1].get(), values[1].get()},
                                                 {keys[2].get(), values[2].get()}});
    return Owned(f, reinterpret_cast<Id>(f.c.surface_create(properties.get())));
  }
};

SurfaceRef ref(const Owned& surface) { return reinterpret_cast<SurfaceRef>(surface.get()); }

}  // namespace

TEST("settings are read, and a wrong one is named") {
  const auto answer = [](const char* text) {
    return std::string(
        reinterpret_cast<const char* (*)(const char*)>(symbol("anec_emulator_configure"))(text));
  };
  for (const char* good :
       {"", ",,", "chip=m1,os=14.5", "compile-limit=off,minimum-surface=off", "numerics=fast",
        "numerics=ideal", "numerics=exact", "threads=2,seed=7", "timeout=off", "timeout=every:3",
        "timeout=rate:0.5", "missing=a+b", "store=/x", "padding=keep",
        "half-sums=on,ignore-mask=off,narrow-slices=on"})
    EXPECT_EQUAL(answer(good), "");
  for (const char* bad : {"chip=m0",        "chip=m7",        "chip=m1_mini",     "os=x",
                          "os=9",           "speed=1",        "timeout=x:1",      "timeout=0",
                          "timeout=rate:2", "timeout=rate:",  "threads=0",        "threads=1x",
                          "row-align=32",   "numerics=half",  "binding=random",   "padding=ones",
                          "lie=x",          "attributes=yes", "compile-limit=-1", "seed"})
    EXPECT_PART(answer(bad), std::string("no setting `") + bad);
  EXPECT_PART(report(), "\"os\":\"15.5\"");
}

TEST("messages to nothing, to the dead and with unknown selectors") {
  Bench b;
  EXPECT(b.send(nullptr, "hexStringIdentifier") == nullptr);
  EXPECT_EQUAL(wrong(), "");
  EXPECT(b.send(b.zero.get(), "hexStringIdentifier") == nullptr);
  EXPECT_PART(wrong(), "unrecognized selector hexStringIdentifier sent to a NSNumber");
  Id dead;
  {
    const Owned gone = b.text("gone");
    dead = gone.get();
  }
  b.send(dead, "hexStringIdentifier");
  EXPECT_PART(wrong(), "an object that is gone or never was");
  const std::string unregistered = "hexStringIdentifier";
  reinterpret_cast<Id (*)(Id, const std::string*)>(b.f.c.message)(b.zero.get(), &unregistered);
  EXPECT_PART(wrong(), "never registered");
  b.f.c.release(dead);
  EXPECT_PART(wrong(), "objc_release");
  EXPECT(b.f.c.get_class("_ANENothing") == nullptr);
  EXPECT(b.f.c.class_of(nullptr) == nullptr);
}

TEST("pools end in order, and objects need one") {
  Bench b;
  void* outer = b.f.c.pool_push();
  b.f.c.pool_push();
  b.f.c.pool_pop(outer);
  EXPECT_PART(wrong(), "an inner pool is still open");
  b.f.c.pool_pop(outer);
  EXPECT_PART(wrong(), "not open");
}

TEST("an object made outside a pool is found, and so is one that is never released") {
  configure("");
  auto framework = MUST(Framework::open(library()));
  const Id build = framework->build();
  EXPECT_PART(violations(), "outside an autorelease pool");
  EXPECT_PART(report(), "\"live\":{\"NSString\":1}");
  framework->c.release(build);
  EXPECT_PART(report(), "\"live\":{}");
}

TEST("values of the wrong kind are not taken") {
  Bench b;
  const Owned mil = b.data("program"), word = b.text("word"), number = make_number(b.f, 1);
  EXPECT(b.f.descriptor(word.get(), b.none.get(), nullptr) == nullptr);
  EXPECT_PART(wrong(), "modelWithMILText:weights:optionsPlist:]: a NSString is of the wrong kind");
  EXPECT(b.f.descriptor(mil.get(), nullptr, nullptr) == nullptr);
  EXPECT_PART(wrong(), "optionsPlist:]: nil");
  EXPECT(b.f.descriptor(mil.get(), b.none.get(), word.get()) == nullptr);
  EXPECT_PART(wrong(), "wrong kind");
  const Owned data_key = b.text("data"), offset_key = b.text("offset");
  const auto weights = [&](const char* path, Id offset, Id data) {
    const Owned name = b.text(path);
    const Owned entry = make_dictionary(b.f, {{data_key.get(), data}, {offset_key.get(), offset}});
    const Owned all = make_dictionary(b.f, {{name.get(), entry.get()}});
    return b.f.descriptor(mil.get(), all.get(), nullptr);
  };
  EXPECT(weights("@model_path/w.bin", b.zero.get(), mil.get()) != nullptr);
  EXPECT_EQUAL(wrong(), "");
  EXPECT(weights("@model_path/../w.bin", b.zero.get(), mil.get()) == nullptr);
  EXPECT_PART(wrong(), "a weight file named @model_path/../w.bin");
  EXPECT(weights("w.bin", b.zero.get(), mil.get()) == nullptr);
  EXPECT_PART(wrong(), "a weight file named w.bin");
  EXPECT(weights("@model_path/w.bin", word.get(), mil.get()) == nullptr);
  EXPECT_PART(wrong(), "`offset`");
  EXPECT(weights("@model_path/w.bin", b.zero.get(), word.get()) == nullptr);
  EXPECT_PART(wrong(), "`data`");
  const Owned flat = make_dictionary(b.f, {{word.get(), mil.get()}});
  EXPECT(b.f.descriptor(mil.get(), flat.get(), nullptr) == nullptr);
  EXPECT_PART(wrong(), "wrong kind");
  EXPECT(b.f.model(mil.get()) == nullptr);
  EXPECT_PART(wrong(), "inMemoryModelWithDescriptor:]: a NSData");
  EXPECT(b.f.surface_object(reinterpret_cast<SurfaceRef>(mil.get())) == nullptr);
  EXPECT_PART(wrong(), "objectWithIOSurface:]: a NSData");
}

TEST("a model must have its files before it is compiled, and its compile before it is loaded") {
  Bench b;
  const Id model = b.model(difference().mil);
  Id error = nullptr;
  EXPECT(!b.f.load(model, b.none.get(), &error));
  EXPECT_PART(error_text(b.f, error), "ANERuntimeErrorCacheMiss");
  EXPECT(!b.f.compile(model, b.none.get(), &error));
  EXPECT_PART(wrong(), "model.mil is not there");
  const std::string folder = text_of(b.f, b.f.local_path(model));
  MUST(write_file(folder + "/model.mil", difference().mil, false));
  EXPECT(!b.f.compiled_exists(model));
  EXPECT(!b.f.compile(model, nullptr, nullptr));
  EXPECT_PART(wrong(), "compileWithQoS:options:error:]: nil");
  EXPECT((b.send<signed char>(model, "compileWithQoS:options:error:", 64u, b.none.get(), &error) ==
          0));
  EXPECT_PART(wrong(), "no such quality of service");
  EXPECT(b.f.compile(model, b.none.get(), &error));
  EXPECT(b.f.compiled_exists(model));
  EXPECT(b.f.load(model, b.none.get(), &error));
  EXPECT_EQUAL((b.send<uint64_t>(model, "state")), uint64_t{3});
  EXPECT(b.f.load(model, b.none.get(), &error));
  EXPECT_PART(wrong(), "loaded already");
  EXPECT(b.f.unload(model, &error));
  EXPECT(!b.f.unload(model, &error));
  EXPECT_PART(wrong(), "is not loaded");
  EXPECT_EQUAL(length_of(b.f, value_of(b.f, b.f.attributes(model), "NetworkStatusList")), 0);
}

TEST("a model that goes while it is loaded is found") {
  {
    Bench b;
    const Id model = b.model(difference().mil);
    MUST(write_file(text_of(b.f, b.f.local_path(model)) + "/model.mil", difference().mil, false));
    Id error = nullptr;
    EXPECT(b.f.compile(model, b.none.get(), &error) && b.f.load(model, b.none.get(), &error));
  }
  EXPECT_PART(violations(), "released while it was loaded");
}

TEST("surfaces are locked to be touched, unlocked as they were locked, and not written in secret") {
  {
    Bench b;
    const Owned surface = b.surface(16384);
    const auto lock = [&](uint32_t how) { return b.f.c.surface_lock(ref(surface), how, nullptr); };
    const auto unlock = [&](uint32_t how) {
      return b.f.c.surface_unlock(ref(surface), how, nullptr);
    };
    auto* bytes = static_cast<uint8_t*>(b.f.c.surface_base(ref(surface)));
    EXPECT_PART(wrong(), "IOSurfaceGetBaseAddress: the surface is not locked");
    EXPECT(unlock(0) != 0);
    EXPECT_PART(wrong(), "is not locked");
    bytes[7] = 1;
    EXPECT_EQUAL(lock(1), 0);
    EXPECT_PART(wrong(), "IOSurfaceLock: the surface was written without a lock");
    EXPECT_EQUAL(lock(1), 0);
    EXPECT(lock(0) != 0);
    EXPECT_PART(wrong(), "locked already");
    EXPECT(unlock(0) != 0);
    EXPECT_PART(wrong(), "in another way");
    EXPECT_EQUAL(unlock(1), 0);
    EXPECT_EQUAL(unlock(1), 0);
    EXPECT_EQUAL(lock(0), 0);
    bytes[7] = 2;
    EXPECT_EQUAL(unlock(0), 0);
    EXPECT_EQUAL(lock(1), 0);
    EXPECT_EQUAL(wrong(), "");
    bytes[7] = 3;
    EXPECT_EQUAL(unlock(1), 0);
    EXPECT_PART(wrong(), "after a lock for reading: the surface was written");
    EXPECT(b.f.c.surface_lock(reinterpret_cast<SurfaceRef>(b.zero.get()), 0, nullptr) != 0);
    EXPECT(b.f.c.surface_unlock(reinterpret_cast<SurfaceRef>(b.zero.get()), 0, nullptr) != 0);
    EXPECT_EQUAL(b.f.c.surface_bytes(reinterpret_cast<SurfaceRef>(b.zero.get())), size_t{0});
    EXPECT_EQUAL(b.f.c.surface_bytes(ref(surface)), size_t{16384});
    EXPECT(!b.surface(0));
    EXPECT_PART(wrong(), "missing or impossible");
    EXPECT_EQUAL(lock(0), 0);
  }
  EXPECT_PART(violations(), "released while it was locked");
}

TEST("requests are checked when they are made and when they are run") {
  Bench b;
  Id error = nullptr;
  const Id model = b.model(difference().mil);
  MUST(write_file(text_of(b.f, b.f.local_path(model)) + "/model.mil", difference().mil, false));
  EXPECT(b.f.compile(model, b.none.get(), &error) && b.f.load(model, b.none.get(), &error));
  const Owned memory[] = {b.surface(16384), b.surface(16384), b.surface(16384), b.surface(16384),
                          b.surface(128)};
  std::vector<Id> objects;
  std::vector<Owned> numbers;
  for (const Owned& one : memory) {
    objects.push_back(b.f.surface_object(ref(one)));
    numbers.push_back(make_number(b.f, static_cast<int64_t>(numbers.size())));
  }
  const auto list = [&](std::vector<Id> items) { return make_array(b.f, items); };
  const auto request = [&](std::vector<Id> in, std::vector<Id> at, std::vector<Id> out,
                           int64_t procedure = 0) {
    const Owned lists[] = {list(in), list(at), list(out), list({numbers[0].get()})};
    const Owned index = make_number(b.f, procedure);
    return b.f.request(lists[0].get(), lists[1].get(), lists[2].get(), lists[3].get(), index.get());
  };
  const auto n = [&](size_t i) { return numbers[i].get(); };
  const std::vector<Id> three{objects[0], objects[1], objects[2]}, indices{n(0), n(1), n(2)},
      out{objects[3]};
  const auto words = [&](Id made) {
    EXPECT(!b.f.evaluate(model, b.none.get(), made, &error));
    return error_text(b.f, error);
  };
  EXPECT(b.f.evaluate(model, b.none.get(), request(three, indices, out), &error));
  EXPECT_EQUAL(wrong(), "");
  EXPECT(request(three, {n(0), n(1)}, out) == nullptr);
  EXPECT_PART(wrong(), "as many indices as surfaces");
  EXPECT(request({memory[0].get(), objects[1], objects[2]}, indices, out) == nullptr);
  EXPECT_PART(wrong(), "a IOSurface where a surface should be");
  EXPECT(request(three, {n(0), n(1), objects[0]}, out) == nullptr);
  EXPECT_PART(wrong(), "wrong kind");
  EXPECT_PART(words(request({objects[0]}, {n(0)}, out)), "status=0x1d");
  EXPECT_PART(words(request(three, {n(0), n(1), n(1)}, out)), "status=0x2 ");
  EXPECT_PART(words(request(three, {n(0), n(1), n(3)}, out)), "status=0x2 ");
  EXPECT_PART(words(request(three, indices, out, 1)), "status=0x2 ");
  EXPECT_PART(words(request({objects[0], objects[1], objects[4]}, indices, out)),
              "needs 16384 bytes and has 128");
  EXPECT_EQUAL(wrong(), "");
  b.f.c.surface_lock(ref(memory[0]), 0, nullptr);
  EXPECT(b.f.evaluate(model, b.none.get(), request(three, indices, out), &error));
  EXPECT_PART(wrong(), "evaluated while the host had it locked");
  b.f.c.surface_unlock(ref(memory[0]), 0, nullptr);
  EXPECT(!b.f.evaluate(model, b.none.get(), b.zero.get(), &error));
  EXPECT_PART(wrong(), "a NSNumber where a request should be");
  EXPECT(!b.f.evaluate(model, nullptr, request(three, indices, out), &error));
  EXPECT_PART(wrong(), "evaluate…: nil");
  const Id client = b.send(b.f.c.get_class("_ANEClient"), "sharedConnection");
  b.send<signed char>(client, "evaluateWithModel:options:request:qos:error:", b.zero.get(),
                      b.none.get(), objects[0], 21u, &error);
  EXPECT_PART(wrong(), "a NSNumber where a model should be");
  EXPECT(b.f.unload(model, &error));
  EXPECT_PART(words(request(three, indices, out)), "status=0xd");
  EXPECT_PART(wrong(), "evaluated that is not loaded");
}

TEST("ports beyond the engine's limits are refused") {
  auto device = open_device("chip=m1");
  const auto with_type = [](const std::string& type, std::vector<int64_t> shape) {
    ProgramSource source;
    source.name = "limits";
    source.mil =
        mil(function("main", type + " x",
                     "        " + type + " y = add(x = x, y = x)[name = string(\"y\")];\n", "y"));
    source.procedures = {
        {"main", {{"x", ElementType::fp16, shape}}, {{"y", ElementType::fp16, shape}}}};
    return source;
  };
  EXPECT_ERROR(device->compile(with_type("tensor<fp16, [1, 1, 1, 16385]>", {1, 1, 1, 16385})),
               "E0621", "H[1-16384]W[1-16384].");
  EXPECT_ERROR(device->compile(with_type("tensor<int32, [1, 4]>", {1, 4})), "E0621",
               "Unsupported tensor data type: int32");
  EXPECT_ERROR(device->compile(with_type("tensor<fp16, [1, 1, 1, 1, 4]>", {1, 1, 1, 4})), "E0621",
               "more than four");
  device = open_device("chip=m4");
  MUST(device->compile(with_type("tensor<fp16, [1, 1, 1, 16385]>", {1, 1, 1, 16385})));
  expect_clean();
}

TEST("lists, strings and numbers answer nothing to wrong questions") {
  Bench b;
  const Owned list = make_array(b.f, {b.zero.get()}), word = b.text("wörd");
  EXPECT_EQUAL(text_of(b.f, word.get()), "wörd");
  EXPECT_EQUAL(text_of(b.f, b.zero.get()), "");
  EXPECT_EQUAL(text_of(b.f, nullptr), "");
  EXPECT_EQUAL(number_of(b.f, word.get(), 7), 7);
  EXPECT(item_of(b.f, list.get(), 1) == nullptr && item_of(b.f, word.get(), 0) == nullptr);
  EXPECT(value_of(b.f, list.get(), "x") == nullptr && value_of(b.f, nullptr, "x") == nullptr);
  EXPECT(value_of(b.f, b.none.get(), "x") == nullptr);
  EXPECT_EQUAL(error_text(b.f, nullptr), "the framework gave no reason (nil NSError)");
  EXPECT_EQUAL(wrong(), "");
  EXPECT(b.f.c.array_at(list.get(), 5) == nullptr);
  EXPECT_PART(wrong(), "beyond the end");
  EXPECT(b.f.c.data_create(nullptr, nullptr, 3) == nullptr);
  EXPECT_PART(wrong(), "no bytes");
  EXPECT(b.f.c.string_create(nullptr, nullptr, 0, 4, 0) == nullptr);
  EXPECT_PART(wrong(), "not UTF-8");
  EXPECT(b.f.c.number_create(nullptr, 13, &b) == nullptr);
  EXPECT_PART(wrong(), "a type of number");
  const void* nothing[] = {nullptr};
  EXPECT(b.f.c.array_create(nullptr, nothing, 1, nullptr) == nullptr);
  EXPECT_PART(wrong(), "would not be retained");
  EXPECT(b.f.c.dictionary_create(nullptr, nothing, nothing, 1, nullptr, nullptr) == nullptr);
  EXPECT_PART(wrong(), "would not be retained");
}
