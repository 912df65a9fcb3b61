// A problem's kind, layout and sizes, for the tests of the host's insides.
#ifndef WARPNORM_TESTS_HOST_SHAPE_H
#define WARPNORM_TESTS_HOST_SHAPE_H
#include <cstdint>

#include "warpnorm.h"

namespace wn::test {

struct Shape {
  wn_kind kind;
  wn_layout layout;
  std::int64_t n, c, x, groups, parts;
};

inline wn_problem ProblemOf(const Shape &s) {
  wn_problem p = WN_PROBLEM_INIT;
  p.kind = s.kind;
  p.layout = s.layout;
  p.n = s.n;
  p.c = s.c;
  p.x = s.x;
  p.groups = s.groups;
  p.parts = s.parts;
  return p;
}

}  // namespace wn::test

#endif
