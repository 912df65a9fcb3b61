// Whether what came out of a pass is right.
#ifndef WN_TESTS_JUDGE_H
#define WN_TESTS_JUDGE_H
#include <string>
#include <vector>

#include "types.h"

namespace wn::test {

// An output as it must come out: of this type, from these values, each known to these tolerances.
struct Expected {
  wn_dtype type = WN_F32;
  std::vector<real> value, tolerance;
  bool infinity_or_nan = false;  // an infinite value may as well come out as NaN: Inf - Inf on the way
};

struct Verdict {
  bool right;
  real ratio;  // how much of the tolerance is needed for `actual` to be right: more than 1 is wrong
};

// Right: between what value - tolerance and value + tolerance round to. So a result is not allowed to be a neighbour of
// the right one unless the tolerance reaches across the boundary between the two. NaN must be NaN; an infinite value
// must be what the type makes of it.
Verdict Judge(wn_dtype type, real value, real tolerance, double actual);

// The bound that one number can state: the tolerance and half an ulp.
real FullTolerance(wn_dtype type, real value, real tolerance);

struct Comparison {
  std::int64_t wrong = 0;
  real worst = 0;    // ratio
  std::string text;  // of the first wrong one
};
Comparison Compare(const Expected &expected, const std::vector<double> &actual);

}  // namespace wn::test
#endif
