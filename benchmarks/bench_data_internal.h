#ifndef BENCH_DATA_INTERNAL_H
#define BENCH_DATA_INTERNAL_H
#include <array>
#include <vector>

#include "bench_data.h"
#include "tests/types.h"

struct bench_data {
  bench_case test_case;
  std::array<std::vector<std::uint8_t>, BENCH_ROLES> bytes;  // of what is given
};

#endif
