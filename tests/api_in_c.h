/* The interface as a C program sees it: api_in_c.c is compiled as C11, the tests ask it. Integers stand for enums, so
 * that values which an enum does not have can be passed. */
#ifndef WN_TESTS_API_IN_C_H
#define WN_TESTS_API_IN_C_H
#include "warpnorm.h"
#ifdef __cplusplus
extern "C" {
#endif

const char *wn_api_status_text(int status);
wn_status wn_api_device_open(wn_device **device, int backend, int ordinal);
size_t wn_api_plan_workspace(const wn_plan *plan, int pass);
wn_status wn_api_plan_explain(const wn_plan *plan, int pass, char *text, size_t size);

int wn_api_version_in_c(void);
wn_problem wn_api_problem_in_c(void);
wn_forward_args wn_api_forward_in_c(void);
wn_backward_args wn_api_backward_in_c(void);

/* Layer norm of the row 1 2 3 4 by a program in C; the status, and y in y[4]. */
wn_status wn_api_row_in_c(float *y);

#ifdef __cplusplus
}
#endif
#endif
