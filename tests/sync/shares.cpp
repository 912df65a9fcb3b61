#include "shares.h"

#include <cmath>

namespace wn::test {
namespace {

// 0 to count - 1 from a seed: the same in every process.
class Choice {
 public:
  explicit Choice(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15U + 1) {}
  std::int64_t Pick(std::int64_t count) {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return static_cast<std::int64_t>(state_ >> 33) % count;
  }

 private:
  std::uint64_t state_;
};

// Cuts at random places: every split is possible, the empty share among them.
std::vector<std::int64_t> Split(std::int64_t n, int ranks, std::uint64_t seed) {
  Choice choice(seed);
  std::vector<std::int64_t> shares(static_cast<std::size_t>(ranks), 0);
  std::int64_t left = n;
  for (std::size_t rank = 0; rank + 1 < shares.size(); rank++) {
    shares[rank] = choice.Pick(left + 1);
    left -= shares[rank];
  }
  shares.back() = left;
  return shares;
}

std::vector<double> Cut(const std::vector<double> &v, std::int64_t begin, std::int64_t end) {
  return v.empty() ? v : std::vector<double>(v.begin() + begin, v.begin() + end);
}

Expected Cut(const Expected &e, std::int64_t begin, std::int64_t end) {
  Expected part = e;
  part.value.assign(e.value.begin() + begin, e.value.begin() + end);
  part.tolerance.assign(e.tolerance.begin() + begin, e.tolerance.begin() + end);
  return part;
}

bool IsTensor(const std::string &output) {
  return output == "y" || output == "sum" || output == "dx" || output == "dresidual";
}

// max |y| of a part: what it would be if the part were all there is.
Expected AmaxOf(const Expected &y, double scale) {
  Expected amax{WN_F32, {0}, {0}};
  real least = 0, most = 0;
  for (std::size_t i = 0; i < y.value.size(); i++) {
    const real value = std::fabs(y.value[i] / scale), tolerance = y.tolerance[i] / std::fabs(scale);
    if (std::isnan(value)) return {WN_F32, {value}, {0}};
    amax.value[0] = std::max(amax.value[0], value);
    least = std::max(least, value - tolerance);
    most = std::max(most, value + tolerance);
  }
  amax.tolerance[0] = std::max(amax.value[0] - least, most - amax.value[0]);
  return amax;
}

// What a rank must return. dgamma and dbeta are those of its own samples, with the statistics that it is given.
Expectation ExpectedOfRank(const SharedCase &c, wn_pass pass, int rank, const Given &joined, const Expectation &all) {
  const Case part = c.of_rank(rank);
  Expectation e = all;
  const std::int64_t sample = part.problem.c * part.problem.x, begin = c.first(rank) * sample;
  for (auto &[name, expected] : e.outputs)
    if (IsTensor(name)) expected = Cut(expected, begin, begin + part.n * sample);
  if (e.outputs.count("y_amax") != 0)
    e.outputs["y_amax"] = AmaxOf(e.outputs.at("y"), joined.scaled ? joined.y_scale : 1);
  if (e.outputs.count("dgamma") != 0) {
    const Expectation own = ExpectedOf(part, pass, PartOf(c, rank, joined));
    e.outputs["dgamma"] = own.outputs.at("dgamma");
    e.outputs["dbeta"] = own.outputs.at("dbeta");
  }
  return e;
}

}  // namespace

std::int64_t SharedCase::first(int rank) const {
  std::int64_t sample = 0;
  for (int r = 0; r < rank; r++) sample += shares[static_cast<std::size_t>(r)];
  return sample;
}

Case SharedCase::of_rank(int rank) const {
  Case part = joined;
  part.n = shares[static_cast<std::size_t>(rank)];
  part.problem.n = std::min(joined.problem.n, part.n + rank % 2);
  return part;
}

std::string SharedCase::Name() const {
  std::string name = "shares";
  for (const std::int64_t share : shares) name += " " + std::to_string(share);
  return name + " of " + joined.Name();
}

std::vector<SharedCase> SharedCases(int ranks, std::int64_t least, std::int64_t most) {
  constexpr int kRanks[] = {1, 2, 3, 4, 7};
  std::vector<SharedCase> cases;
  std::size_t seen = 0;
  for (Case c : Cases()) {
    if (c.problem.kind != WN_BATCH || ElementsOf(c) <= least || ElementsOf(c) > most || seen++ % Every() != 0) continue;
    c.problem.parts = 1;
    const int count = ranks > 0 ? ranks : kRanks[cases.size() % std::size(kRanks)];
    cases.push_back({c, Split(c.n, count, c.seed)});
  }
  return cases;
}

Given JoinedGiven(const SharedCase &c, wn_pass pass) {
  const bool forward = pass == WN_TRAIN || pass == WN_INFER;
  return forward ? MakeForwardGiven(c.joined, pass) : MakeBackwardGiven(c.joined, pass);
}

Given PartOf(const SharedCase &c, int rank, const Given &joined) {
  const Case part = c.of_rank(rank);
  const std::int64_t sample = part.problem.c * part.problem.x;
  const std::int64_t begin = c.first(rank) * sample, end = begin + part.n * sample;
  Given in = joined;
  in.n = part.n;
  in.x = Cut(joined.x, begin, end);
  in.residual = Cut(joined.residual, begin, end);
  in.dy = Cut(joined.dy, begin, end);
  in.dsum = Cut(joined.dsum, begin, end);
  return in;
}

Result RunRank(const SharedCase &c, wn_pass pass, const wn_comm &comm, const Given &joined) {
  const Runner runner(c.of_rank(comm.rank), &comm);
  RunOptions options;
  Given forward;
  if (c.joined.mask) {
    forward = PartOf(c, comm.rank, JoinedGiven(c, pass == WN_BACKWARD_FROZEN ? WN_INFER : WN_TRAIN));
    options.forward = &forward;
  }
  Result result = runner.Do(pass, PartOf(c, comm.rank, joined), options);
  if (result.complaint.empty() && wn_plan_sync_status(runner.plan(), nullptr) != WN_OK)
    result.complaint = std::string("wn_plan_sync_status: ") + wn_last_error();
  return result;
}

Expectation JoinedExpectation(const SharedCase &c, wn_pass pass, const Given &joined) {
  return ExpectedOf(c.joined, pass, joined, c.shares);
}

std::string JudgeRank(const SharedCase &c, wn_pass pass, int rank, const Given &joined, const Expectation &all,
                      const Result &result, Report *report) {
  if (!result.complaint.empty() || result.status != WN_OK) return result.complaint;
  return Judge(c.Name(), ExpectedOfRank(c, pass, rank, joined, all), result, report);
}

bool IsStatistic(const std::string &output) {
  return output == "mean" || output == "rstd" || output == "running_mean" || output == "running_var" ||
         output == "batches_seen";
}

}  // namespace wn::test
