// Checks that every id names a row or column: for embeddings and for the targets of a loss.

#pragma once

#include "anec/kernel.h"
#include "rows.h"

namespace anec::ANEC_LEVEL {

ANEC_INLINE Fault check_ids(const char* what, const int32_t* ids, int64_t n, int64_t limit) {
  for (int64_t i = 0; i < n; ++i) {
    const int64_t id = ids[i];
    if (id < 0 || id >= limit) return Fault{what, id, i, limit};
  }
  return {};
}

}  // namespace anec::ANEC_LEVEL
