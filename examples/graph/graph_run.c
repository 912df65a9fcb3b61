#include "graph_run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "graph_stack.h"

/* ---- the command line */

typedef struct graph_options {
  int64_t rows, channels, layers, steps, device;
} graph_options;

static const struct {
  const char *name, *help;
  size_t offset;
  int64_t initial, least, most;
} table[] = {
    {"--rows", "rows of a batch", offsetof(graph_options, rows), 64, 2, 1 << 20},
    {"--channels", "channels of a row", offsetof(graph_options, channels), 256, 1, 1 << 16},
    {"--layers", "normalizations, one after another", offsetof(graph_options, layers), 6, 1, GRAPH_MOST_LAYERS},
    {"--steps", "training steps of each run", offsetof(graph_options, steps), 200, 1, 1000000},
    {"--device", "which GPU, counted from 0", offsetof(graph_options, device), 0, 0, 1023},
};
enum { OPTION_COUNT = sizeof table / sizeof *table };

static int64_t *field(graph_options *o, int i) { return (int64_t *)((char *)o + table[i].offset); }

static void help(FILE *out) {
  fputs(
      "wn_graph: one training step of a stack of normalizations, run plainly and replayed as a CUDA graph.\n"
      "usage: wn_graph [--option N]...\n\n",
      out);
  for (int i = 0; i < OPTION_COUNT; i++) {
    fprintf(out, "  %-12s %s (%lld)\n", table[i].name, table[i].help, (long long)table[i].initial);
  }
  fputs("\nStatus: 0 the bits are the same, 1 they differ or a call failed, 2 a bad option, 77 no GPU to run on.\n",
        out);
}

static bool read_option(graph_options *o, int i, const char *value) {
  char *end = NULL;
  errno = 0;
  const long long number = value ? strtoll(value, &end, 10) : 0;
  *field(o, i) = number;
  if (value && end != value && *end == '\0' && errno == 0 && number >= table[i].least && number <= table[i].most) {
    return true;
  }
  fprintf(stderr, "wn_graph: %s: expected a whole number from %lld to %lld, got \"%s\"\n", table[i].name,
          (long long)table[i].least, (long long)table[i].most, value ? value : "");
  return false;
}

static bool read_options(graph_options *o, int count, char *const *words) {
  for (int i = 0; i < OPTION_COUNT; i++) *field(o, i) = table[i].initial;
  for (int w = 1; w < count; w += 2) {
    int i = 0;
    while (i < OPTION_COUNT && strcmp(words[w], table[i].name) != 0) i++;
    if (i == OPTION_COUNT) {
      fprintf(stderr, "wn_graph: unknown option \"%s\" (--help lists them)\n", words[w]);
      return false;
    }
    if (!read_option(o, i, w + 1 < count ? words[w + 1] : NULL)) return false;
  }
  return true;
}

/* ---- the two runs */

typedef struct timed_run {
  void *state;        /* after the last step */
  float milliseconds; /* of all steps, on the GPU's clock */
} timed_run;

/* One step, captured: nothing runs before the graph is launched. */
static bool capture(stack *s, cudaGraphExec_t *exec, size_t *nodes) {
  cudaGraph_t graph = NULL;
  if (!stack_check_cuda(cudaStreamBeginCapture(s->stream, cudaStreamCaptureModeThreadLocal), "beginning a capture"))
    return false;
  const bool enqueued = stack_step(s);
  /* Ended in any case: the stream would stay in capture. */
  const bool made = stack_check_cuda(cudaStreamEndCapture(s->stream, &graph), "ending the capture") && enqueued &&
                    stack_check_cuda(cudaGraphGetNodes(graph, NULL, nodes), "counting the graph's nodes") &&
                    stack_check_cuda(cudaGraphInstantiate(exec, graph, 0), "instantiating the graph");
  if (graph) (void)cudaGraphDestroy(graph);
  return made;
}

static bool run_steps(stack *s, cudaGraphExec_t exec) {
  for (int64_t step = 0; step < s->steps; step++) {
    if (exec ? !stack_check_cuda(cudaGraphLaunch(exec, s->stream), "launching the graph") : !stack_step(s))
      return false;
  }
  return true;
}

