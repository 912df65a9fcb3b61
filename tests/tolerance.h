// How far from the oracle a right implementation may be. docs/numerics.md derives each bound; the names here are the
// names there. A bound is on the value before it is rounded to the type of the output; Judge
// (judge.h) adds the rounding.
#ifndef WN_TESTS_TOLERANCE_H
#define WN_TESTS_TOLERANCE_H
#include <vector>

#include "oracle.h"

namespace wn::test {

real UnitRoundoff(const wn_problem &p);  // u: 2^-24, of f64 data 2^-53
real SumFactor(std::int64_t terms);      // a sum is right to SumFactor u sum|terms|

struct ForwardTolerance {
  std::vector<real> mean, rstd, y;  // y: before the scale of f8
  std::vector<real> running_mean, running_var;
  real y_amax = 0;
};

struct BackwardTolerance {
  std::vector<real> dx, dresidual, dgamma, dbeta;
};

// shares: the samples of each rank of a sync plan; empty: no such plan.
ForwardTolerance TrainTolerance(const wn_problem &p, const Given &in, const Forward &exact,
                                const std::vector<std::int64_t> &shares = {});
ForwardTolerance InferTolerance(const wn_problem &p, const Given &in, const Forward &exact);
BackwardTolerance ToleranceOfBackward(const wn_problem &p, const Given &in, const Backward &exact);
BackwardTolerance ToleranceOfBackwardFrozen(const wn_problem &p, const Given &in, const Backward &exact);

}  // namespace wn::test
#endif
