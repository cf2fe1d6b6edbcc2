// Shared folders: whoever needs one holds a shared lock, whoever gets it alone removes it.

#include "model_folder.h"

#include <unistd.h>

#include <algorithm>

namespace anec::ane {
namespace {

std::string lock_path(const std::string& folder) { return folder + ".anec-lock"; }

// Content decides the folder's name, so whoever writes a file writes the same bytes.
Result<void> ensure(const std::string& path, const std::string& bytes) {
  if (const auto there = read_file(path); there.has_value() && *there == bytes) return {};
  return write_file(path, bytes, false);
}

}  // namespace

Result<ModelFolder> ModelFolder::create(const std::string& path, const ProgramSource& source) {
  auto lock = FileLock::take(lock_path(path), FileLock::Kind::shared);
  if (!lock.ok()) return lock.error();
  ModelFolder folder(path, std::move(lock.value()));
  if (auto written = folder.restore(source); !written.ok()) return written.error();
  return folder;
}

Result<void> ModelFolder::restore(const ProgramSource& source) const {
  if (auto written = ensure(path_ + "/" + model_file, source.mil); !written.ok()) return written;
  for (const WeightFile& file : source.weights) {
    auto written = ensure(path_ + "/" + weight_file(file.path), file.bytes);
    if (!written.ok()) return written;
  }
  return {};
}

Result<void> ModelFolder::add(const std::vector<FileData>& files) const {
  for (const FileData& file : files)
    if (auto written = ensure(path_ + "/" + file.path, file.bytes); !written.ok()) return written;
  return {};
}

std::vector<FileData> ModelFolder::compiled(const ProgramSource& source) const {
  const auto is_ours = [&](const std::string& path) {
    return path == model_file ||
           std::any_of(source.weights.begin(), source.weights.end(),
                       [&](const WeightFile& file) { return weight_file(file.path) == path; });
  };
  std::vector<FileData> files;
  for (const std::string& path : files_below(path_)) {
    if (is_ours(path)) continue;
    if (auto bytes = read_file(path_ + "/" + path)) files.push_back({path, std::move(*bytes)});
  }
  return files;
}

ModelFolder::~ModelFolder() {
  if (!lock_.has_value() || path_.empty()) return;
  if (!lock_->try_upgrade()) return;
  remove_tree(path_);
  ::unlink(lock_path(path_).c_str());
}

}  // namespace anec::ane
