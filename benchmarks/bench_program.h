/* wn_bench: from the command line to the exit status. */
#ifndef BENCH_PROGRAM_H
#define BENCH_PROGRAM_H

int bench_program(int count, char **words);

#endif
