/* A wn_problem, checked, its defaults filled in; and the geometry that it means. */
#ifndef WNI_PROBLEM_H
#define WNI_PROBLEM_H
#include "call.h"

typedef struct wni_problem {
  wn_problem given; /* a copy, every 0 that means a default replaced: strides, types, parts */
  wni_types types;
  bool running;  /* running statistics: infer and frozen backward read them */
  bool backward; /* dy has a type */
  bool has_mask; /* relu, leaky relu */
  int ranks;     /* whose samples share the statistics that a pass computes; 0: no sync plan */
} wni_problem;

/* check_problem.c: every rule of the header about problems. */
wn_status wni_problem_resolve(const wn_problem *given, wni_problem *out);

/* The only place that knows kinds. p is resolved. `parts` is 1 for passes that read running statistics. n may be 0. */
wni_geometry wni_geometry_make(const wn_problem *p, int64_t n, int64_t parts);

/* How that geometry lies in a tensor of the given (resolved) stride. */
wni_view wni_view_make(const wn_problem *p, int64_t n, int64_t parts, wn_stride stride);

#endif
