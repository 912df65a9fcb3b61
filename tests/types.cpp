#include "types.h"

#include <cmath>
#include <cstring>
#include <limits>

namespace wn::test {
namespace {

// sign, `exponent` bits, `mantissa` bits; bias as in IEEE 754.
struct Format {
  int exponent, mantissa;
  bool infinity;   // the highest exponent holds infinity and NaN; otherwise only the highest code of all is NaN
  bool saturates;  // what is too large becomes the largest finite value
};

Format FormatOf(wn_dtype type) {
  switch (type) {
    case WN_F16:
      return {5, 10, true, false};
    case WN_BF16:
      return {8, 7, true, false};
    case WN_F64:
      return {11, 52, true, false};
    case WN_F8_E4M3:
      return {4, 3, false, true};
    case WN_F8_E5M2:
      return {5, 2, true, true};
    default:
      return {8, 23, true, false};
  }
}

int Bias(const Format &f) { return (1 << (f.exponent - 1)) - 1; }

std::uint64_t One(int shift) { return std::uint64_t{1} << shift; }

// The lowest bit that |v| has in the format, as an exponent of two.
int QuantumExponent(const Format &f, real v) {
  int e = 0;
  (void)std::frexp(v, &e);  // |v| in [2^(e-1), 2^e)
  const int lowest = 1 - Bias(f) - f.mantissa;
  return v == 0 || e - 1 - f.mantissa < lowest ? lowest : e - 1 - f.mantissa;
}

std::uint64_t NanBits(const Format &f) {
  const std::uint64_t exponent = (One(f.exponent) - 1) << f.mantissa;
  return exponent | (f.infinity ? One(f.mantissa - 1) : One(f.mantissa) - 1);
}

// The format's code of its largest finite value.
std::uint64_t LargestBits(const Format &f) {
  const std::uint64_t highest = One(f.exponent + f.mantissa) - 1;  // all ones: NaN
  return f.infinity ? ((One(f.exponent) - 1) << f.mantissa) - 1 : highest - 1;
}

constexpr int kDoubleMantissa = 52, kDoubleBias = 1023;

std::uint64_t BitsOf(double v) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &v, sizeof bits);
  return bits;
}

// |v| as a double, rounded to odd: what is cut off makes the last bit 1. A second rounding, to at least two bits fewer,
// then gives what rounding |v| itself does (Boldo and Melquiond 2008, "Emulation of FMA and correctly rounded sums").
std::uint64_t ToOdd(real v) {
  const real magnitude = std::fabs(v);
  const auto near = static_cast<double>(magnitude);
  const std::uint64_t bits = BitsOf(near);
  if (near == magnitude) return bits;
  return (near > magnitude ? bits - 1 : bits) | 1;
}

// significand / 2^shift to the nearest integer, ties to even.
std::uint64_t ShiftToNearest(std::uint64_t significand, int shift) {
  if (shift == 0) return significand;
  if (shift > kDoubleMantissa + 2) return 0;  // less than a half
  const std::uint64_t whole = significand >> shift, rest = significand & (One(shift) - 1), half = One(shift - 1);
  return whole + (rest > half || (rest == half && (whole & 1) != 0) ? 1 : 0);
}

// Code of a finite double of any size, which may turn out larger than the largest finite code. Codes of neighbours are
// neighbours, so a significand that is rounded up to the next power of two carries into the exponent.
std::uint64_t MagnitudeBits(const Format &f, std::uint64_t of_double) {
  const int exponent = static_cast<int>(of_double >> kDoubleMantissa) - kDoubleBias;
  if (exponent == -kDoubleBias) return 0;  // below every narrower format's least number
  const std::uint64_t significand = (of_double & (One(kDoubleMantissa) - 1)) | One(kDoubleMantissa);
  const int least = 1 - Bias(f);  // exponent of the subnormal numbers and of the first normal ones
  const int level = exponent < least ? least : exponent;
  const std::uint64_t rounded = ShiftToNearest(significand, level - exponent + kDoubleMantissa - f.mantissa);
  return (static_cast<std::uint64_t>(level - least) << f.mantissa) + rounded;
}

}  // namespace

std::size_t TypeBytes(wn_dtype type) {
  const Format f = FormatOf(type);
  return static_cast<std::size_t>(1 + f.exponent + f.mantissa) / 8;
}

