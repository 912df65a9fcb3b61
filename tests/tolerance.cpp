#include "tolerance.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace wn::test {
namespace {

real Square(real v) { return v * v; }
std::size_t Index(std::int64_t i) { return static_cast<std::size_t>(i); }

// Errors of the statistics of a set.
struct SetError {
  real mean = 0;
  real var = 0;
  real rstd = 0;          // relative
  bool constant = false;  // xhat is exactly 0, as where all elements of a centred set are alike: z is exactly beta
};

// Averages over the sets of a function of the elements.
template <class Function>
std::vector<real> SetMeans(const Sets &sets, const Function &of) {
  std::vector<Sum> sums(Index(sets.count));
  for (std::int64_t i = 0; i < sets.elements(); i++) sums[Index(sets.set_of(i))].Add(of(Index(i)));
  std::vector<real> means;
  means.reserve(sums.size());
  for (const Sum &sum : sums) means.push_back(sum.value() / static_cast<real>(sets.members));
  return means;
}

// What an error of the variance does to 1/sqrt(var + eps), relative to it.
real RstdError(real var_and_eps, real error) {
  const real least = var_and_eps - error;
  if (error == 0) return 0;
  return least > 0 ? std::sqrt(var_and_eps / least) - 1 : std::numeric_limits<real>::infinity();
}

std::vector<SetError> ErrorsOfStatistics(const wn_problem &p, const Sets &sets, const Forward &exact) {
  const real u = UnitRoundoff(p), k = SumFactor(sets.members);
  const auto size = [&](std::size_t i) { return std::fabs(static_cast<real>(exact.sum[i])); };
  const auto deviation = [&](std::size_t i) {
    return std::fabs(exact.sum[i] - exact.mean[Index(sets.set_of(static_cast<std::int64_t>(i)))]);
  };
  const std::vector<real> mean_size = SetMeans(sets, size), mean_deviation = SetMeans(sets, deviation);
  std::vector<SetError> errors(exact.mean.size());
  for (std::size_t s = 0; s < errors.size(); s++) {
    SetError &e = errors[s];
    if (!std::isfinite(exact.var[s])) {  // NaN, or all of rms's xhat are 0: nothing to be wrong about
      e.constant = true;
      continue;
    }
    if (p.kind == WN_RMS) {
      e.var = k * u * exact.var[s];
    } else if (mean_deviation[s] == 0) {
      e.constant = true;
    } else if (p.x_type == WN_F64) {  // base
      e.mean = k * u * mean_size[s];
      e.var =
          k * u * exact.var[s] + e.mean * std::sqrt(exact.var[s] / static_cast<real>(sets.members)) + Square(e.mean);
    } else {  // strict
      const real first = k * u * mean_size[s];
      e.mean = k * u * (mean_deviation[s] + first);
      e.var = k * u * (exact.var[s] + Square(first)) + Square(e.mean);
    }
    e.rstd = RstdError(exact.var[s] + p.eps, e.var) + 3 * u;
  }
  return errors;
}

// The part of a set that one rank has.
struct SetPart {
  Sum size, sum, deviation, squares;  // of |h|, h, |h - mean|, (h - mean)^2; the mean is the part's own
  real members = 0, mean = 0;
};

// Of a sync plan: mean and variance of each rank's part are rounded to the arithmetic's type, and then merged.
std::vector<SetPart> PartsOf(const Sets &sets, const Forward &exact, std::int64_t first, std::int64_t samples) {
  std::vector<SetPart> parts(exact.mean.size());
  const std::int64_t begin = first * sets.c * sets.x, end = (first + samples) * sets.c * sets.x;
  for (std::int64_t i = begin; i < end; i++) {
    SetPart &part = parts[Index(sets.set_of(i))];
    const auto h = static_cast<real>(exact.sum[Index(i)]);
    part.members++;
    part.size.Add(std::fabs(h));
    part.sum.Add(h);
  }
  for (SetPart &part : parts) part.mean = part.members == 0 ? 0 : part.sum.value() / part.members;
  for (std::int64_t i = begin; i < end; i++) {
    SetPart &part = parts[Index(sets.set_of(i))];
    const real deviation = static_cast<real>(exact.sum[Index(i)]) - part.mean;
    part.deviation.Add(std::fabs(deviation));
    part.squares.Add(deviation * deviation);
  }
  return parts;
}

// Errors of a part's mean and m2 in the message; the m2 with what the error of the mean does between the parts.
void AddPartError(const wn_problem &p, const SetPart &part, real merged_mean, real members, SetError *e) {
  const real u = UnitRoundoff(p), k = SumFactor(static_cast<std::int64_t>(part.members)), m = part.members;
  const real first = k * u * part.size.value() / m, var = part.squares.value() / m;
  const real strict = k * u * (part.deviation.value() / m + first);
  const bool base = p.x_type == WN_F64;
  const real own = base ? first * std::sqrt(var / m) + Square(first) : k * u * Square(first) + Square(strict);
  const real mean = (base ? first : strict) + u * std::fabs(part.mean), share = m / members;
  e->mean += share * mean;
  e->var += share * ((k + 2) * u * var + own + 2 * std::fabs(part.mean - merged_mean) * mean + Square(mean));
}

std::vector<SetError> ErrorsOfMerged(const wn_problem &p, const Sets &sets, const Forward &exact,
                                     const std::vector<std::int64_t> &shares) {
  const std::vector<SetError> whole = ErrorsOfStatistics(p, sets, exact);  // which sets are constant
  std::vector<SetError> errors(whole.size());
  std::int64_t first = 0;
  for (const std::int64_t samples : shares) {
    const std::vector<SetPart> parts = PartsOf(sets, exact, first, samples);
    for (std::size_t s = 0; s < errors.size(); s++)
      if (parts[s].members > 0) AddPartError(p, parts[s], exact.mean[s], static_cast<real>(sets.members), &errors[s]);
    first += samples;
  }
  for (std::size_t s = 0; s < errors.size(); s++) {
    SetError &e = errors[s];
    if (whole[s].constant) {
      e = whole[s];
      continue;
    }
    // Distances are from a merged mean that is off itself.
    e.var += Square(e.mean);
    e.rstd = RstdError(exact.var[s] + p.eps, e.var) + 3 * UnitRoundoff(p);
  }
  return errors;
}

// |error of xhat| where the statistics are computed by the pass.
real ComputedXhatError(const SetError &e, real u, real rstd, real xhat) {
  return rstd * e.mean + std::fabs(xhat) * (e.rstd + 4 * u);
}

// |error of xhat| where mean and rstd (or running_var) are given: base, they are exact but far from 0 perhaps.
real GivenXhatError(real u, real mean, real rstd, real xhat) {
  if (!std::isfinite(xhat)) return 0;
  return 3 * u * std::fabs(mean) * rstd + 6 * u * std::fabs(xhat);
}

// |error of z = gamma xhat + beta (+ residual)|.
real PreactivationError(const wn_problem &p, const Given &in, std::size_t i, real channel_gamma, real channel_beta,
                        real xhat, real xhat_error) {
  const real u = UnitRoundoff(p), scaled = channel_gamma * xhat;
  if (!std::isfinite(scaled)) return 0;
  real error = std::fabs(channel_gamma) * xhat_error;
  error += u * (3 * std::fabs(scaled) + std::fabs(channel_beta) + std::fabs(scaled + channel_beta));
  if (p.add == WN_ADD_AFTER && !in.residual.empty()) error += u * std::fabs(scaled + channel_beta + in.residual[i]);
  return error;
}

// The constant set's z is beta without error, and z + residual has one rounding.
real ConstantPreactivationError(const wn_problem &p, real z) {
  return p.add == WN_ADD_AFTER ? UnitRoundoff(p) * std::fabs(z) : 0;
}

// The most that |act'| reaches within `error` of z.
real Steepest(const Activation &act, real z, real error) {
  if (act.HasKink()) return std::max(std::fabs(act.Derivative(z - error)), std::fabs(act.Derivative(z + error)));
  return std::fabs(act.Derivative(z)) + act.SecondDerivativeBound() * error;
}

// What an evaluation of the activation, or of its derivative, may add: 4 ulp or 1e-7, in units of u.
real EvaluationError(const Activation &act, real u, real value) {
  if (act.act == WN_ACT_NONE || act.act == WN_ACT_RELU) return 0;
  if (act.act == WN_ACT_LEAKY_RELU) return 2 * u * std::fabs(value);
  return std::max(8 * u * std::fabs(value), 1.68L * u);
}

real ActivatedError(const Activation &act, real u, real z, real error) {
  return Steepest(act, z, error) * error + EvaluationError(act, u, act.Value(z));
}

// |error of dz = dy act'(z)|.
real DzError(const Activation &act, real u, real dy, real z, real error) {
  const real derivative = act.Derivative(z);
  const real bound = act.SecondDerivativeBound();
  real change = bound == 0 ? 0 : bound * error;  // not NaN for a NaN z that the derivative does not see
  if (act.HasKink() && std::fabs(z) <= error) change = act.KinkStep();
  const real rounding = act.act == WN_ACT_NONE || act.act == WN_ACT_RELU ? 0 : u * std::fabs(derivative);
  return std::fabs(dy) * (change + EvaluationError(act, u, derivative) + rounding);
}

ForwardTolerance ToleranceOfForward(const wn_problem &p, const Given &in, const Forward &exact, const Sets &sets,
                                    const std::vector<SetError> *computed) {
  const real u = UnitRoundoff(p);
  const Activation act{p.act, p.act_slope};
  ForwardTolerance t;
  t.y.resize(exact.y.size());
  real least = 0, most = 0;  // of the largest |y|
  for (std::size_t i = 0; i < t.y.size(); i++) {
    const auto at = static_cast<std::int64_t>(i);
    const std::size_t s = Index(sets.set_of(at));
    const real gamma = GammaOf(p, in, sets.channel(at)), beta = BetaOf(in, sets.channel(at)), xhat = exact.xhat[i];
    const real xhat_error = computed != nullptr ? ComputedXhatError((*computed)[s], u, exact.rstd[s], xhat)
                                                : GivenXhatError(u, exact.mean[s], exact.rstd[s], xhat);
    real z_error = PreactivationError(p, in, i, gamma, beta, xhat, xhat_error);
    if (computed != nullptr && (*computed)[s].constant) z_error = ConstantPreactivationError(p, exact.z[i]);
    t.y[i] = ActivatedError(act, u, exact.z[i], z_error);
    least = std::max(least, std::fabs(exact.y[i]) - t.y[i]);
    most = std::max(most, std::fabs(exact.y[i]) + t.y[i]);
  }
  t.y_amax = std::max(exact.y_amax - least, most - exact.y_amax);
  return t;
}

void ToleranceOfRunning(const wn_problem &p, const Given &in, const Forward &exact, const Sets &sets,
                        const std::vector<SetError> &errors, ForwardTolerance *t) {
  if (in.running_mean.empty()) return;
  const real u = UnitRoundoff(p), weight = RunningWeight(p, in), bessel = BesselFactor(p, sets.members);
  const std::int64_t rounds = sets.count / p.c;
  for (std::int64_t c = 0; c < p.c; c++) {
    real mean_error = 0, var_error = 0, mean_size = 0, var_size = 0;
    for (std::int64_t r = 0; r < rounds; r++) {
      const std::size_t s = Index(r * p.c + c);
      mean_error += errors[s].mean / static_cast<real>(rounds);
      var_error += bessel * errors[s].var / static_cast<real>(rounds);
      mean_size += std::fabs(exact.mean[s]) / static_cast<real>(rounds);
      var_size += bessel * exact.var[s] / static_cast<real>(rounds);
    }
    const real k = SumFactor(rounds), keep = weight == 1 ? 0 : std::fabs(1 - weight);
    const auto error = [&](real of_statistic, real size, double old) {
      return std::fabs(weight) * (of_statistic + k * u * size) + (keep == 0 ? 0 : 3 * u * keep * std::fabs(old));
    };
    t->running_mean.push_back(error(mean_error, mean_size, in.running_mean[Index(c)]));
    const bool kept = exact.running_var[Index(c)] == in.running_var[Index(c)];  // m = 1: no update
    t->running_var.push_back(kept ? 0 : error(var_error, var_size, in.running_var[Index(c)]));
  }
}

// Errors of what the backward passes recompute, one for each element.
struct ElementErrors {
  std::vector<real> xhat, dz, g;
};

ElementErrors ErrorsOfElements(const wn_problem &p, const Given &in, const Backward &exact, const Sets &sets) {
  const real u = UnitRoundoff(p);
  const Activation act{p.act, p.act_slope};
  ElementErrors e;
  for (std::size_t i = 0; i < exact.z.size(); i++) {
    const auto at = static_cast<std::int64_t>(i);
    const std::size_t s = Index(sets.set_of(at));
    const real gamma = GammaOf(p, in, sets.channel(at)), beta = BetaOf(in, sets.channel(at)), xhat = exact.xhat[i];
    e.xhat.push_back(GivenXhatError(u, exact.mean[s], exact.rstd[s], xhat));
    const real z_error = PreactivationError(p, in, i, gamma, beta, xhat, e.xhat[i]);
    e.dz.push_back(DzError(act, u, in.dy[i], exact.z[i], z_error));
    e.g.push_back(std::fabs(gamma) * e.dz[i] + 2 * u * std::fabs(gamma * exact.dz[i]));
  }
  return e;
}

void ToleranceOfDx(const wn_problem &p, const Given &in, const Backward &exact, const Sets &sets,
                   const ElementErrors &e, bool frozen, BackwardTolerance *t) {
  const real u = UnitRoundoff(p), k = SumFactor(sets.members);
  const auto g = [&](std::size_t i) {
    return std::fabs(GammaOf(p, in, sets.channel(static_cast<std::int64_t>(i))) * exact.dz[i]);
  };
  const auto of_mean_g = [&](std::size_t i) { return e.g[i] + k * u * g(i); };
  const auto of_mean_gx = [&](std::size_t i) {
    const real xhat = std::fabs(exact.xhat[i]);
    return e.g[i] * xhat + (g(i) + e.g[i]) * e.xhat[i] + (k + 2) * u * g(i) * xhat;
  };
  const std::vector<real> mean_g_error = SetMeans(sets, of_mean_g), mean_gx_error = SetMeans(sets, of_mean_gx);
  for (std::size_t i = 0; i < exact.dx.size(); i++) {
    const std::size_t s = Index(sets.set_of(static_cast<std::int64_t>(i)));
    real error = e.g[i] + 6 * u * g(i);
    if (!frozen) {
      const real xhat = std::fabs(exact.xhat[i]), mean_gx = std::fabs(exact.mean_gx[s]);
      error += p.kind == WN_RMS ? 0 : mean_g_error[s] + 4 * u * std::fabs(exact.mean_g[s]);
      error += xhat * mean_gx_error[s] + e.xhat[i] * (mean_gx + mean_gx_error[s]) + 4 * u * xhat * mean_gx;
    }
    error *= exact.rstd[s];
    if (p.add == WN_ADD_BEFORE && !in.dsum.empty()) error += u * std::fabs(exact.dx[i]);
    t->dx.push_back(error);
  }
}

void ToleranceOfParameters(const wn_problem &p, const Given &in, const Backward &exact, const Sets &sets,
                           const ElementErrors &e, BackwardTolerance *t) {
  const std::size_t channels = Index(p.c);
  const real u = UnitRoundoff(p), k = SumFactor(sets.n * sets.x);
  t->dgamma.assign(channels, 0);
  t->dbeta.assign(channels, 0);
  for (std::size_t i = 0; i < exact.dz.size(); i++) {
    const std::size_t c = Index(sets.channel(static_cast<std::int64_t>(i)));
    const real dz = std::fabs(exact.dz[i]), xhat = std::fabs(exact.xhat[i]);
    t->dbeta[c] += e.dz[i] + k * u * dz;
    t->dgamma[c] += e.dz[i] * xhat + (dz + e.dz[i]) * e.xhat[i] + (k + 2) * u * dz * xhat;
  }
  if ((p.flags & WN_GRAD_ADD) == 0) return;
  for (std::size_t c = 0; c < channels; c++) {
    t->dgamma[c] += u * (std::fabs(in.dgamma[c]) + std::fabs(exact.dgamma[c]));
    t->dbeta[c] += u * (std::fabs(in.dbeta[c]) + std::fabs(exact.dbeta[c]));
  }
}

BackwardTolerance BackwardToleranceOf(const wn_problem &p, const Given &in, const Backward &exact, bool frozen) {
  const Sets sets(p, in.n, frozen);
  const ElementErrors errors = ErrorsOfElements(p, in, exact, sets);
  BackwardTolerance t;
  ToleranceOfDx(p, in, exact, sets, errors, frozen, &t);
  if (p.add == WN_ADD_AFTER) t.dresidual = errors.dz;
  ToleranceOfParameters(p, in, exact, sets, errors, &t);
  return t;
}

}  // namespace

