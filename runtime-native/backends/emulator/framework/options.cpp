// Settings: one table for each kind of value.

#include "options.h"

#include <cctype>
#include <charconv>
#include <cstdlib>
#include <functional>
#include <map>
#include <vector>

namespace anec::emulator {
namespace {

// About 119 compiles, up to macOS 15 (reported); no end was found in macOS 26.
constexpr int64_t reported_compile_limit = 119;
constexpr int first_os_without_limit = 26;
constexpr int last_narrow_family = 2;
constexpr int family_with_int8_ceiling = 5;  // beside the narrow ones

const std::set<std::string, std::less<>> lies = {"count",      "name",    "procedure", "live",
                                                 "interleave", "strides", "type"};

Error wrong(std::string_view key, std::string_view value, const char* expected) {
  return Error{"E0629",
               "the emulator has no setting `" + std::string(key) + "=" + std::string(value) + "`",
               expected};
}

bool read(std::string_view text, int64_t& number) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  return code == std::errc() && end == text.data() + text.size() && number >= 0;
}

bool read(std::string_view text, bool& flag) {
  flag = text == "on";
  return flag || text == "off";
}

bool read(std::string_view text, Schedule& schedule) {
  schedule = {};
  if (text == "off") return true;
  const size_t colon = text.find(':');
  const std::string_view word = colon == text.npos ? "nth" : text.substr(0, colon);
  const std::string value(colon == text.npos ? text : text.substr(colon + 1));
  if (word == "rate") {
    char* end = nullptr;
    schedule.kind = Schedule::Kind::rate;
    schedule.chance = std::strtod(value.c_str(), &end);
    return !value.empty() && *end == '\0' && schedule.chance >= 0 && schedule.chance <= 1;
  }
  if (word == "nth") schedule.kind = Schedule::Kind::nth;
  else if (word == "first") schedule.kind = Schedule::Kind::first;
  else if (word == "every") schedule.kind = Schedule::Kind::every;
  else return false;
  return read(value, schedule.count) && schedule.count > 0;
}

bool read(std::string_view text, std::set<std::string>& names) {
  while (!text.empty()) {
    const size_t plus = std::min(text.find('+'), text.size());
    names.emplace(text.substr(0, plus));
    text.remove_prefix(std::min(plus + 1, text.size()));
  }
  return true;
}

bool read_chip(std::string_view text, Options& options) {
  if (text.size() < 2 || text[0] != 'm' || text[1] < '1' || text[1] > '6') return false;
  const std::string_view rest = text.substr(2);
  if (!rest.empty() && rest != "_pro" && rest != "_max" && rest != "_ultra") return false;
  options.chip = text;
  options.family = text[1] - '0';
  return true;
}

bool read_os(std::string_view text, Options& options) {
  int64_t major = 0;
  if (!read(text.substr(0, text.find('.')), major) || major < 13 || major > 99) return false;
  options.os = text;
  options.os_major = static_cast<int>(major);
  return true;
}

// What follows from chip and macOS unless it is set by itself.
void apply_profile(Options& options) {
  options.compile_limit = options.os_major < first_os_without_limit ? reported_compile_limit : -1;
  options.leaves_files = options.os_major < first_os_without_limit;
  options.narrow_slices = options.family <= last_narrow_family;
  options.int8_ceiling = options.narrow_slices || options.family == family_with_int8_ceiling;
}

bool read_numerics(std::string_view text, Options& options) {
  Arithmetic& arithmetic = options.numerics.arithmetic;
  if (text == "exact") arithmetic = Arithmetic::exact;
  else if (text == "fast") arithmetic = Arithmetic::fast;
  else if (text == "ideal") arithmetic = Arithmetic::ideal;
  else return false;
  return true;
}

// One setting of all but chip and os; false if the value is not one of its values.
bool set(Options& o, std::string_view key, std::string_view value, bool& known) {
  const std::map<std::string_view, Schedule*> schedules = {
      {"transient-compile", &o.transient_compile},
      {"transient-load", &o.transient_load},
      {"unload-fault", &o.unload_fault},
      {"daemon-restart", &o.daemon_restart},
      {"timeout", &o.timeout},
      {"inference-fault", &o.inference_fault},
      {"surface-fault", &o.surface_fault},
      {"lock-fault", &o.lock_fault},
      {"unlock-fault", &o.unlock_fault},
      {"nil-descriptor", &o.nil_descriptor},
      {"nil-model", &o.nil_model},
      {"nil-request", &o.nil_request},
      {"nil-wrapper", &o.nil_wrapper},
      {"base-fault", &o.base_fault},
      {"short-surface", &o.short_surface},
  };
  const std::map<std::string_view, bool*> flags = {
      {"attributes", &o.attributes},
      {"leaves-files", &o.leaves_files},
      {"restart-forgets", &o.restart_forgets},
      {"watch-memory", &o.watch_memory},
      {"counters", &o.counters},
      {"engine", &o.engine},
      {"half-sums", &o.numerics.half_sums},
      {"ignore-mask", &o.numerics.ignores_attention_mask},
      {"narrow-slices", &o.narrow_slices},
      {"int8-ceiling", &o.int8_ceiling},
  };
  const std::map<std::string_view, int64_t*> numbers = {
      {"compile-limit", &o.compile_limit},
      {"minimum-surface", &o.minimum_surface},
      {"input-limit", &o.input_limit},
  };
  int64_t number = 0;
  if (auto at = schedules.find(key); at != schedules.end()) return read(value, *at->second);
  if (auto at = flags.find(key); at != flags.end()) return read(value, *at->second);
  if (auto at = numbers.find(key); at != numbers.end()) {
    if (value == "off") {
      *at->second = key == "compile-limit" ? -1 : 0;
      return true;
    }
    return read(value, *at->second);
  }
  if (key == "seed") return read(value, number) && ((o.seed = static_cast<uint64_t>(number)), true);
  if (key == "threads")
    return read(value, number) && number >= 1 && number <= 256 &&
           ((o.threads = static_cast<int>(number)), true);
  if (key == "row-align")
    return read(value, number) && number > 0 && number % 64 == 0 &&
           ((o.row_alignment = number), true);
  if (key == "numerics") return read_numerics(value, o);
  if (key == "binding") {
    o.alphabetical = value == "alphabetical";
    return o.alphabetical || value == "declared";
  }
  if (key == "pace") {
    o.paced = value == "predicted";
    return o.paced || value == "computed";
  }
  if (key == "jitter") return value == "off" || read(value, o.jitter_us);
  if (key == "padding") {
    o.zero_padding = value == "zero";
    return o.zero_padding || value == "keep";
  }
  if (key == "lie") return lies.contains(o.lie = value);
  if (key == "store") return (o.store = value), true;
  if (key == "missing") return read(value, o.missing);
  if (key == "refuse") return read(value, o.refused);
  known = false;
  return false;
}

}  // namespace

