// Entries on disk: manifests, digests, renames, and which entry goes first.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <filesystem>

#include "digest.h"
#include "program_cache.h"

namespace anec::ane {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view first_line = "anec compiled program 1";
constexpr std::string_view manifest_file = "manifest";
// A folder with this in its name is being made or thrown away.
constexpr std::string_view unfinished = ".part";
// Leftovers of killed processes are removed when they are this old.
constexpr int64_t leftover_ns = int64_t{3600} * 1'000'000'000;

//     anec compiled program 1
//     name layer
//     file <sha256> <bytes> net.plist
//     end <sha256 of the lines above>
std::string manifest_of(const std::string& name, const std::vector<FileData>& files) {
  std::string text = std::string(first_line) + "\nname ";
  for (const char c : name) text += c == '\n' ? ' ' : c;
  text += "\n";
  for (const FileData& file : files)
    text += "file " + sha256(file.bytes) + " " + std::to_string(file.bytes.size()) + " " +
            file.path + "\n";
  return text + "end " + sha256(text) + "\n";
}

std::string_view take_line(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

std::string_view take_word(std::string_view& line) {
  const size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

struct Listed {
  std::string digest, path;
  int64_t bytes = 0;
};

bool read_manifest(std::string_view text, std::vector<Listed>& files) {
  const std::string_view whole = text;
  if (take_line(text) != first_line || !take_line(text).starts_with("name ")) return false;
  for (;;) {
    const size_t before = whole.size() - text.size();
    std::string_view line = take_line(text);
    const std::string_view word = take_word(line);
    if (word == "end") return text.empty() && line == sha256(whole.substr(0, before));
    if (word != "file") return false;
    Listed file;
    file.digest = take_word(line);
    const std::string_view bytes = take_word(line);
    const auto [end, code] = std::from_chars(bytes.data(), bytes.data() + bytes.size(), file.bytes);
    file.path = line;
    if (code != std::errc() || end != bytes.data() + bytes.size() || !is_inside(file.path))
      return false;
    files.push_back(std::move(file));
  }
}

int64_t changed_ns(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return 0;
#if defined(__APPLE__)
  return int64_t{info.st_mtimespec.tv_sec} * 1'000'000'000 + info.st_mtimespec.tv_nsec;
#else
  return int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec;
#endif
}

int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// The system's own idea of "now" may be some milliseconds old; two uses must not look like one.
void mark_used(const std::string& path) {
  const int64_t now = now_ns();
  timespec times[2];
  for (timespec& time : times) {
    time.tv_sec = static_cast<time_t>(now / 1'000'000'000);
    time.tv_nsec = static_cast<long>(now % 1'000'000'000);
  }
  ::utimensat(AT_FDCWD, path.c_str(), times, 0);
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code code;
  fs::directory_iterator at(folder, code), end;
  while (!code && at != end) {
    names.push_back(at->path().filename().string());
    at.increment(code);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

DiskCache::State DiskCache::read(const std::string& key, std::vector<FileData>& files) const {
  const std::string manifest_path = path(key) + "/" + std::string(manifest_file);
  const auto manifest = read_file(manifest_path);
  std::error_code ignored;
  if (!manifest.has_value())
    return fs::exists(path(key), ignored) ? State::damaged : State::missing;
  std::vector<Listed> listed;
  if (!read_manifest(*manifest, listed)) return State::damaged;
  files.clear();
  for (const Listed& file : listed) {
    auto bytes = read_file(path(key) + "/files/" + file.path);
    if (!bytes.has_value() || static_cast<int64_t>(bytes->size()) != file.bytes ||
        sha256(*bytes) != file.digest) {
      return State::damaged;
    }
    files.push_back({file.path, std::move(*bytes)});
  }
  mark_used(manifest_path);
  return State::good;
}

Result<void> DiskCache::write(const std::string& key, const std::string& name,
                              const std::vector<FileData>& files) const {
  const std::string made = unique_name(path(key) + std::string(unfinished));
  Result<void> written;
  for (const FileData& file : files)
    if (written.ok())
      written = write_file(made + "/files/" + file.path, file.bytes, true, Readers::owner);
  if (written.ok())
    written = write_file(made + "/" + std::string(manifest_file), manifest_of(name, files), true,
                         Readers::owner);
  // Another process may have made the entry meanwhile; it is the same one.
  if (written.ok() && ::rename(made.c_str(), path(key).c_str()) != 0 && errno != ENOTEMPTY &&
      errno != EEXIST)
    written = Error{"E0628", "cannot keep a compiled program in " + folder_, std::strerror(errno)};
  remove_tree(made);
  if (!written.ok())
    return Error{"E0628", "cannot keep a compiled program in " + folder_, written.error().detail};
  return {};
}

// Renamed first: nobody finds half of an entry.
void DiskCache::remove(const std::string& key) const {
  const std::string gone = unique_name(path(key) + std::string(unfinished));
  if (::rename(path(key).c_str(), gone.c_str()) == 0) remove_tree(gone);
}

std::vector<DiskCache::Entry> DiskCache::entries() const {
  std::vector<Entry> found;
  for (const std::string& name : names_in(folder_)) {
    if (name.starts_with('.') || name.find(unfinished) != name.npos) continue;
    Entry entry;
    entry.key = name;
    for (const std::string& file : files_below(path(name))) {
      std::error_code code;
      const auto size = fs::file_size(path(name) + "/" + file, code);
      if (!code) entry.bytes += static_cast<int64_t>(size);
    }
    entry.used = changed_ns(path(name) + "/" + std::string(manifest_file));
    found.push_back(std::move(entry));
  }
  std::sort(found.begin(), found.end(),
            [](const Entry& a, const Entry& b) { return a.used < b.used; });
  return found;
}

int64_t DiskCache::shrink(int64_t largest) const {
  for (const std::string& name : names_in(folder_)) {
    const bool old = now_ns() - changed_ns(path(name)) > leftover_ns;
    if (old && name.find(unfinished) != name.npos) remove_tree(path(name));
  }
  const std::vector<Entry> all = entries();
  int64_t total = 0, removed = 0;
  for (const Entry& entry : all) total += entry.bytes;
  for (const Entry& entry : all) {
    if (total <= largest) break;
    remove(entry.key);
    total -= entry.bytes;
    ++removed;
  }
  return removed;
}

}  // namespace anec::ane
