// IOSurfaces: made, locked, and filled row by row or in squares.

#include "surface.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <vector>

#include "half.h"
#include "objects.h"

namespace anec::ane {
namespace {

constexpr uint32_t lock_read_only = 1;

// Side of the square that a transposed copy gathers before it converts.
constexpr int64_t tile = 32;

Error surface_error(const std::string& what, const std::string& detail) {
  return Error{"E0625", what, detail};
}

// One contiguous run of a row. Answers how many values did not fit.
int64_t store(ElementType type, const float* from, uint8_t* to, int64_t count) {
  if (type == ElementType::fp16) return to_half(from, reinterpret_cast<uint16_t*>(to), count);
  std::memcpy(to, from, static_cast<size_t>(count) * 4);
  return 0;
}

void fetch(ElementType type, const uint8_t* from, float* to, int64_t count) {
  if (type == ElementType::fp16) from_half(reinterpret_cast<const uint16_t*>(from), to, count);
  else std::memcpy(to, from, static_cast<size_t>(count) * 4);
}

}  // namespace

Surface::Surface(const Framework& framework, const Layout& layout)
    : framework_(framework), layout_(layout) {
  static std::atomic<uint64_t> made{0};
  id_ = ++made;
}

Result<std::unique_ptr<Surface>> Surface::create(const Framework& f, const Layout& layout) {
  if (!layout.is_sound()) return Error{"E0626", "a surface cannot have this layout", layout.text()};
  const Pool pool(f);
  const int64_t bytes = layout.allocated();
  const std::pair<const char*, int64_t> properties[] = {
      {key::surface_width, bytes}, {key::surface_height, 1},    {key::surface_element, 1},
      {key::surface_row, bytes},   {key::surface_bytes, bytes}, {key::surface_format, 0},
  };
  std::vector<Owned> objects;
  std::vector<std::pair<Id, Id>> entries;
  for (const auto& [name, value] : properties) {
    objects.push_back(make_string(f, name));
    objects.push_back(make_number(f, value));
    entries.emplace_back(objects[objects.size() - 2].get(), objects.back().get());
  }
  const Owned dictionary = make_dictionary(f, entries);

  std::unique_ptr<Surface> surface(new Surface(f, layout));
  const SurfaceRef memory = f.c.surface_create(dictionary.get());
  if (memory == nullptr)
    return surface_error("the system gave no surface of " + std::to_string(bytes) + " bytes", "");
  surface->memory_ = Owned(f, reinterpret_cast<Id>(memory));
  surface->allocated_ = static_cast<int64_t>(f.c.surface_bytes(memory));
  if (surface->allocated_ < layout.bytes())
    return surface_error(
        "the system gave a surface that is too small",
        std::to_string(surface->allocated_) + " of " + std::to_string(bytes) + " bytes");
  surface->object_ = Owned::retained(f, f.surface_object(memory));
  if (!surface->object_) return surface_error("the ANE framework refused a surface", layout.text());

  // A port's padding is read by the engine: it starts as zeros, not as somebody's old bytes.
  auto lock = surface->lock(Access::write);
  if (!lock.ok()) return lock.error();
  std::memset(lock.value().base_, 0, static_cast<size_t>(surface->allocated_));
  if (auto unlocked = lock.value().unlock(); !unlocked.ok()) return unlocked.error();
  return surface;
}

Result<SurfaceLock> Surface::lock(Access access) {
  if (locked_) return Error{"E0626", "the surface is already locked", layout_.text()};
  const SurfaceRef memory = reinterpret_cast<SurfaceRef>(memory_.get());
  const uint32_t options = access == Access::read ? lock_read_only : 0;
  if (const int32_t code = framework_.c.surface_lock(memory, options, nullptr); code != 0)
    return surface_error("a surface cannot be locked",
                         "IOSurfaceLock answered " + std::to_string(code));
  auto* base = static_cast<uint8_t*>(framework_.c.surface_base(memory));
  if (base == nullptr) {
    framework_.c.surface_unlock(memory, options, nullptr);
    return surface_error("a locked surface has no address", layout_.text());
  }
  locked_ = true;
  return SurfaceLock(this, base, access);
}

Result<void> SurfaceLock::unlock() {
  if (surface_ == nullptr) return {};
  Surface& surface = *surface_;
  surface_ = nullptr;
  surface.locked_ = false;
  const uint32_t options = access_ == Access::read ? lock_read_only : 0;
  const SurfaceRef memory = reinterpret_cast<SurfaceRef>(surface.memory_.get());
  if (const int32_t code = surface.framework_.c.surface_unlock(memory, options, nullptr); code != 0)
    return surface_error("a surface cannot be unlocked",
                         "IOSurfaceUnlock answered " + std::to_string(code));
  return {};
}

SurfaceLock::~SurfaceLock() {
  const auto ignored = unlock();
  (void)ignored;
}

Result<void> SurfaceLock::check(const Block& block, const void* data, bool writes) const {
  if (surface_ == nullptr) return Error{"E0626", "the surface is not locked", ""};
  if (writes && access_ == Access::read)
    return Error{"E0626", "the surface is locked for reading only", ""};
  const Layout& layout = surface_->layout_;
  const auto inside = [](int64_t from, int64_t count, int64_t of) {
    return from >= 0 && count >= 0 && count <= of && from <= of - count;
  };
  if (data == nullptr || !inside(block.channel, block.channels, layout.rows()) ||
      !inside(block.column, block.columns, layout.width))
    return Error{"E0626", "a block does not lie inside its port",
                 "rows " + std::to_string(block.channel) + " + " + std::to_string(block.channels) +
                     ", columns " + std::to_string(block.column) + " + " +
                     std::to_string(block.columns) + " of " + layout.text()};
  return {};
}

Result<int64_t> SurfaceLock::write(std::span<const float> values) {
  if (surface_ == nullptr) return Error{"E0626", "the surface is not locked", ""};
  const Layout& layout = surface_->layout_;
  if (static_cast<int64_t>(values.size()) != layout.elements())
    return Error{"E0626",
                 "a port of " + std::to_string(layout.elements()) + " values was given " +
                     std::to_string(values.size()),
                 layout.text()};
  return write_columns({0, layout.rows(), 0, layout.width}, {values.data(), layout.width, 1});
}

// Visits runs of values beside the place in the surface where they belong, until one answers false. Rows of
// the host that run along the surface's rows are taken in place. Others are gathered in squares, so that both
// sides are touched a cache line at a time.
template <class Visit>
void SurfaceLock::gather(const Block& block, const Strided<const float>& from,
                         const Visit& visit) const {
  const Layout& layout = surface_->layout_;
  const int64_t size = size_of(layout.type);
  const auto place = [&](int64_t i, int64_t j) {
    return base_ + layout.row_offset(block.channel + i) + (block.column + j) * size;
  };
  if (from.column_stride == 1) {
    for (int64_t i = 0; i < block.channels; ++i)
      if (!visit(from.data + i * from.channel_stride, place(i, 0), block.columns)) return;
    return;
  }
  float square[tile][tile];
  for (int64_t i = 0; i < block.channels; i += tile) {
    const int64_t rows = std::min(tile, block.channels - i);
    for (int64_t j = 0; j < block.columns; j += tile) {
      const int64_t columns = std::min(tile, block.columns - j);
      for (int64_t b = 0; b < columns; ++b)
        for (int64_t a = 0; a < rows; ++a)
          square[a][b] = from.data[(i + a) * from.channel_stride + (j + b) * from.column_stride];
      for (int64_t a = 0; a < rows; ++a)
        if (!visit(square[a], place(i + a, j), columns)) return;
    }
  }
}

Result<int64_t> SurfaceLock::write_columns(const Block& block, const Strided<const float>& from) {
  if (auto checked = check(block, from.data, true); !checked.ok()) return checked.error();
  const ElementType type = surface_->layout_.type;
  int64_t infinite = 0;
  gather(block, from, [&](const float* values, uint8_t* to, int64_t count) {
    infinite += store(type, values, to, count);
    return true;
  });
  return infinite;
}

Result<bool> SurfaceLock::holds_columns(const Block& block,
                                        const Strided<const float>& values) const {
  if (auto checked = check(block, values.data, false); !checked.ok()) return checked.error();
  const ElementType type = surface_->layout_.type;
  const int64_t size = size_of(type);
  bool same = true;
  gather(block, values, [&](const float* run, const uint8_t* held, int64_t count) {
    alignas(float) uint8_t stored[sizeof(float) * tile];
    for (int64_t i = 0; i < count && same; i += tile) {
      const int64_t some = std::min(tile, count - i);
      store(type, run + i, stored, some);
      same = std::memcmp(stored, held + i * size, static_cast<size_t>(some * size)) == 0;
    }
    return same;
  });
  return same;
}

Result<void> SurfaceLock::read(std::span<float> values) const {
  if (surface_ == nullptr) return Error{"E0626", "the surface is not locked", ""};
  const Layout& layout = surface_->layout_;
  if (static_cast<int64_t>(values.size()) != layout.elements())
    return Error{"E0626",
                 "a port of " + std::to_string(layout.elements()) + " values cannot fill " +
                     std::to_string(values.size()),
                 layout.text()};
  return read_columns({0, layout.rows(), 0, layout.width}, {values.data(), layout.width, 1});
}

Result<void> SurfaceLock::read_columns(const Block& block, const Strided<float>& to) const {
  if (auto checked = check(block, to.data, false); !checked.ok()) return checked;
  const Layout& layout = surface_->layout_;
  const int64_t size = size_of(layout.type);
  const auto place = [&](int64_t i, int64_t j) {
    return base_ + layout.row_offset(block.channel + i) + (block.column + j) * size;
  };
  if (to.column_stride == 1) {
    for (int64_t i = 0; i < block.channels; ++i)
      fetch(layout.type, place(i, 0), to.data + i * to.channel_stride, block.columns);
    return {};
  }
  float square[tile][tile];
  for (int64_t i = 0; i < block.channels; i += tile) {
    const int64_t rows = std::min(tile, block.channels - i);
    for (int64_t j = 0; j < block.columns; j += tile) {
      const int64_t columns = std::min(tile, block.columns - j);
      for (int64_t a = 0; a < rows; ++a) fetch(layout.type, place(i + a, j), square[a], columns);
      for (int64_t b = 0; b < columns; ++b)
        for (int64_t a = 0; a < rows; ++a)
          to.data[(i + a) * to.channel_stride + (j + b) * to.column_stride] = square[a][b];
    }
  }
  return {};
}

Result<int64_t> Surface::write(std::span<const float> values) {
  auto lock = this->lock(Access::write);
  if (!lock.ok()) return lock.error();
  auto written = lock.value().write(values);
  if (auto unlocked = lock.value().unlock(); written.ok() && !unlocked.ok())
    return unlocked.error();
  return written;
}

Result<void> Surface::read(std::span<float> values) {
  auto lock = this->lock(Access::read);
  if (!lock.ok()) return lock.error();
  auto got = lock.value().read(values);
  if (auto unlocked = lock.value().unlock(); got.ok() && !unlocked.ok()) return unlocked;
  return got;
}

}  // namespace anec::ane
