// A plan's engine part: programs, surfaces and calls made at once, and values moved in blocks.

#include "backends/ane/session_engine.h"

#include <utility>

#include "check.h"

using namespace anec::ane;
using namespace anec::test;
using anec::EngineCopy;
using anec::EnginePlace;

namespace {

// Three inputs and the result of `difference` over [1, 6, 1, 8].
EngineSource difference_source() {
  const std::vector<int64_t> shape{1, 6, 1, 8};
  return {{difference(6, 8)}, {shape, shape, shape, shape, shape}, {{0, "layer", {0, 1, 2}, {3}}}};
}

EnginePlace place(int64_t surface, bool channels, int64_t lead, int64_t rows, int64_t columns,
                  const std::vector<int64_t>& blocks) {
  return {surface,      channels, lead, rows, columns, static_cast<int64_t>(blocks.size() / 4),
          blocks.data()};
}

auto create(const EngineSource& source, const std::string& settings = "") {
  configure(settings);
  return SessionEngine::create(source, quick_options(), CacheOptions{});
}

}  // namespace

TEST("an engine writes, calls, copies and reads by number") {
  {
    auto engine = MUST(create(difference_source()));
    EXPECT_EQUAL(engine->surfaces(), 5);
    EXPECT_EQUAL(engine->calls(), 1);
    EXPECT_EQUAL(engine->extent(0).rows, 6);
    EXPECT_EQUAL(engine->extent(0).columns, 8);
    EXPECT_EQUAL(engine->device().info().architecture, "h16g");
    const std::vector<float> a = small_numbers(48, 1), c(48, 2.0f), b = small_numbers(48, 3);
    const std::vector<int64_t> whole{0, 0, 6, 8}, parts{3, 0, 3, 8, 0, 0, 3, 8};
    MUST(engine->write(place(0, false, 1, 6, 8, whole), a.data()));
    MUST(engine->write(place(1, false, 1, 6, 8, whole), c.data()));
    // As channels a value [2, 8, 3] is six rows of eight: (lead, column) by row.
    MUST(engine->write(place(2, true, 2, 8, 3, whole), b.data()));
    MUST(engine->call(0));
    std::vector<float> z(48), moved(48);
    MUST(engine->read(place(3, false, 1, 6, 8, whole), z.data()));
    for (size_t row = 0; row < 6; ++row) {
      for (size_t column = 0; column < 8; ++column) {
        const float subtrahend = b[row / 3 * 24 + column * 3 + row % 3];
        EXPECT_EQUAL(z[row * 8 + column], (a[row * 8 + column] - subtrahend) * 2);
      }
    }
    MUST(engine->copy({3, 4, 0, 0, 0, 0, 6, 8}));
    MUST(engine->read(place(4, false, 1, 6, 8, parts), moved.data()));
    for (size_t i = 0; i < 48; ++i) EXPECT_EQUAL(moved[i], z[(i + 24) % 48]);
    MUST(engine->read(place(2, true, 2, 8, 3, whole), moved.data()));
    EXPECT(moved == b);
    EXPECT_EQUAL(engine->bytes_written(), 3 * 96);
    EXPECT_EQUAL(engine->bytes_read(), 3 * 96);
    EXPECT_EQUAL(engine->overflows(), 0);
    EXPECT_EQUAL(engine->cache_counts().compiled, 1);
    std::vector<float> large(48, 1e6f);
    MUST(engine->write(place(0, false, 1, 6, 8, whole), large.data()));
    EXPECT_EQUAL(engine->overflows(), 48);
  }
  expect_clean();
}

TEST("an engine that cannot be made says why") {
  const auto broken = [](auto change) {
    EngineSource source = difference_source();
    change(source);
    return create(source);
  };
  EXPECT_ERROR(broken([](auto& s) { s.calls[0].program = 1; }), "E0603", "a call of no program");
  EXPECT_ERROR(broken([](auto& s) { s.calls[0].inputs.pop_back(); }), "E0603", "has not the ports");
  EXPECT_ERROR(broken([](auto& s) { s.calls[0].inputs[0] = 9; }), "E0626", "no surface 9");
  EXPECT_ERROR(broken([](auto& s) { s.surfaces[4] = {0}; }), "E0626", "cannot have this shape");
  EXPECT_ERROR(broken([](auto& s) { s.programs[0].mil = ""; }), "E0626", "has no text");
  EXPECT_ERROR(create(difference_source(), "engine=off"), "E0620", "no Neural Engine");
  EXPECT_ERROR(create(difference_source(), "surface-fault=1"), "E0625", "no surface");
  expect_clean();
}

