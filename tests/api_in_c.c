#include "api_in_c.h"

const char *wn_api_status_text(int status) { return wn_status_text((wn_status)status); }

wn_status wn_api_device_open(wn_device **device, int backend, int ordinal) {
  return wn_device_open(device, (wn_backend)backend, ordinal);
}

size_t wn_api_plan_workspace(const wn_plan *plan, int pass) { return wn_plan_workspace(plan, (wn_pass)pass); }

wn_status wn_api_plan_explain(const wn_plan *plan, int pass, char *text, size_t size) {
  return wn_plan_explain(plan, (wn_pass)pass, text, size);
}

#if WN_VERSION < 1
#error "WN_VERSION serves the preprocessor too"
#endif
int wn_api_version_in_c(void) { return WN_VERSION; }

wn_problem wn_api_problem_in_c(void) {
  const wn_problem p = WN_PROBLEM_INIT;
  return p;
}

wn_forward_args wn_api_forward_in_c(void) {
  const wn_forward_args a = WN_FORWARD_INIT;
  return a;
}

wn_backward_args wn_api_backward_in_c(void) {
  const wn_backward_args a = WN_BACKWARD_INIT;
  return a;
}

wn_status wn_api_row_in_c(float *y) {
  const float row[4] = {1, 2, 3, 4};
  wn_device *device = NULL;
  wn_plan *plan = NULL;
  void *memory = NULL, *work = NULL;
  size_t need = 0;
  wn_problem p = WN_PROBLEM_INIT;
  p.kind = WN_LAYER;
  p.n = 1;
  p.c = 4;
  wn_status s = wn_device_open(&device, WN_AUTO, 0);
  if (s == WN_OK) s = wn_plan_create(&plan, device, &p);
  if (s == WN_OK) need = wn_plan_workspace(plan, WN_INFER);
  if (s == WN_OK) s = wn_buffer_alloc(device, &work, need, NULL);
  if (s == WN_OK) s = wn_buffer_alloc(device, &memory, sizeof row, NULL);
  if (s == WN_OK) s = wn_buffer_write(device, memory, row, sizeof row, NULL);
  wn_forward_args a = WN_FORWARD_INIT;
  a.x = memory;
  a.y = memory; /* in place */
  if (s == WN_OK) s = wn_infer(plan, &a, work, need, NULL);
  if (s == WN_OK) s = wn_buffer_read(device, y, memory, sizeof row, NULL);
  if (s == WN_OK) s = wn_stream_wait(device, NULL);
  if (device) wn_buffer_free(device, memory, NULL);
  if (device) wn_buffer_free(device, work, NULL);
  wn_plan_destroy(plan);
  wn_device_close(device);
  return s;
}
