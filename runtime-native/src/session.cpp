// Makes a session from a plan and runs its programs.

#include "anec/session.h"

#include <algorithm>
#include <chrono>

#include "anec/processors.h"

namespace anec {
namespace {

constexpr int most_threads = 256;

int64_t round_to_line(int64_t floats) { return (floats + 15) / 16 * 16; }

// Milliseconds on a clock that only goes forward.
double now() {
  using Clock = std::chrono::steady_clock;
  return std::chrono::duration<double, std::milli>(Clock::now().time_since_epoch()).count();
}

Error fault_error(const Plan::Command& command, const Fault& fault) {
  return Error{"E0604",
               "`" + command.label + "` (kernel " + command.kernel->name + "): " + fault.what + " " +
                   std::to_string(fault.value) + " at position " + std::to_string(fault.position) +
                   " is not in 0 .. " + std::to_string(fault.limit - 1),
               std::string(fault.what) + "=" + std::to_string(fault.value) + " position=" +
                   std::to_string(fault.position) + " limit=" + std::to_string(fault.limit)};
}

// Where the options say so, a product is computed by the BLAS only if its size is listed.
void choose_library(Plan::Command& command, const std::vector<ProductSize>& listed) {
  if (listed.empty() || std::string_view(command.kernel->name) != "matmul") return;
  const int64_t* i = command.ints.data();  // batch, M, N, K, transA, transB, …
  const ProductSize size{i[1], i[2], i[3], i[4] == 1, i[5] == 1};
  command.in_library = std::find(listed.begin(), listed.end(), size) != listed.end();
}

}  // namespace

// The built-in products are as fast as OpenBLAS with AVX2 or better (`anec bench gemm`), keep to one pool
// of threads, and give the same bits for any number of them. Accelerate reaches units that no other
// code can, and elsewhere the built-in products were not measured.
static std::string automatic_blas([[maybe_unused]] const MicroKernel& simd) {
#if !defined(__APPLE__)
  if (simd.simd != std::string_view("portable")) return "builtin";
#endif
  return "system";
}

Result<Device> Device::open(const DeviceOptions& options) {
  Device device;
  for (const MicroKernel* kernel : micro_kernels()) {
    if (options.simd != "auto" && options.simd != kernel->simd) continue;
    device.simd = kernel;
    break;
  }
  if (device.simd == nullptr) {
    return Error{"E0607", "this processor has no instruction set named `" + options.simd + "`", ""};
  }
  const int threads = options.threads > 0 ? options.threads : available_processors();
  auto pool = ThreadPool::create(std::min(threads, most_threads));
  if (!pool.ok()) return pool.error();
  device.pool = std::move(pool.value());
  auto blas = find_blas(options.blas == "auto" ? automatic_blas(*device.simd) : options.blas);
  if (!blas.ok()) return blas.error();
  device.blas = blas.value();
  return device;
}

Result<std::unique_ptr<Session>> Session::create(std::span<const double> words,
                                                 const std::vector<std::string>& strings,
                                                 const DeviceOptions& options) {
  std::unique_ptr<Session> session(new Session());
  auto device = Device::open(options);
  if (!device.ok()) return device.error();
  session->device_ = std::move(device.value());

  auto plan = read_plan(words, strings, kernels_for(*session->device_.simd));
  if (!plan.ok()) return plan.error();
  session->plan_ = std::move(plan.value());

  constexpr const char* names[2] = {"state of the session", "scratch of the session"};
  for (int i = 0; i < 2; ++i) {
    auto arena = Arena::create(session->plan_.arena_bytes[i], names[i]);
    if (!arena.ok()) return arena.error();
    session->arenas_[i] = arena.value();
  }
  const Count shared = session->plan_.shared_floats, thread = session->plan_.thread_floats;
  const int64_t threads = session->device_.pool->threads();
  const Count work = (shared + 16 + (thread + 16) * threads) * 4;
  auto arena = Arena::create(work.n, "work space of the kernels");
  if (!arena.ok()) return arena.error();
  session->work_ = arena.value();
  session->thread_stride_ = round_to_line(thread.n);

  for (Plan::Program& program : session->plan_.programs) {
    for (Plan::Command& command : program.commands) {
      choose_library(command, options.in_library);
      for (const Plan::Operand& operand : command.operands) {
        if (operand.buffer < 0) {
          command.pointers.push_back(nullptr);
          continue;
        }
        const Plan::Buffer& buffer = session->plan_.buffers[static_cast<size_t>(operand.buffer)];
        const int64_t size = buffer.dtype == DType::f64 ? 8 : 4;
        command.pointers.push_back(session->arenas_[buffer.arena]->data() + buffer.offset +
                                   operand.offset * size);
      }
    }
  }
  return session;
}

Result<void> Session::attach(std::unique_ptr<Engine> engine, bool overlaps) {
  for (const Plan::Program& program : plan_.programs) {
    for (const Plan::Command& command : program.commands) {
      if (command.kernel->run != nullptr || is_rank_command(*command.kernel)) continue;
      auto fits = check_engine_command(*engine, *command.kernel, command.ints.data());
      if (!fits.ok()) return fits;
    }
  }
  overlap_.reset();
  engine_ = std::move(engine);
  beside_engine_ = overlaps;
  return open_lanes();
}

Result<void> Session::attach(const Ranks& ranks) {
  if (ranks.version != Ranks::current) {
    return Error{"E0603", "the addon for MPI and the runtime were built from different versions",
                 "version " + std::to_string(ranks.version)};
  }
  overlap_.reset();
  ranks_ = &ranks;
  return open_lanes();
}

Result<void> Session::open_lanes() {
  size_t most = 0;
  for (const Plan::Program& program : plan_.programs) most = std::max(most, program.order.size());
  std::vector<Lane> helped;
  if (beside_engine_) helped = {Lane::staging, Lane::engine};
  if (ranks_ != nullptr && (beside_engine_ || engine_ == nullptr)) helped.push_back(Lane::network);
  if (most == 0 || helped.empty()) return {};
  auto overlap = Overlap::create(most, helped);
  if (!overlap.ok()) return overlap.error();
  overlap_ = std::move(overlap.value());
  return {};
}

Result<void> Session::run_elsewhere(const Plan::Command& command) {
  if (is_rank_command(*command.kernel)) {
    if (ranks_ != nullptr) return run_rank_command(*ranks_, command.pointers, command.ints.data());
    return Error{"E0606", "the session has sums over ranks and was given none", command.label};
  }
  if (engine_ == nullptr)
    return Error{"E0606", "the session has commands of an engine and was given none", command.label};
  float* value = command.pointers.empty() ? nullptr : static_cast<float*>(command.pointers.front());
  return run_engine_command(*engine_, *command.kernel, command.ints.data(), value);
}

// One run of a program. Commands write their times to places of their own.
class Session::Run final : public Overlap::Work {
 public:
  Run(Session& session, const Plan::Program& program, bool first, bool last,
      std::span<double> times)
      : session_(session), program_(program), first_(first), last_(last), times_(times) {}

