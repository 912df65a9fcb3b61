#ifndef WN_SIMT_COUNTED_H
#define WN_SIMT_COUNTED_H

struct counted_job {
  const float *x;
  float *y;
};
extern "C" {
extern const void *const counted_streaming,
    *const counted_twice, *const counted_ahead, *const counted_scattered, *const counted_banks[3],
                                                                              *const counted_shared_packs,
                                                                                  *const counted_meeting;
}
#endif
