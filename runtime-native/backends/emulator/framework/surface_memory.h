// IOSurfaces: memory that must be locked while the host touches it.
//
// Memory that changed while nobody held a lock was written without one: it may never have reached
// the engine. A sum over the bytes, taken whenever a lock ends and compared when the next one
// begins or the engine reads, finds that.

#pragma once

#include <cstdint>
#include <mutex>

#include "objects.h"

namespace anec::emulator {

// What a surface occupies is a multiple of this, in bytes.
inline constexpr int64_t page = 16384;

struct SurfaceMemory : Object {
  uint8_t* bytes;
  int64_t size;
  std::mutex mutex;
  int readers = 0;
  bool writer = false;
  uint64_t sum = 0;
  bool sealed = false;  // `sum` is of what is there now

  explicit SurfaceMemory(int64_t s);
  ~SurfaceMemory() override;

  bool is_locked() const { return writer || readers > 0; }
  // Writes down a violation if the memory changed since the last `seal`.
  void expect_unchanged(const char* where);
  void seal();
};

// The surface, or null with a violation.
SurfaceMemory* surface_in(const void* object, const char* where);

void declare_surfaces();

}  // namespace anec::emulator
