/* f32 to and from the narrow formats in integer arithmetic: round to nearest even, subnormals kept, NaN stays NaN. For
 * machines and formats that have no instruction that does exactly this; AVX-512's bf16 conversion does not (it takes
 * subnormals for 0).
 *
 * Written for a value type `vec` with an unsigned integer `uvec` for its bits, the masks `vmask`, and WNI_INLINE,
 * vec_splat, uvec_splat, vec_bits, vec_of_bits, vec_abs, vec_lt, vec_is_nan, vec_select, uvec_select, uvec_lt: vectors
 * on a processor, plain float and unsigned in a GPU's thread. The narrow value is in the low bits of each lane. */
#ifndef WNI_NARROW_H
#define WNI_NARROW_H

WNI_INLINE vec vec_of_bf16_bits(uvec h) { return vec_of_bits(h << 16); }

/* bf16 in the high half of each lane; what is in the low half has no meaning. */
WNI_INLINE uvec bf16_high_of_vec(vec v) {
  const uvec bits = vec_bits(v);
  /* 0x7fff and the bit that stays last: just too little to carry when the cut part is below the middle, or in it and
   * the kept part even. */
  const uvec rounded = bits + (((bits >> 16) & 1) + 0x7fff);
  return uvec_select(vec_is_nan(v), bits | 0x400000, rounded);
}

WNI_INLINE vec vec_of_f16_bits(uvec h) {
  const uvec magnitude = (h & 0x7fff) << 13;
  /* Exponents are 112 apart; multiplying also normalizes what is subnormal in f16. */
  const vec finite = vec_of_bits(magnitude) * vec_splat(0x1p112);
  const uvec special = magnitude | 0x7f800000;
  const uvec bits = uvec_select(uvec_lt(magnitude, uvec_splat(0x7c00 << 13)), vec_bits(finite), special);
  return vec_of_bits(bits | ((h & 0x8000) << 16));
}

/* A magnitude, finite, to a format with `mantissa` bits and exponent bias `bias`, that does not overflow. Below the
 * smallest normal the sum with a power of two whose last bit is the format's smallest step rounds; above, adding just
 * less than half a step to the bits does. */
WNI_INLINE uvec narrow_magnitude(vec a, unsigned mantissa, unsigned bias) {
  const unsigned cut = 23 - mantissa;
  const uvec bits = vec_bits(a);
  const uvec magic = uvec_splat((127u + 23 + 1 - bias - mantissa) << 23);
  const uvec subnormal = vec_bits(a + vec_of_bits(magic)) - magic;
  const uvec odd = (bits >> cut) & 1;
  const uvec normal = ((bits + odd + ((1u << (cut - 1)) - 1)) >> cut) - ((127u - bias) << mantissa);
  return uvec_select(uvec_lt(bits, uvec_splat((127u + 1 - bias) << 23)), subnormal, normal);
}

WNI_INLINE uvec f16_bits_of_vec(vec v) {
  const vec a = vec_abs(v);
  const vec limit = vec_splat(65536); /* rounds to what f16 has as infinity; so does all that is larger */
  const uvec finite = narrow_magnitude(vec_select(vec_lt(a, limit), a, limit), 10, 15);
  const uvec sign = (vec_bits(v) >> 16) & 0x8000;
  return sign | uvec_select(vec_is_nan(v), uvec_splat(0x7e00), finite);
}

/* Saturating, infinities too. */
WNI_INLINE uvec f8_bits_of_vec(vec v, unsigned mantissa, unsigned bias, double largest) {
  const vec a = vec_abs(v);
  const vec limit = vec_splat(largest);
  const uvec finite = narrow_magnitude(vec_select(vec_lt(a, limit), a, limit), mantissa, bias);
  const uvec sign = (vec_bits(v) >> 24) & 0x80;
  return sign | uvec_select(vec_is_nan(v), uvec_splat(0x7f), finite);
}

WNI_INLINE uvec e4m3_bits_of_vec(vec v) { return f8_bits_of_vec(v, 3, 7, 448); }
WNI_INLINE uvec e5m2_bits_of_vec(vec v) { return f8_bits_of_vec(v, 2, 15, 57344); }

#endif
