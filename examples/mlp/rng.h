/* Random numbers that are the same for a seed on every machine: xoshiro256** (Blackman and Vigna, "Scrambled linear
 * pseudorandom number generators", 2021), its state filled by splitmix64, and normal numbers by Marsaglia's polar
 * method with a logarithm of its own, because the C library's differs in the last bit from machine to machine. */
#ifndef RNG_H
#define RNG_H

#include <stdbool.h>
#include <stdint.h>

typedef struct rng {
  uint64_t state[4];
  double spare; /* the polar method makes two normal numbers at a time */
  bool has_spare;
} rng;

/* Streams of one seed are independent: drawing more from one never changes another. */
void rng_seed(rng *, uint64_t seed, uint64_t stream);
uint64_t rng_next(rng *);
double rng_uniform(rng *);                 /* in [0, 1), a multiple of 2^-53 */
uint64_t rng_below(rng *, uint64_t limit); /* in [0, limit), each equally likely; limit is 1 or more */
double rng_normal(rng *);                  /* mean 0, variance 1 */

#endif
