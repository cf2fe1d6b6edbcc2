// Opening the device, the compile budget, the queue's slots, the waits between attempts.

#include "device.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "objects.h"

namespace anec::ane {
namespace {

// About 119 compiles a process (reported for macOS 15; gone in macOS 26, whose builds start with
// 25).
constexpr int known_compile_budget = 100;
constexpr int first_build_without_budget = 25;

// Where the system keeps temporary files of this user.
std::string temporary_folder() {
  std::string path;
#if defined(_CS_DARWIN_USER_TEMP_DIR)
  char buffer[1024];
  const size_t length = confstr(_CS_DARWIN_USER_TEMP_DIR, buffer, sizeof buffer);
  if (length > 0 && length <= sizeof buffer) path = buffer;
#endif
  if (const char* named = std::getenv("TMPDIR"); named != nullptr && *named != '\0') path = named;
  if (path.empty()) path = "/tmp";
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

int budget_of(const std::string& build) {
  const int major = std::atoi(build.c_str());
  return major >= first_build_without_budget ? 0 : known_compile_budget;
}

}  // namespace

Result<std::unique_ptr<Device>> Device::open(DeviceOptions options) {
  auto framework = Framework::open(options.library);
  if (!framework.ok()) return framework.error();
  std::unique_ptr<Device> device(new Device(std::move(options)));
  device->framework_ = std::move(framework.value());
  const Framework& f = *device->framework_;
  const Pool pool(f);
  if (!f.has_engine())
    return Error{"E0620", "this computer has no Neural Engine",
                 "_ANEDeviceInfo hasANE answered no"};
  DeviceInfo& info = device->info_;
  info.architecture = text_of(f, f.architecture());
  info.build = text_of(f, f.build());
  info.product = text_of(f, f.product());
  info.cores = f.cores();
  info.way = f.way();
  const int asked = device->options_.compile_budget;
  info.compile_budget = asked >= 0 ? asked : budget_of(info.build);
  device->slots_ = std::max(1, device->options_.in_flight);
  return device;
}

int64_t Device::compiles_left() const {
  if (info_.compile_budget == 0) return -1;
  return std::max<int64_t>(0, info_.compile_budget - counts_.compiles);
}

Result<std::unique_ptr<Program>> Device::compile(const ProgramSource& source) {
  if (auto checked = source.check(); !checked.ok()) return checked.error();
  std::unique_ptr<Program> program(new Program(*this, source));
  if (auto prepared = program->prepare(); !prepared.ok()) return prepared.error();
  if (auto loaded = program->load_or_compile(); !loaded.ok()) return loaded.error();
  return program;
}

Result<std::unique_ptr<Program>> Device::load(const ProgramSource& source,
                                              const std::vector<FileData>& compiled) {
  if (auto checked = source.check(); !checked.ok()) return checked.error();
  std::unique_ptr<Program> program(new Program(*this, source));
  if (auto prepared = program->prepare(); !prepared.ok()) return prepared.error();
  if (auto added = program->folder_->add(compiled); !added.ok()) return added.error();
  if (auto loaded = program->load_once(); !loaded.ok()) return loaded.error();
  return program;
}

Result<std::unique_ptr<Surface>> Device::surface(const Layout& layout) const {
  return Surface::create(*framework_, layout);
}

void Device::say(const std::string& sentence) const {
  if (options_.say) options_.say(sentence);
}

void Device::wait_before(int attempt) {
  const RetryPolicy& retry = options_.retry;
  int64_t ms = retry.first_ms;
  for (int i = 0; i < attempt && ms < retry.most_ms; ++i) ms *= 2;
  std::this_thread::sleep_for(std::chrono::milliseconds(std::clamp<int64_t>(ms, 0, retry.most_ms)));
}

std::string Device::folder_of(Id model, const std::string& identifier) const {
  const std::string said = text_of(*framework_, framework_->local_path(model));
  if (!said.empty()) return said;
  return (options_.temporary.empty() ? temporary_folder() : options_.temporary) + "/" + identifier;
}

void Device::take_slot() {
  std::unique_lock guard(slots_mutex_);
  slot_free_.wait(guard, [&] { return slots_ > 0; });
  --slots_;
}

void Device::give_slot() {
  {
    const std::lock_guard guard(slots_mutex_);
    ++slots_;
  }
  slot_free_.notify_one();
}

}  // namespace anec::ane
