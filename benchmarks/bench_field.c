#include "bench_field.h"

#include <stdio.h>
#include <string.h>

static bool runs_on(const bench_peer *p, wn_backend backend) { return p->backend == WN_AUTO || p->backend == backend; }

static const bench_peer *find(const char *name, size_t length, wn_backend backend, bool *elsewhere) {
  *elsewhere = false;
  for (int i = 0; bench_peers[i]; i++) {
    const bench_peer *const p = bench_peers[i];
    if (strlen(p->name) != length || memcmp(p->name, name, length) != 0) continue;
    if (runs_on(p, backend)) return p;
    *elsewhere = true;
  }
  return NULL;
}

static bool is_named(const bench_peer *p, const char *names) {
  for (const char *name = names; name; name = strchr(name, ',') ? strchr(name, ',') + 1 : NULL)
    if (strcspn(name, ",") == strlen(p->name) && strncmp(name, p->name, strlen(p->name)) == 0) return true;
  return false;
}

static bool check_names(const char *names, wn_backend backend, bench_fault *fault) {
  for (const char *name = names; name; name = strchr(name, ',') ? strchr(name, ',') + 1 : NULL) {
    const size_t length = strcspn(name, ",");
    bool elsewhere = false;
    if (find(name, length, backend, &elsewhere)) continue;
    return bench_fault_point(
        fault, names, (size_t)(name - names), length ? length : 1,
        elsewhere ? "the peer \"%.*s\" does not run on this device" : "there is no peer \"%.*s\" (--help lists them)",
        (int)length, name);
  }
  return true;
}

bool bench_field_choose(bench_field *field, const char *names, wn_backend backend, bench_fault *fault) {
  *field = (bench_field){0};
  if (!check_names(names, backend, fault)) return false;
  for (int i = 0; bench_peers[i]; i++) {
    const bench_peer *const p = bench_peers[i];
    const bool always = p == &bench_peer_warpnorm || strcmp(p->name, "copy") == 0;
    if (!runs_on(p, backend) || !(always || (names ? is_named(p, names) : !p->when_named))) continue;
    const int at = field->count++;
    field->peer[at] = p;
    field->usable[at] = p->version(field->version[at], sizeof field->version[at]);
  }
  return true;
}

void *bench_field_prepare(const bench_field *field, int i, const bench_setup *setup, char *reason, size_t size) {
  const bench_peer *const p = field->peer[i];
  const char *const cannot = field->usable[i] ? p->cannot(setup->c) : field->version[i];
  if (!cannot) return p->prepare(setup, reason, size);
  (void)snprintf(reason, size, "%s", cannot);
  return NULL;
}
