#include "bench_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_field.h"
#include "bench_report.h"

struct bench_session {
  bench_case c;
  wn_device *device;
  bench_data *data;
  bench_ring ring;
  bench_field field;
  bench_environment environment;
  void *state[BENCH_MOST_PEERS];
  char reason[BENCH_MOST_PEERS][BENCH_REASON];
};

static bool parse(const char *line, bench_case *c, bench_fault *fault) {
  bench_spec spec;
  bench_cases cases = {0};
  if (!bench_spec_parse(line, &spec, fault)) return false;
  if (spec.type_count != 1 || spec.pass_count != 1)
    return bench_fault_set(fault, "\"%s\" must say one type and one pass", line);
  const bool ok = bench_cases_add(&cases, &spec, &spec, "", fault) && cases.count == 1;
  if (ok) *c = cases.items[0];
  bench_cases_free(&cases);
  return ok;
}

static void prepare(bench_session *s) {
  const bench_setup setup = {.c = &s->c, .device = s->device, .ring = &s->ring};
  for (int i = 0; i < s->field.count; i++) {
    s->state[i] = bench_field_prepare(&s->field, i, &setup, s->reason[i], sizeof s->reason[i]);
  }
}

static bool make(bench_session *s, const char *line, const char *device, bool cold, uint64_t memory_bytes,
                 bench_fault *fault) {
  const wn_backend backend = strcmp(device, "cuda") == 0 ? WN_CUDA : WN_CPU;
  if (!parse(line, &s->c, fault)) return false;
  if (wn_device_open(&s->device, backend, 0) != WN_OK) return bench_fault_set(fault, "%s", wn_last_error());
  bench_environment_read(&s->environment, s->device);
  const size_t memory = memory_bytes ? memory_bytes : s->environment.free_bytes / 2;
  if (!bench_ring_fits(&s->c, memory, fault)) return false;
  s->data = bench_data_create(&s->c);
  if (!s->data) return bench_fault_set(fault, "no memory for the data");
  const int slots = bench_ring_slots(&s->c, cold ? 2 * s->environment.cache_bytes : 0, memory);
  if (!bench_field_choose(&s->field, NULL, backend, fault)) return false;
  if (!bench_ring_create(&s->ring, &s->c, s->data, s->device, slots, fault)) return false;
  prepare(s);
  return true;
}

bench_session *bench_session_open(const char *line, const char *device, bool cold, uint64_t memory_bytes, char *why,
                                  size_t size) {
  bench_fault fault = {"no memory"};
  bench_session *const s = calloc(1, sizeof *s);
  if (s && make(s, line, device, cold, memory_bytes, &fault)) return s;
  (void)snprintf(why, size, "%s", fault.text);
  if (s) bench_session_close(s);
  return NULL;
}

void bench_session_close(bench_session *s) {
  for (int i = 0; i < s->field.count; i++)
    if (s->state[i]) s->field.peer[i]->release(s->state[i]);
  bench_ring_destroy(&s->ring);
  bench_data_destroy(s->data);
  wn_device_close(s->device);
  free(s);
}

int bench_session_slots(const bench_session *s) { return s->ring.count; }

/* BENCH_ROLES: there is none. */
static bench_role role_of(const bench_session *s, const char *name, bool result) {
  for (int r = result ? BENCH_RUNNING_MEAN : 0; r < BENCH_ROLES; r++) {
    const bench_role role = (bench_role)r;
    if (strcmp(bench_role_name(role), name) == 0 && bench_array_of(&s->c, role).count > 0) return role;
  }
  return BENCH_ROLES;
}

void *bench_session_array(const bench_session *s, int slot, const char *name, bool result) {
  const bench_role role = role_of(s, name, result);
  return role == BENCH_ROLES ? NULL : s->ring.slots[slot].at[role];
}

int bench_session_peers(const bench_session *s) { return s->field.count; }
const char *bench_session_peer(const bench_session *s, int peer) { return s->field.peer[peer]->name; }
const char *bench_session_version(const bench_session *s, int peer) { return s->field.version[peer]; }
bool bench_session_ranked(const bench_session *s, int peer) { return s->field.peer[peer]->ranked; }

bool bench_session_ready(const bench_session *s, int peer, char *why, size_t size) {
  if (!s->state[peer]) (void)snprintf(why, size, "%s", s->reason[peer]);
  return s->state[peer] != NULL;
}

bool bench_session_run(bench_session *s, int peer, int slot) {
  return s->field.peer[peer]->run(s->state[peer], slot, NULL);
}

bool bench_session_read_back(bench_session *s, int peer, int slot) {
  const bench_peer *const p = s->field.peer[peer];
  return !p->read_back || p->read_back(s->state[peer], slot);
}

bool bench_session_writes(const bench_session *s, int peer, const char *name) {
  const bench_peer *const p = s->field.peer[peer];
  const bench_role role = role_of(s, name, true);
  return role != BENCH_ROLES && (!p->writes || p->writes(&s->c, role));
}

bool bench_session_reset(bench_session *s) {
  bench_fault fault;
  return bench_ring_reset(&s->ring, s->data, 0, &fault);
}

static bool is_named(const char *names, const char *name) {
  const size_t length = strlen(name);
  for (const char *at = strstr(names, name); at; at = strstr(at + 1, name))
    if ((at == names || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0')) return true;
  return false;
}

bool bench_session_judge(const bench_session *s, const char *names, bool ours, double *worst, char *text, size_t size) {
  bench_results results;
  bench_fault fault;
  *worst = 0;
  if (!bench_ring_read(&s->ring, 0, &results, &fault)) {
    (void)snprintf(text, size, "%s", fault.text);
    return false;
  }
  const void *judged[BENCH_ROLES];
  for (int r = 0; r < BENCH_ROLES; r++)
    judged[r] = is_named(names, bench_role_name((bench_role)r)) ? results.bytes[r] : NULL;
  const bench_verdict v = bench_data_judge(s->data, judged, ours ? BENCH_PROMISED : BENCH_EXPECTED);
  bench_results_free(&results);
  *worst = v.worst;
  (void)snprintf(text, size, "%s", v.text);
  return v.right;
}

void bench_session_environment(const bench_session *s, const char *tool, char *text, size_t size) {
  text[0] = '\0';
  FILE *const file = fmemopen(text, size, "w");
  if (!file) return;
  bench_environment now = s->environment;
  bench_clocks_read(s->device, now.gpu_clocks);
  bench_json_environment(file, &now, tool);
  (void)fclose(file);
}
