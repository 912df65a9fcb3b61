/* What every planner and kernel needs of whole numbers. */
#ifndef WNI_INTEGER_H
#define WNI_INTEGER_H
#include <stdint.h>

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
/* a >= 0, b > 0 */
static inline int64_t ceil_div(int64_t a, int64_t b) { return a / b + (a % b != 0); }
static inline int64_t round_up(int64_t a, int64_t unit) { return ceil_div(a, unit) * unit; }

#endif
