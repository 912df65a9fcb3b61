#include "oracle.h"

#include <cmath>

namespace wn::test {
namespace {

std::size_t Index(std::int64_t i) { return static_cast<std::size_t>(i); }

// x + r as the type of x rounds it. In f64 the sum is f64's own, because rounding twice would not be rounding once.
double RoundedSum(wn_dtype type, double x, double r) {
  return type == WN_F64 ? x + r : Round(type, static_cast<real>(x) + r);
}

std::vector<double> Normalized(const wn_problem &p, const Given &in) {
  std::vector<double> h = in.x;
  if (p.add != WN_ADD_BEFORE) return h;
  for (std::size_t i = 0; i < h.size(); i++) h[i] = RoundedSum(p.x_type, h[i], in.residual[i]);
  return h;
}

void ComputeStatistics(const wn_problem &p, const Sets &sets, Forward *f) {
  std::vector<Sum> sum(Index(sets.count)), squares(Index(sets.count));
  const auto m = static_cast<real>(sets.members);
  for (std::int64_t i = 0; i < sets.elements(); i++) sum[Index(sets.set_of(i))].Add(f->sum[Index(i)]);
  f->mean.resize(sum.size());
  for (std::size_t s = 0; s < sum.size(); s++) f->mean[s] = p.kind == WN_RMS ? 0 : sum[s].value() / m;
  for (std::int64_t i = 0; i < sets.elements(); i++) {
    const std::size_t s = Index(sets.set_of(i));
    const real d = f->sum[Index(i)] - f->mean[s];
    squares[s].Add(d * d);
  }
  f->var.resize(sum.size());
  for (std::size_t s = 0; s < sum.size(); s++) f->var[s] = squares[s].value() / m;
}

void TakeRunningStatistics(const Given &in, Forward *f) {
  f->mean.assign(in.running_mean.begin(), in.running_mean.end());
  f->var.assign(in.running_var.begin(), in.running_var.end());
}

void Normalize(const wn_problem &p, const Given &in, const Sets &sets, Forward *f) {
  const Activation act{p.act, p.act_slope};
  f->rstd.resize(f->var.size());
  for (std::size_t s = 0; s < f->var.size(); s++) f->rstd[s] = 1 / std::sqrt(f->var[s] + p.eps);
  const std::size_t elements = f->sum.size();
  f->xhat.resize(elements);
  f->z.resize(elements);
  f->y.resize(elements);
  for (std::size_t i = 0; i < elements; i++) {
    const auto at = static_cast<std::int64_t>(i);
    const std::size_t s = Index(sets.set_of(at));
    f->xhat[i] = (f->sum[i] - f->mean[s]) * f->rstd[s];
    f->z[i] = GammaOf(p, in, sets.channel(at)) * f->xhat[i] + BetaOf(in, sets.channel(at));
    if (p.add == WN_ADD_AFTER) f->z[i] += in.residual[i];
    f->y[i] = act.Value(f->z[i]);
    if (!(std::fabs(f->y[i]) <= f->y_amax) && !std::isnan(f->y_amax)) f->y_amax = std::fabs(f->y[i]);  // NaN stays
  }
}

// The average of a statistic over the sets that belong to a channel: the parts of a batch, the samples of an instance.
real AverageOfChannel(const wn_problem &p, const std::vector<real> &statistic, std::int64_t channel) {
  const std::int64_t rounds = static_cast<std::int64_t>(statistic.size()) / p.c;
  Sum sum;
  for (std::int64_t r = 0; r < rounds; r++) sum.Add(statistic[Index(r * p.c + channel)]);
  return sum.value() / static_cast<real>(rounds);
}

void UpdateRunning(const wn_problem &p, const Given &in, const Sets &sets, Forward *f) {
  f->batches_seen = in.batches_seen;
  f->running_mean.assign(in.running_mean.begin(), in.running_mean.end());
  f->running_var.assign(in.running_var.begin(), in.running_var.end());
  if (in.running_mean.empty() || sets.elements() == 0) return;
  if ((p.flags & WN_RUNNING_CUMULATIVE) != 0) f->batches_seen++;
  const real weight = RunningWeight(p, in);
  const auto update = [&](std::vector<real> *kept, const std::vector<real> &statistic, real factor) {
    for (std::int64_t c = 0; c < p.c; c++) {
      real &old = (*kept)[Index(c)];
      const real fresh = weight * (factor * AverageOfChannel(p, statistic, c));
      old = weight == 1 ? fresh : (1 - weight) * old + fresh;
    }
  };
  update(&f->running_mean, f->mean, 1);
  const bool population = (p.flags & WN_RUNNING_POPULATION) != 0;
  if (population || sets.members > 1) update(&f->running_var, f->var, BesselFactor(p, sets.members));
}

void RecomputeForward(const wn_problem &p, const Given &in, const Sets &sets, Backward *b) {
  const Activation act{p.act, p.act_slope};
  const std::size_t elements = in.x.size();
  b->xhat.resize(elements);
  b->z.resize(elements);
  b->dz.resize(elements);
  for (std::size_t i = 0; i < elements; i++) {
    const auto at = static_cast<std::int64_t>(i);
    const std::size_t s = Index(sets.set_of(at));
    b->xhat[i] = (in.x[i] - b->mean[s]) * b->rstd[s];
    b->z[i] = GammaOf(p, in, sets.channel(at)) * b->xhat[i] + BetaOf(in, sets.channel(at));
    if (p.add == WN_ADD_AFTER && !in.residual.empty()) b->z[i] += in.residual[i];
    b->dz[i] = in.dy[i] * act.Derivative(b->z[i]);
  }
}

void AverageGradients(const wn_problem &p, const Given &in, const Sets &sets, Backward *b) {
  std::vector<Sum> g(Index(sets.count)), gx(Index(sets.count));
  for (std::int64_t i = 0; i < sets.elements(); i++) {
    const real v = GammaOf(p, in, sets.channel(i)) * b->dz[Index(i)];
    g[Index(sets.set_of(i))].Add(v);
    gx[Index(sets.set_of(i))].Add(v * b->xhat[Index(i)]);
  }
  for (std::size_t s = 0; s < g.size(); s++) {
    b->mean_g.push_back(p.kind == WN_RMS ? 0 : g[s].value() / static_cast<real>(sets.members));
    b->mean_gx.push_back(gx[s].value() / static_cast<real>(sets.members));
  }
}

void InputGradients(const wn_problem &p, const Given &in, const Sets &sets, bool frozen, Backward *b) {
  b->dx.resize(in.x.size());
  for (std::size_t i = 0; i < in.x.size(); i++) {
    const auto at = static_cast<std::int64_t>(i);
    const std::size_t s = Index(sets.set_of(at));
    const real g = GammaOf(p, in, sets.channel(at)) * b->dz[i];
    b->dx[i] = b->rstd[s] * (frozen ? g : g - b->mean_g[s] - b->xhat[i] * b->mean_gx[s]);
    if (p.add == WN_ADD_BEFORE && !in.dsum.empty()) b->dx[i] += in.dsum[i];
  }
  if (p.add == WN_ADD_AFTER) b->dresidual = b->dz;
}

void ParameterGradients(const wn_problem &p, const Given &in, const Sets &sets, Backward *b) {
  std::vector<Sum> dgamma(Index(p.c)), dbeta(Index(p.c));
  for (std::int64_t i = 0; i < sets.elements(); i++) {
    dgamma[Index(sets.channel(i))].Add(b->dz[Index(i)] * b->xhat[Index(i)]);
    dbeta[Index(sets.channel(i))].Add(b->dz[Index(i)]);
  }
  const bool add = (p.flags & WN_GRAD_ADD) != 0;
  for (std::size_t c = 0; c < dgamma.size(); c++) {
    b->dgamma.push_back(dgamma[c].value() + (add ? in.dgamma[c] : 0));
    b->dbeta.push_back(dbeta[c].value() + (add ? in.dbeta[c] : 0));
  }
}

Backward OracleBackwardOf(const wn_problem &p, const Given &in, bool frozen) {
  Backward b;
  const Sets sets(p, in.n, frozen);
  if (frozen) {
    for (std::size_t c = 0; c < in.running_mean.size(); c++) {
      b.mean.push_back(in.running_mean[c]);
      b.rstd.push_back(1 / std::sqrt(static_cast<real>(in.running_var[c]) + p.eps));
    }
  } else {
    b.mean.assign(in.mean.begin(), in.mean.end());
    if (p.kind == WN_RMS) b.mean.assign(in.rstd.size(), 0);
    b.rstd.assign(in.rstd.begin(), in.rstd.end());
  }
  RecomputeForward(p, in, sets, &b);
  AverageGradients(p, in, sets, &b);
  InputGradients(p, in, sets, frozen, &b);
  ParameterGradients(p, in, sets, &b);
  return b;
}

}  // namespace

void Sum::Add(real v) {
  const real sum = sum_ + v;
  lost_ += std::fabs(sum_) >= std::fabs(v) ? (sum_ - sum) + v : (v - sum) + sum_;
  sum_ = sum;
}

real Sum::value() const { return std::isfinite(sum_) ? sum_ + lost_ : sum_; }

Sets::Sets(const wn_problem &p, std::int64_t samples, bool running)
    : n(samples),
      c(p.c),
      x(p.x),
      kind_(p.kind),
      running_(running),
      parts_(p.parts > 1 ? p.parts : 1),
      groups_(p.groups) {
  if (running_) {
    count = c;
    members = n * x;
    return;
  }
  switch (kind_) {
    case WN_BATCH:
      count = parts_ * c;
      members = n / parts_ * x;
      break;
    case WN_GROUP:
      count = n * groups_;
      members = c / groups_ * x;
      break;
    case WN_INSTANCE:
      count = n * c;
      members = x;
      break;
    default:
      count = n * x;
      members = c;
  }
}

std::int64_t Sets::set_of(std::int64_t sample, std::int64_t channel, std::int64_t position) const {
  if (running_) return channel;
  switch (kind_) {
    case WN_BATCH:
      return sample / (n / parts_) * c + channel;
    case WN_GROUP:
      return sample * groups_ + channel / (c / groups_);
    case WN_INSTANCE:
      return sample * c + channel;
    default:
      return sample * x + position;
  }
}

bool HasRunning(const wn_problem &p) {
  return p.kind == WN_BATCH || (p.kind == WN_INSTANCE && (p.flags & WN_INSTANCE_RUNNING) != 0);
}

bool UsesRunning(const wn_problem &p, wn_pass pass) {
  return pass == WN_BACKWARD_FROZEN || (pass == WN_INFER && HasRunning(p));
}

real GammaOf(const wn_problem &p, const Given &in, std::int64_t channel) {
  if (in.gamma.empty()) return 1;
  const real stored = in.gamma[Index(channel)];
  return (p.flags & WN_GAMMA_MINUS_ONE) != 0 ? 1 + stored : stored;
}

real BetaOf(const Given &in, std::int64_t channel) { return in.beta.empty() ? 0 : in.beta[Index(channel)]; }

real RunningWeight(const wn_problem &p, const Given &in) {
  if ((p.flags & WN_RUNNING_CUMULATIVE) != 0) return real{1} / static_cast<real>(in.batches_seen + 1);
  return p.momentum;
}

real BesselFactor(const wn_problem &p, std::int64_t members) {
  if ((p.flags & WN_RUNNING_POPULATION) != 0 || members < 2) return 1;
  return static_cast<real>(members) / static_cast<real>(members - 1);
}

Forward OracleTrain(const wn_problem &p, const Given &in) {
  Forward f;
  const Sets sets(p, in.n, false);
  f.sum = Normalized(p, in);
  ComputeStatistics(p, sets, &f);
  Normalize(p, in, sets, &f);
  UpdateRunning(p, in, sets, &f);
  return f;
}

Forward OracleInfer(const wn_problem &p, const Given &in) {
  Forward f;
  const bool running = UsesRunning(p, WN_INFER);
  const Sets sets(p, in.n, running);
  f.sum = Normalized(p, in);
  if (running) {
    TakeRunningStatistics(in, &f);
  } else {
    ComputeStatistics(p, sets, &f);
  }
  Normalize(p, in, sets, &f);
  return f;
}

Backward OracleBackward(const wn_problem &p, const Given &in) { return OracleBackwardOf(p, in, false); }
Backward OracleBackwardFrozen(const wn_problem &p, const Given &in) { return OracleBackwardOf(p, in, true); }

}  // namespace wn::test
