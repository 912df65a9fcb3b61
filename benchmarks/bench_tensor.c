#include "bench_tensor.h"

static const char *const names[] = {"x",    "residual", "dy",           "dsum",        "gamma",  "beta", "mean",
                                    "rstd", "variance", "running_mean", "running_var", "y",      "sum",  "mean",
                                    "rstd", "variance", "dx",           "dresidual",   "dgamma", "dbeta"};
_Static_assert(sizeof names / sizeof *names == BENCH_ROLES, "a name for each role");

const char *bench_role_name(bench_role role) { return names[role]; }

static int64_t elements(const bench_case *c) { return c->problem.n * c->problem.c * c->problem.x; }

static bool has_tensor(const bench_case *c, bench_role role) {
  const wn_problem *const p = &c->problem;
  const bool forward = bench_forward(c->pass);
  switch (role) {
    case BENCH_RESIDUAL:
      return forward ? p->add != WN_ADD_NONE : p->add == WN_ADD_AFTER && p->act != WN_ACT_NONE;
    case BENCH_DSUM:
      return !forward && p->add == WN_ADD_BEFORE;
    case BENCH_SUM:
      return c->pass == WN_TRAIN && p->add == WN_ADD_BEFORE;
    case BENCH_DRESIDUAL:
      return !forward && p->add == WN_ADD_AFTER;
    case BENCH_Y:
      return forward;
    case BENCH_DY:
    case BENCH_DX:
      return !forward;
    default:
      return role == BENCH_X;
  }
}

static int64_t vector_count(const bench_case *c, bench_role role) {
  const wn_problem *const p = &c->problem;
  const bool rms = p->kind == WN_RMS, backward = c->pass == WN_BACKWARD, train = c->pass == WN_TRAIN;
  switch (role) {
    case BENCH_GAMMA:
      return p->c;
    case BENCH_BETA: /* RMS norm as it is used has none */
      return rms ? 0 : p->c;
    case BENCH_MEAN:
      return backward && !rms ? bench_sets(p) : 0;
    case BENCH_VAR: /* of RMS norm: the mean of squares */
    case BENCH_RSTD:
      return backward ? bench_sets(p) : 0;
    case BENCH_SAVED_MEAN:
      return train && !rms ? bench_sets(p) : 0;
    case BENCH_SAVED_VAR:
    case BENCH_SAVED_RSTD:
      return train ? bench_sets(p) : 0;
    case BENCH_RUNNING_MEAN:
    case BENCH_RUNNING_VAR:
      return p->kind == WN_BATCH && !backward ? p->c : 0;
    case BENCH_DGAMMA:
      return bench_forward(c->pass) ? 0 : p->c;
    case BENCH_DBETA:
      return bench_forward(c->pass) || rms ? 0 : p->c;
    default:
      return 0;
  }
}

bench_array bench_array_of(const bench_case *c, bench_role role) {
  const wn_dtype real = c->problem.x_type == WN_F64 ? WN_F64 : WN_F32;
  const bool given = role < BENCH_Y;
  if (has_tensor(c, role))
    return (bench_array){.count = elements(c), .type = c->problem.x_type, .given = given, .tensor = true};
  return (bench_array){.count = vector_count(c, role), .type = real, .given = given};
}

size_t bench_array_bytes(const bench_case *c, bench_role role) {
  const bench_array a = bench_array_of(c, role);
  return (size_t)a.count * bench_type_bytes(a.type);
}

size_t bench_case_bytes(const bench_case *c) {
  size_t bytes = 0;
  for (int role = 0; role < BENCH_ROLES; role++) bytes += bench_array_bytes(c, (bench_role)role);
  return bytes;
}
