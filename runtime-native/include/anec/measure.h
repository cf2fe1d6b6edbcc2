// What this machine can do, measured: the bounds that benchmarks compare with.

#pragma once

#include "anec/session.h"

namespace anec {

// GFLOP/s of c = a · b on this device, b taken from enough copies not to stay in the cache.
struct GemmMeasurement {
  int64_t m, n, k;
  bool trans_a, trans_b;
  double seconds;
};
Result<double> measure_gemm(const DeviceOptions& options, const GemmMeasurement& what);

// GFLOP/s of multiply-adds on registers, on every thread at once: the median of short windows.
Result<double> measure_multiply_add(const DeviceOptions& options, double seconds);

// GB/s of reading memory that is in no cache, on every thread at once: the median pass over 256 MB.
Result<double> measure_read(const DeviceOptions& options, double seconds);

// Nanoseconds in which a line of memory goes from one processor to another: half of there and back, the median of
// short windows. 0 for one thread. Two processors of one cache take tens of nanoseconds, others hundreds, and a
// virtual machine may have either from one second to the next.
Result<double> measure_handover(const DeviceOptions& options, double seconds);

}  // namespace anec
