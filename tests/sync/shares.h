// A case of batch norm whose samples are shared out among ranks: what each is given, and what must come out.
#ifndef WN_TESTS_SYNC_SHARES_H
#define WN_TESTS_SYNC_SHARES_H
#include <cstdint>
#include <string>
#include <vector>

#include "tests/expected.h"
#include "tests/run_report.h"
#include "tests/runner.h"

namespace wn::test {

struct SharedCase {
  Case joined;                       // one part
  std::vector<std::int64_t> shares;  // samples of each rank, joined.n in all

  int ranks() const { return static_cast<int>(shares.size()); }
  std::int64_t first(int rank) const;  // sample of a rank
  Case of_rank(int rank) const;        // its n, and for some ranks a plan for one more
  std::string Name() const;
};

// Batch norm of the one list, up to so many elements (more than `least`), shared out among `ranks` ranks (0: 1, 2, 3, 4
// and 7 in turn) in uneven parts, of which some are empty. Of many every k-th with WN_TEST_EVERY.
std::vector<SharedCase> SharedCases(int ranks, std::int64_t least, std::int64_t most);

// What is given to all ranks together, and a rank's part of it.
Given JoinedGiven(const SharedCase &c, wn_pass pass);
Given PartOf(const SharedCase &c, int rank, const Given &joined);

// Runs the pass of a rank, together with the other ranks.
Result RunRank(const SharedCase &c, wn_pass pass, const wn_comm &comm, const Given &joined);

// What all ranks together must return.
Expectation JoinedExpectation(const SharedCase &c, wn_pass pass, const Given &joined);

// Of one rank's results: its part of the tensors, and statistics as those of all. Complaints, empty when all is right.
std::string JudgeRank(const SharedCase &c, wn_pass pass, int rank, const Given &joined, const Expectation &all,
                      const Result &result, Report *report);

// Whether an output is that of all ranks, with the same bits on each.
bool IsStatistic(const std::string &output);

}  // namespace wn::test
#endif
