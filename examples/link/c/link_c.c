/* A program of its own that uses an installed warpnorm from C. Any of these builds it:
 *
 *   cmake -S . -B build -DCMAKE_PREFIX_PATH=<prefix> && cmake --build build
 *   cc link_c.c $(pkg-config --cflags --libs warpnorm)
 *   cc -static link_c.c $(pkg-config --static --cflags --libs warpnorm)
 *   cc link_c.c -lwarpnorm
 *
 * It normalizes two rows (layer norm) and says what comes out. */
#include <stdio.h>
#include <warpnorm.h>

enum { ROWS = 2, CHANNELS = 4 };

static wn_status normalize(wn_device *device, const wn_plan *plan, const float *x, float *y, size_t bytes) {
  const size_t work_bytes = wn_plan_workspace(plan, WN_INFER);
  void *device_x = NULL;
  void *device_y = NULL;
  void *work = NULL;
  wn_status status = wn_buffer_alloc(device, &device_x, bytes, NULL);
  if (status == WN_OK) status = wn_buffer_alloc(device, &device_y, bytes, NULL);
  if (status == WN_OK) status = wn_buffer_alloc(device, &work, work_bytes, NULL);
  if (status == WN_OK) status = wn_buffer_write(device, device_x, x, bytes, NULL);

  wn_forward_args args = WN_FORWARD_INIT;
  args.x = device_x;
  args.y = device_y;
  if (status == WN_OK) status = wn_infer(plan, &args, work, work_bytes, NULL);
  if (status == WN_OK) status = wn_buffer_read(device, y, device_y, bytes, NULL);
  if (status == WN_OK) status = wn_stream_wait(device, NULL);

  wn_buffer_free(device, work, NULL);
  wn_buffer_free(device, device_y, NULL);
  wn_buffer_free(device, device_x, NULL);
  return status;
}

int main(void) {
  const float x[ROWS][CHANNELS] = {{1, 2, 3, 4}, {2, 0, 0, 0}};
  float y[ROWS][CHANNELS];
  wn_problem problem = WN_PROBLEM_INIT;
  problem.kind = WN_LAYER;
  problem.n = ROWS;
  problem.c = CHANNELS;

  wn_device *device = NULL;
  wn_plan *plan = NULL;
  wn_status status = wn_device_open(&device, WN_AUTO, 0);
  if (status == WN_OK) status = wn_plan_create(&plan, device, &problem);
  if (status == WN_OK) status = normalize(device, plan, &x[0][0], &y[0][0], sizeof x);
  if (status == WN_OK) {
    printf("warpnorm %d\n", wn_version());
    for (int row = 0; row < ROWS; row++) {
      printf("%.3f %.3f %.3f %.3f\n", y[row][0], y[row][1], y[row][2], y[row][3]);
    }
  } else {
    fprintf(stderr, "%s: %s\n", wn_status_text(status), wn_last_error());
  }
  wn_plan_destroy(plan);
  wn_device_close(device);
  return status != WN_OK;
}
