// The numbers of a case: a pure function of its seed, each a value of its tensor's type.
#include <cmath>
#include <limits>

#include "cases.h"
#include "random.h"

namespace wn::test {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Random RandomOf(const Case &c) { return Random(c.seed * 0x9e3779b97f4a7c15U + 0x1234567U); }

// As far from 0 as leaves the type some digits for the deviations.
double Offset(wn_dtype type) {
  switch (type) {
    case WN_F16:
      return 1000;
    case WN_BF16:
      return 100;
    default:
      return 1e6;
  }
}

double Element(const Case &c, const Sets &sets, std::int64_t i, Random *random) {
  const double normal = random->Normal();
  switch (c.data) {
    case Data::kOffset:
      return Offset(c.problem.x_type) + normal;
    case Data::kLarge:
      return (random->Uniform() < 0.6 ? 1 : -1) * 65504 * (1 - 0.1 * random->Uniform());
    case Data::kTiny:
      return 1e-4 * normal;
    case Data::kConstant:
      return 0.37 * static_cast<double>(sets.set_of(i) % 11 + 1);
    case Data::kOutlier:
      return i % sets.members == sets.members / 2 ? 10000 : normal;
    default:
      return 0.3 * static_cast<double>(sets.channel(i) % 7) + normal;
  }
}

std::vector<double> Tensor(wn_dtype type, std::int64_t size, double scale, double shift, Random *random) {
  std::vector<double> v(static_cast<std::size_t>(size));
  for (double &e : v) e = Round(type, shift + scale * random->Normal());
  return v;
}

std::vector<double> Input(const Case &c, Random *random) {
  const Sets sets(c.problem, c.n, false);
  std::vector<double> x(static_cast<std::size_t>(sets.elements()));
  for (std::size_t i = 0; i < x.size(); i++)
    x[i] = Round(c.problem.x_type, Element(c, sets, static_cast<std::int64_t>(i), random));
  const double bad = c.data == Data::kNan ? kNan : std::numeric_limits<double>::infinity();
  if (!x.empty() && (c.data == Data::kNan || c.data == Data::kInfinity)) x[x.size() / 2] = bad;
  return x;
}

// Statistics that suit the data, so that inference does not saturate.
void AddRunning(const Case &c, Random *random, Given *in) {
  const wn_dtype type = Types(c.problem).real;
  double mean = 0.5, deviation = 1;
  if (c.data == Data::kOffset) mean = Offset(c.problem.x_type);
  if (c.data == Data::kLarge) deviation = 65000;
  if (c.data == Data::kTiny) mean = 0, deviation = 1e-4;
  in->running_mean = Tensor(type, c.problem.c, 0.3 * deviation, mean, random);
  for (std::int64_t i = 0; i < c.problem.c; i++)
    in->running_var.push_back(Round(type, deviation * deviation * (0.5 + random->Uniform())));
}

// Old values that must not be read are NaN.
void SpoilRunning(const Case &c, Given *in) {
  if (RunningWeight(c.problem, *in) != 1) return;
  const bool updated = (c.problem.flags & WN_RUNNING_POPULATION) != 0 || Sets(c.problem, c.n, false).members > 1;
  for (double &v : in->running_mean) v = kNan;
  if (!updated) return;
  for (double &v : in->running_var) v = kNan;
}

void AddParameters(const Case &c, Random *random, Given *in) {
  const wn_dtype type = Types(c.problem).param;
  const double one = (c.problem.flags & WN_GAMMA_MINUS_ONE) != 0 ? 0 : 1;
  const std::vector<double> gamma = Tensor(type, c.problem.c, 0.5, one, random);
  const std::vector<double> beta = Tensor(type, c.problem.c, 0.5, 0.1, random);
  if (c.gamma) in->gamma = gamma;
  if (c.beta) in->beta = beta;
}

Given MakeCommonGiven(const Case &c, Random *random) {
  Given in;
  in.n = c.n;
  in.x = Input(c, random);
  const auto elements = static_cast<std::int64_t>(in.x.size());
  if (c.problem.add != WN_ADD_NONE) in.residual = Tensor(c.problem.x_type, elements, 1, 0.2, random);
  AddParameters(c, random, &in);
  if (HasRunning(c.problem)) AddRunning(c, random, &in);
  in.batches_seen = c.batches_seen;
  return in;
}

}  // namespace

Given MakeForwardGiven(const Case &c, wn_pass pass) {
  Random random = RandomOf(c);
  Given in = MakeCommonGiven(c, &random);
  if (pass == WN_TRAIN && !c.running) in.running_mean.clear(), in.running_var.clear();
  if (pass == WN_TRAIN) SpoilRunning(c, &in);
  in.scaled = c.y_scale != 0;
  if (in.scaled) in.y_scale = Round(WN_F32, c.y_scale);
  return in;
}

Given MakeBackwardGiven(const Case &c, wn_pass pass) {
  const wn_problem &p = c.problem;
  const Types types(p);
  Random random = RandomOf(c);
  Given in = MakeCommonGiven(c, &random);
  const Forward f = pass == WN_BACKWARD ? OracleTrain(p, in) : OracleInfer(p, in);
  in.x = f.sum;
  if (p.add == WN_ADD_BEFORE) in.residual.clear();
  if (pass == WN_BACKWARD) {
    in.running_mean.clear();
    in.running_var.clear();
    for (std::size_t s = 0; s < f.mean.size(); s++) {
      if (p.kind != WN_RMS) in.mean.push_back(Round(types.real, f.mean[s]));
      in.rstd.push_back(Round(types.real, f.rstd[s]));
    }
  }
  const auto elements = static_cast<std::int64_t>(in.x.size());
  in.dy = Tensor(types.dy, elements, 1, 0.1, &random);
  if (p.add == WN_ADD_BEFORE && c.dsum) in.dsum = Tensor(p.x_type, elements, 1, 0, &random);
  if ((p.flags & WN_GRAD_ADD) != 0) {
    in.dgamma = Tensor(types.param_grad, p.c, 2, 0, &random);
    in.dbeta = Tensor(types.param_grad, p.c, 2, 0, &random);
  }
  return in;
}

}  // namespace wn::test
