// The program cache: in memory, on disk, damaged, killed, full, and shared between processes.

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "check.h"

using namespace anec::ane;
using namespace anec::test;

namespace {

CacheOptions in_folder(int64_t largest = int64_t{1} << 30) {
  CacheOptions options;
  options.folder = test_folder() + "/cache";
  options.largest = largest;
  options.version = "1";
  return options;
}

// A process that starts with nothing in memory; the emulated service has forgotten too.
struct Fresh {
  std::unique_ptr<Device> device;
  std::unique_ptr<ProgramCache> cache;
  explicit Fresh(const std::string& settings = "", CacheOptions options = in_folder())
      : device(open_device(settings)), cache(std::make_unique<ProgramCache>(*device, options)) {
    said = "";
  }
};

std::string entry_file(const std::string& key, const std::string& file) {
  return test_folder() + "/cache/" + key + "/" + file;
}

}  // namespace

TEST("a program is compiled once, then found in memory, then on disk") {
  {
    Fresh first;
    Program* program = MUST(first.cache->get(difference()));
    EXPECT(program == MUST(first.cache->get(difference(4, 32, "the same under another name"))));
    EXPECT(program != MUST(first.cache->get(difference(5))));
    EXPECT_EQUAL(first.cache->counts().compiled, 2);
    EXPECT_EQUAL(first.cache->counts().in_memory, 1);
    MUST(run_difference(*first.device, *program));
  }
  {
    Fresh second;
    Program* program = MUST(second.cache->get(difference()));
    EXPECT_EQUAL(second.cache->counts().on_disk, 1);
    EXPECT_EQUAL(second.device->counts().compiles.load(), 0);
    MUST(run_difference(*second.device, *program));
    EXPECT_EQUAL(said, "");
  }
  expect_clean();
}

TEST("chip, build, version, options and weights are part of a program's key") {
  Fresh one, two("chip=m1"), three("os=14.1");
  CacheOptions newer = in_folder();
  newer.version = "2";
  ProgramCache four(*one.device, newer);
  ProgramSource weights = difference();
  weights.weights = {{"@model_path/w.bin", "w"}};
  std::vector<std::string> keys = {one.cache->key(difference()), two.cache->key(difference()),
                                   three.cache->key(difference()), four.key(difference()),
                                   one.cache->key(weights)};
  for (size_t i = 0; i < keys.size(); ++i)
    for (size_t j = 0; j < i; ++j) EXPECT(keys[i] != keys[j]);
  EXPECT_EQUAL(keys[0].size(), size_t{64});
}

TEST("a damaged entry is compiled again, and that is said") {
  std::string key;
  {
    Fresh first;
    MUST(first.cache->get(difference()));
    key = first.cache->key(difference());
  }
  const std::string files[] = {"manifest", "files/net.plist", "files/data"};
  for (const std::string& file : files) {
    const std::string path = entry_file(key, file), good = *read_file(path);
    for (size_t at = 0; at < good.size(); at += 1 + good.size() / 9) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ 1);
      MUST(write_file(path, bad, false));
      Fresh again;
      Program* program = MUST(again.cache->get(difference()));
      MUST(run_difference(*again.device, *program));
      EXPECT_PART(said, "`difference` is damaged and is compiled again");
      EXPECT_EQUAL(again.cache->counts().rebuilt, 1);
      EXPECT_EQUAL(*read_file(path), good);
    }
    for (const std::string& bad : {std::string(), good.substr(0, good.size() / 2), good + "x"}) {
      MUST(write_file(path, bad, false));
      Fresh again;
      MUST(again.cache->get(difference()));
      EXPECT_EQUAL(again.cache->counts().rebuilt, 1);
    }
    unlink(path.c_str());
    Fresh again;
    MUST(again.cache->get(difference()));
    EXPECT_EQUAL(again.cache->counts().rebuilt, 1);
  }
  expect_clean();
}

TEST("a manifest is, to the byte, what the command line reads") {
  const DiskCache disk(test_folder() + "/cache");
  MUST(disk.write("key", "layer", {{"net.plist", "x"}}));
  EXPECT_EQUAL(*read_file(entry_file("key", "manifest")),
               "anec compiled program 1\nname layer\n"
               "file 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881 1 net.plist\n"
               "end 4677e8fa10089addb089a2041ceed60d480d8e1bdc5da600d0d8a4133d8f251e\n");
  EXPECT_EQUAL(*read_file(entry_file("key", "files/net.plist")), "x");
}

TEST("an entry that is whole but does not load is compiled again") {
  {
    Fresh first;
    MUST(first.cache->get(difference()));
  }
  Fresh again("transient-load=1");
  MUST(again.cache->get(difference()));
  EXPECT_PART(said, "does not load and is compiled again");
  EXPECT_EQUAL(again.cache->counts().rebuilt, 1);
  Fresh nil("nil-descriptor=1");
  EXPECT_ERROR(nil.cache->get(difference()), "E0621", "no descriptor");
  Fresh never("transient-compile=every:1");
  EXPECT_ERROR(never.cache->get(difference(6)), "E0621", "refused");
}

