// Memory first, then disk, then the compiler.

#include "program_cache.h"

#include <algorithm>
#include <cstdlib>

#include "digest.h"

namespace anec::ane {
namespace {

// A process that takes longer to compile than this is not waited for.
constexpr int longest_wait_ms = 120'000;

}  // namespace

std::string default_cache_folder() {
  const auto variable = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  };
  if (const std::string xdg = variable("XDG_CACHE_HOME"); xdg.starts_with("/"))
    return xdg + "/anec/programs";
  const std::string home = variable("HOME");
  if (home.empty()) return "";
#if defined(__APPLE__)
  return home + "/Library/Caches/anec/programs";
#else
  return home + "/.cache/anec/programs";
#endif
}

std::string ProgramCache::key(const ProgramSource& source) const {
  Sha256 sum;
  sum.add_field(source.digest());
  sum.add_field(device_.info().architecture);
  sum.add_field(device_.info().build);
  sum.add_field(options_.version);
  return sum.hex();
}

CacheCounts ProgramCache::counts() const {
  const std::lock_guard guard(mutex_);
  return counts_;
}

Result<Program*> ProgramCache::get(const ProgramSource& source) {
  const std::lock_guard guard(mutex_);
  const std::string key = this->key(source);
  if (const auto found = programs_.find(key); found != programs_.end()) {
    ++counts_.in_memory;
    Program* program = found->second.get();
    std::erase(by_use_, program);
    by_use_.push_back(program);
    return program;
  }
  make_room();
  auto built = build(source, key);
  if (!built.ok()) return built.error();
  Program* program = built.value().get();
  programs_[key] = std::move(built.value());
  by_use_.push_back(program);
  return program;
}

// A program that gave its memory back is loaded again when it is next run.
void ProgramCache::make_room() {
  int loaded = 0;
  for (const Program* program : by_use_) loaded += program->loaded();
  for (Program* program : by_use_) {
    if (loaded < std::max(1, options_.most_loaded)) return;
    if (!program->loaded()) continue;
    if (auto unloaded = program->unload(); !unloaded.ok())
      device_.say(unloaded.error().message + ": " + unloaded.error().detail);
    --loaded;
  }
}

Result<std::unique_ptr<Program>> ProgramCache::build(const ProgramSource& source,
                                                     const std::string& key) {
  const DiskCache disk(options_.folder);
  // Of several processes that need the same program, one compiles it and the others wait for it.
  std::optional<FileLock> turn;
  if (!options_.folder.empty()) {
    auto locked = FileLock::wait_exclusive(options_.folder + "/.locks/" + key, longest_wait_ms);
    if (locked.ok()) turn = std::move(locked.value());
    else device_.say(locked.error().message + ": " + locked.error().detail);
  }
  std::vector<FileData> files;
  const auto state = options_.folder.empty() ? DiskCache::State::missing : disk.read(key, files);
  if (state == DiskCache::State::good) {
    auto loaded = device_.load(source, files);
    if (loaded.ok()) {
      ++counts_.on_disk;
      return loaded;
    }
    if (loaded.error().code != "E0622") return loaded;
    device_.say("the kept program `" + source.name +
                "` does not load and is compiled again: " + loaded.error().detail);
  }
  if (state == DiskCache::State::damaged)
    device_.say("the kept program `" + source.name + "` is damaged and is compiled again");
  if (state != DiskCache::State::missing) {
    ++counts_.rebuilt;
    disk.remove(key);
  }
  auto compiled = device_.compile(source);
  if (!compiled.ok()) return compiled;
  ++counts_.compiled;
  if (options_.folder.empty()) return compiled;
  const std::vector<FileData> left = compiled.value()->compiled();
  if (left.empty()) return compiled;  // this macOS keeps compiled programs itself
  if (auto kept = disk.write(key, source.name, left); !kept.ok())
    device_.say(kept.error().message + ": " + kept.error().detail);
  counts_.evicted += disk.shrink(options_.largest);
  return compiled;
}

}  // namespace anec::ane
