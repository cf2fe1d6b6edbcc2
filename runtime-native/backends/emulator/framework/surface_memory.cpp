// IOSurface as far as the runtime uses it.

#include "surface_memory.h"

#include <cstdlib>
#include <cstring>
#include <string>

#include "foundation.h"
#include "state.h"

#define ANEC_EXPORT extern "C" __attribute__((visibility("default")))

namespace anec::emulator {
namespace {

constexpr int64_t largest = int64_t{1} << 36;
constexpr uint32_t read_only = 1;
constexpr int32_t no_memory = static_cast<int32_t>(0xe00002bd);     // kIOReturnNoMemory
constexpr int32_t bad_argument = static_cast<int32_t>(0xe00002c2);  // kIOReturnBadArgument
constexpr int32_t cannot_lock = static_cast<int32_t>(0xe00002cc);   // kIOReturnCannotLock

// Four sums side by side, so that large surfaces cost little.
uint64_t sum_of(const uint8_t* bytes, int64_t size) {
  uint64_t sums[4] = {1, 2, 3, 4};
  for (int64_t i = 0; i + 32 <= size; i += 32) {
    uint64_t words[4];
    std::memcpy(words, bytes + i, 32);
    for (int k = 0; k < 4; ++k)
      sums[k] = (sums[k] ^ words[k]) * 0x9e3779b97f4a7c15 + (sums[k] >> 29);
  }
  return sums[0] ^ sums[1] * 3 ^ sums[2] * 5 ^ sums[3] * 7;
}

int64_t property(const Dictionary& properties, const char* key) {
  const Object* value = properties.find(key);
  if (value == nullptr) return -1;
  const Number* number = number_in(value, "IOSurfaceCreate");
  return number == nullptr ? -1 : number->value;
}

}  // namespace

SurfaceMemory::SurfaceMemory(int64_t s)
    : Object(declare_class("IOSurface"), Kind::surface), size(s) {
  bytes = static_cast<uint8_t*>(
      std::aligned_alloc(page, static_cast<size_t>((s + page - 1) / page * page)));
  // What new memory holds is anybody's guess.
  if (bytes != nullptr) std::memset(bytes, 0xA5, static_cast<size_t>(s));
  ++counters().surfaces;
  counters().surface_bytes += s;
  seal();
}

SurfaceMemory::~SurfaceMemory() {
  if (is_locked()) violation("an IOSurface was released while it was locked");
  --counters().surfaces;
  counters().surface_bytes -= size;
  std::free(bytes);
}

void SurfaceMemory::expect_unchanged(const char* where) {
  if (!options().watch_memory || !sealed || sum == sum_of(bytes, size)) return;
  violation(std::string(where) + ": the surface was written without a lock");
  seal();  // once is enough
}

void SurfaceMemory::seal() {
  sealed = options().watch_memory && bytes != nullptr;
  if (sealed) sum = sum_of(bytes, size);
}

SurfaceMemory* surface_in(const void* object, const char* where) {
  return static_cast<SurfaceMemory*>(checked(object, Kind::surface, where));
}

void declare_surfaces() { declare_class("IOSurface"); }

ANEC_EXPORT SurfaceMemory* IOSurfaceCreate(const void* properties) {
  const Dictionary* found = dictionary_in(properties, "IOSurfaceCreate");
  if (found == nullptr || happens(Fault::surface)) return nullptr;
  const int64_t width = property(*found, "IOSurfaceWidth"),
                height = property(*found, "IOSurfaceHeight");
  const int64_t element = property(*found, "IOSurfaceBytesPerElement");
  const int64_t asked = property(*found, "IOSurfaceAllocSize");
  const int64_t row = property(*found, "IOSurfaceBytesPerRow");
  if (width < 1 || height < 1 || element < 1 || width > largest || height > largest ||
      element > 16) {
    violation("IOSurfaceCreate: width, height or bytes per element are missing or impossible");
    return nullptr;
  }
  if (row >= 0 && row < width * element) {
    violation("IOSurfaceCreate: a row is shorter than its elements");
    return nullptr;
  }
  const int64_t needed = (row < 0 ? width * element : row) * height;
  if (asked >= 0 && asked < needed)
    violation("IOSurfaceCreate: less memory asked for than rows need");
  const int64_t size = asked > needed ? asked : needed;
  if (size > largest) return nullptr;
  auto* surface = new SurfaceMemory(size);
  if (surface->bytes != nullptr) return surface;
  release(surface);
  return nullptr;
}

ANEC_EXPORT int32_t IOSurfaceLock(const void* object, uint32_t how, uint32_t*) {
  SurfaceMemory* surface = surface_in(object, "IOSurfaceLock");
  if (surface == nullptr) return bad_argument;
  if (happens(Fault::lock)) return no_memory;
  const std::lock_guard guard(surface->mutex);
  if (surface->writer || (surface->readers > 0 && (how & read_only) == 0)) {
    violation("IOSurfaceLock: the surface is locked already");
    return cannot_lock;
  }
  if (surface->readers == 0) surface->expect_unchanged("IOSurfaceLock");
  if ((how & read_only) != 0) ++surface->readers;
  else surface->writer = true;
  return 0;
}

ANEC_EXPORT int32_t IOSurfaceUnlock(const void* object, uint32_t how, uint32_t*) {
  SurfaceMemory* surface = surface_in(object, "IOSurfaceUnlock");
  if (surface == nullptr) return bad_argument;
  const std::lock_guard guard(surface->mutex);
  const bool reads = (how & read_only) != 0;
  if (reads ? surface->readers == 0 : !surface->writer) {
    violation("IOSurfaceUnlock: the surface is not locked, or was locked in another way");
    return bad_argument;
  }
  if (reads) {
    surface->expect_unchanged("IOSurfaceUnlock after a lock for reading");
    --surface->readers;
  } else {
    surface->writer = false;
    surface->seal();
  }
  return happens(Fault::unlock) ? no_memory : 0;
}

ANEC_EXPORT void* IOSurfaceGetBaseAddress(const void* object) {
  SurfaceMemory* surface = surface_in(object, "IOSurfaceGetBaseAddress");
  if (surface == nullptr) return nullptr;
  const std::lock_guard guard(surface->mutex);
  if (!surface->is_locked()) violation("IOSurfaceGetBaseAddress: the surface is not locked");
  return happens(Fault::base) ? nullptr : surface->bytes;
}

ANEC_EXPORT size_t IOSurfaceGetAllocSize(const void* object) {
  const SurfaceMemory* surface = surface_in(object, "IOSurfaceGetAllocSize");
  if (surface == nullptr) return 0;
  return happens(Fault::short_surface) ? 1 : static_cast<size_t>(surface->size);
}

}  // namespace anec::emulator