TEST("a system that keeps its programs to itself leaves nothing to keep") {
  Fresh first("os=26.3");
  MUST(first.cache->get(difference()));
  EXPECT(DiskCache(test_folder() + "/cache").entries().empty());
  CacheOptions none;
  Fresh memory("", none);
  MUST(memory.cache->get(difference()));
  EXPECT_EQUAL(memory.cache->counts().compiled, 1);
}

TEST("a program the system itself has kept is loaded without a compile") {
  const std::string store = ",store=" + test_folder() + "/store";
  MUST(make_folders(test_folder() + "/store"));
  {
    Fresh first("os=26.3" + store);
    MUST(first.cache->get(difference()));
    EXPECT_EQUAL(first.device->counts().compiles.load(), 1);
  }
  Fresh second("os=26.3" + store);
  MUST(second.cache->get(difference()));
  EXPECT_EQUAL(second.device->counts().compiles.load(), 0);
}

TEST("entries used longest ago go when there are too many bytes") {
  Fresh first("", in_folder());
  for (int i = 1; i <= 4; ++i) MUST(first.cache->get(difference(i)));
  const DiskCache disk(test_folder() + "/cache");
  const auto all = disk.entries();
  EXPECT_EQUAL(all.size(), size_t{4});
  EXPECT_EQUAL(all[0].key, first.cache->key(difference(1)));
  std::vector<FileData> files;
  EXPECT(disk.read(all[0].key, files) == DiskCache::State::good);  // now the one used last
  Fresh second("", in_folder(3 * all[0].bytes));
  MUST(second.cache->get(difference(5)));
  const auto left = disk.entries();
  EXPECT_EQUAL(second.cache->counts().evicted, 2);
  EXPECT_EQUAL(left.size(), size_t{3});
  EXPECT_EQUAL(left[0].key, all[3].key);
  EXPECT_EQUAL(left[1].key, all[0].key);
  EXPECT(disk.read(all[1].key, files) == DiskCache::State::missing);
}

TEST("only so many programs stay loaded; the others come back when they are run") {
  CacheOptions options = in_folder();
  options.most_loaded = 2;
  Fresh fresh("unload-fault=1", options);
  std::vector<Program*> programs;
  for (int i = 1; i <= 4; ++i) programs.push_back(MUST(fresh.cache->get(difference(i))));
  EXPECT_PART(said, "could not unload");
  EXPECT_EQUAL(reported("mostLoaded"), 2);
  EXPECT(!programs[0]->loaded() && programs[3]->loaded());
  for (Program* program : programs) MUST(run_difference(*fresh.device, *program));
}

TEST("a full disk and a folder that cannot be made cost a sentence, not the program") {
  MUST(write_file(test_folder() + "/blocked", "a file", false));
  CacheOptions options = in_folder();
  options.folder = test_folder() + "/blocked/cache";
  Fresh blocked("", options);
  MUST(run_difference(*blocked.device, *MUST(blocked.cache->get(difference()))));
  EXPECT_PART(said, "cannot keep a compiled program in");
  EXPECT_PART(said, "Not a directory");

  std::signal(SIGXFSZ, SIG_IGN);
  Fresh full;
  const ProgramSource source = difference();
  const rlimit small{source.mil.size() + 100,
                     RLIM_INFINITY};  // the text fits, the manifest does not
  setrlimit(RLIMIT_FSIZE, &small);
  const DiskCache disk(test_folder() + "/cache");
  EXPECT_ERROR(disk.write("key", "n", {{"data", std::string(5000, 'x')}}), "E0628",
               "File too large");
  const rlimit none{RLIM_INFINITY, RLIM_INFINITY};
  setrlimit(RLIMIT_FSIZE, &none);
  EXPECT(disk.entries().empty());
  // The place of an entry is taken by a file.
  MUST(write_file(test_folder() + "/cache/key", "", false));
  EXPECT_ERROR(disk.write("key", "two\nlines", {}), "E0628", "cannot keep");
  std::vector<FileData> files;
  EXPECT(disk.read("key", files) == DiskCache::State::damaged);
}

