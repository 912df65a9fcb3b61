// Compares what a peer has made with the tests' oracle.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <new>

#include "bench_data_internal.h"
#include "bench_part.h"
#include "tests/expected.h"

namespace wn::bench {
namespace {

using test::real;

constexpr bench_role kJudged[] = {BENCH_Y,           BENCH_SUM, BENCH_SAVED_MEAN, BENCH_SAVED_RSTD, BENCH_RUNNING_MEAN,
                                  BENCH_RUNNING_VAR, BENCH_DX,  BENCH_DRESIDUAL,  BENCH_DGAMMA,     BENCH_DBETA};

std::size_t Index(std::int64_t i) { return static_cast<std::size_t>(i); }

// Which of an array's elements belong to a part, in the part's own order: tensors (n, c, x), then sets, then channels.
std::vector<std::size_t> Places(const bench_case &c, const Part &part, bench_role role) {
  const wn_problem &p = c.problem;
  const bench_array array = bench_array_of(&c, role);
  std::vector<std::size_t> places;
  const auto tensor = [&](std::int64_t n, std::int64_t channel, std::int64_t x) {
    return p.layout == WN_NCX ? (n * p.c + channel) * p.x + x : (n * p.x + x) * p.c + channel;
  };
  if (array.tensor) {
    for (const std::int64_t n : part.n)
      for (const std::int64_t channel : part.c)
        for (const std::int64_t x : part.x) places.push_back(Index(tensor(n, channel, x)));
    return places;
  }
  const bool of_sets = role == BENCH_MEAN || role == BENCH_RSTD || role == BENCH_SAVED_MEAN || role == BENCH_SAVED_RSTD;
  if (!of_sets || p.kind == WN_BATCH) {
    for (const std::int64_t channel : part.c) places.push_back(Index(channel));
  } else if (p.kind == WN_LAYER || p.kind == WN_RMS) {
    for (const std::int64_t n : part.n)
      for (const std::int64_t x : part.x) places.push_back(Index(n * p.x + x));
  } else {
    // Groups are whole: one step to the first channel of each.
    const std::int64_t width = p.kind == WN_GROUP ? p.c / p.groups : 1;
    for (const std::int64_t n : part.n)
      for (std::size_t i = 0; i < part.c.size(); i += Index(width))
        places.push_back(Index(n * (p.c / width) + part.c[i] / width));
  }
  return places;
}

std::vector<double> Gather(const bench_case &c, const Part &part, bench_role role, const void *bytes) {
  std::vector<double> values;
  if (bytes == nullptr) return values;
  const bench_array array = bench_array_of(&c, role);
  const auto *const from = static_cast<const std::uint8_t *>(bytes);
  const std::size_t size = test::TypeBytes(array.type);
  for (const std::size_t place : Places(c, part, role)) values.push_back(test::Load(array.type, from + place * size));
  return values;
}

test::Given GivenOf(const bench_data &data, const Part &part) {
  const auto values = [&](bench_role role) {
    return Gather(data.test_case, part, role, bench_data_bytes(&data, role));
  };
  test::Given in;
  in.n = part.problem.n;
  in.x = values(BENCH_X);
  in.residual = values(BENCH_RESIDUAL);
  in.gamma = values(BENCH_GAMMA);
  in.beta = values(BENCH_BETA);
  in.running_mean = values(BENCH_RUNNING_MEAN);
  in.running_var = values(BENCH_RUNNING_VAR);
  in.dy = values(BENCH_DY);
  in.dsum = values(BENCH_DSUM);
  in.mean = values(BENCH_MEAN);
  in.rstd = values(BENCH_RSTD);
  return in;
}

void Widen(test::Expected *e) {
  real size = 0;
  for (const real v : e->value) size += std::fabs(v) / static_cast<real>(e->value.size());
  for (std::size_t i = 0; i < e->value.size(); i++)
    e->tolerance[i] = 16 * e->tolerance[i] + 4 * test::HalfUlp(e->type, std::max(std::fabs(e->value[i]), size));
}

void JudgePart(const bench_data &data, const Part &part, const void *const results[], bench_strictness strictness,
               bench_verdict *verdict) {
  test::Case c;
  c.problem = part.problem;
  c.n = part.problem.n;
  test::Expectation expected = test::ExpectedOf(c, data.test_case.pass, GivenOf(data, part));
  for (const bench_role role : kJudged) {
    const auto found = expected.outputs.find(bench_role_name(role));
    if (results[role] == nullptr || found == expected.outputs.end() || part.judged.count(role) == 0) continue;
    if (strictness == BENCH_EXPECTED) Widen(&found->second);
    const test::Comparison comparison = test::Compare(found->second, Gather(data.test_case, part, role, results[role]));
    verdict->worst = std::max(verdict->worst, static_cast<double>(comparison.worst));
    if (comparison.wrong == 0) continue;
    if (verdict->right)
      (void)std::snprintf(verdict->text, sizeof verdict->text, "%s%s", bench_role_name(role), comparison.text.c_str());
    verdict->right = false;
  }
}

}  // namespace
}  // namespace wn::bench

bench_verdict bench_data_judge(const bench_data *data, const void *const results[BENCH_ROLES],
                               bench_strictness strictness) {
  bench_verdict verdict = {true, 0, ""};
  try {
    for (const wn::bench::Part &part : wn::bench::PartsOf(data->test_case))
      wn::bench::JudgePart(*data, part, results, strictness, &verdict);
  } catch (const std::bad_alloc &) {
    verdict = {false, 0, "no memory for the oracle"};
  }
  return verdict;
}
