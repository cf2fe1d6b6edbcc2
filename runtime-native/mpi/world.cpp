// Messages, and sums that do not depend on who comes first.
//
//     rank 0  [a0 b0 c0]      every rank gets a part of     a0+a1+a2 · ·      and hands     [a b c]
//     rank 1  [a1 b1 c1]  ⇒   everybody's numbers and    ⇒  · b0+b1+b2 ·   ⇒  its sums   ⇒  [a b c]
//     rank 2  [a2 b2 c2]      adds them up in order         · · c0+c1+c2      to all        [a b c]
//
// Each number travels twice, whatever the number of ranks, and is added up in one place: so all ranks have the
// same bits. The terms are added in double and rounded once.

#include "mpi/world.h"

#include <sched.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>

#include "mpi/late_notice.h"

namespace anec {
namespace {

constexpr int message_tag = 1;

Error mpi_error(const char* what, int code) {
  char words[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(code, words, &length);
  return Error{"E0651", std::string("MPI cannot ") + what, words};
}

// As much of a text as there is room for.
template <size_t room>
void copy_text(char (&to)[room], const std::string& text) {
  const size_t size = std::min(text.size(), room - 1);
  std::memcpy(to, text.data(), size);
  to[size] = 0;
}

bool all_reduce_of(void* self, const RankPart* parts, int count, RankFailure* failure) {
  auto done = static_cast<World*>(self)->all_reduce({parts, static_cast<size_t>(count)});
  if (done.ok()) return true;
  copy_text(failure->code, done.error().code);
  copy_text(failure->message, done.error().message);
  copy_text(failure->detail, done.error().detail);
  return false;
}

// The start of a rank's share of `count` numbers.
int64_t share_begin(int64_t count, int rank, int size) { return count * rank / size; }

}  // namespace

Result<std::unique_ptr<World>> World::open(std::chrono::milliseconds patience) {
  const LateNotice notice(patience);
  std::unique_ptr<World> world(new World());
  int provided = MPI_THREAD_SINGLE;
  const int started = MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided);
  if (started != MPI_SUCCESS) return mpi_error("be started", started);
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  MPI_Comm_rank(MPI_COMM_WORLD, &world->rank_);
  MPI_Comm_size(MPI_COMM_WORLD, &world->size_);
  char version[MPI_MAX_LIBRARY_VERSION_STRING] = "";
  int length = 0;
  MPI_Get_library_version(version, &length);
  world->library_ = std::string(version).substr(0, std::string(version).find(','));
  if (provided < MPI_THREAD_SERIALIZED)
    return Error{"E0651", "this MPI cannot be called from more than one thread", world->library_};
  world->table_ = {Ranks::current, world.get(), all_reduce_of};
  world->is_open_ = true;
  if (auto met = world->meet(); !met.ok()) return met.error();
  return world;
}

// Nobody is watched yet: what goes wrong here is for `mpirun` to notice.
Result<void> World::meet() {
  std::array<char, MPI_MAX_PROCESSOR_NAME> own{};
  int length = 0;
  MPI_Get_processor_name(own.data(), &length);
  std::array<char, MPI_MAX_PROCESSOR_NAME> first = own;
  MPI_Bcast(first.data(), static_cast<int>(first.size()), MPI_CHAR, 0, MPI_COMM_WORLD);
  int same = own == first ? 1 : 0, all_same = 0;
  MPI_Allreduce(&same, &all_same, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
  Meeting meeting;
  Result<void> ready;
  if (rank_ == 0) {
    auto listening = watch_.listen(all_same == 1);
    if (listening.ok()) meeting = listening.value();
    else ready = listening.error();
  }
  MPI_Bcast(&meeting, static_cast<int>(sizeof meeting), MPI_BYTE, 0, MPI_COMM_WORLD);
  if (!ready.ok()) return ready;
  if (meeting.port == 0) return Error{"E0651", "rank 0 has no port to be watched on", ""};
  return rank_ == 0 ? watch_.accept(meeting, size_) : watch_.join(meeting, rank_);
}

Result<void> World::check_lost() {
  if (failure_.has_value()) return *failure_;
  if (!is_open_) return Error{"E0606", "this process has left the others", ""};
  const int lost = watch_.lost();
  if (lost < 0) return {};
  failure_ = Error{"E0652", "rank " + std::to_string(lost) + " is gone", std::to_string(lost)};
  return *failure_;
}

// MPI may know that a rank is gone before the connection to it ends.
Error World::failed(const char* what, int code) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  while (std::chrono::steady_clock::now() < end) {
    if (auto lost = check_lost(); !lost.ok()) return lost.error();
    const timespec moment{0, 5'000'000};
    nanosleep(&moment, nullptr);
  }
  return mpi_error(what, code);
}

// Beside a host that is busy, a thread that asks without end would take a processor from it.
Result<void> World::finish(std::span<MPI_Request> requests, bool is_busy) {
  constexpr int look_every = 64, patient = 2000;
  for (int turn = 1;; ++turn) {
    int done = 0;
    const int tested =
        MPI_Testall(static_cast<int>(requests.size()), requests.data(), &done, MPI_STATUSES_IGNORE);
    if (tested != MPI_SUCCESS) return failed("exchange messages", tested);
    if (done != 0) return {};
    if (turn % look_every == 0) {
      if (auto lost = check_lost(); !lost.ok()) return lost;
    }
    if (!is_busy && turn < patient) {
      sched_yield();
    } else {
      const timespec moment{0, 20'000};
      nanosleep(&moment, nullptr);
    }
  }
}

Result<std::vector<std::string>> World::gather(std::span<const char> bytes) {
  const std::lock_guard lock(mutex_);
  if (auto lost = check_lost(); !lost.ok()) return lost.error();
  // Short ones travel with their size.
  struct Slot {
    int64_t size;
    char first[248];
  };
  const auto size = static_cast<size_t>(size_);
  Slot own{static_cast<int64_t>(bytes.size()), {}};
  std::memcpy(own.first, bytes.data(), std::min(bytes.size(), sizeof own.first));
  std::vector<Slot> slots(size);
  MPI_Request request;
  int begun = MPI_Iallgather(&own, sizeof own, MPI_BYTE, slots.data(), sizeof own, MPI_BYTE,
                             MPI_COMM_WORLD, &request);
  if (begun != MPI_SUCCESS) return failed("exchange messages", begun);
  if (auto done = finish({&request, 1}, false); !done.ok()) return done.error();
  std::vector<int> counts(size), begins(size);
  int64_t total = 0, most = 0;
  for (size_t i = 0; i < size; ++i) {
    begins[i] = static_cast<int>(total);
    counts[i] = static_cast<int>(slots[i].size);
    total += slots[i].size;
    most = std::max(most, slots[i].size);
  }
  if (total > INT32_MAX) return Error{"E0651", "MPI cannot exchange so long a message", ""};
  std::vector<std::string> all(size);
  if (most <= static_cast<int64_t>(sizeof own.first)) {
    for (size_t i = 0; i < size; ++i) all[i].assign(slots[i].first, static_cast<size_t>(counts[i]));
    return all;
  }
  std::string joined(static_cast<size_t>(total), '\0');
  begun = MPI_Iallgatherv(bytes.data(), static_cast<int>(bytes.size()), MPI_BYTE, joined.data(),
                          counts.data(), begins.data(), MPI_BYTE, MPI_COMM_WORLD, &request);
  if (begun != MPI_SUCCESS) return failed("exchange messages", begun);
  if (auto done = finish({&request, 1}, false); !done.ok()) return done.error();
  for (size_t i = 0; i < size; ++i)
    all[i] = joined.substr(static_cast<size_t>(begins[i]), static_cast<size_t>(counts[i]));
  return all;
}

Result<void> World::all_reduce(std::span<const RankPart> parts) {
  const std::lock_guard lock(mutex_);
  if (auto lost = check_lost(); !lost.ok()) return lost;
  if (parts.size() == 1) return sum(parts[0].values, parts[0].count);
  int64_t total = 0;
  for (const RankPart& part : parts) total += part.count;
  packed_.resize(std::max(packed_.size(), static_cast<size_t>(total)));
  float* at = packed_.data();
  for (const RankPart& part : parts) at = std::copy_n(part.values, part.count, at);
  if (auto summed = sum(packed_.data(), total); !summed.ok()) return summed;
  const float* from = packed_.data();
  for (const RankPart& part : parts) {
    std::copy_n(from, part.count, part.values);
    from += part.count;
  }
  return {};
}

Result<void> World::sum(float* values, int64_t count) {
  const auto size = static_cast<size_t>(size_);
  std::vector<int> counts(size), begins(size), own_counts(size), own_begins(size);
  const int64_t own = share_begin(count, rank_ + 1, size_) - share_begin(count, rank_, size_);
  for (int i = 0; i < size_; ++i) {
    const auto at = static_cast<size_t>(i);
    begins[at] = static_cast<int>(share_begin(count, i, size_));
    counts[at] = static_cast<int>(share_begin(count, i + 1, size_)) - begins[at];
    own_counts[at] = static_cast<int>(own);
    own_begins[at] = static_cast<int>(own * i);
  }
  if (own * size_ > INT32_MAX) return Error{"E0651", "MPI cannot sum so many numbers at once", ""};
  terms_.resize(std::max(terms_.size(), static_cast<size_t>(own * size_)));
  share_.resize(std::max(share_.size(), static_cast<size_t>(own)));
  MPI_Request request;
  int begun = MPI_Ialltoallv(values, counts.data(), begins.data(), MPI_FLOAT, terms_.data(),
                             own_counts.data(), own_begins.data(), MPI_FLOAT, MPI_COMM_WORLD, &request);
  if (begun != MPI_SUCCESS) return failed("exchange gradients", begun);
  if (auto done = finish({&request, 1}, true); !done.ok()) return done;
  for (int64_t i = 0; i < own; ++i) {
    double total = 0;
    for (int64_t term = 0; term < size_; ++term)
      total += static_cast<double>(terms_[static_cast<size_t>(term * own + i)]);
    share_[static_cast<size_t>(i)] = static_cast<float>(total);
  }
  begun = MPI_Iallgatherv(share_.data(), static_cast<int>(own), MPI_FLOAT, values, counts.data(),
                          begins.data(), MPI_FLOAT, MPI_COMM_WORLD, &request);
  if (begun != MPI_SUCCESS) return failed("exchange gradients", begun);
  return finish({&request, 1}, true);
}

Result<void> World::send(int to, std::span<const char> bytes) {
  const std::lock_guard lock(mutex_);
  if (auto lost = check_lost(); !lost.ok()) return lost;
  std::erase_if(sending_, [](Sending& one) {
    int done = 0;
    MPI_Test(&one.request, &done, MPI_STATUS_IGNORE);
    return done != 0;
  });
  auto text = std::make_unique<std::string>(bytes.data(), bytes.size());
  MPI_Request request;
  const int begun = MPI_Isend(text->data(), static_cast<int>(text->size()), MPI_BYTE, to, message_tag,
                              MPI_COMM_WORLD, &request);
  if (begun != MPI_SUCCESS) return failed("send a message", begun);
  sending_.push_back({std::move(text), request});
  return {};
}

Result<std::optional<World::Message>> World::receive() {
  const std::lock_guard lock(mutex_);
  if (auto lost = check_lost(); !lost.ok()) return lost.error();
  int is_there = 0;
  MPI_Status status;
  const int asked = MPI_Iprobe(MPI_ANY_SOURCE, message_tag, MPI_COMM_WORLD, &is_there, &status);
  if (asked != MPI_SUCCESS) return failed("receive a message", asked);
  if (is_there == 0) return std::optional<Message>{};
  int size = 0;
  MPI_Get_count(&status, MPI_BYTE, &size);
  Message message{status.MPI_SOURCE, std::string(static_cast<size_t>(size), '\0')};
  MPI_Request request;
  const int begun = MPI_Irecv(message.bytes.data(), size, MPI_BYTE, message.from, message_tag,
                              MPI_COMM_WORLD, &request);
  if (begun != MPI_SUCCESS) return failed("receive a message", begun);
  if (auto done = finish({&request, 1}, false); !done.ok()) return done.error();
  return std::optional<Message>(std::move(message));
}

void World::close() {
  const std::lock_guard lock(mutex_);
  if (!is_open_ || !check_lost().ok()) return;
  MPI_Request request;
  if (MPI_Ibarrier(MPI_COMM_WORLD, &request) != MPI_SUCCESS) return;
  if (!finish({&request, 1}, true).ok()) return;
  // Whoever is slower to see that all have come must not take this for a loss.
  watch_.leave();
  is_open_ = false;
  MPI_Finalize();
  watch_.close();
}

}  // namespace anec
