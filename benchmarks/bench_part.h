// Which elements of a case the oracle is asked about: all of a small one; of a large one a part that is a problem of
// its own, with whole sets or with all that adds up to a parameter's gradient.
#ifndef BENCH_PART_H
#define BENCH_PART_H
#include <cstdint>
#include <set>
#include <vector>

#include "bench_data.h"

namespace wn::bench {

struct Part {
  wn_problem problem;                 // of the chosen indices alone
  std::vector<std::int64_t> n, c, x;  // of the case
  std::set<bench_role> judged;        // what the part knows the right answer of
};

// One or two parts that together judge every result of the case.
std::vector<Part> PartsOf(const bench_case &c);

// The largest case that is judged whole, and about the size of a part, in elements.
constexpr std::int64_t kPartElements = std::int64_t{1} << 18;

}  // namespace wn::bench
#endif
