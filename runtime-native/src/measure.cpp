// Measurements: run something for a while, give the median.

#include "anec/measure.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <vector>

namespace anec {
namespace {

using Clock = std::chrono::steady_clock;

int64_t line_up(int64_t floats) { return (floats + 15) / 16 * 16; }

// The median duration of `body`, run for `seconds` and at least three times.
template <class Body>
double median_seconds(double seconds, const Body& body) {
  std::vector<double> times;
  double spent = 0;
  for (int64_t i = 0; i < 3 || spent < seconds; ++i) {
    const auto start = Clock::now();
    body(i);
    times.push_back(std::chrono::duration<double>(Clock::now() - start).count());
    spent += times.back();
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

}  // namespace

Result<double> measure_gemm(const DeviceOptions& options, const GemmMeasurement& w) {
  auto opened = Device::open(options);
  if (!opened.ok()) return opened.error();
  const Device& device = opened.value();
  const int64_t threads = device.pool->threads();
  const Count size_a = Count(w.m) * Count(w.k), size_b = Count(w.k) * Count(w.n);
  constexpr int64_t beyond_cache = 16 << 20;  // floats
  const int64_t copies = std::clamp<int64_t>(beyond_cache / std::max<int64_t>(size_b.n, 1), 1, 64);
  const Count shared = std::max(gemm_shared_floats(w.m, w.n, w.k), gemm_row_floats(w.m, w.n, w.k));
  const Count thread = gemm_parallel_floats(w.m, w.n, w.k);
  const Count floats = size_a + size_b * copies + Count(w.m) * Count(w.n) + shared +
                       thread * threads + 64;
  auto memory = Arena::create((floats * 4).n, "measured product");
  if (!memory.ok()) return memory.error();
  float* a = reinterpret_cast<float*>(memory.value()->data());
  float* b = a + line_up(size_a.n);
  float* shared_at = b + line_up(size_b.n * copies);
  float* thread_at = shared_at + line_up(shared.n);
  float* c = thread_at + thread.n * threads;
  for (int64_t i = 0; i < size_a.n; ++i) a[i] = 0.5f;
  for (int64_t i = 0; i < size_b.n * copies; ++i) b[i] = 0.25f;

  if (device.blas != nullptr && device.blas->set_threads != nullptr)
    device.blas->set_threads(static_cast<int>(threads));
  const GemmShape shape{w.m, w.n, w.k, w.trans_a, w.trans_b, w.trans_a ? w.m : w.k,
                        w.trans_b ? w.k : w.n, w.n, 1.0f, false};
  const double time = median_seconds(w.seconds, [&](int64_t i) {
    const float* bi = b + i % copies * size_b.n;
    if (device.blas == nullptr || !device.blas->multiply(shape, a, bi, c)) {
      gemm_parallel(*device.simd, *device.pool, shape, a, bi, c, shared_at, thread_at, thread.n);
    }
  });
  return 2.0 * double(w.m) * double(w.n) * double(w.k) / time * 1e-9;
}

Result<double> measure_multiply_add(const DeviceOptions& options, double seconds) {
  auto opened = Device::open(options);
  if (!opened.ok()) return opened.error();
  const Device& device = opened.value();
  const int64_t threads = device.pool->threads();
  constexpr int64_t steps = 1 << 20;  // a few milliseconds
  double flops = 0;
  const double time = median_seconds(seconds, [&](int64_t) {
    device.pool->parallel_for(threads, 1, [&](int64_t begin, int64_t end, int thread) {
      float sink = 0;
      for (int64_t i = begin; i < end; ++i) {
        const double done = device.simd->multiply_add(steps, &sink);
        if (thread == 0) flops = done;
      }
    });
  });
  return flops * static_cast<double>(threads) / time * 1e-9;
}

Result<double> measure_read(const DeviceOptions& options, double seconds) {
  auto opened = Device::open(options);
  if (!opened.ok()) return opened.error();
  const Device& device = opened.value();
  constexpr int64_t floats = 64 << 20, piece = 64 << 10;
  auto memory = Arena::create(floats * 4, "memory to read");
  if (!memory.ok()) return memory.error();
  float* data = reinterpret_cast<float*>(memory.value()->data());
  std::fill(data, data + floats, 1.0f);
  const int64_t pieces = floats / piece;
  std::vector<float> sums(static_cast<size_t>(piece));
  // A row of ones times a matrix: the kernel that reads memory fastest.
  const GemmShape shape{1, piece / 1024, 1024, false, true, 1024, 1024, piece / 1024, 1.0f, false};
  std::vector<float> row(1024, 1.0f);
  const double time = median_seconds(seconds, [&](int64_t) {
    device.pool->parallel_for(pieces, 4, [&](int64_t begin, int64_t end, int thread) {
      for (int64_t i = begin; i < end; ++i) {
        device.simd->row_times_matrix(shape, row.data(), data + i * piece,
                                      sums.data() + thread % 64 * shape.n, 0, shape.n);
      }
    });
  });
  return static_cast<double>(floats) * 4 / time * 1e-9;
}

Result<double> measure_handover(const DeviceOptions& options, double seconds) {
  auto opened = Device::open(options);
  if (!opened.ok()) return opened.error();
  ThreadPool& pool = *opened.value().pool;
  if (pool.threads() < 2) return 0.0;
  constexpr int turns = 1000, end = -1;
  alignas(128) std::atomic<int> ball{0};
  double time = 0;
  // A thread stays in its range until the other one is through, so that two threads take these two.
  pool.parallel_for(2, 1, [&](int64_t side, int64_t, int) {
    if (side == 0) {
      ball.store(1);
      while (ball.load() != 2) {}
      time = median_seconds(seconds, [&](int64_t) {
        for (int i = 0; i < turns; ++i) {
          ball.store(1, std::memory_order_release);
          while (ball.load(std::memory_order_acquire) != 2) {}
        }
      });
      ball.store(end);
      return;
    }
    for (int seen; (seen = ball.load(std::memory_order_acquire)) != end;) {
      if (seen == 1) ball.store(2, std::memory_order_release);
    }
  });
  return time / (2 * turns) * 1e9;
}

}  // namespace anec
