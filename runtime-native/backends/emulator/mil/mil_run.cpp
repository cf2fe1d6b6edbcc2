// Runs MIL programs for tests and benchmarks: requests on standard input, answers on standard
// output, until the input ends. All integers are u32 and all elements f64, little-endian.
//
//     request  arithmetic (0 exact, 1 fast, 2 ideal) · flags (1 half sums, 2 width slices overflow,
//              4 no attention masks) · threads · runs · text · files, each path and bytes · inputs,
//              each its elements; with no runs the program is only parsed
//     answer   0 · message, or 1 · outputs, each its elements · microseconds of the fastest run, f64 ·
//              allocations during the last run
//
// Strings, bytes and elements have their count before them, and so have lists.

#include <atomic>
#include <bit>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include "mil.h"
#include "run.h"

namespace {
std::atomic<uint32_t> allocations{0};
}

void* operator new(size_t size) {
  ++allocations;
  void* p = std::malloc(size == 0 ? 1 : size);
  if (p == nullptr) std::abort();
  return p;
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }

namespace anec::emulator {
namespace {

bool read_bytes(void* to, size_t n) { return std::fread(to, 1, n, stdin) == n; }

bool read_count(uint32_t& n) { return read_bytes(&n, sizeof n); }

template <class T>
bool read_list(std::vector<T>& out) {
  uint32_t n;
  if (!read_count(n)) return false;
  out.resize(n);
  return n == 0 || read_bytes(out.data(), n * sizeof(T));
}

void write_bytes(const void* from, size_t n) { std::fwrite(from, 1, n, stdout); }
void write_count(uint32_t n) { write_bytes(&n, sizeof n); }

void write_text(const std::string& text) {
  write_count(uint32_t(text.size()));
  write_bytes(text.data(), text.size());
}

struct Request {
  uint32_t arithmetic, flags, threads, runs;
  std::vector<char> text;
  std::vector<std::vector<char>> paths;
  std::vector<std::vector<uint8_t>> files;
  std::vector<std::vector<double>> inputs;
};

// False at the end of the input.
bool read_request(Request& r) {
  uint32_t files, inputs;
  if (!read_count(r.arithmetic) || !read_count(r.flags) || !read_count(r.threads) ||
      !read_count(r.runs) || !read_list(r.text) || !read_count(files)) {
    return false;
  }
  for (uint32_t i = 0; i < files; ++i)
    if (!read_list(r.paths.emplace_back()) || !read_list(r.files.emplace_back())) return false;
  if (!read_count(inputs)) return false;
  for (uint32_t i = 0; i < inputs; ++i)
    if (!read_list(r.inputs.emplace_back())) return false;
  return true;
}

// Floating-point ports are given and taken as fp32, others as they are.
ElementType memory_type(const Port& port) {
  return is_float(port.type) ? ElementType::fp32 : port.type;
}

size_t element_bytes(ElementType type) { return size_t(bits_of(type) + 7) / 8; }

struct Buffer {
  std::vector<std::byte> bytes;
  TensorView view;
};

Buffer buffer_for(const Port& port) {
  size_t size = 1;
  for (const int64_t n : port.shape) size *= size_t(n);
  const ElementType type = memory_type(port);
  Buffer out;
  out.bytes.resize(size * element_bytes(type));
  out.view = {out.bytes.data(), out.bytes.size(), type};
  return out;
}

void put(Buffer& b, size_t i, double x) {
  if (b.view.type == ElementType::fp32) {
    const float f = float(x);
    std::memcpy(b.bytes.data() + i * 4, &f, 4);
  } else {
    const size_t n = element_bytes(b.view.type);
    const int32_t whole = int32_t(x);
    std::memcpy(b.bytes.data() + i * n, &whole, n);
  }
}

double get(const Buffer& b, size_t i) {
  if (b.view.type == ElementType::fp32) {
    float f;
    std::memcpy(&f, b.bytes.data() + i * 4, 4);
    return f;
  }
  const size_t n = element_bytes(b.view.type);
  int32_t whole = 0;
  std::memcpy(&whole, b.bytes.data() + i * n, n);
  const bool is_signed = integer_range(b.view.type).low < 0;
  if (is_signed && n < 4 && (whole >> (8 * n - 1) & 1) != 0) whole -= 1 << 8 * n;
  return whole;
}

void fail(const Error& error) {
  write_count(0);
  write_text(error.code + " " + error.message);
}

void finish(const std::vector<Buffer>& out, double microseconds, uint32_t allocated) {
  write_count(1);
  write_count(uint32_t(out.size()));
  for (const Buffer& b : out) {
    const size_t size = b.bytes.size() / element_bytes(b.view.type);
    write_count(uint32_t(size));
    for (size_t i = 0; i < size; ++i) {
      const double x = get(b, i);
      write_bytes(&x, sizeof x);
    }
  }
  write_bytes(&microseconds, sizeof microseconds);
  write_count(allocated);
}

void answer(const Request& r) {
  std::vector<WeightFile> files;
  for (size_t i = 0; i < r.files.size(); ++i)
    files.push_back({std::string(r.paths[i].begin(), r.paths[i].end()), r.files[i]});
  const auto program = parse_program({r.text.data(), r.text.size()}, files);
  if (!program.ok()) return fail(program.error());
  if (r.runs == 0) return finish({}, 0, 0);

  std::vector<Buffer> in, out;
  std::vector<TensorView> in_views, out_views;
  const auto ports = program.value().inputs();
  for (size_t i = 0; i < ports.size(); ++i) {
    Buffer& b = in.emplace_back(buffer_for(ports[i]));
    const size_t size = b.bytes.size() / element_bytes(b.view.type);
    for (size_t k = 0; k < size; ++k)
      put(b, k, i < r.inputs.size() && k < r.inputs[i].size() ? r.inputs[i][k] : 0);
    in_views.push_back(b.view);
  }
  for (const Port& port : program.value().outputs())
    out_views.push_back(out.emplace_back(buffer_for(port)).view);

  std::unique_ptr<ThreadPool> pool;
  if (r.threads > 1) {
    auto made = ThreadPool::create(int(r.threads));
    if (!made.ok()) return fail(made.error());
    pool = std::move(made.value());
  }
  const Numerics numerics{Arithmetic(r.arithmetic), (r.flags & 1) != 0, (r.flags & 2) != 0,
                          (r.flags & 4) != 0, (r.flags & 8) != 0};
  double fastest = 1e300;
  uint32_t allocated = 0;
  for (uint32_t run = 0; run < r.runs; ++run) {
    const uint32_t before = allocations;
    const auto start = std::chrono::steady_clock::now();
    const auto done = program.value().evaluate(in_views, out_views, numerics, pool.get());
    const std::chrono::duration<double, std::micro> spent =
        std::chrono::steady_clock::now() - start;
    allocated = allocations - before;
    if (!done.ok()) return fail(done.error());
    if (spent.count() < fastest) fastest = spent.count();
  }
  finish(out, fastest, allocated);
}

}  // namespace
}  // namespace anec::emulator

int main() {
  for (;;) {
    anec::emulator::Request request;
    if (!anec::emulator::read_request(request)) return 0;
    anec::emulator::answer(request);
    std::fflush(stdout);
  }
}
