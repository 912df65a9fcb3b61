/* Which processor it is, where its name is shared by many: virtual machines often say no more than "Xeon". */
#ifndef BENCH_PROCESSOR_H
#define BENCH_PROCESSOR_H

typedef struct bench_processor {
  char name[128];
  char model[128];            /* vendor and numbers: "GenuineIntel, family 6, model 207, stepping 2" */
  char instruction_sets[512]; /* those for vectors and matrices, in the order of the file */
} bench_processor;

/* What a file like /proc/cpuinfo says of its first processor; empty where it says nothing. */
void bench_processor_read(const char *path, bench_processor *p);

#endif
