// Which processors threads run on. Where a system does not let a process see or say this, the set is empty
// and the calls do nothing.

#pragma once

#include <bitset>

#include <pthread.h>

namespace anec {

using ProcessorSet = std::bitset<1024>;

// Processors that a thread may use. `thread`, here and below, is alive.
ProcessorSet allowed_processors(pthread_t thread);

// How many the calling thread may use; at least 1, even where the set is empty.
int available_processors();

// The processor that the calling thread runs on, -1 if unknown.
int current_processor();

// Whether a thread uses no processor: it sleeps, or its processor is given to another one.
bool stands_still(pthread_t thread);

// Lets a thread run on these processors only, and moves it there before the call returns. A set that has
// none of this machine's changes nothing.
void confine(pthread_t thread, const ProcessorSet& processors);

}  // namespace anec
