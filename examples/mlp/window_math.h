/* What a window does at one position: the same text for both machines, as plain_math.h. A picture's values stand
 * channel_step and position_step apart, which is all that these functions know of layouts. */
#ifndef WINDOW_MATH_H
#define WINDOW_MATH_H

#include "plain_math.h"
#include "window.h"

PLAIN int64_t plain_channel_step(const form *f) { return f->layout == WN_NCX ? f->height * f->width : 1; }
PLAIN int64_t plain_position_step(const form *f) { return f->layout == WN_NCX ? 1 : f->channels; }

/* The values under the window at a position of `out`, and a 1 behind them, which a bias multiplies. */
PLAIN void plain_patch(const window *w, const float *x, int64_t position, float *patch) {
  const int64_t size = w->shape.size, channel_step = plain_channel_step(&w->in);
  const int64_t position_step = plain_position_step(&w->in);
  const int64_t top = position / w->out.width * w->shape.stride - w->shape.pad;
  const int64_t left = position % w->out.width * w->shape.stride - w->shape.pad;
  for (int64_t channel = 0; channel < w->in.channels; channel++) {
    for (int64_t row = top; row < top + size; row++) {
      const float *const from = x + channel * channel_step + row * w->in.width * position_step;
      const bool inside = row >= 0 && row < w->in.height;
      for (int64_t column = left; column < left + size; column++) {
        *patch++ = inside && column >= 0 && column < w->in.width ? from[column * position_step] : 0;
      }
    }
  }
  *patch = 1;
}

/* Places of the window, along one side of `out`, that see row (or column) `at` of a picture. */
typedef struct window_span {
  int64_t first, end;
} window_span;

PLAIN window_span plain_places(const window_shape *shape, int64_t at, int64_t places) {
  const int64_t padded = at + shape->pad, beyond = padded - shape->size + 1, end = padded / shape->stride + 1;
  window_span span;
  span.first = beyond > 0 ? (beyond + shape->stride - 1) / shape->stride : 0;
  span.end = end < places ? end : places;
  return span;
}

/* The other way: dx of all channels at a position of `in`, the sum over the patches that hold it. These are gradients,
 * without the 1. A sum that each position takes for itself needs no atomics, and has one order. */
PLAIN void plain_patch_back(const window *w, const float *patches, int64_t position, float *dx) {
  const int64_t size = w->shape.size, stride = w->shape.stride, square = size * size;
  const int64_t values = w->in.channels * square;
  const int64_t row = position / w->in.width, column = position % w->in.width;
  const window_span down = plain_places(&w->shape, row, w->out.height);
  const window_span right = plain_places(&w->shape, column, w->out.width);
  float *to = dx + position * plain_position_step(&w->in);
  for (int64_t channel = 0; channel < w->in.channels; channel++, to += plain_channel_step(&w->in)) {
    float sum = 0;
    for (int64_t i = down.first; i < down.end; i++) {
      const float *const line = patches + channel * square + (row + w->shape.pad - i * stride) * size;
      for (int64_t j = right.first; j < right.end; j++) {
        sum += line[(i * w->out.width + j) * values + column + w->shape.pad - j * stride];
      }
    }
    *to = sum;
  }
}

/* The mean under the window, of all channels at a position of `out`; without pad. */
PLAIN void plain_pool(const window *w, const float *x, int64_t position, float *y) {
  const int64_t size = w->shape.size, position_step = plain_position_step(&w->in);
  const int64_t top = position / w->out.width * w->shape.stride, left = position % w->out.width * w->shape.stride;
  const float share = 1 / (float)(size * size);
  float *to = y + position * plain_position_step(&w->out);
  for (int64_t channel = 0; channel < w->in.channels; channel++, to += plain_channel_step(&w->out)) {
    const float *const from = x + channel * plain_channel_step(&w->in);
    float sum = 0;
    for (int64_t row = top; row < top + size; row++) {
      for (int64_t column = left; column < left + size; column++) {
        sum += from[(row * w->in.width + column) * position_step];
      }
    }
    *to = sum * share;
  }
}

/* dx of all channels at a position of `in`. */
PLAIN void plain_pool_back(const window *w, const float *d, int64_t position, float *dx) {
  const window_span down = plain_places(&w->shape, position / w->in.width, w->out.height);
  const window_span right = plain_places(&w->shape, position % w->in.width, w->out.width);
  const int64_t position_step = plain_position_step(&w->out);
  const float share = 1 / (float)(w->shape.size * w->shape.size);
  float *to = dx + position * plain_position_step(&w->in);
  for (int64_t channel = 0; channel < w->in.channels; channel++, to += plain_channel_step(&w->in)) {
    const float *const from = d + channel * plain_channel_step(&w->out);
    float sum = 0;
    for (int64_t i = down.first; i < down.end; i++) {
      for (int64_t j = right.first; j < right.end; j++) sum += from[(i * w->out.width + j) * position_step];
    }
    *to = sum * share;
  }
}

#endif
