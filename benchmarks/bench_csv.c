#include "bench_report.h"

/* Reasons and versions may hold commas and quotes. */
static void quoted(FILE *out, const char *text) {
  fputs(",\"", out);
  for (; *text; text++) {
    if (*text == '"') fputc('"', out);
    fputc(*text == '\n' ? ' ' : *text, out);
  }
  fputc('"', out);
}

void bench_csv_begin(FILE *out, const bench_environment *e) {
  fprintf(out, "# %s; %s (%s; %s); %s; ", e->device, e->processor.name, e->processor.model,
          e->processor.instruction_sets, e->system);
  if (e->gpu_driver[0]) fprintf(out, "%s; %s; ", e->gpu_driver, e->gpu_clocks);
  fprintf(out, "%s; revision %s; flags %s; threads %d; load %.2f; %s\n", e->compiler, e->revision, e->flags, e->threads,
          e->load, e->time);
  fputs(
      "case,suite,peer,version,state,cache,median_us,p10_us,p90_us,rounds,ratio,copy_share,gbps,ranked,noisy,gpu_"
      "clocks,reason\n",
      out);
}

void bench_csv_outcome(FILE *out, const bench_outcome *o) {
  for (int i = 0; i < o->count; i++) {
    const bench_result *const r = &o->results[i];
    fprintf(out, "%s,%s,%s", o->c->text, o->c->suite, r->peer->name);
    quoted(out, r->version);
    fprintf(out, ",%s,%s", bench_state_word(r->state), o->cache);
    if (r->state == BENCH_MEASURED || r->state == BENCH_WRONG) {
      fprintf(out, ",%.4f,%.4f,%.4f,%d,%.4f,%.4f,%.3f", r->median * 1e6, r->p10 * 1e6, r->p90 * 1e6, o->rounds,
              r->ratio, r->copy_share, (o->least.read + o->least.written) / r->median / 1e9);
    } else {
      fputs(",,,,,,,", out);
    }
    fprintf(out, ",%s,%s", r->peer->ranked ? "yes" : "no", r->noisy ? "yes" : "no");
    quoted(out, o->clocks);
    quoted(out, r->reason);
    fputc('\n', out);
  }
  (void)fflush(out);
}
