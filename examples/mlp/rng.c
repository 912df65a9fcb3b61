/* Compiled without contraction (CMakeLists.txt): a fused multiply-add would round differently where there is one. */
#include "rng.h"

#include <math.h>

static uint64_t rotate_left(uint64_t x, int count) { return (x << count) | (x >> (64 - count)); }

static uint64_t splitmix64(uint64_t *state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

void rng_seed(rng *r, uint64_t seed, uint64_t stream) {
  /* Both numbers go through the mixer before they meet, so that (seed 1, stream 2) is not (seed 2, stream 1). */
  uint64_t mixed_seed = seed;
  uint64_t state = splitmix64(&mixed_seed) + stream;
  for (int i = 0; i < 4; i++) r->state[i] = splitmix64(&state);
  r->has_spare = false;
}

uint64_t rng_next(rng *r) {
  uint64_t *const s = r->state;
  const uint64_t result = rotate_left(s[1] * 5, 7) * 9;
  const uint64_t shifted = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= shifted;
  s[3] = rotate_left(s[3], 45);
  return result;
}

double rng_uniform(rng *r) { return (double)(rng_next(r) >> 11) * 0x1p-53; }

uint64_t rng_below(rng *r, uint64_t limit) {
  /* Draws above the largest multiple of limit are thrown away: they would make small results likelier. */
  const uint64_t excess = (UINT64_MAX % limit + 1) % limit;
  uint64_t draw = rng_next(r);
  while (draw > UINT64_MAX - excess) draw = rng_next(r);
  return draw % limit;
}

/* log(x), x a positive normal number: x = f 2^e with f in [sqrt(1/2), sqrt(2)), log f = 2 atanh(t), t = (f-1)/(f+1),
 * |t| < 0.172. The series ends at t^21: the next term is below 2^-53 of the first. Plain additions, products and
 * divisions, which IEEE 754 rounds the same everywhere. */
static double portable_log(double x) {
  int exponent;
  double f = frexp(x, &exponent);
  if (f < 0.70710678118654752) {
    f *= 2;
    exponent--;
  }
  const double t = (f - 1) / (f + 1);
  const double square = t * t;
  double series = 0;
  for (int power = 21; power >= 1; power -= 2) series = series * square + 1.0 / power;
  return exponent * 0.69314718055994531 + 2 * t * series;
}

double rng_normal(rng *r) {
  if (r->has_spare) {
    r->has_spare = false;
    return r->spare;
  }
  double u, v, square;
  do {
    u = 2 * rng_uniform(r) - 1;
    v = 2 * rng_uniform(r) - 1;
    square = u * u + v * v;
  } while (square >= 1 || square == 0);
  const double factor = sqrt(-2 * portable_log(square) / square);
  r->spare = v * factor;
  r->has_spare = true;
  return u * factor;
}