TEST("a fault of an engine's command names the call") {
  {
    auto engine = MUST(create(difference_source()));
    std::vector<float> values(48);
    const std::vector<int64_t> outside{3, 0, 6, 8}, whole{0, 0, 6, 8};
    EXPECT_ERROR(engine->write(place(0, false, 1, 6, 8, outside), values.data()), "E0626",
                 "inside its port");
    EXPECT_ERROR(engine->read(place(0, false, 1, 6, 8, outside), values.data()), "E0626",
                 "inside its port");
    EXPECT_ERROR(engine->copy({0, 1, 3, 0, 0, 0, 6, 8}), "E0626", "inside its port");
    EXPECT_ERROR(engine->copy({0, 1, 0, 0, 3, 0, 6, 8}), "E0626", "inside its port");
    configure("lock-fault=first:2");
    EXPECT_ERROR(engine->write(place(0, false, 1, 6, 8, whole), values.data()), "E0625",
                 "cannot be locked");
    EXPECT_ERROR(engine->read(place(0, false, 1, 6, 8, whole), values.data()), "E0625",
                 "cannot be locked");
    configure("lock-fault=2");
    EXPECT_ERROR(engine->copy({0, 1, 0, 0, 0, 0, 6, 8}), "E0625", "cannot be locked");
    configure("lock-fault=1");
    EXPECT_ERROR(engine->copy({0, 1, 0, 0, 0, 0, 6, 8}), "E0625", "cannot be locked");
    configure("unlock-fault=1");
    EXPECT_ERROR(engine->copy({0, 1, 0, 0, 0, 0, 6, 8}), "E0625", "cannot be unlocked");
    configure("inference-fault=every:1");
    EXPECT_ERROR(engine->call(0), "E0623", "`layer`: the ANE failed to run program `difference`");
  }
  expect_clean();
}

TEST("staging moves what the surface does not hold already, and counts that alone") {
  {
    auto engine = MUST(create(difference_source()));
    std::vector<float> values = small_numbers(48, 1), back(48);
    const std::vector<int64_t> whole{0, 0, 6, 8}, parts{3, 0, 3, 8, 0, 0, 3, 8};
    int64_t expected = 0;
    for (const EnginePlace& at : {place(0, false, 1, 6, 8, whole), place(1, false, 1, 6, 8, parts),
                                  place(2, true, 2, 8, 3, whole), place(4, true, 2, 8, 3, parts)}) {
      for (const int64_t moves : {96, 0, 0}) {
        MUST(engine->stage(at, values.data()));
        EXPECT_EQUAL(engine->bytes_staged(), expected += moves);
      }
      for (size_t i = 0; i < values.size(); i += 11) {
        values[i] += 0.25f;
        MUST(engine->stage(at, values.data()));
        EXPECT_EQUAL(engine->bytes_staged(), expected += 96);
        MUST(engine->read(at, back.data()));
        EXPECT(back == values);
        // What rounds to the same is the same.
        const float before = std::exchange(values[i], values[i] * 1.00001f);
        MUST(engine->stage(at, values.data()));
        EXPECT_EQUAL(engine->bytes_staged(), expected);
        values[i] = before;
      }
    }
    EXPECT_EQUAL(engine->bytes_written(), 0);
    // Zeros have signs, and what a call or a copy put there is known too.
    const std::vector<float> zeros(48, 0.0f), signs(48, -0.0f);
    const EnginePlace first = place(0, false, 1, 6, 8, whole);
    for (const auto* each : {&zeros, &signs, &signs, &zeros}) MUST(engine->stage(first, each->data()));
    EXPECT_EQUAL(engine->bytes_staged(), expected += 3 * 96);
    MUST(engine->copy({1, 0, 0, 0, 0, 0, 6, 8}));
    MUST(engine->stage(first, zeros.data()));
    EXPECT_EQUAL(engine->bytes_staged(), expected += 96);
    const std::vector<float> large(48, -1e6f);
    for (int i = 0; i < 2; ++i) MUST(engine->stage(first, large.data()));
    EXPECT_EQUAL(engine->overflows(), 48);
    EXPECT_EQUAL(engine->bytes_staged(), expected + 96);
  }
  expect_clean();
}

TEST("a fault while a surface is compared or filled is an error, and nothing counts as staged") {
  {
    auto engine = MUST(create(difference_source()));
    const std::vector<float> values = small_numbers(48, 1);
    const std::vector<int64_t> outside{3, 0, 6, 8}, whole{0, 0, 6, 8};
    const EnginePlace at = place(0, false, 1, 6, 8, whole);
    EXPECT_ERROR(engine->stage(place(0, false, 1, 6, 8, outside), values.data()), "E0626",
                 "inside its port");
    EXPECT_ERROR(engine->stage(at, nullptr), "E0626", "inside its port");
    for (const char* settings : {"lock-fault=1", "lock-fault=2"}) {
      configure(settings);
      EXPECT_ERROR(engine->stage(at, values.data()), "E0625", "cannot be locked");
    }
    configure("unlock-fault=1");
    EXPECT_ERROR(engine->stage(at, values.data()), "E0625", "cannot be unlocked");
    EXPECT_EQUAL(engine->bytes_staged(), 0);
    configure("unlock-fault=2");
    EXPECT_ERROR(engine->stage(at, values.data()), "E0625", "cannot be unlocked");
    EXPECT_EQUAL(engine->bytes_staged(), 0);
  }
  expect_clean();
}

TEST("an engine keeps a note of what was mended until it is asked") {
  {
    auto engine = MUST(create(difference_source(), "transient-compile=1"));
    const std::vector<std::string> notes = engine->take_notes();
    EXPECT_EQUAL(notes.size(), size_t{1});
    for (const std::string& note : notes) EXPECT_PART(note, "`difference`");
    EXPECT(engine->take_notes().empty());
    configure("inference-fault=first:2");
    MUST(engine->call(0));
    EXPECT_EQUAL(engine->take_notes().size(), size_t{2});
    EXPECT(engine->take_notes().empty());
  }
  expect_clean();
}
