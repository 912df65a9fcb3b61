// Problems as one line of text, so that a rule is one row of a table: "group layout=nxc groups=4 x_stride.row=2^40".
#ifndef WN_TESTS_API_PROBLEM_SPEC_H
#define WN_TESTS_API_PROBLEM_SPEC_H
#include <string>

#include "warpnorm.h"

namespace wn {

// The kind, then what differs from 4 samples of 6 channels at 5 positions, channels first, f32 (3 groups for "group").
// Fields are those of wn_problem; values are numbers, 2^k, max (of int64), nan, inf, or an enumerator in lower case
// without its prefix. A number is written into an enum as it is, whether or not the enum has that value.
wn_problem ApiProblem(const std::string &spec);

}  // namespace wn
#endif
