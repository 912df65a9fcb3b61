/* Trains the same network three ways, and says how far the second and the third are from the first:
 *
 *   one process     every sample of a batch in one process
 *   SyncBN          the batch shared out unevenly among the ranks, statistics of all samples
 *   local           the same, each rank with the statistics of its own samples
 *
 *   mpirun -n 4 ./training
 *
 * The status is 0 when SyncBN has done what one process does, to rounding. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <warpnorm_mpi.h>

#include "network.h"

enum { BATCH = 48, STEPS = 20 };
static const float rate = 0.5f;
static const double rounding = 1e-5; /* of weights of order 1, after 20 steps */

static _Noreturn void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, wn_last_error());
  MPI_Abort(MPI_COMM_WORLD, 1);
  exit(1);
}

/* ---- samples ---------------------------------------------------------------------------------------------------- */

static float noise(uint32_t *state) {
  float sum = 0;
  for (int i = 0; i < 4; i++) {
    *state = *state * 1664525u + 1013904223u;
    sum += (float)(*state >> 8) / (float)(1 << 23) - 1;
  }
  return sum;
}

/* Classes come one after the other, so that neighbouring samples are unlike, and so are the ranks' shares. */
static void fill(int64_t first, int64_t samples, float *x, int *label) {
  for (int64_t i = 0; i < samples; i++) {
    uint32_t state = (uint32_t)(first + i) * 2654435761u;
    label[i] = (int)((first + i) % BATCH * CLASSES / BATCH);
    for (int f = 0; f < FEATURES; f++) x[i * FEATURES + f] = noise(&state) + (f % CLASSES == label[i] ? 2.0f : 0.0f);
  }
}

/* Rank r has r + 1 shares of a batch. */
static int64_t first_of(int rank, int ranks) {
  return (int64_t)BATCH * rank * (rank + 1) / ((int64_t)ranks * (ranks + 1));
}

/* ---- training --------------------------------------------------------------------------------------------------- */

typedef struct run {
  network net;
  int rank, ranks; /* 0, 1: alone */
  double loss;     /* of the last step */
} run;

static void add_over_ranks(weights *gradient, double *loss) {
  weights sum;
  double whole;
  MPI_Allreduce(gradient, &sum, WEIGHTS, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
  MPI_Allreduce(loss, &whole, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  *gradient = sum;
  *loss = whole;
}

static void train_step(run *r, int step) {
  float x[BATCH * FEATURES];
  int label[BATCH];
  const int64_t begin = first_of(r->rank, r->ranks), end = first_of(r->rank + 1, r->ranks);
  const batch mine = {end - begin, x, label};
  weights gradient;
  fill((int64_t)step * BATCH + begin, mine.samples, x, label);
  if (network_gradient(&r->net, &mine, BATCH, &gradient, &r->loss) != WN_OK) fail("a step");
  if (r->ranks > 1) add_over_ranks(&gradient, &r->loss);
  network_step(&r->net, &gradient, rate);
}

static double furthest(const network *a, const network *b) {
  float first[WEIGHTS], second[WEIGHTS];
  double most = 0;
  memcpy(first, &a->value, sizeof first);
  memcpy(second, &b->value, sizeof second);
  for (int i = 0; i < WEIGHTS; i++) most = fmax(most, fabs((double)first[i] - (double)second[i]));
  return most;
}

static double train_all(wn_device *device, const wn_comm *comm) {
  run one = {.rank = 0, .ranks = 1}, sync = {.rank = comm->rank, .ranks = comm->ranks}, local = sync;
  if (network_open(&one.net, device, NULL, BATCH) != WN_OK) fail("one process");
  if (network_open(&sync.net, device, comm, BATCH) != WN_OK) fail("SyncBN");
  if (network_open(&local.net, device, NULL, BATCH) != WN_OK) fail("local");
  if (comm->rank == 0) printf("step   loss: one process      SyncBN       local\n");
  for (int step = 0; step < STEPS; step++) {
    train_step(&one, step);
    train_step(&sync, step);
    train_step(&local, step);
    if (comm->rank == 0 && step % 4 == 0)
      printf("%4d  %17.6f  %10.6f  %10.6f\n", step + 1, one.loss, sync.loss, local.loss);
  }
  const double off = furthest(&one.net, &sync.net);
  if (comm->rank == 0)
    printf("largest difference of a weight from the one process: SyncBN %.1e, local %.1e\n", off,
           furthest(&one.net, &local.net));
  network_close(&one.net);
  network_close(&sync.net);
  network_close(&local.net);
  return off;
}

int main(int argc, char **argv) {
  wn_device *device = NULL;
  wn_mpi *mpi = NULL;
  MPI_Init(&argc, &argv);
  if (wn_device_open(&device, WN_CPU, 0) != WN_OK) fail("the processor");
  if (wn_mpi_open(&mpi, device, MPI_COMM_WORLD, 60) != WN_OK) fail("the ranks");
  const double off = train_all(device, wn_mpi_comm(mpi));
  wn_mpi_close(mpi);
  wn_device_close(device);
  MPI_Finalize();
  return off > rounding;
}
