// What every pass of the interface must compute, written from the formulas in more than f64. It knows a tensor as
// values at (n, c, x) and nothing of layouts, strides or threads; it shares neither code nor structure with the
// library.
#ifndef WN_TESTS_ORACLE_H
#define WN_TESTS_ORACLE_H
#include <cstdint>
#include <vector>

#include "oracle_act.h"
#include "types.h"

namespace wn::test {

// What a call is given, as stored: each value is one of its type. Tensors are in the order (n, c, x) whatever their
// layout is; an empty vector is a NULL pointer.
struct Given {
  std::int64_t n = 0;  // samples of this call
  std::vector<double> x, residual, gamma, beta;
  std::vector<double> running_mean, running_var;  // before the call
  std::int64_t batches_seen = 0;
  bool scaled = false;  // f8 y: whether y_scale is given
  double y_scale = 1;
  // Backward passes: x is the stored sum with WN_ADD_BEFORE; mean and rstd are one for each set.
  std::vector<double> dy, dsum, mean, rstd;
  std::vector<double> dgamma, dbeta;  // with WN_GRAD_ADD: before the call
};

// Which statistics set and which parameter an element belongs to, and the sizes that follow.
class Sets {
 public:
  // running: the statistics are those of a channel, as wn_infer and wn_backward_frozen take them from running ones.
  Sets(const wn_problem &p, std::int64_t samples, bool running);

  std::int64_t n, c, x;
  std::int64_t count;    // sets
  std::int64_t members;  // m: elements of a set

  std::int64_t elements() const { return n * c * x; }
  std::int64_t channel(std::int64_t i) const { return i / x % c; }
  std::int64_t set_of(std::int64_t i) const { return set_of(i / x / c, channel(i), i % x); }
  std::int64_t set_of(std::int64_t sample, std::int64_t channel, std::int64_t position) const;

 private:
  wn_kind kind_;
  bool running_;
  std::int64_t parts_, groups_;
};

bool HasRunning(const wn_problem &p);
// Whether the pass takes its statistics from running ones, computes them, or is handed them.
bool UsesRunning(const wn_problem &p, wn_pass pass);

struct Forward {
  std::vector<double> sum;                      // what is normalized: x, or x + residual rounded to the type of x
  std::vector<real> mean, var, rstd;            // one for each set
  std::vector<real> xhat, z, y;                 // z with the residual of WN_ADD_AFTER; y before scale and rounding
  std::vector<real> running_mean, running_var;  // after the call; empty where there are none
  std::int64_t batches_seen = 0;
  real y_amax = 0;
};

struct Backward {
  std::vector<real> mean, rstd;                    // as given, or from the running statistics
  std::vector<real> xhat, z, dz;                   // z with the residual of WN_ADD_AFTER
  std::vector<real> mean_g, mean_gx;               // of g and g xhat over each set
  std::vector<real> dx, dresidual, dgamma, dbeta;  // dgamma, dbeta with what was there before
};

Forward OracleTrain(const wn_problem &p, const Given &in);
Forward OracleInfer(const wn_problem &p, const Given &in);
Backward OracleBackward(const wn_problem &p, const Given &in);
Backward OracleBackwardFrozen(const wn_problem &p, const Given &in);

// A parameter with the rules for a missing one and for gamma - 1.
real GammaOf(const wn_problem &p, const Given &in, std::int64_t channel);
real BetaOf(const Given &in, std::int64_t channel);

// The factor of the new statistic in a running one: the momentum, or 1/k on call k.
real RunningWeight(const wn_problem &p, const Given &in);
// What turns a variance into the one that is kept: m/(m-1), or 1.
real BesselFactor(const wn_problem &p, std::int64_t members);

// A sum that keeps what each addition loses (Neumaier 1974).
class Sum {
 public:
  void Add(real v);
  real value() const;

 private:
  real sum_ = 0, lost_ = 0;
};

}  // namespace wn::test
#endif
