#include "pictures.h"

#include <stdlib.h>
#include <string.h>

#include "picture_networks.h"

static bool upload(train_images *to, run_context *context, const dataset *all, int64_t count, float odd_scale,
                   fault *f) {
  dataset some = *all;
  if (some.count > count) some.count = count;
  const size_t bytes = (size_t)(some.count * some.pixels) * sizeof *some.images;
  if (!(some.images = malloc(bytes))) return fault_set(f, "no memory for %lld pictures", (long long)some.count);
  memcpy(some.images, all->images, bytes);
  bool good = dataset_halve(&some, f);
  if (good && (some.height != PICTURE_SIDE || some.width != PICTURE_SIDE)) {
    good = fault_set(f, "pictures of %lld x %lld pixels: expected %d x %d", (long long)all->height,
                     (long long)all->width, 2 * PICTURE_SIDE, 2 * PICTURE_SIDE);
  }
  for (int64_t i = 1; good && i < some.count * some.pixels; i += 2) some.images[i] *= odd_scale;
  good = good && train_upload(to, &some, &context->memory, f);
  free(some.images);
  return good;
}

bool pictures_upload_scaled(pictures *p, run_context *context, int64_t training, int64_t test, float odd_scale,
                            fault *f) {
  return upload(&p->training, context, context->training, training, odd_scale, f) &&
         upload(&p->test, context, context->test, test, odd_scale, f);
}

bool pictures_upload(pictures *p, run_context *context, int64_t training, int64_t test, fault *f) {
  return pictures_upload_scaled(p, context, training, test, 1, f);
}
