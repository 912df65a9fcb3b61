// wn_bench on the smallest of the emulated GPUs, whose time is nobody's.
#include "tests/simt/simt.h"

extern "C" {
#include "benchmarks/bench_program.h"
}

int main(int count, char **words) {
  wn::simt::set_devices({wn::simt::toy()});
  return bench_program(count, words);
}
