// The numbers of a case. Tensors repeat tables of a prime length, so that gigabytes are made at the speed of copying
// and no two sets are alike.
#include <cmath>
#include <cstring>
#include <memory>
#include <new>

#include "bench_data_internal.h"
#include "tests/random.h"

namespace wn::bench {
namespace {

using test::Load;
using test::Random;
using test::Store;
using test::TypeBytes;

struct Shape {
  double shift, step;  // the mean of channel c is shift + step * (c % kMeans)
  std::int64_t period;
};

constexpr std::int64_t kMeans = 7;

// Channels of x have means of their own, so that statistics of the wrong set show; dy has a mean, so that forgetting to
// subtract it, or subtracting it in RMS norm, shows.
Shape ShapeOf(bench_role role) {
  switch (role) {
    case BENCH_X:
      return {0, 0.3, 16411};
    case BENCH_RESIDUAL:
      return {0.2, 0, 16417};
    case BENCH_DY:
      return {0.1, 0, 16421};
    default:
      return {0, 0, 16427};
  }
}

// Element i of memory, of channel c, is bytes[c % means][i % period].
struct Table {
  Shape shape;
  std::int64_t means;
  std::size_t element;
  std::vector<std::uint8_t> bytes;
  std::vector<double> values;

  Table(bench_role role, wn_dtype type) : shape(ShapeOf(role)), element(TypeBytes(type)) {
    means = shape.step == 0 ? 1 : kMeans;
    Random random(static_cast<std::uint64_t>(role) + 1);
    bytes.resize(static_cast<std::size_t>(means * shape.period) * element);
    for (std::int64_t k = 0; k < means; k++) {
      for (std::int64_t i = 0; i < shape.period; i++) {
        std::uint8_t *const at = &bytes[static_cast<std::size_t>(k * shape.period + i) * element];
        Store(type, shape.shift + shape.step * static_cast<double>(k) + random.Normal(), at);
        values.push_back(Load(type, at));
      }
    }
  }
};

// Runs of neighbours in memory that have one channel, with the table's place of their first: of(at, channel, length).
template <class Function>
void ForRuns(const wn_problem &p, const Function &of) {
  const bool first = p.layout == WN_NCX;
  std::int64_t at = 0;
  for (std::int64_t n = 0; n < p.n; n++) {
    for (std::int64_t outer = 0; outer < (first ? p.c : p.x); outer++) {
      if (first) {
        of(at, n, outer, 0, p.x);
        at += p.x;
      } else {
        for (std::int64_t c = 0; c < p.c; c++) of(at++, n, c, outer, 1);
      }
    }
  }
}

void FillTensor(const wn_problem &p, const Table &table, std::uint8_t *out) {
  const std::int64_t period = table.shape.period;
  ForRuns(p, [&](std::int64_t at, std::int64_t, std::int64_t c, std::int64_t, std::int64_t length) {
    const std::int64_t base = c % table.means * period;
    while (length > 0) {
      const std::int64_t place = at % period, some = std::min(length, period - place);
      std::memcpy(out + static_cast<std::size_t>(at) * table.element,
                  &table.bytes[static_cast<std::size_t>(base + place) * table.element],
                  static_cast<std::size_t>(some) * table.element);
      at += some;
      length -= some;
    }
  });
}

std::int64_t SetOf(const wn_problem &p, std::int64_t n, std::int64_t c, std::int64_t x) {
  switch (p.kind) {
    case WN_BATCH:
      return c;
    case WN_GROUP:
      return n * p.groups + c / (p.c / p.groups);
    case WN_INSTANCE:
      return n * p.c + c;
    default:
      return n * p.x + x;
  }
}

// The statistics that backward is given. Moments about the table's own mean, in double: nothing cancels.
void FillStatistics(const wn_problem &p, const Table &table, bench_data *data) {
  const auto sets = static_cast<std::size_t>(bench_sets(&p));
  const double m =
      static_cast<double>(p.n) * static_cast<double>(p.c) * static_cast<double>(p.x) / static_cast<double>(sets);
  const double origin = p.kind == WN_RMS ? 0 : 0.9;
  std::vector<double> sum(sets), squares(sets);
  ForRuns(p, [&](std::int64_t at, std::int64_t n, std::int64_t c, std::int64_t x, std::int64_t length) {
    const double *const values = &table.values[static_cast<std::size_t>(c % table.means * table.shape.period)];
    for (std::int64_t i = 0; i < length; i++) {
      const auto s = static_cast<std::size_t>(SetOf(p, n, c, x + i));
      const double d = values[(at + i) % table.shape.period] - origin;
      sum[s] += d;
      squares[s] += d * d;
    }
  });
  const wn_dtype type = bench_array_of(&data->test_case, BENCH_RSTD).type;
  for (std::size_t s = 0; s < sets; s++) {
    const double d = p.kind == WN_RMS ? 0 : sum[s] / m, var = squares[s] / m - d * d;
    const std::size_t at = s * TypeBytes(type);
    Store(type, 1 / std::sqrt(var + p.eps), &data->bytes[BENCH_RSTD][at]);
    Store(type, var, &data->bytes[BENCH_VAR][at]);
    if (p.kind != WN_RMS) Store(type, origin + d, &data->bytes[BENCH_MEAN][at]);
  }
}

// gamma and variances near 1, beta and means near 0: shift + scale normal, or shift + scale uniform.
void FillVector(bench_role role, wn_dtype type, std::vector<std::uint8_t> *bytes) {
  Random random(static_cast<std::uint64_t>(role) + 100);
  const bool variance = role == BENCH_RUNNING_VAR;
  const double shift = role == BENCH_GAMMA ? 1 : role == BENCH_RUNNING_MEAN ? 0.9 : variance ? 0.5 : 0.1;
  for (std::size_t i = 0; i < bytes->size(); i += TypeBytes(type))
    Store(type, shift + (variance ? random.Uniform() : 0.5 * random.Normal()), &(*bytes)[i]);
}

void Fill(bench_data *data) {
  const bench_case &c = data->test_case;
  for (int r = 0; r < BENCH_ROLES; r++) {
    const auto role = static_cast<bench_role>(r);
    const bench_array array = bench_array_of(&c, role);
    if (array.count == 0 || !array.given) continue;
    data->bytes[role].resize(bench_array_bytes(&c, role));
    if (array.tensor) {
      const Table table(role, array.type);
      FillTensor(c.problem, table, data->bytes[role].data());
    } else if (role != BENCH_MEAN && role != BENCH_RSTD && role != BENCH_VAR) {
      FillVector(role, array.type, &data->bytes[role]);
    }
  }
  if (c.pass == WN_BACKWARD) FillStatistics(c.problem, Table(BENCH_X, c.problem.x_type), data);
}

}  // namespace
}  // namespace wn::bench

bench_data *bench_data_create(const bench_case *c) {
  try {
    auto data = std::make_unique<bench_data>();
    data->test_case = *c;
    wn::bench::Fill(data.get());
    return data.release();
  } catch (const std::bad_alloc &) {
    return nullptr;
  }
}

void bench_data_destroy(bench_data *data) { delete data; }

const void *bench_data_bytes(const bench_data *data, bench_role role) {
  return data->bytes[role].empty() ? nullptr : data->bytes[role].data();
}
