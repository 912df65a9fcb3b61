// The oracle's gradients against finite differences of its forward passes: every kind, activation and place of a
// residual.
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "cases.h"

namespace wn::test {
namespace {

// What a training step makes of a forward pass: one number, whose gradients backward must return.
real Loss(const wn_problem &p, const Given &in, const Given &upstream, bool frozen) {
  const Forward f = frozen ? OracleInfer(p, in) : OracleTrain(p, in);
  Sum loss;
  for (std::size_t i = 0; i < f.y.size(); i++) loss.Add(upstream.dy[i] * f.y[i]);
  for (std::size_t i = 0; i < upstream.dsum.size(); i++) loss.Add(upstream.dsum[i] * static_cast<real>(f.sum[i]));
  return loss.value();
}

// A case whose preactivations keep away from the kink, as the difference quotient has to.
Case Smooth(wn_kind kind, wn_act act, wn_add add, unsigned flags) {
  Case c;
  wn_problem &p = c.problem;
  p.kind = kind;
  p.x_type = WN_F64;
  p.act = act;
  p.act_slope = 0.2;
  p.add = add;
  p.flags = flags;
  p.n = c.n = 4;
  p.c = 6;
  p.x = 3;
  p.groups = kind == WN_GROUP ? 2 : 1;
  p.parts = kind == WN_BATCH ? 2 : 1;
  p.eps = 0.01;
  c.seed = 40;
  return c;
}

bool NearKink(const Case &c, const Given &in, bool frozen) {
  const Forward f = frozen ? OracleInfer(c.problem, in) : OracleTrain(c.problem, in);
  for (const real z : f.z)
    if (std::fabs(z) < 1e-3L) return true;
  return false;
}

class Checker {
 public:
  Checker(const Case &c, bool frozen) : p_(c.problem), frozen_(frozen) {
    const wn_pass backward = frozen ? WN_BACKWARD_FROZEN : WN_BACKWARD;
    upstream_ = MakeBackwardGiven(c, backward);
    in_ = MakeForwardGiven(c, WN_INFER);
    gradients_ = frozen ? OracleBackwardFrozen(p_, upstream_) : OracleBackward(p_, upstream_);
  }

  // The gradient of one array of the inputs.
  void Check(const char *name, std::vector<double> Given::*input, const std::vector<real> &gradient) {
    ASSERT_EQ((in_.*input).size(), gradient.size()) << name;
    constexpr double step = 1e-5;
    for (std::size_t i = 0; i < gradient.size(); i++) {
      Given plus = in_, minus = in_;
      (plus.*input)[i] += step;
      (minus.*input)[i] -= step;
      const real width = (plus.*input)[i] - static_cast<real>((minus.*input)[i]);
      const real slope = (Loss(p_, plus, upstream_, frozen_) - Loss(p_, minus, upstream_, frozen_)) / width;
      EXPECT_NEAR(static_cast<double>(gradient[i]), static_cast<double>(slope), 2e-8) << name << " " << i;
    }
  }

  void CheckAll() {
    Check("dx", &Given::x, gradients_.dx);
    if (p_.add == WN_ADD_BEFORE) Check("dx as the residual's", &Given::residual, gradients_.dx);
    if (p_.add == WN_ADD_AFTER) Check("dresidual", &Given::residual, gradients_.dresidual);
    Check("dgamma", &Given::gamma, gradients_.dgamma);
    Check("dbeta", &Given::beta, gradients_.dbeta);
  }

 private:
  wn_problem p_;
  bool frozen_;
  Given in_, upstream_;
  Backward gradients_;
};

TEST(OracleGradients, FiniteDifferences) {
  for (const wn_kind kind : {WN_BATCH, WN_LAYER, WN_GROUP, WN_INSTANCE, WN_RMS}) {
    for (int act = WN_ACT_NONE; act <= WN_ACT_SILU; act++) {
      for (const wn_add add : {WN_ADD_NONE, WN_ADD_BEFORE, WN_ADD_AFTER}) {
        for (const bool frozen : {false, true}) {
          unsigned flags = act % 2 == 0 ? WN_GAMMA_MINUS_ONE : 0;
          if (kind == WN_INSTANCE) flags |= WN_INSTANCE_RUNNING;
          Case c = Smooth(kind, static_cast<wn_act>(act), add, flags);
          if (frozen && !HasRunning(c.problem)) continue;
          while (NearKink(c, MakeForwardGiven(c, WN_INFER), frozen)) c.seed++;
          SCOPED_TRACE(c.Name() + (frozen ? " frozen" : ""));
          Checker(c, frozen).CheckAll();
        }
      }
    }
  }
}

}  // namespace
}  // namespace wn::test