TEST("a process killed while it writes leaves nothing that is read") {
  MUST(make_folders(test_folder() + "/cache"));
  for (int i = 0; i < 12; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      const DiskCache disk(test_folder() + "/cache");
      for (int n = 0;; ++n) {
        disk.remove("key");
        const auto ignored = disk.write(
            "key", "n", {{"a", std::string(200000, 'a')}, {"b/c", std::string(100, 'b')}});
        (void)ignored;
      }
    }
    usleep(static_cast<useconds_t>(3000 + 2500 * i));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    std::vector<FileData> files;
    const DiskCache disk(test_folder() + "/cache");
    const auto state = disk.read("key", files);
    EXPECT(state != DiskCache::State::damaged);
    if (state == DiskCache::State::good) EXPECT_EQUAL(files.size(), size_t{2});
  }
  // What is left of them goes when it is old.
  const DiskCache disk(test_folder() + "/cache");
  MUST(make_folders(test_folder() + "/cache/key.part.1.2"));
  disk.shrink(1 << 30);
  EXPECT(!read_file(test_folder() + "/cache/key.part.1.2/x").has_value());
  const timespec old[2] = {{1000, 0}, {1000, 0}};
  utimensat(AT_FDCWD, (test_folder() + "/cache/key.part.1.2").c_str(), old, 0);
  disk.shrink(1 << 30);
  struct stat info;
  EXPECT(stat((test_folder() + "/cache/key.part.1.2").c_str(), &info) != 0);
}

TEST("eight processes that need the same programs at once compile each of them once") {
  std::vector<pid_t> children;
  const std::string results = test_folder() + "/results";
  MUST(make_folders(results));
  for (int i = 0; i < 8; ++i) {
    const pid_t child = fork();
    if (child != 0) {
      children.push_back(child);
      continue;
    }
    Fresh fresh;
    bool good = true;
    for (int c = 1; c <= 3; ++c) {
      auto program = fresh.cache->get(difference(c));
      good = good && program.ok() && run_difference(*fresh.device, *program.value()).ok();
    }
    good = good && said.empty();
    auto written = write_file(results + "/" + std::to_string(i),
                              std::to_string(fresh.device->counts().compiles.load()), false);
    fresh.cache.reset();
    _exit(good && written.ok() ? 0 : 1);
  }
  int compiles = 0;
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQUAL(status, 0);
  }
  for (const std::string& file : files_below(results))
    compiles += std::atoi(read_file(results + "/" + file)->c_str());
  EXPECT_EQUAL(compiles, 3);
  EXPECT(files_below(test_folder() + "/tmp").empty());
}

TEST("the cache is where this user's caches are") {
  setenv("HOME", "/home-of-a-test", 1);
  unsetenv("XDG_CACHE_HOME");
#if defined(__APPLE__)
  EXPECT_EQUAL(default_cache_folder(), "/home-of-a-test/Library/Caches/anec/programs");
#else
  EXPECT_EQUAL(default_cache_folder(), "/home-of-a-test/.cache/anec/programs");
#endif
  setenv("XDG_CACHE_HOME", "/caches", 1);
  EXPECT_EQUAL(default_cache_folder(), "/caches/anec/programs");
  unsetenv("XDG_CACHE_HOME");
  unsetenv("HOME");
  EXPECT_EQUAL(default_cache_folder(), "");
}

TEST("a workspace knows programs, surfaces and calls by number") {
  Fresh fresh;
  {
    Workspace space(*fresh.device, *fresh.cache);
    const int program = MUST(space.add_program(difference()));
    EXPECT_EQUAL(MUST(space.add_program(difference())), program);
    EXPECT_EQUAL(MUST(space.add_program(difference(5))), program + 1);
    const Layout layout = space.program(program).input_layout(0);
    for (int i = 0; i < 4; ++i) EXPECT_EQUAL(MUST(space.add_surface(layout)), i);
    const int call = MUST(space.add_call(program, {0, 1, 2}, {3}));
    const std::vector<float> a = small_numbers(128, 1), c(128, 2.0f), b = small_numbers(128, 3);
    MUST(space.surface(0).write(a));
    MUST(space.surface(1).write(c));
    MUST(space.surface(2).write(b));
    MUST(space.run(call));
    std::vector<float> z(128);
    MUST(space.surface(3).read(z));
    for (size_t i = 0; i < 128; ++i) EXPECT_EQUAL(z[i], (a[i] - b[i]) * 2);
    EXPECT_EQUAL(space.programs() + space.surfaces() * 10 + space.calls() * 100, 142);
    EXPECT(&space.device() == fresh.device.get());
    EXPECT_ERROR(space.add_call(7, {}, {}), "E0626", "no program 7");
    EXPECT_ERROR(space.add_call(program, {0, 1, 9}, {3}), "E0626", "no surface 9");
    EXPECT_ERROR(space.add_call(program, {0, 1}, {3}), "E0626", "wrong number of surfaces");
    EXPECT_ERROR(space.run(1), "E0626", "no call 1");
    EXPECT_ERROR(space.add_surface(Layout{}), "E0626", "cannot have this layout");
    configure("transient-compile=every:1");
    EXPECT_ERROR(space.add_program(difference(6)), "E0621", "refused");
  }
}
