// Number formats of the tests: written from the formats' definitions, sharing nothing with the library's conversions.
#ifndef WN_TESTS_TYPES_H
#define WN_TESTS_TYPES_H
#include <cstddef>
#include <cstdint>
#include <vector>

#include "warpnorm.h"

namespace wn::test {

// What the oracle computes in. With 64 bits of mantissa (more on other machines) it is better than f64, which it
// judges.
using real = long double;

std::size_t TypeBytes(wn_dtype type);
const char *TypeName(wn_dtype type);
bool IsFloat8(wn_dtype type);

double LargestFinite(wn_dtype type);
// Bits of the significand, the leading one included: half an ulp of 1 is 2^-Precision.
int Precision(wn_dtype type);
// Half the distance between neighbours at |v|: what rounding to nearest may add. Of the subnormal range at least.
real HalfUlp(wn_dtype type, real v);

// Nearest, ties to even. Beyond the largest finite value: infinity, in the 8-bit types the largest finite value, for
// infinities too. NaN stays NaN.
std::uint64_t Encode(wn_dtype type, real v);
double Decode(wn_dtype type, std::uint64_t bits);
double Round(wn_dtype type, real v);

// Arrays of a type as they lie in memory.
double Load(wn_dtype type, const std::uint8_t *at);
void Store(wn_dtype type, real v, std::uint8_t *at);
std::vector<std::uint8_t> Pack(wn_dtype type, const std::vector<double> &values);
std::vector<double> Unpack(wn_dtype type, const std::vector<std::uint8_t> &bytes);

// The problem's types with the defaults of the header filled in.
struct Types {
  explicit Types(const wn_problem &p);
  wn_dtype x, y, dy, real, param, param_grad;  // dy is WN_DTYPE_DEFAULT where the plan has no backward pass
};

}  // namespace wn::test
#endif
