// Activations and their derivatives from libm, in more than f64.
#ifndef WN_TESTS_ORACLE_ACT_H
#define WN_TESTS_ORACLE_ACT_H
#include "types.h"

namespace wn::test {

struct Activation {
  wn_act act;
  real slope;  // of leaky relu

  real Value(real z) const;
  real Derivative(real z) const;

  bool HasKink() const { return act == WN_ACT_RELU || act == WN_ACT_LEAKY_RELU; }
  // How much the derivative changes across the kink at 0.
  real KinkStep() const;
  // No less than |second derivative| anywhere but at the kink.
  real SecondDerivativeBound() const;
};

}  // namespace wn::test
#endif
