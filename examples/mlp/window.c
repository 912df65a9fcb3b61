#include "window.h"

bool window_create(window *w, const window_shape *shape, const form *in, int64_t channels, fault *f) {
  const int64_t size = shape->size, stride = shape->stride, pad = shape->pad;
  if (channels < 1) return fault_set(f, "a convolution of %lld channels: it needs one", (long long)channels);
  if (size < 1) return fault_set(f, "a window of size %lld: expected 1 or more", (long long)size);
  if (stride < 1) return fault_set(f, "a window of stride %lld: expected 1 or more", (long long)stride);
  if (pad < 0 || pad >= size) {
    return fault_set(f, "a window of pad %lld: expected 0 to its size less 1, %lld", (long long)pad,
                     (long long)(size - 1));
  }
  const int64_t down = in->height + 2 * pad - size, right = in->width + 2 * pad - size;
  if (down < 0 || right < 0) {
    return fault_set(f, "a window of size %lld: larger than the picture, %lld x %lld with its pad", (long long)size,
                     (long long)(in->height + 2 * pad), (long long)(in->width + 2 * pad));
  }
  *w = (window){*shape, *in, {channels, down / stride + 1, right / stride + 1, in->layout}};
  return true;
}
