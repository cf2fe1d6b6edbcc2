// Surfaces: conversion at the edge, blocks of columns, locks.

#include "check.h"

using namespace anec::ane;
using namespace anec::test;

TEST("a surface gives back what was written, with its rows 64 bytes apart and zeros between") {
  auto device = open_device();
  {
    const Layout layout = MUST(Layout::of(ElementType::fp16, {1, 3, 2, 5}));
    auto surface = MUST(device->surface(layout));
    EXPECT_EQUAL(surface->allocated(), 16384);
    EXPECT(surface->layout() == layout);
    const std::vector<float> values = small_numbers(30, 1);
    EXPECT_EQUAL(MUST(surface->write(values)), 0);
    std::vector<float> back(30);
    MUST(surface->read(back));
    EXPECT(back == values);

    auto lock = MUST(surface->lock(Access::read));
    const auto* base = static_cast<const uint16_t*>(
        device->framework().c.surface_base(reinterpret_cast<SurfaceRef>(surface->memory())));
    for (int row = 0; row < 6; ++row) {
      EXPECT_EQUAL(base[row * 32 + 5], 0);
      EXPECT_EQUAL(base[row * 32 + 31], 0);
    }
    MUST(lock.unlock());
    MUST(lock.unlock());
  }
  expect_clean();
}

TEST("values that do not fit into fp16 are counted, and fp32 ports keep every bit") {
  auto device = open_device();
  {
    auto half = MUST(device->surface(MUST(Layout::of(ElementType::fp16, {1, 1, 1, 40}))));
    std::vector<float> values(40, 1.0f);
    values[3] = 65520, values[17] = -1e10f, values[39] = HUGE_VALF;
    EXPECT_EQUAL(MUST(half->write(values)), 3);
    auto full = MUST(device->surface(MUST(Layout::of(ElementType::fp32, {1, 1, 1, 40}))));
    EXPECT_EQUAL(MUST(full->write(values)), 0);
    std::vector<float> back(40);
    MUST(full->read(back));
    EXPECT(back == values);
  }
  expect_clean();
}

TEST("blocks of columns are written and read straight and transposed") {
  auto device = open_device();
  for (const ElementType type : {ElementType::fp16, ElementType::fp32}) {
    const int64_t channels = 70, width = 160, sequence = 64, outputs = 96;
    auto surface = MUST(device->surface(MUST(Layout::of(type, {1, channels, 1, width}))));
    const std::vector<float> x = small_numbers(channels * sequence, 1);  // [channels, sequence]
    const std::vector<float> w = small_numbers(outputs * channels, 2);   // [outputs, channels]
    {
      auto lock = MUST(surface->lock(Access::write));
      EXPECT_EQUAL(MUST(lock.write_columns(0, 0, channels, sequence, x.data())), 0);
      EXPECT_EQUAL(
          MUST(lock.write_columns({0, channels, sequence, outputs}, {w.data(), 1, channels})), 0);
    }
    std::vector<float> all(static_cast<size_t>(channels * width));
    MUST(surface->read(all));
    for (int64_t c = 0; c < channels; ++c) {
      for (int64_t s = 0; s < width; ++s) {
        const float expected =
            s < sequence ? x[c * sequence + s] : w[(s - sequence) * channels + c];
        if (all[c * width + s] != expected)
          failed(__FILE__, __LINE__, "element " + std::to_string(c * width + s));
      }
    }
    std::vector<float> back(w.size()), row(10);
    auto lock = MUST(surface->lock(Access::read));
    MUST(lock.read_columns({0, channels, sequence, outputs}, {back.data(), 1, channels}));
    EXPECT(back == w);
    MUST(lock.read_columns({69, 1, 5, 10}, {row.data(), 10, 1}));
    for (int64_t i = 0; i < 10; ++i) EXPECT_EQUAL(row[i], x[69 * sequence + 5 + i]);
    MUST(lock.read_columns({69, 0, 5, 0}, {row.data(), 10, 1}));
  }
  expect_clean();
}