const char *TypeName(wn_dtype type) {
  static const char *const names[] = {"default", "f32", "f16", "bf16", "f64", "e4m3", "e5m2"};
  return names[type];
}

bool IsFloat8(wn_dtype type) { return type == WN_F8_E4M3 || type == WN_F8_E5M2; }

double LargestFinite(wn_dtype type) { return Decode(type, LargestBits(FormatOf(type))); }

int Precision(wn_dtype type) { return FormatOf(type).mantissa + 1; }

real HalfUlp(wn_dtype type, real v) {
  if (!std::isfinite(v)) return 0;
  return std::ldexp(real{0.5}, QuantumExponent(FormatOf(type), std::fabs(v)));
}

std::uint64_t Encode(wn_dtype type, real v) {
  const Format f = FormatOf(type);
  if (std::isnan(v)) return NanBits(f);
  if (type == WN_F64) return BitsOf(static_cast<double>(v));
  const std::uint64_t sign = std::signbit(v) ? One(f.exponent + f.mantissa) : 0;
  const std::uint64_t largest = LargestBits(f), bits = MagnitudeBits(f, ToOdd(v));
  if (bits <= largest) return sign | bits;
  return sign | (f.saturates ? largest : largest + 1);  // infinity follows the largest finite code
}

double Decode(wn_dtype type, std::uint64_t bits) {
  const Format f = FormatOf(type);
  const bool negative = (bits >> (f.exponent + f.mantissa) & 1) != 0;
  const std::uint64_t exponent = bits >> f.mantissa & (One(f.exponent) - 1);
  const std::uint64_t mantissa = bits & (One(f.mantissa) - 1);
  double v = 0;
  if (exponent == One(f.exponent) - 1 && f.infinity) {
    v = mantissa == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  } else if (exponent == One(f.exponent) - 1 && mantissa == One(f.mantissa) - 1) {
    v = std::numeric_limits<double>::quiet_NaN();
  } else if (exponent == 0) {
    v = std::ldexp(static_cast<double>(mantissa), 1 - Bias(f) - f.mantissa);
  } else {
    const std::uint64_t as_double = (exponent + kDoubleBias - static_cast<std::uint64_t>(Bias(f))) << kDoubleMantissa |
                                    mantissa << (kDoubleMantissa - f.mantissa);
    std::memcpy(&v, &as_double, sizeof v);
  }
  return negative ? -v : v;
}

double Round(wn_dtype type, real v) {
  // The compiler's own types round the same way (asserted by a test) and much faster.
  if (type == WN_F32) return static_cast<float>(v);
  if (type == WN_F64) return static_cast<double>(v);
  return Decode(type, Encode(type, v));
}

double Load(wn_dtype type, const std::uint8_t *at) {
  if (type == WN_F32) {
    float v = 0;
    std::memcpy(&v, at, sizeof v);
    return v;
  }
  std::uint64_t bits = 0;
  std::memcpy(&bits, at, TypeBytes(type));  // little endian, like every machine that the library is built for
  return Decode(type, bits);
}

void Store(wn_dtype type, real v, std::uint8_t *at) {
  const std::uint64_t bits = Encode(type, v);
  std::memcpy(at, &bits, TypeBytes(type));
}

std::vector<std::uint8_t> Pack(wn_dtype type, const std::vector<double> &values) {
  std::vector<std::uint8_t> bytes(values.size() * TypeBytes(type));
  for (std::size_t i = 0; i < values.size(); i++) Store(type, values[i], &bytes[i * TypeBytes(type)]);
  return bytes;
}

std::vector<double> Unpack(wn_dtype type, const std::vector<std::uint8_t> &bytes) {
  std::vector<double> values(bytes.size() / TypeBytes(type));
  for (std::size_t i = 0; i < values.size(); i++) values[i] = Load(type, &bytes[i * TypeBytes(type)]);
  return values;
}

Types::Types(const wn_problem &p) {
  const auto either = [](wn_dtype type, wn_dtype otherwise) { return type == WN_DTYPE_DEFAULT ? otherwise : type; };
  x = p.x_type;
  y = either(p.y_type, x);
  dy = either(p.dy_type, IsFloat8(y) ? WN_DTYPE_DEFAULT : y);
  real = x == WN_F64 ? WN_F64 : WN_F32;
  param = either(p.param_type, real);
  param_grad = either(p.param_grad_type, param);
}

}  // namespace wn::test
