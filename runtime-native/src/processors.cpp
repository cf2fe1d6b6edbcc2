// What processors.h says, with the calls of Linux; elsewhere nothing.

#include "anec/processors.h"

#if defined(__linux__)
#include <sched.h>

#include <ctime>
#else
#include <unistd.h>
#endif

namespace anec {

#if defined(__linux__)

ProcessorSet allowed_processors(pthread_t thread) {
  ProcessorSet processors;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (pthread_getaffinity_np(thread, sizeof set, &set) != 0) return processors;
  for (size_t i = 0; i < processors.size(); ++i) processors[i] = CPU_ISSET(i, &set);
  return processors;
}

int available_processors() {
  const auto count = static_cast<int>(allowed_processors(pthread_self()).count());
  return count > 0 ? count : 1;
}

int current_processor() { return sched_getcpu(); }

bool stands_still(pthread_t thread) {
  clockid_t clock;
  timespec before, after;
  if (pthread_getcpuclockid(thread, &clock) != 0) return false;
  // Counts nanoseconds on a processor. Each call takes some hundred of them.
  if (clock_gettime(clock, &before) != 0 || clock_gettime(clock, &after) != 0) return false;
  return before.tv_sec == after.tv_sec && before.tv_nsec == after.tv_nsec;
}

void confine(pthread_t thread, const ProcessorSet& processors) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (size_t i = 0; i < processors.size(); ++i) {
    if (processors[i]) CPU_SET(i, &set);
  }
  pthread_setaffinity_np(thread, sizeof set, &set);
}

#else

ProcessorSet allowed_processors(pthread_t) { return {}; }

int available_processors() {
  const long count = sysconf(_SC_NPROCESSORS_ONLN);
  return count > 0 ? static_cast<int>(count) : 1;
}

int current_processor() { return -1; }
bool stands_still(pthread_t) { return false; }
void confine(pthread_t, const ProcessorSet&) {}

#endif

}  // namespace anec
