#include "bench_program.h"

int main(int count, char **words) { return bench_program(count, words); }
