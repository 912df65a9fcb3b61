#ifndef WN_SIMT_SPEED_H
#define WN_SIMT_SPEED_H
#include <stddef.h>

struct speed_job {
  const float *x;
  float *y;
  int times;
};
struct speed_case {
  const char *what;
  const void *kernel;
  int times, parts; /* of the loop; things in it to share the time */
};
extern "C" {
extern const struct speed_case speed_cases[];
extern const size_t speed_count;
}
#endif
