/* Plans and devices as the host's own files see them. */
#ifndef WNI_PLAN_H
#define WNI_PLAN_H
#include "backend.h"
#include "problem.h"

struct wn_device {
  const wni_backend *backend;
  void *state; /* the backend's */
  char text[256];
};

enum { WNI_PASSES = WN_BACKWARD_FROZEN + 1 }; /* passes count from 1 */

struct wn_plan {
  wn_device *device;
  wni_problem problem;
  bool has_pass[WNI_PASSES];
  wni_plan_input input[WNI_PASSES]; /* for the plan's n */
  size_t workspace[WNI_PASSES];
  wni_sync *sync;             /* NULL: no sync plan */
  char range[WNI_PASSES][96]; /* what a profiler shows: "warpnorm layer train 64x768x196" */
};

/* A plan of a problem that is good, and of no others. */
wn_status wni_plan_make(wn_plan **out, wn_device *device, const wni_problem *problem);

/* sync.c. sync may be NULL. */
void wni_sync_destroy(const wn_device *device, wni_sync *sync);

/* The input of a pass for a call of n samples. */
wni_plan_input wni_plan_input_make(const wni_problem *problem, wn_pass pass, int64_t n);

#endif
