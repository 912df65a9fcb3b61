/* Who takes part. */
#ifndef BENCH_FIELD_H
#define BENCH_FIELD_H
#include "bench_measure.h"

/* Ours and the copy, and of the others those that `names` (with commas between them) lists, or without names all that
 * run on the backend. A fault that points at a name which there is not, or which the backend does not have. */
bool bench_field_choose(bench_field *field, const char *names, wn_backend backend, bench_fault *fault);

#endif
