// All that a pass of a case must return, by the names of the arguments.
#ifndef WN_TESTS_EXPECTED_H
#define WN_TESTS_EXPECTED_H
#include <map>
#include <string>

#include "cases.h"
#include "judge.h"

namespace wn::test {

struct Expectation {
  std::map<std::string, Expected> outputs;  // the numbers; the mask is bits that only backward reads
  std::int64_t batches_seen = 0;
};

// shares: the samples of each rank of a sync plan, which exchange what they know of their own; empty: no such plan.
Expectation ExpectedOf(const Case &c, wn_pass pass, const Given &in, const std::vector<std::int64_t> &shares = {});

}  // namespace wn::test
#endif