Result<Options> parse_options(std::string_view text) {
  std::vector<std::pair<std::string_view, std::string_view>> pairs;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    const std::string_view item = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (item.empty()) continue;
    const size_t equals = std::min(item.find('='), item.size());
    pairs.emplace_back(item.substr(0, equals), item.substr(std::min(equals + 1, item.size())));
  }
  Options options;
  for (const auto& [key, value] : pairs) {
    if (key == "chip" && !read_chip(value, options))
      return wrong(key, value, "m1 … m6, _pro, _max, _ultra");
    if (key == "os" && !read_os(value, options))
      return wrong(key, value, "a version of macOS, such as 15.5");
  }
  apply_profile(options);
  for (const auto& [key, value] : pairs) {
    if (key == "chip" || key == "os") continue;
    bool known = true;
    if (!set(options, key, value, known))
      return wrong(key, value,
                   known ? "the value is not one it can have" : "there is no such setting");
  }
  options.numerics.width_slice_overflow = options.narrow_slices;
  options.numerics.int8_overflow = options.int8_ceiling;
  return options;
}

std::string architecture_of(const Options& options) {
  const std::string& chip = options.chip;
  const char* size = chip.ends_with("_pro")     ? "s"
                     : chip.ends_with("_max")   ? "c"
                     : chip.ends_with("_ultra") ? "d"
                                                : "g";
  return std::string("h").append(std::to_string(12 + options.family)).append(size);
}

// Builds begin with the number of the kernel: 24 is macOS 15, 25 is macOS 26.
std::string build_of(const Options& options) {
  const int kernel = options.os_major < 16 ? options.os_major + 9 : options.os_major - 1;
  return std::to_string(kernel) + "A100";
}

}  // namespace anec::emulator
