// ANEC_EMULATOR: the settings of the emulator.

#include <cstdint>
#include <string_view>

#include "backends/emulator/framework/options.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)anec::emulator::parse_options(text);
  return 0;
}