  Result<void> run(int index) override {
    const auto at = static_cast<size_t>(index);
    const Plan::Command& command = program_.commands[at];
    const bool timed = 2 * at + 1 < times_.size();
    if (timed) times_[2 * at] = now();
    auto ran = command.kernel->run == nullptr ? elsewhere(command) : on_host(command);
    if (timed && ran.ok()) times_[2 * at + 1] = now();
    return ran;
  }

 private:
  Result<void> elsewhere(const Plan::Command& command) {
    if (!last_ && is_rank_command(*command.kernel)) return {};
    return session_.run_elsewhere(command);
  }

  Result<void> on_host(const Plan::Command& command) {
    const Device& device = session_.device_;
    float* shared = reinterpret_cast<float*>(session_.work_->data());
    float* threads = shared + round_to_line(session_.plan_.shared_floats);
    const Call call{command.pointers.data(), command.ints.data(), command.floats.data(), first_,
                    *device.pool, *device.simd, command.in_library ? device.blas : nullptr,
                    shared, threads, session_.thread_stride_};
    if (Fault fault = command.kernel->run(call); !fault.ok()) return fault_error(command, fault);
    return {};
  }

  Session& session_;
  const Plan::Program& program_;
  bool first_, last_;
  std::span<double> times_;
};

Result<void> Session::run(int index, bool first, std::span<double> times, bool last) {
  const Plan::Program& program = plan_.programs[static_cast<size_t>(index)];
  if (device_.blas != nullptr && device_.blas->set_threads != nullptr)
    device_.blas->set_threads(device_.pool->threads());
  Run run(*this, program, first, last, times);
  // Without an engine there is nothing beside the host but the sums of the last run.
  const bool is_beside = overlap_ != nullptr && (engine_ != nullptr || last);
  if (is_beside && !program.order.empty()) return overlap_->run(program.order, run);
  for (size_t i = 0; i < program.commands.size(); ++i) {
    auto ran = run.run(static_cast<int>(i));
    if (!ran.ok()) return ran;
  }
  return {};
}

}  // namespace anec