real UnitRoundoff(const wn_problem &p) { return std::ldexp(real{1}, p.x_type == WN_F64 ? -53 : -24); }

real SumFactor(std::int64_t terms) { return 4 + std::log2(static_cast<real>(std::max<std::int64_t>(terms, 1))); }

ForwardTolerance TrainTolerance(const wn_problem &p, const Given &in, const Forward &exact,
                                const std::vector<std::int64_t> &shares) {
  const Sets sets(p, in.n, false);
  const std::vector<SetError> errors =
      shares.empty() ? ErrorsOfStatistics(p, sets, exact) : ErrorsOfMerged(p, sets, exact, shares);
  ForwardTolerance t = ToleranceOfForward(p, in, exact, sets, &errors);
  for (std::size_t s = 0; s < errors.size(); s++) {
    t.mean.push_back(errors[s].mean);
    t.rstd.push_back(errors[s].rstd * exact.rstd[s]);
  }
  ToleranceOfRunning(p, in, exact, sets, errors, &t);
  return t;
}

ForwardTolerance InferTolerance(const wn_problem &p, const Given &in, const Forward &exact) {
  const bool running = UsesRunning(p, WN_INFER);
  const Sets sets(p, in.n, running);
  if (running) return ToleranceOfForward(p, in, exact, sets, nullptr);
  const std::vector<SetError> errors = ErrorsOfStatistics(p, sets, exact);
  return ToleranceOfForward(p, in, exact, sets, &errors);
}

BackwardTolerance ToleranceOfBackward(const wn_problem &p, const Given &in, const Backward &exact) {
  return BackwardToleranceOf(p, in, exact, false);
}

BackwardTolerance ToleranceOfBackwardFrozen(const wn_problem &p, const Given &in, const Backward &exact) {
  return BackwardToleranceOf(p, in, exact, true);
}

}  // namespace wn::test
