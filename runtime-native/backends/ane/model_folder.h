// The folder a program is compiled from: TMPDIR/<identifier>/ with model.mil and the weight files.
//
// The framework derives the path from the program's content, so two processes that compile the same
// program share it. Each keeps a lock on it while its program lives; the last one removes it.

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "files.h"
#include "program_source.h"

namespace anec::ane {

class ModelFolder {
 public:
  // Writes the program's files and takes a share of the folder.
  static Result<ModelFolder> create(const std::string& path, const ProgramSource& source);
  ModelFolder(ModelFolder&&) = default;
  ModelFolder& operator=(ModelFolder&&) = default;
  ~ModelFolder();

  const std::string& path() const { return path_; }

  // Writes again whatever is missing or differs: somebody may have emptied the temporary folder.
  Result<void> restore(const ProgramSource& source) const;

  // Puts files a compiler left behind in another run.
  Result<void> add(const std::vector<FileData>& files) const;

  // What the compiler left beside the program's own files.
  std::vector<FileData> compiled(const ProgramSource& source) const;

 private:
  ModelFolder(std::string path, FileLock lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  std::string path_;
  std::optional<FileLock> lock_;
};

}  // namespace anec::ane
