// Runs the commands of a program on several lanes at once: the host's kernels on the calling thread and its
// pool, what moves between memory and surfaces on a second thread, calls of the engine on a third, sums over the
// ranks of a run on a fourth. Each thread is there where its lane is used. Where the
// kernels keep all processors busy the second thread would come too late, so the calling thread takes its
// commands too when they are the more urgent ones. Never two of them run at once.
//
// A command starts when those it waits for are done; of what a lane could start, the lowest rank goes
// first. What may run at once was decided by the compiler (compiler/bundle/effects.ts): every order it allows
// gives the same bits. There is one thread for calls because the engine has one lane: requests of several
// threads would not be faster (fact: single_lane), and one request at a time is within every bound.
//
// Nothing is allocated in `run`.

#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include <pthread.h>

#include "anec/result.h"

namespace anec {

enum class Lane { host, staging, engine, network };
inline constexpr int lanes = 4;

// When a command of a program may start.
struct CommandOrder {
  Lane lane;
  int rank;                // the lowest goes first
  int waits;               // commands that have to be done before
  std::vector<int> users;  // commands that wait for this one
};

class Overlap {
 public:
  // Carries out one command; called from the lane's thread.
  class Work {
   public:
    virtual Result<void> run(int command) = 0;

   protected:
    ~Work() = default;
  };

  // For programs of at most `commands` commands. Starts a thread for each of `helped`, which has every lane that
  // they use but that of the host.
  static Result<std::unique_ptr<Overlap>> create(size_t commands, std::span<const Lane> helped);
  ~Overlap();
  Overlap(const Overlap&) = delete;
  Overlap& operator=(const Overlap&) = delete;

  // Runs every command once. After a failure nothing more is started; what runs is waited for, and of several
  // failures that of the first command is answered.
  Result<void> run(const std::vector<CommandOrder>& order, Work& work);

 private:
  struct Helper {
    Overlap* overlap;
    Lane lane;
    pthread_t thread;
  };
  struct Queue {
    std::vector<int> ready;  // a heap, the lowest rank on top
    bool busy = false;       // one of them runs
    std::condition_variable changed;
  };

  Overlap() = default;
  static void* entry(void* helper);
  void help(Lane lane);
  Queue& queue(Lane lane) { return queues_[static_cast<int>(lane)]; }
  bool is_later(int a, int b) const;
  bool can_start(Lane lane) { return !queue(lane).ready.empty() && !queue(lane).busy; }
  // What the calling thread does next; nothing if it has to wait.
  std::optional<Lane> next_of_caller();
  void make_ready(int command);
  void run_next(Lane lane, std::unique_lock<std::mutex>& lock);
  void finish(int command, const Result<void>& result);

  std::mutex mutex_;
  Queue queues_[lanes];
  std::vector<std::unique_ptr<Helper>> helpers_;
  bool stop_ = false;

  // Of the run.
  const std::vector<CommandOrder>* order_ = nullptr;
  Work* work_ = nullptr;
  std::vector<int> waits_;
  size_t left_ = 0;
  int running_ = 0;
  std::optional<Error> failure_;
  int failed_ = 0;
};

}  // namespace anec
