// Ops that compute each element from the elements at the same place of broadcast operands.

#pragma once

#include "call.h"

namespace anec::emulator {

// out[i] = f(in[0][i], in[1][i], …) for n <= kBlock elements; `constants` are the op's own.
using MapFunction = void (*)(const double* const* in, const double* constants, double* out,
                             int64_t n);

struct MapOptions {
  std::vector<double> constants = {};
  MapFunction exact = nullptr;  // used in `exact` in place of the function
  bool moves = false;           // values are only moved: infinities stay what they are in `exact`
};

// Registers a kernel that maps `operands`, broadcast to the result. In `exact` the function sees
// the operands as the engine decodes them.
bool map(Call& c, std::vector<const Operand*> operands, MapFunction function,
         MapOptions options = {});

template <double (*F)(double)>
void map1(const double* const* in, const double*, double* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = F(in[0][i]);
}

template <double (*F)(double, double)>
void map2(const double* const* in, const double*, double* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = F(in[0][i], in[1][i]);
}

}  // namespace anec::emulator
