/* The header's rules about the arguments of a call. Nothing below these functions sees a user's error. */
#ifndef WNI_CHECK_ARGS_H
#define WNI_CHECK_ARGS_H
#include "plan.h"

typedef struct wni_work {
  void *data;
  size_t bytes;
} wni_work;

/* *n: the samples of the call. */
wn_status wni_check_forward(const wn_plan *plan, wn_pass pass, const wn_forward_args *args, wni_work work, int64_t *n);
wn_status wni_check_backward(const wn_plan *plan, wn_pass pass, const wn_backward_args *args, wni_work work,
                             int64_t *n);

#endif
