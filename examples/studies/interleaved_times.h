/* Times of calls that are compared with one another: all of them in turn, round after round, so that what disturbs the
 * machine for a while disturbs all alike. */
#ifndef INTERLEAVED_TIMES_H
#define INTERLEAVED_TIMES_H

#include <stdbool.h>
#include <stdint.h>

#include "fault.h"

enum { TIMES_MOST_ROUNDS = 64 };

typedef struct timed_call {
  bool (*call)(void *context, fault *);
  void *context;
  int calls;                         /* of one measurement: enough that the clock's steps do not show */
  double seconds[TIMES_MOST_ROUNDS]; /* of a call; sorted when all rounds are done */
} timed_call;

/* One round more comes first and is not counted: it touches the memory. */
bool times_measure(timed_call *, int count, int rounds, fault *);

#endif
