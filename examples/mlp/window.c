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
  const int64_t height = in->height + 2 * pad, width = in->width + 2 * pad;
  if (height < size || width < size) {
    return fault_set(f, "a window of size %lld: larger than the picture, %lld x %lld with its pad", (long long)size,
                     (long long)height, (long long)width);
  }
  *w = (window){*shape, *in, {channels, (height - size) / stride + 1, (width - size) / stride + 1, in->layout}};
  return true;
}
