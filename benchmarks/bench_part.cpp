#include "bench_part.h"

#include <algorithm>

namespace wn::bench {
namespace {

using Indices = std::vector<std::int64_t>;

// `count` of 0..size-1: the first, the last, and what lies evenly between.
Indices Spread(std::int64_t size, std::int64_t count) {
  count = std::clamp<std::int64_t>(count, 1, size);
  Indices chosen;
  for (std::int64_t i = 0; i < count; i++) chosen.push_back(count == 1 ? 0 : i * (size - 1) / (count - 1));
  return chosen;
}
Indices All(std::int64_t size) { return Spread(size, size); }

// `count` of the groups, with all their channels.
Indices ChannelsOfGroups(const wn_problem &p, std::int64_t count, std::int64_t *chosen_groups) {
  const std::int64_t width = p.c / p.groups;
  const Indices groups = Spread(p.groups, count);
  *chosen_groups = static_cast<std::int64_t>(groups.size());
  Indices channels;
  for (const std::int64_t g : groups)
    for (std::int64_t i = 0; i < width; i++) channels.push_back(g * width + i);
  return channels;
}

Part Make(const bench_case &c, Indices n, Indices channels, Indices x, std::set<bench_role> judged) {
  Part part{c.problem, std::move(n), std::move(channels), std::move(x), std::move(judged)};
  part.problem.n = static_cast<std::int64_t>(part.n.size());
  part.problem.c = static_cast<std::int64_t>(part.c.size());
  part.problem.x = static_cast<std::int64_t>(part.x.size());
  return part;
}

const std::set<bench_role> kAll = {BENCH_Y,           BENCH_SUM, BENCH_SAVED_MEAN, BENCH_SAVED_RSTD, BENCH_RUNNING_MEAN,
                                   BENCH_RUNNING_VAR, BENCH_DX,  BENCH_DRESIDUAL,  BENCH_DGAMMA,     BENCH_DBETA};
const std::set<bench_role> kOfChannels = {BENCH_DGAMMA, BENCH_DBETA};
const std::set<bench_role> kOfElements = {BENCH_Y,          BENCH_SUM, BENCH_SAVED_MEAN,
                                          BENCH_SAVED_RSTD, BENCH_DX,  BENCH_DRESIDUAL};

// Samples and positions with all channels: whole sets of layer and RMS norm, and any elements where statistics are
// given.
Part Positions(const bench_case &c) {
  const wn_problem &p = c.problem;
  const std::int64_t n = std::max<std::int64_t>(kPartElements / p.c / std::min<std::int64_t>(p.x, 16), 1);
  const Indices samples = Spread(p.n, n);
  const std::int64_t x = kPartElements / p.c / static_cast<std::int64_t>(samples.size());
  return Make(c, samples, All(p.c), Spread(p.x, x), kOfElements);
}

// Some channels with all that shares their parameters.
Part Channels(const bench_case &c, const std::set<bench_role> &judged) {
  const wn_problem &p = c.problem;
  const std::int64_t count = kPartElements / (p.n * p.x);
  return Make(c, All(p.n), Spread(p.c, count), All(p.x), judged);
}

Part Groups(const bench_case &c) {
  const wn_problem &p = c.problem;
  std::int64_t groups = 0;
  Indices channels = ChannelsOfGroups(p, kPartElements / (p.n * p.x * (p.c / p.groups)), &groups);
  Part part = Make(c, All(p.n), std::move(channels), All(p.x), kAll);
  part.problem.groups = groups;
  return part;
}

}  // namespace

std::vector<Part> PartsOf(const bench_case &c) {
  const wn_problem &p = c.problem;
  if (p.n * p.c * p.x <= kPartElements) return {Make(c, All(p.n), All(p.c), All(p.x), kAll)};
  const bool by_position = p.kind == WN_LAYER || p.kind == WN_RMS || bench_uses_running(&c);
  if (by_position && bench_forward(c.pass)) return {Positions(c)};
  if (by_position) return {Positions(c), Channels(c, kOfChannels)};
  if (p.kind == WN_GROUP) return {Groups(c)};
  return {Channels(c, kAll)};
}

}  // namespace wn::bench
