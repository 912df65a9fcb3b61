#include "bench_measure.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench_field.h"
#include "bench_stats.h"
#include "bench_timer.h"

/* Seconds of a sample: long beside the clock's own time, short beside what disturbs a machine. */
static const double sample_seconds = 1e-3;
enum { MOST_BATCH = 1000, LEAST_LAUNCHES = 8, LEAST_ROUNDS = 5, STABLE = 3 };

typedef struct contest {
  bench_outcome *outcome;
  wn_device *device;
  const bench_data *data;
  bench_ring ring;
  bench_timer timer;
  void *state[BENCH_MOST_PEERS];
  double samples[BENCH_MOST_PEERS][BENCH_MOST_ROUNDS]; /* of each round; NaN: none */
  int next;                                            /* slot */
} contest;

static bool timed(const bench_result *r) { return r->state == BENCH_MEASURED || r->state == BENCH_WRONG; }

static void fail(bench_result *r, const char *what) {
  r->state = BENCH_FAILED;
  (void)snprintf(r->reason, sizeof r->reason, "%.*s", BENCH_REASON - 1, what);
}

/* ---- getting ready, and the value check */

static void judge(contest *c, int i) {
  bench_result *const r = &c->outcome->results[i];
  bench_fault fault;
  if (!bench_ring_reset(&c->ring, c->data, 0, &fault)) {
    fail(r, fault.text);
    return;
  }
  bench_results results;
  if (!r->peer->run(c->state[i], 0, c->timer.stream) || wn_stream_wait(c->device, c->timer.stream) != WN_OK ||
      (r->peer->read_back && !r->peer->read_back(c->state[i], 0))) {
    fail(r, "the call failed");
    return;
  }
  if (!bench_ring_read(&c->ring, 0, &results, &fault)) {
    fail(r, fault.text);
    return;
  }
  const void *judged[BENCH_ROLES];
  for (int role = 0; role < BENCH_ROLES; role++) {
    const bool writes = !r->peer->writes || r->peer->writes(c->outcome->c, (bench_role)role);
    judged[role] = writes ? results.bytes[role] : NULL;
  }
  const bool ours = r->peer == &bench_peer_warpnorm;
  const bench_verdict v = bench_data_judge(c->data, judged, ours ? BENCH_PROMISED : BENCH_EXPECTED);
  r->worst = v.worst;
  if (!v.right) {
    r->state = BENCH_WRONG;
    (void)snprintf(r->reason, sizeof r->reason, "%s", v.text);
  }
  bench_results_free(&results);
}

static void prepare(contest *c, const bench_field *field) {
  const bench_setup setup = {.c = c->outcome->c, .device = c->device, .ring = &c->ring};
  c->outcome->count = field->count;
  for (int i = 0; i < field->count; i++) {
    bench_result *const r = &c->outcome->results[i];
    *r = (bench_result){.peer = field->peer[i], .version = field->version[i]};
    c->state[i] = bench_field_prepare(field, i, &setup, r->reason, sizeof r->reason);
    if (!c->state[i]) r->state = r->peer == &bench_peer_warpnorm ? BENCH_FAILED : BENCH_CANNOT;
    if (c->state[i]) judge(c, i);
  }
}

/* ---- time */

/* Seconds of one run, over a batch; below 0: it failed. */
static double sample(contest *c, int i) {
  bench_result *const r = &c->outcome->results[i];
  if (!bench_timer_start(&c->timer)) return -1;
  bool ok = true;
  for (int run = 0; run < r->batch && ok; run++) {
    ok = r->peer->run(c->state[i], c->next, c->timer.stream);
    c->next = c->next + 1 < c->ring.count ? c->next + 1 : 0;
  }
  const double seconds = bench_timer_stop(&c->timer);
  if (!ok || seconds < 0) {
    fail(r, "a call failed while it was timed");
    return -1;
  }
  return seconds / r->batch;
}

/* The last few within 5 % of each other. */
static bool stable(const double *last, int count) {
  if (count < STABLE) return false;
  double least = last[0], most = last[0];
  for (int i = 1; i < STABLE; i++) {
    least = fmin(least, last[i]);
    most = fmax(most, last[i]);
  }
  return most <= 1.05 * least;
}

/* Until stable or for `seconds`; chooses the batch on the way. */
static void warm_up(contest *c, int i, double seconds, int fixed) {
  bench_result *const r = &c->outcome->results[i];
  const int least = fixed ? fixed : c->timer.stream ? LEAST_LAUNCHES : 1;
  double last[STABLE], spent = 0;
  r->batch = least;
  for (int count = 0; spent < seconds && !stable(last, count); count++) {
    const double took = sample(c, i);
    if (took < 0) return;
    last[count % STABLE] = took;
    spent += took * r->batch;
    if (fixed) {
      if (count + 1 == STABLE) return;
      continue;
    }
    const double batch = ceil(sample_seconds / fmax(took, 1e-9));
    r->batch = batch > MOST_BATCH ? MOST_BATCH : batch < least ? least : (int)batch;
  }
}

