/* A backend is one const table. Adding one: a device_*.c with the table, a plan_*.c, a kernels/ folder, and a line in
 * device.c. Every slot is required unless it says what its absence means. */
#ifndef WNI_BACKEND_H
#define WNI_BACKEND_H
#include "call.h"

/* What shapes the plan of a pass: all that is known when a plan is made, nothing that only a call knows. So a pass's
 * plan must serve each choice of wanted gradients, stored statistics, masks and given parameters. */
typedef struct wni_plan_input {
  wn_pass pass;
  wni_stats stats;
  wni_geometry geo; /* of the n at hand: the plan's, or a smaller one of a call */
  wni_types types;
  wn_act act;
  wn_add add;
  uint32_t flags;
  bool running; /* the problem has running statistics: training passes update them */
  int ranks;    /* that exchange what they know of the sets, in a sync plan; 0: nothing is exchanged */
} wni_plan_input;

typedef struct wni_backend {
  wn_backend id;

  /* *state is the backend's own; text describes the device (or on failure the reason goes to the error text). */
  wn_status (*open)(int ordinal, void **state, char *text, size_t text_size);
  void (*close)(void *state);

  wn_status (*buffer_alloc)(void *state, void **out, size_t bytes, void *stream);
  wn_status (*buffer_free)(void *state, void *buffer, void *stream);
  wn_status (*buffer_write)(void *state, void *dst, const void *host, size_t bytes, void *stream);
  wn_status (*buffer_read)(void *state, void *host, const void *src, size_t bytes, void *stream);
  wn_status (*stream_wait)(void *state, void *stream);

  /* Optional: loads what the pass needs before the first call; NULL: nothing to load. */
  wn_status (*prepare)(void *state, const wni_plan_input *input);
  /* Bytes of a relu mask: what lies where in it is the backend's own. */
  int64_t (*mask_bytes)(const wni_geometry *geo);
  /* Bytes of workspace that `run` needs for this input; grows with n, so that the plan's serves every call. */
  size_t (*workspace)(void *state, const wni_plan_input *input);
  /* The choice in words, without what the call moves ("cpu row avx512 f32 ..."). */
  void (*explain)(void *state, const wni_plan_input *input, char *text, size_t size);
  /* Bytes per second that a copy moves (read + written), the bound of wn_plan_explain; 0: not known. */
  double (*copy_bandwidth)(void *state);

  /* `input` is what `call` was checked against, with the call's own n. */
  wn_status (*run)(void *state, const wni_plan_input *input, const wni_call *call, void *work, void *stream);
} wni_backend;

extern const wni_backend wni_backend_cpu;
extern const wni_backend wni_backend_cuda; /* in builds that define WNI_HAVE_CUDA */

#endif
