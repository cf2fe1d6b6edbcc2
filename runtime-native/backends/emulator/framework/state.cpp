// The one state of the process, and the two functions by which it is controlled from outside.

#include "state.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>

#include "classes.h"
#include "objects.h"
#include "service.h"

#define ANEC_EXPORT extern "C" __attribute__((visibility("default")))

namespace anec::emulator {
namespace {

constexpr size_t most_violations = 1000;

// Never freed, as other threads may still read it while the process ends. Options that were
// replaced stay too: somebody may be reading them.
struct State {
  std::mutex mutex;
  std::atomic<const Options*> options{nullptr};
  std::vector<std::unique_ptr<const Options>> kept;
  std::vector<std::string> violations;
  std::array<int64_t, fault_kinds> occasions{};
  uint64_t random = 0;
  Counters counters;
};

State& state() {
  static State* state = new State();
  return *state;
}

const Schedule& schedule_of(const Options& o, Fault fault) {
  const Schedule* schedules[fault_kinds] = {
      &o.transient_compile, &o.transient_load, &o.unload_fault, &o.daemon_restart, &o.timeout,
      &o.inference_fault,   &o.surface_fault,  &o.lock_fault,   &o.unlock_fault,   &o.base_fault,
      &o.short_surface,     &o.nil_descriptor, &o.nil_model,    &o.nil_request,    &o.nil_wrapper,
  };
  return *schedules[static_cast<int>(fault)];
}

// splitmix64: a number in 0 … 1.
double next_random(uint64_t& random) {
  uint64_t z = random += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return static_cast<double>((z ^ z >> 31) >> 11) * 0x1p-53;
}

std::string quoted(const std::string& text) {
  std::string json = "\"";
  for (const char c : text) {
    char escaped[8];
    if (c == '"' || c == '\\') json += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) json += c;
    else json += (std::snprintf(escaped, sizeof escaped, "\\u%04x", c), escaped);
  }
  return json + "\"";
}

}  // namespace

void start() {
  static const bool once = [] {
    const char* text = std::getenv("ANEC_EMULATOR");
    auto parsed = parse_options(text == nullptr ? "" : text);
    configure(parsed.ok() ? parsed.value() : Options{});
    if (!parsed.ok()) violation(parsed.error().message + ": " + parsed.error().detail);
    declare_classes();
    return true;
  }();
  (void)once;
}

const Options& options() { return *state().options; }

void configure(const Options& options) {
  State& s = state();
  const std::lock_guard guard(s.mutex);
  s.kept.push_back(std::make_unique<const Options>(options));
  s.options = s.kept.back().get();
  s.violations.clear();
  s.occasions = {};
  s.random = options.seed;
  Counters& c = s.counters;
  for (auto* counter : {&c.compiles, &c.loads, &c.unloads, &c.evaluations, &c.restarts, &c.faults,
                        &c.predicted_ns, &c.wall_ns})
    *counter = 0;
  c.most_loaded = c.loaded.load();
  forget_compiled();
}

void violation(const std::string& what) {
  State& s = state();
  const std::lock_guard guard(s.mutex);
  if (s.violations.size() < most_violations) s.violations.push_back(what);
}

std::vector<std::string> violations() {
  State& s = state();
  const std::lock_guard guard(s.mutex);
  return s.violations;
}

bool happens(Fault fault) {
  State& s = state();
  const std::lock_guard guard(s.mutex);
  const Schedule& schedule = schedule_of(*s.options, fault);
  const int64_t now = ++s.occasions[static_cast<size_t>(fault)];
  bool yes = false;
  switch (schedule.kind) {
    case Schedule::Kind::off:
      break;
    case Schedule::Kind::nth:
      yes = now == schedule.count;
      break;
    case Schedule::Kind::first:
      yes = now <= schedule.count;
      break;
    case Schedule::Kind::every:
      yes = now % schedule.count == 0;
      break;
    case Schedule::Kind::rate:
      yes = next_random(s.random) < schedule.chance;
      break;
  }
  if (yes) ++s.counters.faults;
  return yes;
}

int64_t random_below(int64_t limit) {
  State& s = state();
  const std::lock_guard guard(s.mutex);
  return static_cast<int64_t>(next_random(s.random) * static_cast<double>(limit));
}

Counters& counters() { return state().counters; }

std::string report() {
  const Counters& c = counters();
  std::string json = "{\"chip\":" + quoted(options().chip) + ",\"os\":" + quoted(options().os);
  const std::pair<const char*, int64_t> numbers[] = {
      {"compiles", c.compiles},
      {"loads", c.loads},
      {"unloads", c.unloads},
      {"evaluations", c.evaluations},
      {"restarts", c.restarts},
      {"faults", c.faults},
      {"loaded", c.loaded},
      {"mostLoaded", c.most_loaded},
      {"surfaces", c.surfaces},
      {"surfaceBytes", c.surface_bytes},
      {"predictedNs", c.predicted_ns},
      {"wallNs", c.wall_ns},
  };
  for (const auto& [name, value] : numbers)
    json.append(",").append(quoted(name)).append(":").append(std::to_string(value));
  json += ",\"live\":{";
  bool first = true;
  for (const auto& [name, count] : live_objects()) {
    json.append(first ? "" : ",").append(quoted(name)).append(":").append(std::to_string(count));
    first = false;
  }
  json += "},\"violations\":[";
  first = true;
  for (const std::string& what : violations()) {
    json.append(first ? "" : ",").append(quoted(what));
    first = false;
  }
  return json + "]}";
}

// For whoever runs the emulator: tests, and the command line's --device emulator.

// Starts over with other options. Answers an empty string, or what is wrong with them; the string
// is good until the thread's next call.
ANEC_EXPORT const char* anec_emulator_configure(const char* text) {
  thread_local std::string answer;
  start();
  auto parsed = parse_options(text);
  answer = parsed.ok() ? "" : parsed.error().message + ": " + parsed.error().detail;
  if (parsed.ok()) configure(parsed.value());
  return answer.c_str();
}

// The report as JSON; good until the thread's next call.
ANEC_EXPORT const char* anec_emulator_report() {
  thread_local std::string answer;
  start();
  answer = report();
  return answer.c_str();
}

}  // namespace anec::emulator
