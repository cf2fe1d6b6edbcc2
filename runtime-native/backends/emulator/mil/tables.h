// The engine's functions of one element in `exact`: 33 fp16 points with straight lines between
// them.
//
// Published (751K M6 study): the number of points, where they lie, the largest errors, and three
// values of gelu and silu. Everything else is sampled or inferred, the same way as
// compiler/mil/numerics says: beyond the ends sigmoid and tanh keep the last point, gelu and silu
// are x or 0, erf goes on to 1; square roots read their points between 1/2 and 2; logarithm and
// inverse are the functions themselves. Arguments are decoded numbers, in which infinity is 65536;
// results are not rounded yet.

#pragma once

namespace anec::emulator::table {

double sigmoid(double x);
double tanh(double x);
double erf(double x);
double gelu(double x);
double silu(double x);
double softplus(double x);
double exp(double x);
double exp2(double x);
double sqrt(double x);
double sin(double x);
double cos(double x);
double log(double x, double epsilon);
double rsqrt(double x, double epsilon);
double inverse(double x, double epsilon);

}  // namespace anec::emulator::table