/* From the initial state; twice, because the first time pays for what is loaded late. exec NULL: plainly. */
static bool run(stack *s, cudaGraphExec_t exec, timed_run *result) {
  cudaEvent_t events[2] = {NULL, NULL};
  bool good = stack_check_cuda(cudaEventCreate(&events[0]), "creating an event") &&
              stack_check_cuda(cudaEventCreate(&events[1]), "creating an event");
  for (int time = 0; good && time < 2; time++) {
    good = stack_reset(s) && stack_check_cuda(cudaEventRecord(events[0], s->stream), "recording an event") &&
           run_steps(s, exec) && stack_check_cuda(cudaEventRecord(events[1], s->stream), "recording an event") &&
           stack_read(s, result->state);
  }
  good = good && stack_check_cuda(cudaEventElapsedTime(&result->milliseconds, events[0], events[1]), "reading a time");
  for (int i = 0; i < 2; i++) {
    if (events[i]) (void)cudaEventDestroy(events[i]);
  }
  return good;
}

static int compare(const stack *s, const timed_run *plain, const timed_run *graph, size_t nodes, FILE *out) {
  const double steps = (double)s->steps;
  fprintf(out, "plain  %9.2f us a step\n", 1e3 * plain->milliseconds / steps);
  fprintf(out, "graph  %9.2f us a step, %zu nodes\n", 1e3 * graph->milliseconds / steps, nodes);
  fprintf(out, "loss   %.6f at the first step, %.6f at the last\n", stack_loss(s, plain->state, 0),
          stack_loss(s, plain->state, s->steps - 1));
  if (memcmp(plain->state, graph->state, s->state_bytes) == 0) {
    fputs("same bits in both runs: parameters, gradients, running statistics, the loss of each step\n", out);
    return GRAPH_GOOD;
  }
  fputs("wn_graph: the two runs differ\n", stderr);
  return GRAPH_FAILED;
}

static int run_both(stack *s, FILE *out) {
  timed_run plain = {malloc(s->state_bytes), 0}, graph = {malloc(s->state_bytes), 0};
  cudaGraphExec_t exec = NULL;
  size_t nodes = 0;
  int status = GRAPH_FAILED;
  if (!plain.state || !graph.state) {
    fprintf(stderr, "wn_graph: no memory for two states of %zu bytes\n", s->state_bytes);
  } else if (run(s, NULL, &plain) && capture(s, &exec, &nodes) && run(s, exec, &graph)) {
    status = compare(s, &plain, &graph, nodes, out);
  }
  if (exec) (void)cudaGraphExecDestroy(exec);
  free(plain.state);
  free(graph.state);
  return status;
}

static int run_on(wn_device *device, const graph_options *o, FILE *out) {
  cudaStream_t stream = NULL;
  if (!stack_check_cuda(cudaSetDevice((int)o->device), "choosing the GPU")) return GRAPH_FAILED;
  if (!stack_check_cuda(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "creating a stream"))
    return GRAPH_FAILED;
  fprintf(out, "%s; %lld layers of %lld x %lld, %lld steps\n", wn_device_text(device), (long long)o->layers,
          (long long)o->rows, (long long)o->channels, (long long)o->steps);
  stack *const s = malloc(sizeof *s);
  int status = GRAPH_FAILED;
  if (s) {
    if (stack_create(s, device, stream, o->rows, o->channels, (int)o->layers, o->steps)) status = run_both(s, out);
    stack_destroy(s);
  }
  free(s);
  (void)cudaStreamDestroy(stream);
  return status;
}

int graph_main(int count, char *const *words, FILE *out) {
  graph_options o;
  for (int i = 1; i < count; i++) {
    if (strcmp(words[i], "--help") == 0) return help(out), GRAPH_GOOD;
  }
  if (!read_options(&o, count, words)) return GRAPH_USAGE;
  wn_device *device = NULL;
  const wn_status opened = wn_device_open(&device, WN_CUDA, (int)o.device);
  if (!stack_check(opened, "opening the GPU")) return opened == WN_ERR_NO_DEVICE ? GRAPH_NO_GPU : GRAPH_FAILED;
  const int status = run_on(device, &o, out);
  wn_device_close(device);
  return status;
}
