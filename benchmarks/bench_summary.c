#include <stdlib.h>

#include "bench_report.h"
#include "bench_stats.h"

enum { WORST_ROWS = 10 };

bool bench_summary_begin(bench_summary *s, int outcomes) {
  const size_t room = (size_t)outcomes;
  *s = (bench_summary){.rows = calloc(room, sizeof *s->rows),
                       .spreads = calloc(room * BENCH_MOST_PEERS, sizeof *s->spreads)};
  if (s->rows && s->spreads) return true;
  bench_summary_end(s);
  return false;
}

void bench_summary_end(bench_summary *s) {
  free(s->rows);
  free(s->spreads);
}

void bench_summary_add(bench_summary *s, const bench_outcome *o) {
  if (o->skipped[0]) return;
  const bench_result *const ours = bench_ours(o), *const best = bench_best(o);
  for (int i = 0; i < o->count; i++) {
    const bench_result *const r = &o->results[i];
    if (r->noisy) s->noisy++;
    if (r->state == BENCH_MEASURED || r->state == BENCH_WRONG) s->spreads[s->timed++] = (r->p90 - r->p10) / r->median;
    if (r != ours && r->state == BENCH_WRONG) s->peers_wrong++;
  }
  if (ours && ours->state == BENCH_WRONG) s->ours_wrong++;
  if (!ours || ours->state == BENCH_FAILED || ours->state == BENCH_CANNOT) s->ours_failed++;
  if (!ours || ours->state != BENCH_MEASURED) return;
  bench_row *const row = &s->rows[s->count++];
  *row = (bench_row){.pass = o->c->pass, .cache = o->cache, .share = ours->copy_share};
  (void)snprintf(row->text, sizeof row->text, "%s", o->c->text);
  if (!best) return;
  row->ratio = best->ratio;
  (void)snprintf(row->peer, sizeof row->peer, "%s", best->peer->name);
}

static int by_ratio(const void *a, const void *b) {
  const double x = ((const bench_row *)a)->ratio, y = ((const bench_row *)b)->ratio;
  return (x > y) - (x < y);
}

static void print_pass(FILE *out, const bench_summary *s, wn_pass pass) {
  double *const ratios = malloc((size_t)s->count * 2 * sizeof *ratios);
  if (!ratios) return;
  double *const shares = ratios + s->count;
  int count = 0, share_count = 0;
  for (int i = 0; i < s->count; i++) {
    if (s->rows[i].pass != pass) continue;
    if (s->rows[i].ratio > 0) ratios[count++] = s->rows[i].ratio;
    if (s->rows[i].share > 0) shares[share_count++] = s->rows[i].share;
  }
  if (share_count)
    fprintf(out, "  %-9s %3d cases, %3.0f %% of the copy", bench_pass_word(pass), share_count,
            100 * bench_geometric_mean(shares, share_count));
  if (count) fprintf(out, "; %3d with a rival, %.2fx as fast as the best", count, bench_geometric_mean(ratios, count));
  if (share_count) fputs("\n", out);
  free(ratios);
}

/* How far a figure of this run can be relied on. */
static void print_spread(FILE *out, const bench_summary *s) {
  if (s->timed == 0) return;
  fprintf(out, "10 %% to 90 %% of the samples: in the middle %.0f %% of the median apart, at most %.0f %%.\n",
          100 * bench_quantile(s->spreads, s->timed, 0.5), 100 * bench_quantile(s->spreads, s->timed, 1));
  if (s->noisy) fprintf(out, "%d of %d results are noisy: more than 30 %%.\n", s->noisy, s->timed);
}

void bench_summary_print(FILE *out, const bench_summary *s) {
  fprintf(out, "\nIn the geometric mean:\n");
  for (int pass = WN_TRAIN; pass <= WN_BACKWARD_FROZEN; pass++) print_pass(out, s, (wn_pass)pass);
  qsort(s->rows, (size_t)s->count, sizeof *s->rows, by_ratio);
  bool said = false;
  for (int i = 0, shown = 0; i < s->count && shown < WORST_ROWS; i++) {
    if (s->rows[i].ratio <= 0) continue;
    if (!said) fprintf(out, "Worst beside the best peer:\n");
    said = true;
    shown++;
    fprintf(out, "  %6.2fx  %4.0f %% of the copy  %s (%s), beside %s\n", s->rows[i].ratio, 100 * s->rows[i].share,
            s->rows[i].text, s->rows[i].cache, s->rows[i].peer);
  }
  print_spread(out, s);
  if (s->peers_wrong) fprintf(out, "%d results of peers are wrong and not ranked.\n", s->peers_wrong);
  if (s->ours_wrong) fprintf(out, "WARPNORM IS WRONG in %d cases.\n", s->ours_wrong);
  if (s->ours_failed) fprintf(out, "warpnorm FAILED in %d cases.\n", s->ours_failed);
}
