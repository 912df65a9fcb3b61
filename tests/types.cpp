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

double Largest(const Format &f) {
  const int top = (1 << f.exponent) - 1 - Bias(f);  // the exponent of all ones
  if (f.infinity) return std::ldexp(2 - std::ldexp(1.0, -f.mantissa), top - 1);
  return std::ldexp(2 - std::ldexp(2.0, -f.mantissa), top);  // one code below NaN
}

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

// |v| as bits: it is finite, has no more bits than the format and is no larger than its largest.
std::uint64_t MagnitudeBits(const Format &f, real v) {
  const int quantum = QuantumExponent(f, v);
  const auto significand = static_cast<std::uint64_t>(std::ldexp(v, -quantum));
  if (significand < One(f.mantissa)) return significand;  // zero and subnormal
  const int exponent = quantum + f.mantissa + Bias(f);
  return (static_cast<std::uint64_t>(exponent) << f.mantissa) | (significand - One(f.mantissa));
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

double LargestFinite(wn_dtype type) { return Largest(FormatOf(type)); }

int Precision(wn_dtype type) { return FormatOf(type).mantissa + 1; }

real HalfUlp(wn_dtype type, real v) {
  if (!std::isfinite(v)) return 0;
  return std::ldexp(real{0.5}, QuantumExponent(FormatOf(type), std::fabs(v)));
}

std::uint64_t Encode(wn_dtype type, real v) {
  const Format f = FormatOf(type);
  const int sign_at = f.exponent + f.mantissa;
  if (std::isnan(v)) return NanBits(f);
  const std::uint64_t sign = std::signbit(v) ? One(sign_at) : 0;
  real magnitude = std::fabs(v);
  if (std::isfinite(magnitude)) {
    const int quantum = QuantumExponent(f, magnitude);
    magnitude = std::ldexp(std::rint(std::ldexp(magnitude, -quantum)), quantum);  // rint: ties to even
  }
  const real largest = Largest(f);
  if (magnitude <= largest) return sign | MagnitudeBits(f, magnitude);
  if (f.saturates) return sign | MagnitudeBits(f, largest);
  return sign | (One(f.exponent) - 1) << f.mantissa;
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
    v = std::ldexp(static_cast<double>(mantissa + One(f.mantissa)), static_cast<int>(exponent) - Bias(f) - f.mantissa);
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
