// The one list of cases that every backend is tested with.
#ifndef WN_TESTS_CASES_H
#define WN_TESTS_CASES_H
#include <string>
#include <vector>

#include "oracle.h"

namespace wn::test {

enum class Data {
  kNormal,    // of order 1, a mean of its own in each channel
  kOffset,    // far from 0: 10^6 + N(0,1) in f32 and f64, as far as the type can say in 16 bits
  kLarge,     // magnitudes near 65504
  kTiny,      // near the smallest normal f16, so that eps matters
  kConstant,  // all elements of a set alike
  kOutlier,   // as many elements as there are sets are 10^4 times the others
  kNan,       // a NaN in one set
  kInfinity   // an infinity in one set
};
constexpr int kDataCount = 8;
const char *DataName(Data data);

struct Case {
  wn_problem problem = WN_PROBLEM_INIT;  // n is the plan's
  std::int64_t n = 0;                    // of the calls, at most the plan's
  Data data = Data::kNormal;
  std::int64_t shift = 0;  // elements by which every buffer is off the allocation's alignment
  bool gamma = true, beta = true;
  bool running = true;    // wn_train: running statistics are given
  bool saved = true;      // wn_train: mean and rstd are asked for
  bool infer_sum = true;  // wn_infer with WN_ADD_BEFORE: the sum is stored
  bool dsum = true;       // backward with WN_ADD_BEFORE
  bool mask = false;      // backward takes the signs from the mask of the forward call
  bool amax = true;       // f8 y
  double y_scale = 0;     // f8 y; 0: none given
  std::int64_t batches_seen = 3;
  std::uint32_t seed = 1;

  std::string Name() const;  // one line that tells it from every other case
  bool HasPass(wn_pass pass) const;
};

// A few thousand small ones, and some that are not small.
const std::vector<Case> &Cases();

// What the passes are given. For the backward passes x is the stored sum and mean, rstd are what the oracle's forward
// pass of the case saves. What a pass must not read is NaN.
Given MakeForwardGiven(const Case &c, wn_pass pass);
Given MakeBackwardGiven(const Case &c, wn_pass pass);

const char *KindName(wn_kind kind);
const char *PassName(wn_pass pass);

}  // namespace wn::test
#endif
