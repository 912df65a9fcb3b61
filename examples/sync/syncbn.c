/* Batch normalization over the samples of all processes, in as few lines as it takes: each rank brings rank + 1 samples
 * of 2 channels, and all of them are normalized with one mean and variance.
 *
 *   mpicc syncbn.c $(pkg-config --cflags --libs warpnorm_mpi) -o syncbn
 *   mpirun -n 3 ./syncbn */
#include <stdio.h>
#include <warpnorm_mpi.h>

enum { CHANNELS = 2, MOST_SAMPLES = 64 };

static wn_status normalize(wn_device *device, const wn_comm *comm, int64_t n, const float *x, float *y) {
  wn_problem problem = WN_PROBLEM_INIT; /* the same on every rank, but for n */
  problem.kind = WN_BATCH;
  problem.n = n;
  problem.c = CHANNELS;
  const size_t bytes = (size_t)n * CHANNELS * sizeof(float);
  void *device_x = NULL, *device_y = NULL, *work = NULL;
  wn_plan *plan = NULL;
  wn_status s = wn_plan_create_sync(&plan, device, &problem, comm); /* on every rank */
  const size_t work_bytes = wn_plan_workspace(plan, WN_TRAIN);
  if (s == WN_OK) s = wn_buffer_alloc(device, &device_x, bytes, NULL);
  if (s == WN_OK) s = wn_buffer_alloc(device, &device_y, bytes, NULL);
  if (s == WN_OK) s = wn_buffer_alloc(device, &work, work_bytes, NULL);
  if (s == WN_OK) s = wn_buffer_write(device, device_x, x, bytes, NULL);
  wn_forward_args args = WN_FORWARD_INIT;
  args.x = device_x;
  args.y = device_y;
  if (s == WN_OK) s = wn_train(plan, &args, work, work_bytes, NULL); /* on every rank */
  if (s == WN_OK) s = wn_buffer_read(device, y, device_y, bytes, NULL);
  if (s == WN_OK) s = wn_plan_sync_status(plan, NULL); /* waits, and says what went wrong between the ranks */
  wn_buffer_free(device, work, NULL);
  wn_buffer_free(device, device_y, NULL);
  wn_buffer_free(device, device_x, NULL);
  wn_plan_destroy(plan);
  return s;
}

int main(int argc, char **argv) {
  float x[MOST_SAMPLES][CHANNELS], y[MOST_SAMPLES][CHANNELS];
  wn_device *device = NULL;
  wn_mpi *mpi = NULL;
  MPI_Init(&argc, &argv);
  wn_status s = wn_device_open(&device, WN_AUTO, 0);
  if (s == WN_OK) s = wn_mpi_open(&mpi, device, MPI_COMM_WORLD, 60); /* a rank that is 60 s late is lost */
  const int rank = s == WN_OK ? wn_mpi_comm(mpi)->rank : 0;
  const int n = rank + 1 < MOST_SAMPLES ? rank + 1 : MOST_SAMPLES;
  for (int i = 0; i < n; i++) {
    x[i][0] = (float)(rank + i);
    x[i][1] = (float)(10 * rank * i);
  }
  if (s == WN_OK) s = normalize(device, wn_mpi_comm(mpi), n, &x[0][0], &y[0][0]);
  if (s != WN_OK) fprintf(stderr, "rank %d: %s: %s\n", rank, wn_status_text(s), wn_last_error());
  for (int i = 0; i < n && s == WN_OK; i++) printf("rank %d: %.3f %.3f\n", rank, y[i][0], y[i][1]);
  if (s != WN_OK) MPI_Abort(MPI_COMM_WORLD, 1); /* what was lost cannot be finalized */
  wn_mpi_close(mpi);
  wn_device_close(device);
  return MPI_Finalize();
}
