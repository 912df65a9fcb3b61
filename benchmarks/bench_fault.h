/* What went wrong, for a person: one sentence, and for words that a user typed the line with the word underlined. */
#ifndef BENCH_FAULT_H
#define BENCH_FAULT_H
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bench_fault {
  char text[1024];
} bench_fault;

/* Always false, so that a caller can return it. */
__attribute__((format(printf, 2, 3))) bool bench_fault_set(bench_fault *fault, const char *format, ...);

/* The same, with `line` below it and the `length` characters from `at` on underlined. */
__attribute__((format(printf, 5, 6))) bool bench_fault_point(bench_fault *fault, const char *line, size_t at,
                                                             size_t length, const char *format, ...);

#ifdef __cplusplus
}
#endif

#endif
