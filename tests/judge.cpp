#include "judge.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

namespace wn::test {

Verdict Judge(wn_dtype type, real value, real tolerance, double actual) {
  if (std::isnan(value)) return {std::isnan(actual), 0};
  if (std::isinf(value)) return {Round(type, value) == actual, 0};
  const real infinity = std::numeric_limits<real>::infinity();
  if (!std::isfinite(tolerance) || std::isnan(actual)) return {false, infinity};
  if (actual == Round(type, value)) return {true, 0};
  const bool right = Round(type, value - tolerance) <= actual && actual <= Round(type, value + tolerance);
  // What is left of the error when its rounding is taken off. Near powers of two, where ulps change, off by a little.
  const real error = std::fabs(actual - value) - HalfUlp(type, actual);
  const real ratio = error > 0 ? error / tolerance : 0;
  return {right, right ? std::min<real>(ratio, 1) : std::max<real>(ratio, 1.001L)};
}

real FullTolerance(wn_dtype type, real value, real tolerance) {
  return tolerance + HalfUlp(type, std::fabs(value) + tolerance);
}

Comparison Compare(const Expected &expected, const std::vector<double> &actual) {
  Comparison c;
  std::ostringstream text;
  text.precision(12);
  if (actual.size() != expected.value.size()) {
    c.wrong = 1;
    c.worst = std::numeric_limits<real>::infinity();
    text << actual.size() << " values instead of " << expected.value.size();
  }
  for (std::size_t i = 0; c.worst >= 0 && i < actual.size() && i < expected.value.size(); i++) {
    const Verdict v = Judge(expected.type, expected.value[i], expected.tolerance[i], actual[i]);
    c.worst = std::max(c.worst, v.ratio);
    if (v.right || (expected.infinity_or_nan && std::isinf(expected.value[i]) && !std::isfinite(actual[i]))) continue;
    if (c.wrong++ == 0)
      text << "[" << i << "] is " << actual[i] << ", expected " << expected.value[i] << " +- "
           << FullTolerance(expected.type, expected.value[i], expected.tolerance[i]);
  }
  if (c.wrong > 0) text << "; " << c.wrong << " of " << expected.value.size() << " wrong";
  c.text = text.str();
  return c;
}

}  // namespace wn::test
