// Memory for a session.
//
// It is mapped directly, so that it is zero and can be huge pages. Under the address sanitizer it comes
// from the heap instead, where the sanitizer sees an access beyond its end.

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "anec/session.h"

namespace anec {
namespace {

[[maybe_unused]] constexpr size_t huge_page = size_t{2} << 20;

int64_t physical_memory() {
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  return pages > 0 && page > 0 ? static_cast<int64_t>(pages) * page : INT64_MAX;
}

#if defined(__SANITIZE_ADDRESS__)
void* take(size_t bytes) {
  void* memory = nullptr;
  if (posix_memalign(&memory, 64, bytes) != 0) return nullptr;
  return std::memset(memory, 0, bytes);
}
void give_back(void* memory, size_t) { std::free(memory); }
size_t rounded(int64_t bytes) { return bytes > 0 ? static_cast<size_t>(bytes) : 1; }
#else
void* take(size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
#if defined(MADV_HUGEPAGE)
  madvise(memory, bytes, MADV_HUGEPAGE);
#endif
  return memory;
}
void give_back(void* memory, size_t bytes) { munmap(memory, bytes); }
size_t rounded(int64_t bytes) {
  const size_t unit = static_cast<size_t>(bytes) >= huge_page ? huge_page : size_t{4096};
  return (static_cast<size_t>(bytes) + unit) / unit * unit;
}
#endif

std::string mebibytes(int64_t bytes) { return std::to_string((bytes >> 20) + 1) + " MiB"; }

}  // namespace

Result<std::shared_ptr<Arena>> Arena::create(int64_t bytes, const char* what) {
  const int64_t limit = physical_memory();
  if (bytes < 0 || bytes > limit) {
    return Error{"E0601",
                 std::string("the ") + what + " needs more memory than this machine has",
                 mebibytes(bytes) + " of " + mebibytes(limit)};
  }
  std::shared_ptr<Arena> arena(new Arena());
  arena->bytes_ = bytes;
  arena->mapped_ = rounded(bytes);
  arena->data_ = static_cast<char*>(take(arena->mapped_));
  if (arena->data_ == nullptr) {
    return Error{"E0601", std::string("cannot allocate the ") + what,
                 mebibytes(bytes) + ": " + std::strerror(errno)};
  }
  return arena;
}

Arena::~Arena() {
  if (data_ != nullptr) give_back(data_, mapped_);
}

}  // namespace anec
