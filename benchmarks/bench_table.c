#include <string.h>

#include "bench_report.h"

const char *bench_state_word(bench_state state) {
  static const char *const words[] = {"ok", "wrong", "cannot", "failed"};
  return words[state];
}

const bench_result *bench_ours(const bench_outcome *o) {
  for (int i = 0; i < o->count; i++)
    if (o->results[i].peer == &bench_peer_warpnorm) return &o->results[i];
  return NULL;
}

const bench_result *bench_best(const bench_outcome *o) {
  const bench_result *best = NULL;
  for (int i = 0; i < o->count; i++) {
    const bench_result *const r = &o->results[i];
    if (r->state != BENCH_MEASURED || !r->peer->ranked || r->peer == &bench_peer_warpnorm) continue;
    if (!best || r->ratio < best->ratio) best = r;
  }
  return best;
}

void bench_table_begin(FILE *out, const bench_environment *e) {
  fprintf(out, "%s; %s; %s\n", e->device, e->processor.name, e->system);
  if (e->processor.model[0]) fprintf(out, "%s\n", e->processor.model);
  if (e->gpu_driver[0]) fprintf(out, "%s; %s\n", e->gpu_driver, e->gpu_clocks);
  fprintf(out, "%s, revision %s; load %.2f\n", e->compiler, e->revision, e->load);
  if (e->load > 0.3 * e->processors)
    fprintf(out, "Other programs are running (load %.2f on %d processors): expect noise, and see the spread.\n",
            e->load, e->processors);
}

/* Three digits, whatever the size. */
static const char *time_text(double seconds, char *text, size_t size) {
  const double us = seconds * 1e6;
  (void)snprintf(text, size, us < 10 ? "%.2f" : us < 100 ? "%.1f" : "%.0f", us);
  return text;
}

static void print_result(FILE *out, const bench_outcome *o, const bench_result *r) {
  char median[24], p10[24], p90[24], name[64];
  (void)snprintf(name, sizeof name, "%s", r->peer->name);
  fprintf(out, "  %-15s", name);
  if (r->state == BENCH_CANNOT || r->state == BENCH_FAILED) {
    fprintf(out, " %s: %s\n", r->state == BENCH_CANNOT ? "-" : "FAILED", r->reason);
    return;
  }
  fprintf(out, "%9s us  %7s - %-7s", time_text(r->median, median, sizeof median), time_text(r->p10, p10, sizeof p10),
          time_text(r->p90, p90, sizeof p90));
  fprintf(out, "%8.1f GB/s", (o->least.read + o->least.written) / r->median / 1e9);
  if (r->copy_share > 0) fprintf(out, " %4.0f %%", 100 * r->copy_share);
  if (r->ratio > 0 && r->peer != &bench_peer_warpnorm) fprintf(out, "  %6.2fx", r->ratio);
  const bool wrong = r->state == BENCH_WRONG;
  if (r->noisy) fprintf(out, "  noisy");
  if ((wrong || !r->peer->ranked) && r->peer != &bench_peer_warpnorm) fprintf(out, "  not ranked");
  if (wrong) fprintf(out, "  WRONG: %s", r->reason);
  fputs("\n", out);
}

void bench_table_outcome(FILE *out, const bench_outcome *o) {
  fprintf(out, "\n%s", o->c->text);
  if (o->skipped[0]) {
    fprintf(out, "\n  left out: %s\n", o->skipped);
    return;
  }
  fprintf(out, "   (%s: %d buffers in turn, %d rounds)\n", o->cache, o->slots, o->rounds);
  fprintf(out, "  %-15s%9s     %-17s%13s %6s  %7s\n", "", "median", "10 % - 90 %", "of least", "copy", "ours=1");
  for (int i = 0; i < o->count; i++) print_result(out, o, &o->results[i]);
  (void)fflush(out);
}
