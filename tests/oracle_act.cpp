#include "oracle_act.h"

#include <cmath>

namespace wn::test {
namespace {

const real kPi = std::acos(real{-1});
const real kGeluTanh = std::sqrt(2 / kPi);  // z/2 (1 + tanh(kGeluTanh (z + kGeluCubic z^3)))
constexpr real kGeluCubic = 0.044715L;

// 1 / (1 + e^-z) without overflow: e is raised to a negative power only.
real Sigmoid(real z) {
  const real e = std::exp(-std::fabs(z));
  return z < 0 ? e / (1 + e) : 1 / (1 + e);
}

// 1/2 (1 + erf(z / sqrt 2)); erfc keeps the digits that 1 + erf loses for negative z.
real NormalCdf(real z) { return std::erfc(-z / std::sqrt(real{2})) / 2; }
real NormalPdf(real z) { return std::exp(-z * z / 2) / std::sqrt(2 * kPi); }

// 1/2 (1 + tanh a) = sigmoid(2a), again without cancellation.
real GeluTanhFactor(real z) { return Sigmoid(2 * kGeluTanh * (z + kGeluCubic * z * z * z)); }

// The limits at the infinities, where the formulas multiply 0 by infinity.
bool IsLimit(real z) { return std::isinf(z); }

}  // namespace

real Activation::Value(real z) const {
  switch (act) {
    case WN_ACT_RELU:
      return z > 0 || std::isnan(z) ? z : 0;
    case WN_ACT_LEAKY_RELU:
      return z > 0 ? z : slope * z;
    case WN_ACT_SIGMOID:
      return Sigmoid(z);
    case WN_ACT_TANH:
      return std::tanh(z);
    case WN_ACT_GELU:
      return IsLimit(z) ? (z > 0 ? z : -real{0}) : z * NormalCdf(z);
    case WN_ACT_GELU_TANH:
      return IsLimit(z) ? (z > 0 ? z : -real{0}) : z * GeluTanhFactor(z);
    case WN_ACT_SILU:
      return IsLimit(z) ? (z > 0 ? z : -real{0}) : z * Sigmoid(z);
    default:
      return z;
  }
}

real Activation::Derivative(real z) const {
  const real limit = z > 0 ? 1 : 0;
  switch (act) {
    case WN_ACT_RELU:
      return z > 0 ? 1 : 0;
    case WN_ACT_LEAKY_RELU:
      return z > 0 ? 1 : slope;
    case WN_ACT_SIGMOID:
      return Sigmoid(z) * Sigmoid(-z);
    case WN_ACT_TANH: {
      const real e = Sigmoid(-2 * std::fabs(z));  // 1 - tanh^2 = 4 sigmoid(2z) sigmoid(-2z)
      return 4 * e * (1 - e);
    }
    case WN_ACT_GELU:
      return IsLimit(z) ? limit : NormalCdf(z) + z * NormalPdf(z);
    case WN_ACT_GELU_TANH: {
      if (IsLimit(z)) return limit;
      const real s = GeluTanhFactor(z);
      const real spread = s * (1 - s);  // 0 long before the square of z overflows
      return spread == 0 ? s : s + z * spread * 2 * kGeluTanh * (1 + 3 * kGeluCubic * z * z);
    }
    case WN_ACT_SILU:
      return IsLimit(z) ? limit : Sigmoid(z) * (1 + z * Sigmoid(-z));
    default:
      return 1;
  }
}

real Activation::KinkStep() const { return HasKink() ? std::fabs(1 - (act == WN_ACT_RELU ? 0 : slope)) : 0; }

real Activation::SecondDerivativeBound() const {
  switch (act) {
    case WN_ACT_SIGMOID:
      return 0.1L;  // at most 0.0963
    case WN_ACT_TANH:
      return 0.78L;  // 0.7699
    case WN_ACT_GELU:
    case WN_ACT_GELU_TANH:
      return 0.85L;  // 0.7979 at 0; the tanh form differs by less than 0.03
    case WN_ACT_SILU:
      return 0.5L;  // at 0
    default:
      return 0;
  }
}

}  // namespace wn::test