static int rounds_of(const contest *c, const bench_effort *effort) {
  if (effort->rounds) return effort->rounds;
  double round = 0;
  for (int i = 0; i < c->outcome->count; i++) {
    const bench_result *const r = &c->outcome->results[i];
    if (timed(r)) round += r->median * r->batch;
  }
  const double rounds = effort->seconds / fmax(round, 1e-6);
  return rounds > BENCH_MOST_ROUNDS ? BENCH_MOST_ROUNDS : rounds < LEAST_ROUNDS ? LEAST_ROUNDS : (int)rounds;
}

/* Each round begins with another peer, and every second one goes backwards: nobody is always after the same. */
static void one_round(contest *c, int round) {
  const int count = c->outcome->count;
  for (int k = 0; k < count; k++) {
    const int i = (round + (round % 2 ? count - k : k)) % count;
    if (timed(&c->outcome->results[i])) {
      const double took = sample(c, i);
      c->samples[i][round] = took < 0 ? NAN : took;
    }
  }
}

/* Median over the rounds of a's time over b's; 0: there is none. */
static double median_ratio(const contest *c, int a, int b) {
  double ratios[BENCH_MOST_ROUNDS];
  int count = 0;
  for (int round = 0; round < c->outcome->rounds; round++) {
    const double ratio = c->samples[a][round] / c->samples[b][round];
    if (isfinite(ratio)) ratios[count++] = ratio;
  }
  return count ? bench_quantile(ratios, count, 0.5) : 0;
}

static int find(const bench_outcome *o, bool (*is)(const bench_peer *)) {
  for (int i = 0; i < o->count; i++)
    if (is(o->results[i].peer) && timed(&o->results[i])) return i;
  return -1;
}
static bool is_ours(const bench_peer *p) { return p == &bench_peer_warpnorm; }
static bool is_copy(const bench_peer *p) { return strcmp(p->name, "copy") == 0; }

static void summarize(contest *c) {
  bench_outcome *const o = c->outcome;
  const int ours = find(o, is_ours), copy = find(o, is_copy);
  for (int i = 0; i < o->count; i++) {
    bench_result *const r = &o->results[i];
    if (!timed(r)) continue;
    if (ours >= 0) r->ratio = median_ratio(c, i, ours);
    if (copy >= 0) r->copy_share = median_ratio(c, copy, i);
    double sorted[BENCH_MOST_ROUNDS];
    memcpy(sorted, c->samples[i], (size_t)o->rounds * sizeof *sorted);
    r->median = bench_quantile(sorted, o->rounds, 0.5);
    r->p10 = bench_quantile(sorted, o->rounds, 0.1);
    r->p90 = bench_quantile(sorted, o->rounds, 0.9);
    r->noisy = r->p90 - r->p10 > 0.3 * r->median;
  }
}

static void time_all(contest *c, const bench_effort *effort) {
  bench_outcome *const o = c->outcome;
  const double warm = fmax(0.02, 0.25 * effort->seconds / o->count);
  for (int i = 0; i < o->count; i++) {
    bench_result *const r = &o->results[i];
    if (!timed(r)) continue;
    warm_up(c, i, warm, effort->batch);
    if (timed(r)) r->median = sample(c, i); /* until there is a real one: what a round costs */
  }
  o->rounds = rounds_of(c, effort);
  for (int i = 0; i < o->count; i++)
    for (int round = 0; round < o->rounds; round++) c->samples[i][round] = NAN;
  for (int round = 0; round < o->rounds; round++) one_round(c, round);
  summarize(c);
}

static bool skip(bench_outcome *o, const bench_fault *fault) {
  (void)snprintf(o->skipped, sizeof o->skipped, "%.*s", BENCH_REASON - 1, fault->text);
  return false;
}

bool bench_measure(const bench_case *c, wn_device *device, const bench_field *field, const bench_effort *effort,
                   bench_outcome *outcome) {
  *outcome = (bench_outcome){.c = c, .cache = effort->cache_bytes ? "cold" : "hot", .least = bench_least_traffic(c)};
  bench_fault fault;
  if (!bench_ring_fits(c, effort->memory_bytes, &fault)) return skip(outcome, &fault);
  fault = (bench_fault){"no memory for the data"};
  outcome->slots = bench_ring_slots(c, effort->cache_bytes, effort->memory_bytes / 2);
  contest contest = {.outcome = outcome, .device = device};
  bench_data *const data = bench_data_create(c);
  contest.data = data;
  const bool ok = data && bench_timer_open(&contest.timer, device, &fault) &&
                  bench_ring_create(&contest.ring, c, data, device, outcome->slots, &fault);
  if (ok) {
    prepare(&contest, field);
    time_all(&contest, effort);
    bench_clocks_read(device, outcome->clocks);
  } else {
    (void)skip(outcome, &fault);
  }
  for (int i = 0; i < outcome->count; i++)
    if (contest.state[i]) outcome->results[i].peer->release(contest.state[i]);
  bench_ring_destroy(&contest.ring);
  bench_timer_close(&contest.timer);
  bench_data_destroy(data);
  return ok;
}
