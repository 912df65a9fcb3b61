#include "sync_record.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "names.h"

/* The first words of a record are its own, the others must be the same on every rank. */
enum { VERSION, STATUS, PLAN, RANK, FIRST_COMPARED };

typedef enum { INTEGER, TYPE, REAL } format;

/* A compared word: its name, and how people read it. */
typedef struct word {
  const char *name;
  format as;
} word;

static const word words[] = {{"comm.ranks", INTEGER},      {"problem.kind", INTEGER},
                             {"problem.layout", INTEGER},  {"problem.x_type", TYPE},
                             {"problem.y_type", TYPE},     {"problem.dy_type", TYPE},
                             {"problem.param_type", TYPE}, {"problem.param_grad_type", TYPE},
                             {"problem.act", INTEGER},     {"problem.add", INTEGER},
                             {"problem.flags", INTEGER},   {"problem.c", INTEGER},
                             {"problem.x", INTEGER},       {"problem.eps", REAL},
                             {"problem.momentum", REAL},   {"problem.act_slope", REAL}};
enum { WORDS = sizeof words / sizeof *words };
static_assert(FIRST_COMPARED + WORDS <= WNI_RECORD_WORDS, "a record has room for its words");

static int64_t bits_of(double v) {
  int64_t bits;
  memcpy(&bits, &v, sizeof bits);
  return bits;
}

wni_record wni_record_make(const wni_problem *problem, wn_status made, const wni_sync *sync) {
  const wn_problem *const p = &problem->given;
  const wni_types *const t = &problem->types;
  wni_record r = {{0}};
  r.word[VERSION] = WN_VERSION;
  r.word[STATUS] = made;
  r.word[PLAN] = sync->plan;
  r.word[RANK] = sync->comm.rank;
  if (made != WN_OK) return r;
  const int64_t values[] = {sync->comm.ranks,
                            p->kind,
                            p->layout,
                            t->x,
                            t->y,
                            t->dy,
                            t->param,
                            t->param_grad,
                            p->act,
                            p->add,
                            p->flags,
                            p->c,
                            p->x,
                            bits_of(p->eps),
                            bits_of(p->momentum),
                            bits_of(p->act_slope)};
  static_assert(sizeof values / sizeof *values == WORDS, "each word has its value");
  memcpy(&r.word[FIRST_COMPARED], values, sizeof values);
  return r;
}

static void write_value(format as, int64_t value, char *text, size_t size) {
  double real;
  memcpy(&real, &value, sizeof real);
  if (as == TYPE) {
    (void)snprintf(text, size, "%s", wni_dtype_name((wn_dtype)value));
  } else if (as == REAL) {
    (void)snprintf(text, size, "%.17g", real);
  } else {
    (void)snprintf(text, size, "%lld", (long long)value);
  }
}

static wn_status differs(const word *w, int rank, int64_t value, int64_t first) {
  char of_rank[40];
  char of_first[40];
  write_value(w->as, value, of_rank, sizeof of_rank);
  write_value(w->as, first, of_first, sizeof of_first);
  return wni_error(WN_ERR_COMM, "the ranks' problems differ: %s is %s on rank %d, and %s on rank 0", w->name, of_rank,
                   rank, of_first);
}

/* Of different versions only the words of the record's own are known to mean the same. */
static wn_status check_own_words(const wni_record *r, int rank, const wni_record *first) {
  if (r->word[VERSION] != first->word[VERSION])
    return wni_error(WN_ERR_COMM, "the ranks' libraries differ: version %lld on rank %d, and %lld on rank 0",
                     (long long)r->word[VERSION], rank, (long long)first->word[VERSION]);
  if (r->word[RANK] != rank)
    return wni_error(WN_ERR_COMM, "all_gather put the message of rank %lld where that of rank %d belongs",
                     (long long)r->word[RANK], rank);
  if (r->word[STATUS] != WN_OK)
    return wni_error(WN_ERR_COMM, "rank %d could not make its plan: %s", rank,
                     wn_status_text((wn_status)r->word[STATUS]));
  return WN_OK;
}

wn_status wni_records_compare(const wni_record *all, int ranks, int32_t *plan) {
  for (int rank = 0; rank < ranks; rank++) {
    const wn_status status = check_own_words(&all[rank], rank, &all[0]);
    if (status != WN_OK) return status;
  }
  for (int rank = 1; rank < ranks; rank++) {
    const int64_t *const values = &all[rank].word[FIRST_COMPARED], *const first = &all[0].word[FIRST_COMPARED];
    for (int i = 0; i < WORDS; i++)
      if (values[i] != first[i]) return differs(&words[i], rank, values[i], first[i]);
  }
  *plan = (int32_t)all[0].word[PLAN];
  return WN_OK;
}
