// A piece of memory the engine and the host share: one port's values.
//
// The host touches it only between lock and unlock. Values are fp32 outside; a port of fp16
// converts at the edge and counts the values that do not fit.
//
//     auto surface = Surface::create(framework, layout);
//     auto lock = surface->lock(Access::write);
//     lock.value().write(activations);                              // the whole port
//     lock.value().write_columns({0, K, S, N}, {weights, 1, K});    // Wᵀ beside them
//     lock.value().unlock();
//
// A surface that one program writes and another reads is passed to both: nothing is copied.

#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "framework.h"
#include "layout.h"

namespace anec::ane {

enum class Access { read, write };

// Part of a port: `columns` columns from `column` on, of `channels` rows from `channel` on. A port
// of height one has one row a channel; otherwise rows count [n][c][h].
struct Block {
  int64_t channel = 0, channels = 0, column = 0, columns = 0;
};

// Where the host has a block: element (channel i, column j) of it is data[i · channel_stride +
// j · column_stride], in floats.
template <class T>
struct Strided {
  T* data = nullptr;
  int64_t channel_stride = 0, column_stride = 1;
};

class Surface;

// While it lives, the surface's memory belongs to the host.
class SurfaceLock {
 public:
  SurfaceLock(SurfaceLock&& other) noexcept
      : surface_(other.surface_), base_(other.base_), access_(other.access_) {
    other.surface_ = nullptr;
  }
  SurfaceLock& operator=(SurfaceLock&&) = delete;
  ~SurfaceLock();

  // Every element in order [N][C][H][W]. Answers how many did not fit into fp16.
  Result<int64_t> write(std::span<const float> values);
  Result<int64_t> write_columns(const Block& block, const Strided<const float>& from);
  Result<int64_t> write_columns(int64_t channel, int64_t column, int64_t channels, int64_t columns,
                                const float* from) {
    return write_columns({channel, channels, column, columns}, {from, columns, 1});
  }
  // Whether writing these values would change nothing.
  Result<bool> holds_columns(const Block& block, const Strided<const float>& values) const;
  Result<void> read(std::span<float> values) const;
  Result<void> read_columns(const Block& block, const Strided<float>& to) const;

  Result<void> unlock();

 private:
  friend class Surface;
  SurfaceLock(Surface* surface, uint8_t* base, Access access)
      : surface_(surface), base_(base), access_(access) {}
  template <class Visit>
  void gather(const Block& block, const Strided<const float>& from, const Visit& visit) const;
  Result<void> check(const Block& block, const void* data, bool writes) const;

  Surface* surface_;
  uint8_t* base_;
  Access access_;
};

class Surface {
 public:
  static Result<std::unique_ptr<Surface>> create(const Framework& framework, const Layout& layout);
  Surface(const Surface&) = delete;
  Surface& operator=(const Surface&) = delete;
  ~Surface() = default;

  const Layout& layout() const { return layout_; }
  // Bytes of the memory, at least layout().bytes().
  int64_t allocated() const { return allocated_; }
  // No other surface of this process has or had this number.
  uint64_t id() const { return id_; }
  // The object requests are made of.
  Id object() const { return object_.get(); }
  // The IOSurface itself.
  Id memory() const { return memory_.get(); }

  Result<SurfaceLock> lock(Access access);

  // lock, write or read everything, unlock.
  Result<int64_t> write(std::span<const float> values);
  Result<void> read(std::span<float> values);

 private:
  friend class SurfaceLock;
  Surface(const Framework& framework, const Layout& layout);

  const Framework& framework_;
  Layout layout_;
  uint64_t id_;
  int64_t allocated_ = 0;
  Owned memory_;  // the IOSurface
  Owned object_;  // the framework's wrapper of it
  bool locked_ = false;
};

}  // namespace anec::ane
