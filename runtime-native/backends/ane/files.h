// Files: whole reads, atomic writes, and locks that other processes see.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "anec/result.h"

namespace anec::ane {

// A file and what is in it. The path is relative to some folder.
struct FileData {
  std::string path;
  std::string bytes;
};

// Nothing if there is no such file or it cannot be read.
std::optional<std::string> read_file(const std::string& path);

// Who may look into what is made, as far as the process's mask lets them.
enum class Readers { everyone, owner };

// A reader sees the old bytes or all of the new ones. `durable` also waits for the disk. Folders on
// the way are made.
Result<void> write_file(const std::string& path, std::string_view bytes, bool durable,
                        Readers readers = Readers::everyone);

// Makes a folder and those above it; what is there stays as it is.
Result<void> make_folders(const std::string& path, Readers readers = Readers::everyone);
// Removes a file or a folder with all in it; it is no fault if there is none.
void remove_tree(const std::string& path);
// Every file below a folder, as sorted relative paths.
std::vector<std::string> files_below(const std::string& folder);
// A relative path that stays below its folder: no "..", no leading slash.
bool is_inside(std::string_view relative);

// A name no other process or thread uses: "STEM.PID.NUMBER".
std::string unique_name(const std::string& stem);

// A lock file, which only its owner may open. The lock goes with the object, or with the process.
class FileLock {
 public:
  enum class Kind { shared, exclusive };
  // Waits for the lock.
  static Result<FileLock> take(const std::string& path, Kind kind);
  // Waits so long for an exclusive lock; nothing if somebody else still holds one then.
  static Result<std::optional<FileLock>> wait_exclusive(const std::string& path, int most_ms);

  FileLock(FileLock&& other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = -1; }
  FileLock& operator=(FileLock&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~FileLock();

  // Makes a shared lock the only one, if nobody else holds it. Afterwards the object holds no lock
  // or an exclusive one; the answer says which.
  bool try_upgrade();

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  static Result<FileLock> open(const std::string& path, int operation);

  int descriptor_ = -1;
};

}  // namespace anec::ane
