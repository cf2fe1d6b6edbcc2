// The engine's functions of one element in `exact`: tables of 33 points with linear interpolation.

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
