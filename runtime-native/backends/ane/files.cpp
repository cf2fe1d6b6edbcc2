// POSIX files. Names are unique by process and number; locks are flock's.

#include "files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>

namespace anec::ane {
namespace {

namespace fs = std::filesystem;

// How often a lock that somebody else holds is tried again.
constexpr int poll_ms = 5;

Error file_error(const std::string& what, const std::string& path, int code) {
  return Error{"E0627", what + " " + path, std::strerror(code)};
}

// The folder a path is in.
std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos || slash == 0 ? "." : path.substr(0, slash);
}

// 0, or why not all could be written.
int write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written =
        ::write(descriptor, bytes.data(), std::min(bytes.size(), size_t{1} << 30));
    if (written < 0 && errno != EINTR) return errno;
    if (written > 0) bytes.remove_prefix(static_cast<size_t>(written));
  }
  return 0;
}

}  // namespace

std::optional<std::string> read_file(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return std::nullopt;
  struct stat info;
  std::string bytes;
  bool good = ::fstat(descriptor, &info) == 0 && S_ISREG(info.st_mode);
  if (good) bytes.resize(static_cast<size_t>(info.st_size));
  for (size_t at = 0; good && at < bytes.size();) {
    const ssize_t got =
        ::read(descriptor, bytes.data() + at, std::min(bytes.size() - at, size_t{1} << 30));
    if (got < 0 && errno == EINTR) continue;
    good = got > 0;
    if (good) at += static_cast<size_t>(got);
  }
  ::close(descriptor);
  if (!good) return std::nullopt;
  return bytes;
}

Result<void> write_file(const std::string& path, std::string_view bytes, bool durable,
                        Readers readers) {
  if (auto made = make_folders(folder_of(path), readers); !made.ok()) return made;
  const std::string temporary = unique_name(path + ".new");
  const mode_t mode = readers == Readers::owner ? 0600 : 0644;
  const int descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (descriptor < 0) return file_error("cannot write", path, errno);
  int code = write_all(descriptor, bytes);
  if (code == 0 && durable && ::fsync(descriptor) != 0) code = errno;
  if (::close(descriptor) != 0 && code == 0) code = errno;
  if (code == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) code = errno;
  if (code == 0) return {};
  ::unlink(temporary.c_str());
  return file_error("cannot write", path, code);
}

Result<void> make_folders(const std::string& path, Readers readers) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return {};
  if (auto made = make_folders(folder_of(path), readers); !made.ok()) return made;
  if (::mkdir(path.c_str(), readers == Readers::owner ? 0700 : 0777) == 0) return {};
  const int code = errno;
  // Another process may have been faster.
  if (fs::is_directory(path, ignored)) return {};
  return file_error("cannot make the folder", path, code == EEXIST ? ENOTDIR : code);
}

void remove_tree(const std::string& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

std::vector<std::string> files_below(const std::string& folder) {
  std::vector<std::string> found;
  std::error_code code;
  fs::recursive_directory_iterator at(folder, code), end;
  while (!code && at != end) {
    std::error_code ignored;
    if (at->is_regular_file(ignored))
      found.push_back(at->path().lexically_relative(folder).generic_string());
    at.increment(code);
  }
  std::sort(found.begin(), found.end());
  return found;
}

bool is_inside(std::string_view relative) {
  if (relative.empty() || relative.front() == '/' || relative.find('\0') != relative.npos)
    return false;
  for (size_t from = 0; from <= relative.size();) {
    const size_t slash = std::min(relative.find('/', from), relative.size());
    const std::string_view part = relative.substr(from, slash - from);
    if (part.empty() || part == "." || part == "..") return false;
    from = slash + 1;
  }
  return true;
}

std::string unique_name(const std::string& stem) {
  static std::atomic<uint64_t> next{0};
  return stem + "." + std::to_string(::getpid()) + "." + std::to_string(next++);
}

// A lock file may be removed by whoever held it last. A lock on a removed file locks nothing, so
// the file is opened again until path and descriptor are the same.
Result<FileLock> FileLock::open(const std::string& path, int operation) {
  if (auto made = make_folders(folder_of(path), Readers::owner); !made.ok()) return made.error();
  for (;;) {
    const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) return file_error("cannot lock", path, errno);
    FileLock lock(descriptor);
    int result;
    do result = ::flock(descriptor, operation);
    while (result != 0 && errno == EINTR);
    if (result != 0) return file_error("cannot lock", path, errno);
    struct stat mine, named;
    if (::fstat(descriptor, &mine) == 0 && ::stat(path.c_str(), &named) == 0 &&
        mine.st_ino == named.st_ino && mine.st_dev == named.st_dev) {
      return lock;
    }
  }
}

Result<FileLock> FileLock::take(const std::string& path, Kind kind) {
  return open(path, kind == Kind::shared ? LOCK_SH : LOCK_EX);
}

Result<std::optional<FileLock>> FileLock::wait_exclusive(const std::string& path, int most_ms) {
  for (int waited = 0;; waited += poll_ms) {
    auto lock = open(path, LOCK_EX | LOCK_NB);
    if (lock.ok()) return std::optional<FileLock>(std::move(lock.value()));
    if (lock.error().detail != std::strerror(EWOULDBLOCK)) return lock.error();
    if (waited >= most_ms) return std::optional<FileLock>();
    std::this_thread::sleep_for(std::chrono::milliseconds(poll_ms));
  }
}

bool FileLock::try_upgrade() { return ::flock(descriptor_, LOCK_EX | LOCK_NB) == 0; }

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace anec::ane
