#include <string.h>

#include "bench_report.h"

static void string(FILE *out, const char *name, const char *text) {
  fprintf(out, ",\"%s\":\"", name);
  for (; *text; text++) {
    if (*text == '"' || *text == '\\') {
      fprintf(out, "\\%c", *text);
    } else if ((unsigned char)*text < 0x20) {
      fprintf(out, "\\u%04x", (unsigned)*text);
    } else {
      fputc(*text, out);
    }
  }
  fputc('"', out);
}

void bench_json_environment(FILE *out, const bench_environment *e, const char *tool) {
  fputs("{\"type\":\"environment\"", out);
  string(out, "tool", tool);
  string(out, "device", e->device);
  string(out, "processor", e->processor.name);
  string(out, "processor_model", e->processor.model);
  string(out, "instruction_sets", e->processor.instruction_sets);
  string(out, "system", e->system);
  string(out, "gpu_driver", e->gpu_driver);
  string(out, "gpu_clocks", e->gpu_clocks);
  string(out, "time", e->time);
  string(out, "compiler", e->compiler);
  string(out, "flags", e->flags);
  string(out, "revision", e->revision);
  fprintf(out,
          ",\"threads\":%d,\"processors\":%d,\"load\":%.2f,\"l2_bytes\":%zu,\"l3_bytes\":%zu,\"cache_bytes\":%zu}\n",
          e->threads, e->processors, e->load, e->l2_bytes, e->l3_bytes, e->cache_bytes);
  (void)fflush(out);
}

static void case_fields(FILE *out, const bench_case *c) {
  const wn_problem *const p = &c->problem;
  const bench_traffic t = bench_least_traffic(c);
  string(out, "case", c->text);
  string(out, "suite", c->suite);
  string(out, "kind", bench_kind_word(p->kind));
  string(out, "layout", p->layout == WN_NCX ? "ncx" : "nxc");
  string(out, "type_of_x", bench_type_word(p->x_type));
  string(out, "pass", bench_pass_word(c->pass));
  string(out, "act", p->act == WN_ACT_NONE ? "none" : bench_act_word(p->act));
  string(out, "add", p->add == WN_ADD_NONE ? "none" : p->add == WN_ADD_BEFORE ? "before" : "after");
  fprintf(out, ",\"n\":%lld,\"c\":%lld,\"axes\":[", (long long)p->n, (long long)p->c);
  for (int i = 0; i < c->axis_count; i++) fprintf(out, "%s%lld", i ? "," : "", (long long)c->axes[i]);
  fprintf(out, "],\"groups\":%lld,\"eps\":%.9g,\"momentum\":%.9g,\"unaligned\":%s,\"least_bytes\":%.0f",
          (long long)p->groups, p->eps, p->momentum, c->unaligned ? "true" : "false", t.read + t.written);
}

void bench_json_case(FILE *out, const bench_case *c) {
  fputs("{\"type\":\"case\"", out);
  case_fields(out, c);
  fputs("}\n", out);
}

void bench_json_outcome(FILE *out, const bench_outcome *o, const bench_environment *e) {
  for (int i = 0; i < o->count; i++) {
    const bench_result *const r = &o->results[i];
    fputs("{\"type\":\"result\"", out);
    case_fields(out, o->c);
    string(out, "device", e->device);
    string(out, "peer", r->peer->name);
    string(out, "version", r->version);
    string(out, "state", bench_state_word(r->state));
    string(out, "reason", r->reason);
    string(out, "cache", o->cache);
    if (o->clocks[0]) string(out, "gpu_clocks", o->clocks);
    fprintf(out, ",\"threads\":%d,\"ranked\":%s", e->threads, r->peer->ranked ? "true" : "false");
    if (r->state == BENCH_MEASURED || r->state == BENCH_WRONG)
      fprintf(out,
              ",\"median_us\":%.4f,\"p10_us\":%.4f,\"p90_us\":%.4f,\"rounds\":%d,\"batch\":%d,\"ratio\":%.4f,"
              "\"copy_share\":%.4f,\"gbps\":%.3f,\"worst\":%.4g,\"noisy\":%s",
              r->median * 1e6, r->p10 * 1e6, r->p90 * 1e6, o->rounds, r->batch, r->ratio, r->copy_share,
              (o->least.read + o->least.written) / r->median / 1e9, r->worst > 1e30 ? 1e30 : r->worst,
              r->noisy ? "true" : "false");
    fputs("}\n", out);
  }
  if (o->skipped[0]) {
    fputs("{\"type\":\"skipped\"", out);
    case_fields(out, o->c);
    string(out, "reason", o->skipped);
    fputs("}\n", out);
  }
  (void)fflush(out);
}