TEST("a surface knows whether it holds a block, to the last element of it and no further") {
  auto device = open_device();
  for (const ElementType type : {ElementType::fp16, ElementType::fp32}) {
    const int64_t channels = 70, width = 160, rows = 37, columns = 75;
    auto surface = MUST(device->surface(MUST(Layout::of(type, {1, channels, 1, width}))));
    MUST(surface->write(small_numbers(channels * width, 1)));
    std::vector<float> block(static_cast<size_t>(rows * columns));
    const anec::ane::Block at{20, rows, 50, columns};
    for (const bool turned : {false, true}) {
      const auto strided = [&](auto* data) {
        using T = std::remove_pointer_t<decltype(data)>;
        return turned ? Strided<T>{data, 1, rows} : Strided<T>{data, columns, 1};
      };
      const Strided<const float> values = strided(static_cast<const float*>(block.data()));
      {
        auto lock = MUST(surface->lock(Access::read));
        MUST(lock.read_columns(at, strided(block.data())));
        EXPECT(MUST(lock.holds_columns(at, values)));
        for (size_t i = 0; i < block.size(); i += 7) {
          block[i] += 0.25f;
          EXPECT(!MUST(lock.holds_columns(at, values)));
          block[i] -= 0.25f;
        }
        EXPECT(MUST(lock.holds_columns({20, 0, 50, 0}, values)));
        EXPECT_ERROR(lock.holds_columns({34, rows, 50, columns}, values), "E0626", "inside its port");
      }
      // Beside the block anything may change.
      auto lock = MUST(surface->lock(Access::write));
      const float other = turned ? 99 : 98;
      for (const auto& [row, column] : {std::pair<int64_t, int64_t>{19, 60}, {57, 60}, {30, 49}, {30, 125}})
        MUST(lock.write_columns({row, 1, column, 1}, {&other, 1, 1}));
      EXPECT(MUST(lock.holds_columns(at, values)));
      MUST(lock.write_columns({56, 1, 124, 1}, {&other, 1, 1}));
      EXPECT(!MUST(lock.holds_columns(at, values)));
    }
  }
  expect_clean();
}

TEST("a surface says what it is not given, and locks once") {
  auto device = open_device();
  {
    auto surface = MUST(device->surface(MUST(Layout::of(ElementType::fp16, {1, 2, 1, 4}))));
    std::vector<float> eight(8), nine(9);
    EXPECT_ERROR(surface->write(nine), "E0626", "a port of 8 values was given 9");
    EXPECT_ERROR(surface->read(nine), "E0626", "cannot fill 9");
    auto lock = MUST(surface->lock(Access::read));
    EXPECT_ERROR(surface->lock(Access::read), "E0626", "already locked");
    EXPECT_ERROR(surface->read(eight), "E0626", "already locked");
    EXPECT_ERROR(surface->write(eight), "E0626", "already locked");
    EXPECT_ERROR(lock.write(eight), "E0626", "for reading only");
    EXPECT_ERROR(lock.read_columns({0, 3, 0, 4}, {eight.data(), 4, 1}), "E0626", "rows 0 + 3");
    EXPECT_ERROR(lock.read_columns({0, 1, 2, 3}, {eight.data(), 4, 1}), "E0626", "inside its port");
    EXPECT_ERROR(lock.read_columns({-1, 1, 0, 1}, {eight.data(), 4, 1}), "E0626",
                 "inside its port");
    EXPECT_ERROR(lock.read_columns({0, 1, 0, 1}, {nullptr, 4, 1}), "E0626", "inside its port");
    SurfaceLock moved = std::move(lock);
    EXPECT_ERROR(lock.read(eight), "E0626", "not locked");
    EXPECT_ERROR(lock.write(eight), "E0626", "not locked");
    EXPECT_ERROR(lock.read_columns({0, 1, 0, 1}, {eight.data(), 4, 1}), "E0626", "not locked");
    MUST(moved.unlock());
    Layout bad;
    EXPECT_ERROR(device->surface(bad), "E0626", "cannot have this layout");
  }
  expect_clean();
}

TEST("every failure of a surface is an error with the system's number") {
  auto device = open_device("surface-fault=1,lock-fault=2,unlock-fault=2");
  const Layout layout = MUST(Layout::of(ElementType::fp16, {1, 1, 1, 32}));
  std::vector<float> values(32);
  {
    EXPECT_ERROR(device->surface(layout), "E0625", "no surface of 16384 bytes");
    auto surface = MUST(device->surface(layout));
    EXPECT_ERROR(surface->write(values), "E0625", "IOSurfaceLock answered");
    EXPECT_ERROR(surface->write(values), "E0625", "IOSurfaceUnlock answered");
    MUST(surface->write(values));
    configure("unlock-fault=1");
    EXPECT_ERROR(surface->read(values), "E0625", "IOSurfaceUnlock answered");
    configure("unlock-fault=1");
    EXPECT_ERROR(device->surface(layout), "E0625", "IOSurfaceUnlock answered");
    configure("lock-fault=1");
    EXPECT_ERROR(device->surface(layout), "E0625", "IOSurfaceLock answered");
    configure("base-fault=1");
    EXPECT_ERROR(device->surface(layout), "E0625", "no address");
    configure("short-surface=1");
    EXPECT_ERROR(device->surface(layout), "E0625", "too small");
    configure("nil-wrapper=1");
    EXPECT_ERROR(device->surface(layout), "E0625", "refused a surface");
  }
  expect_clean();
}
