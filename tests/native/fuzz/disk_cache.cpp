// An entry of the cache of compiled programs, as a stranger could leave it: its manifest, and a file behind it.

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "backends/ane/program_cache.h"

using namespace anec::ane;

namespace {

std::string make_folder() {
  char name[] = "/tmp/anec-fuzz-cache-XXXXXX";
  return mkdtemp(name) == nullptr ? "" : name;
}

void write(const std::string& path, const uint8_t* data, size_t size) {
  FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) std::abort();
  std::fwrite(data, 1, size, file);
  std::fclose(file);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::string folder = make_folder();
  const uint8_t* end = std::find(data, data + size, 0);
  const std::string entry = folder + "/key";
  mkdir(entry.c_str(), 0700);
  write(entry + "/manifest", data, static_cast<size_t>(end - data));
  write(entry + "/net.plist", end, static_cast<size_t>(data + size - end));
  const DiskCache disk(folder);
  std::vector<FileData> files;
  if (disk.read("key", files) == DiskCache::State::good)
    for (const FileData& file : files)
      if (file.path.starts_with("/") || file.path.find("..") != std::string::npos) std::abort();
  (void)disk.entries();
  return 0;
}
