// fp32 ↔ fp16, many at a time.
//
// To fp16 rounds to nearest, ties to even; values beyond 65,504 (after rounding) become infinite
// and are counted, since the caller has to know: training lowers its loss scale then. The
// processor's own instructions are used where it has them (F16C, NEON), integer arithmetic
// elsewhere; all ways agree in every bit but the payload of a NaN.

#pragma once

#include <cstdint>

namespace anec::ane {

// Writes `count` halves; answers how many of them are infinite or NaN.
int64_t to_half(const float* from, uint16_t* to, int64_t count);
void from_half(const uint16_t* from, float* to, int64_t count);

// The same without special instructions.
int64_t to_half_portable(const float* from, uint16_t* to, int64_t count);
void from_half_portable(const uint16_t* from, float* to, int64_t count);

}  // namespace anec::ane
