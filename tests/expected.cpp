#include "expected.h"

#include <cmath>

#include "tolerance.h"

namespace wn::test {
namespace {

// y of f8 is scaled, with one rounding more.
Expected ExpectedY(const wn_problem &p, const Given &in, const Forward &exact, const ForwardTolerance &tolerance) {
  Expected e{Types(p).y, exact.y, tolerance.y};
  if (!in.scaled) return e;
  for (std::size_t i = 0; i < e.value.size(); i++) {
    e.value[i] *= in.y_scale;
    e.tolerance[i] = e.tolerance[i] * std::fabs(in.y_scale) + UnitRoundoff(p) * std::fabs(e.value[i]);
  }
  return e;
}

// Exact: one rounding of two stored values, made by the oracle already.
Expected ExpectedSum(const wn_problem &p, const Forward &exact) {
  return {p.x_type, {exact.sum.begin(), exact.sum.end()}, std::vector<real>(exact.sum.size(), 0)};
}

void AddForward(const Case &c, wn_pass pass, const Given &in, const std::vector<std::int64_t> &shares, Expectation *e) {
  const wn_problem &p = c.problem;
  const Types types(p);
  const bool train = pass == WN_TRAIN;
  const Forward exact = train ? OracleTrain(p, in) : OracleInfer(p, in);
  const ForwardTolerance t = train ? TrainTolerance(p, in, exact, shares) : InferTolerance(p, in, exact);
  e->batches_seen = exact.batches_seen;
  e->outputs["y"] = ExpectedY(p, in, exact, t);
  if (p.add == WN_ADD_BEFORE && (train || c.infer_sum)) e->outputs["sum"] = ExpectedSum(p, exact);
  if (train && c.saved) {
    if (p.kind != WN_RMS) e->outputs["mean"] = {types.real, exact.mean, t.mean, true};
    e->outputs["rstd"] = {types.real, exact.rstd, t.rstd};
  }
  if (train && !in.running_mean.empty()) {
    e->outputs["running_mean"] = {types.real, exact.running_mean, t.running_mean, true};
    e->outputs["running_var"] = {types.real, exact.running_var, t.running_var};
  }
  if (IsFloat8(types.y) && c.amax) e->outputs["y_amax"] = {WN_F32, {exact.y_amax}, {t.y_amax}};
}

void AddBackward(const Case &c, wn_pass pass, const Given &in, Expectation *e) {
  const wn_problem &p = c.problem;
  const Types types(p);
  const bool frozen = pass == WN_BACKWARD_FROZEN;
  const Backward exact = frozen ? OracleBackwardFrozen(p, in) : OracleBackward(p, in);
  const BackwardTolerance t = frozen ? ToleranceOfBackwardFrozen(p, in, exact) : ToleranceOfBackward(p, in, exact);
  e->outputs["dx"] = {p.x_type, exact.dx, t.dx};
  if (p.add == WN_ADD_AFTER) e->outputs["dresidual"] = {p.x_type, exact.dresidual, t.dresidual};
  e->outputs["dgamma"] = {types.param_grad, exact.dgamma, t.dgamma};
  e->outputs["dbeta"] = {types.param_grad, exact.dbeta, t.dbeta};
}

}  // namespace

Expectation ExpectedOf(const Case &c, wn_pass pass, const Given &in, const std::vector<std::int64_t> &shares) {
  Expectation e;
  if (pass == WN_TRAIN || pass == WN_INFER) {
    AddForward(c, pass, in, shares, &e);
  } else {
    AddBackward(c, pass, in, &e);
  }
  return e;
}

}  // namespace wn::test
