/* Batch normalization over the GPUs of NCCL's ranks; here one rank in one process, which a program with more of them
 * makes as NCCL's manual says. Any of these builds it, with NCCL and CUDA's runtime from wherever the program takes
 * them:
 *
 *   cmake -S . -B build -DCMAKE_PREFIX_PATH=<prefix> && cmake --build build
 *   cc link_nccl.c $(pkg-config --cflags --libs warpnorm_nccl) -lnccl -lcudart -o link_nccl
 *
 * Samples 1, 2, 3 and 4 of one channel. Status 77: there is no GPU that the library can use. */
#include <cuda_runtime_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <warpnorm_nccl.h>

enum { SAMPLES = 4 };

static void check(wn_status status) {
  if (status == WN_OK) return;
  fprintf(stderr, "warpnorm: %s: %s\n", wn_status_text(status), wn_last_error());
  exit(status == WN_ERR_NO_DEVICE ? 77 : 1);
}

static void check_nccl(ncclResult_t result) {
  if (result == ncclSuccess) return;
  fprintf(stderr, "NCCL: %s\n", ncclGetErrorString(result));
  exit(1);
}

static void check_cuda(cudaError_t error) {
  if (error == cudaSuccess) return;
  fprintf(stderr, "CUDA: %s\n", cudaGetErrorString(error));
  exit(1);
}

/* Of this rank's samples, with the statistics of all ranks'. */
static void normalize(wn_device *device, const wn_comm *ranks, cudaStream_t stream, float values[SAMPLES]) {
  wn_problem problem = WN_PROBLEM_INIT;
  problem.kind = WN_BATCH;
  problem.n = SAMPLES;
  problem.c = 1;
  wn_plan *plan = NULL;
  check(wn_plan_create_sync(&plan, device, &problem, ranks));
  const size_t bytes = SAMPLES * sizeof *values, work_bytes = wn_plan_workspace(plan, WN_TRAIN);
  void *tensor = NULL, *work = NULL;
  check(wn_buffer_alloc(device, &tensor, bytes, stream));
  check(wn_buffer_alloc(device, &work, work_bytes, stream));
  check(wn_buffer_write(device, tensor, values, bytes, stream));
  wn_forward_args args = WN_FORWARD_INIT;
  args.x = args.y = tensor;
  check(wn_train(plan, &args, work, work_bytes, stream));
  check(wn_buffer_read(device, values, tensor, bytes, stream));
  check(wn_plan_sync_status(plan, stream));
  check(wn_buffer_free(device, work, stream));
  check(wn_buffer_free(device, tensor, stream));
  wn_plan_destroy(plan);
}

int main(void) {
  float values[SAMPLES] = {1, 2, 3, 4};
  int version = 0;
  check_nccl(ncclGetVersion(&version));
  printf("NCCL %d\n", version);
  fflush(stdout);
  wn_device *device = NULL;
  check(wn_device_open(&device, WN_CUDA, 0));
  ncclUniqueId id;
  ncclComm_t comm = NULL;
  wn_nccl *nccl = NULL;
  cudaStream_t stream = NULL;
  check_cuda(cudaSetDevice(0));
  check_cuda(cudaStreamCreate(&stream));
  check_nccl(ncclGetUniqueId(&id));
  check_nccl(ncclCommInitRank(&comm, 1, id, 0));
  check(wn_nccl_open(&nccl, device, comm, 60));
  normalize(device, wn_nccl_comm(nccl), stream, values);
  for (int i = 0; i < SAMPLES; i++) printf("%.3f%c", values[i], i + 1 < SAMPLES ? ' ' : '\n');
  check(wn_nccl_close(nccl));
  check_nccl(ncclCommDestroy(comm));
  check_cuda(cudaStreamDestroy(stream));
  wn_device_close(device);
  return 0;
}
