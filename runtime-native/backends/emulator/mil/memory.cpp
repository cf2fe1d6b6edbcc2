// Places the values of a function in one block, and runs its steps there.

#include "memory.h"

#include <algorithm>
#include <new>

namespace anec::emulator {
namespace {

constexpr int64_t kBufferAlignment = 64;
constexpr int64_t kMostBytes = int64_t{1} << 33;  // no program of the engine comes near

int64_t padded(int64_t bytes) {
  return (bytes + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
}

struct Placed {
  int64_t begin, end;
  int last;
};

// Values that are alive at the same time do not overlap; each lies as low as it fits.
class Arena {
 public:
  int64_t place(int64_t bytes, int first, int last) {
    std::erase_if(alive_, [&](const Placed& p) { return p.last < first; });
    int64_t at = 0;
    auto position = alive_.begin();
    for (; position != alive_.end(); ++position) {
      if (at + bytes <= position->begin) break;
      at = position->end;
    }
    alive_.insert(position, {at, at + bytes, last});
    size_ = std::max(size_, at + bytes);
    return at;
  }
  int64_t size() const { return size_; }

 private:
  std::vector<Placed> alive_;  // by address
  int64_t size_ = 0;
};

}  // namespace

Memory::Block Memory::allocate(size_t bytes) {
  return Block(static_cast<std::byte*>(
      ::operator new(bytes == 0 ? 1 : bytes, std::align_val_t{kBufferAlignment}, std::nothrow)));
}

bool Memory::serves(const Numerics& numerics, int threads) const {
  return threads == threads_ && numerics.arithmetic == numerics_.arithmetic &&
         numerics.half_sums == numerics_.half_sums &&
         numerics.width_slice_overflow == numerics_.width_slice_overflow &&
         numerics.ignores_attention_mask == numerics_.ignores_attention_mask &&
         numerics.int8_overflow == numerics_.int8_overflow;
}

// Constants lie where the plan has them. Behind each other in one block: results of constant steps,
// the arena of all other values, and scratch.
bool Memory::place() {
  std::vector<int64_t> offsets(plan_.storages.size(), -1);
  int64_t fixed = 0;
  for (size_t i = 0; i < plan_.storages.size(); ++i) {
    const Storage& s = plan_.storages[i];
    if (!s.is_constant || s.constant >= 0) continue;
    offsets[i] = fixed;
    fixed += padded(s.cells * int64_t(sizeof(float)));
  }
  // Storages are numbered in the order of the steps that write them.
  Arena arena;
  for (size_t i = 0; i < plan_.storages.size(); ++i) {
    const Storage& s = plan_.storages[i];
    if (s.is_constant) continue;
    offsets[i] = fixed + arena.place(padded(s.cells * int64_t(sizeof(float))), s.first,
                                     std::max(s.first, s.last));
  }
  int64_t scratch = 0;
  for (const Step& step : plan_.steps) {
    scratch = std::max(scratch, padded(step.scratch));
    thread_stride_ = std::max(thread_stride_, padded(step.thread_scratch));
  }
  const int64_t total = fixed + arena.size() + scratch + thread_stride_ * threads_;
  if (total > kMostBytes) return false;
  block_ = allocate(size_t(total));
  if (block_ == nullptr) return false;
  scratch_ = block_.get() + fixed + arena.size();
  thread_scratch_ = scratch_ + scratch;

  for (const Slot& slot : plan_.slots) {
    const Storage& s = plan_.storages[size_t(slot.storage)];
    if (s.constant >= 0) {
      const Constant& c = plan_.constants[size_t(s.constant)];
      const bool plain = c.rounded.empty() || numerics_.arithmetic == Arithmetic::ideal;
      // Kernels only read their operands.
      slots_.push_back(
          reinterpret_cast<float*>(const_cast<uint32_t*>((plain ? c.cells : c.rounded).data())));
    } else {
      slots_.push_back(reinterpret_cast<float*>(block_.get() + offsets[size_t(slot.storage)]));
    }
  }
  for (const Step& step : plan_.steps) {
    auto& in = in_.emplace_back();
    auto& out = out_.emplace_back();
    for (const int slot : step.in) in.push_back(slots_[size_t(slot)]);
    for (const int slot : step.out) out.push_back(slots_[size_t(slot)]);
  }
  return true;
}

anec::Result<std::unique_ptr<Memory>> Memory::create(const FunctionPlan& plan,
                                                     const Numerics& numerics, ThreadPool* pool) {
  const int threads = pool == nullptr ? 1 : pool->threads();
  std::unique_ptr<Memory> memory(new Memory(plan, numerics, threads));
  if (!memory->place())
    return Error{"E0643", "cannot allocate the values of function `" + plan.name + "`", ""};
  if (auto done = memory->run(true, pool); !done.ok()) return done.error();
  return memory;
}

anec::Result<void> Memory::run(bool constant_steps, ThreadPool* pool) const {
  const char* complaint = nullptr;
  for (size_t i = 0; i < plan_.steps.size(); ++i) {
    const Step& step = plan_.steps[i];
    if (step.is_constant != constant_steps) continue;
    step.kernel(Run{numerics_, pool, in_[i].data(), out_[i].data(), scratch_, thread_scratch_,
                    thread_stride_, &complaint});
    if (complaint == nullptr) continue;
    return Error{"E0644", "`" + plan_.name + "`: " + complaint, ""};
  }
  return {};
}

}  // namespace anec::emulator
