// Cases of a line of text, with f32, train and backward where it says nothing.
#ifndef BENCH_CASES_OF_H
#define BENCH_CASES_OF_H
#include <string>
#include <vector>

#include "bench_case.h"

namespace wn::bench {

std::vector<bench_case> CasesOf(const std::string &line);
bench_case CaseOf(const std::string &line);  // the first

}  // namespace wn::bench
#endif
