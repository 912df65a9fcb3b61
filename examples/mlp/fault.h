/* How a failure travels: a function that can fail returns false (or NULL) and leaves one sentence for the user here. */
#ifndef FAULT_H
#define FAULT_H

#include <stdbool.h>

#include "warpnorm.h"

typedef struct fault {
  char text[1024];
} fault;

/* Writes the sentence and returns false, so that `return fault_set(...)` is the whole of an error path. */
bool fault_set(fault *, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* True for WN_OK; otherwise false with `doing`, the status and the library's own message. */
bool fault_check(fault *, wn_status, const char *doing);

#endif
