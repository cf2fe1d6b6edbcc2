// Compiled programs, found again by what they are made of.
//
// Compiling is slow, and a process may be able to compile only about a hundred programs (fact:
// compile_budget). So a program is compiled once per content: within a process it stays in memory,
// and what its compiler left behind is kept on disk, in one folder an entry:
//
//     ~/Library/Caches/anec/programs/KEY/manifest
//                                       /files/net.plist …
//
// KEY is a digest of the text, the weights, the options, the chip, the build of macOS and the
// version of anec. An entry is made beside its place and renamed into it, so a reader sees all of
// it or nothing, also when another process makes the same one or this one is killed. The manifest
// has the digest of every file; an entry that differs is thrown away, the program compiled again,
// and that is said.

#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "device.h"
#include "program_source.h"

namespace anec::ane {

struct CacheOptions {
  std::string folder;                  // empty: nothing is kept on disk
  int64_t largest = int64_t{2} << 30;  // bytes on disk; the entries used longest ago go first
  int most_loaded = 64;                // programs loaded at once; others give their memory back
  std::string version = "0";           // of anec
};

struct CacheCounts {
  int64_t in_memory = 0;  // found in this process
  int64_t on_disk = 0;    // loaded from what an earlier run compiled
  int64_t compiled = 0;
  int64_t rebuilt = 0;  // an entry on disk was damaged or did not load
  int64_t evicted = 0;  // entries that had to go
};

// Where this user's caches are: $XDG_CACHE_HOME/anec/programs if that is set, else
// ~/Library/Caches/anec/programs on a Mac and ~/.cache/anec/programs elsewhere. Empty without a
// home.
std::string default_cache_folder();

class ProgramCache {
 public:
  // The device outlives the cache.
  ProgramCache(Device& device, CacheOptions options)
      : device_(device), options_(std::move(options)) {}

  // The program for a source, compiled if it is new. It lives as long as the cache. A fault of the
  // disk costs time, never the program: it is said, and the program is compiled.
  Result<Program*> get(const ProgramSource& source);

  CacheCounts counts() const;

  // The name of a source's entry.
  std::string key(const ProgramSource& source) const;

 private:
  Result<std::unique_ptr<Program>> build(const ProgramSource& source, const std::string& key);
  void make_room();

  Device& device_;
  CacheOptions options_;
  mutable std::mutex mutex_;
  CacheCounts counts_;
  std::unordered_map<std::string, std::unique_ptr<Program>> programs_;
  std::vector<Program*> by_use_;  // the one used longest ago first
};

// The folder of entries, by itself.
class DiskCache {
 public:
  explicit DiskCache(std::string folder) : folder_(std::move(folder)) {}

  struct Entry {
    std::string key;
    int64_t bytes = 0;
    int64_t used = 0;  // nanoseconds since 1970
  };

  enum class State { missing, damaged, good };
  // The files of an entry, if it is whole; the entry then counts as used.
  State read(const std::string& key, std::vector<FileData>& files) const;
  Result<void> write(const std::string& key, const std::string& name,
                     const std::vector<FileData>& files) const;
  void remove(const std::string& key) const;
  std::vector<Entry> entries() const;
  // Removes what was used longest ago until the rest fits; also leftovers of killed processes.
  // Answers how many entries went.
  int64_t shrink(int64_t largest) const;

 private:
  std::string path(const std::string& key) const { return folder_ + "/" + key; }

  std::string folder_;
};

}  // namespace anec::ane
