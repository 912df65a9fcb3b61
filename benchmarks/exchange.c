/* What a sync plan's exchange takes, over the processes of mpirun:
 *
 *   mpirun -n 4 wn_exchange [SECONDS]
 *
 * For each number of channels a line of CSV on rank 0: the collective alone, through the adapter for MPI, and a call of
 * wn_train on the processor with a share of samples, of a plan of its own and of a sync plan. A sample is as many runs
 * as take about a millisecond, one after the other, on rank 0's clock: ranks that have to wait for one another are in
 * step, so it is every rank's. SECONDS is for each figure. scripts/exchange runs it with 1 to 8 ranks. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench_stats.h"
#include "warpnorm_mpi.h"

enum { LEAST_CHANNELS = 64, MOST_CHANNELS = 4096, SAMPLES = 16, POSITIONS = 49, MOST_TIMES = 1000 };
static const double limit = 60; /* seconds for an exchange: nobody shall be that late */

typedef struct bench {
  wn_device *device;
  const wn_comm *comm;
  double seconds;
  int64_t channels;
  size_t bytes;     /* of a message */
  void *mine, *all; /* what is exchanged */
  wn_plan *plan;    /* of the pass that is timed */
  void *x, *y, *work;
  size_t work_bytes;
} bench;

static void require(wn_status status, const char *what) {
  if (status == WN_OK) return;
  (void)fprintf(stderr, "wn_exchange: %s: %s: %s\n", what, wn_status_text(status), wn_last_error());
  (void)MPI_Abort(MPI_COMM_WORLD, 1);
  exit(1);
}

static void *take(const bench *b, size_t bytes) {
  void *memory = NULL;
  require(wn_buffer_alloc(b->device, &memory, bytes, NULL), "wn_buffer_alloc");
  return memory;
}

static void give_back(const bench *b, void *memory) { (void)wn_buffer_free(b->device, memory, NULL); }

/* ---- what is timed ---------------------------------------------------------------------------------------------- */

static wn_status exchange(bench *b) { return b->comm->all_gather(b->comm->context, b->mine, b->all, b->bytes, NULL); }

static wn_status train(bench *b) {
  wn_forward_args args = WN_FORWARD_INIT;
  args.x = b->x;
  args.y = b->y;
  return wn_train(b->plan, &args, b->work, b->work_bytes, NULL);
}

/* Seconds of so many runs, on every rank: those of rank 0. */
static double time_of(bench *b, wn_status (*run)(bench *), int64_t runs) {
  (void)MPI_Barrier(MPI_COMM_WORLD);
  const double start = MPI_Wtime();
  for (int64_t i = 0; i < runs; i++) require(run(b), "a run");
  double taken = MPI_Wtime() - start;
  (void)MPI_Bcast(&taken, 1, MPI_DOUBLE, 0, MPI_COMM_WORLD);
  return taken;
}

/* Microseconds of a run: the median, and between which nine of ten samples lie. */
static void measure(bench *b, wn_status (*run)(bench *), double figures[3]) {
  double times[MOST_TIMES];
  int64_t runs = 1;
  int count = 0;
  (void)time_of(b, run, runs); /* the first run is like no other */
  while (time_of(b, run, runs) < 1e-3 && runs < 100000) runs *= 2;
  for (double all = 0; count < MOST_TIMES && (all < b->seconds || count < 5);) {
    const double taken = time_of(b, run, runs);
    all += taken;
    times[count++] = 1e6 * taken / (double)runs;
  }
  const double parts[3] = {0.5, 0.05, 0.95};
  for (int i = 0; i < 3; i++) figures[i] = bench_quantile(times, count, parts[i]);
}

static void measure_train(bench *b, bool shared, double figures[3]) {
  wn_problem problem = WN_PROBLEM_INIT;
  problem.kind = WN_BATCH;
  problem.layout = WN_NXC;
  problem.n = SAMPLES;
  problem.c = b->channels;
  problem.x = POSITIONS;
  require(shared ? wn_plan_create_sync(&b->plan, b->device, &problem, b->comm)
                 : wn_plan_create(&b->plan, b->device, &problem),
          "a plan");
  b->work_bytes = wn_plan_workspace(b->plan, WN_TRAIN);
  b->work = take(b, b->work_bytes);
  measure(b, train, figures);
  give_back(b, b->work);
  wn_plan_destroy(b->plan);
}

/* ---- the table -------------------------------------------------------------------------------------------------- */

static void print_figures(FILE *out, const double figures[3]) {
  (void)fprintf(out, ",%.2f,%.2f,%.2f", figures[0], figures[1], figures[2]);
}

static void measure_channels(bench *b) {
  const size_t elements = (size_t)SAMPLES * POSITIONS * (size_t)b->channels;
  double gather[3], own[3], shared[3];
  b->bytes = 24 + 8 * (size_t)b->channels; /* as warpnorm.h states it */
  b->mine = take(b, b->bytes);
  b->all = take(b, b->bytes * (size_t)b->comm->ranks);
  b->x = take(b, elements * sizeof(float));
  b->y = take(b, elements * sizeof(float));
  float *const values = calloc(elements, sizeof *values);
  if (!values) require(WN_ERR_MEMORY, "numbers");
  for (size_t i = 0; i < elements; i++) values[i] = (float)(i % 251);
  require(wn_buffer_write(b->device, b->x, values, elements * sizeof *values, NULL), "wn_buffer_write");
  free(values);
  measure(b, exchange, gather);
  measure_train(b, false, own);
  measure_train(b, true, shared);
  if (b->comm->rank == 0) {
    printf("%d,%lld,%zu", b->comm->ranks, (long long)b->channels, b->bytes);
    print_figures(stdout, gather);
    print_figures(stdout, own);
    print_figures(stdout, shared);
    printf("\n");
    (void)fflush(stdout);
  }
  give_back(b, b->y);
  give_back(b, b->x);
  give_back(b, b->all);
  give_back(b, b->mine);
}

static void print_header(void) {
  printf("ranks,channels,bytes");
  const char *const what[] = {"exchange", "train", "sync_train"};
  for (int i = 0; i < 3; i++) printf(",%s_us,%s_us_5%%,%s_us_95%%", what[i], what[i], what[i]);
  printf("\n");
}

int main(int argc, char **argv) {
  bench b = {.seconds = argc > 1 ? strtod(argv[1], NULL) : 0.2};
  wn_mpi *mpi = NULL;
  (void)MPI_Init(&argc, &argv);
  require(wn_device_open(&b.device, WN_CPU, 0), "wn_device_open");
  require(wn_mpi_open(&mpi, b.device, MPI_COMM_WORLD, limit), "wn_mpi_open");
  b.comm = wn_mpi_comm(mpi);
  if (b.comm->rank == 0) print_header();
  for (b.channels = LEAST_CHANNELS; b.channels <= MOST_CHANNELS; b.channels *= 2) measure_channels(&b);
  require(wn_mpi_close(mpi), "wn_mpi_close");
  wn_device_close(b.device);
  return MPI_Finalize();
}
