/* Who takes part. */
#ifndef BENCH_FIELD_H
#define BENCH_FIELD_H
#include "bench_measure.h"

/* Ours and the copy, and of the others those that `names` (with commas between them) lists, or without names all that
 * run on the backend. A fault that points at a name which there is not, or which the backend does not have. */
bool bench_field_choose(bench_field *field, const char *names, wn_backend backend, bench_fault *fault);

/* Peer i made ready for a case; NULL: `reason` says why it cannot be used, cannot do it, or has failed to. */
void *bench_field_prepare(const bench_field *field, int i, const bench_setup *setup, char *reason, size_t size);

#endif
