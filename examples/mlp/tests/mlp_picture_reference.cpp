#include "mlp_picture_reference.h"

#include <gtest/gtest.h>

#include <cmath>

namespace wn {
namespace {

struct Pictures {
  form at;
  int64_t rows;
  Vector values;

  Pictures(const form &f, int64_t n) : at(f), rows(n), values(static_cast<size_t>(n * form_values(&f))) {}
  size_t index(int64_t row, int64_t channel, int64_t y, int64_t x) const {
    const int64_t place =
        at.layout == WN_NCX ? (channel * at.height + y) * at.width + x : (y * at.width + x) * at.channels + channel;
    return static_cast<size_t>(row * form_values(&at) + place);
  }
  // 0 off the picture.
  double read(int64_t row, int64_t channel, int64_t y, int64_t x) const {
    const bool inside = y >= 0 && y < at.height && x >= 0 && x < at.width;
    return inside ? values[index(row, channel, y, x)] : 0;
  }
  template <class F>
  void each(F f) {  // f(row, channel, y, x, the value)
    for (int64_t row = 0; row < rows; row++)
      for (int64_t c = 0; c < at.channels; c++)
        for (int64_t y = 0; y < at.height; y++)
          for (int64_t x = 0; x < at.width; x++) f(row, c, y, x, &values[index(row, c, y, x)]);
  }
};

form moved(const Pictures &in, const window_shape &w, int64_t channels) {
  return {channels, (in.at.height + 2 * w.pad - w.size) / w.stride + 1,
          (in.at.width + 2 * w.pad - w.size) / w.stride + 1, in.at.layout};
}

Pictures convolve(const Pictures &in, const stage_spec &s, const Vector &weight, const Vector &bias) {
  const window_shape &w = s.window;
  Pictures out(moved(in, w, s.units), in.rows);
  out.each([&](int64_t row, int64_t unit, int64_t y, int64_t x, double *value) {
    *value = bias[static_cast<size_t>(unit)];
    for (int64_t c = 0; c < in.at.channels; c++)
      for (int64_t i = 0; i < w.size; i++)
        for (int64_t j = 0; j < w.size; j++)
          *value += in.read(row, c, y * w.stride + i - w.pad, x * w.stride + j - w.pad) *
                    weight[static_cast<size_t>(((c * w.size + i) * w.size + j) * s.units + unit)];
  });
  return out;
}

Pictures pooled(const Pictures &in, const window_shape &w) {
  Pictures out(moved(in, w, in.at.channels), in.rows);
  out.each([&](int64_t row, int64_t c, int64_t y, int64_t x, double *value) {
    for (int64_t i = 0; i < w.size; i++)
      for (int64_t j = 0; j < w.size; j++)
        *value += in.read(row, c, y * w.stride + i, x * w.stride + j) / static_cast<double>(w.size * w.size);
  });
  return out;
}

void normalize(Pictures *all, const norm_choice &norm, const Vector &gamma, const Vector &beta) {
  const size_t channels = static_cast<size_t>(all->at.channels);
  const double count = static_cast<double>(all->rows * form_positions(&all->at));
  Vector mean(channels), variance(channels);
  all->each([&](int64_t, int64_t c, int64_t, int64_t, double *v) { mean[static_cast<size_t>(c)] += *v / count; });
  all->each([&](int64_t, int64_t c, int64_t, int64_t, double *v) {
    variance[static_cast<size_t>(c)] += std::pow(*v - mean[static_cast<size_t>(c)], 2) / count;
  });
  all->each([&](int64_t, int64_t channel, int64_t, int64_t, double *v) {
    const size_t c = static_cast<size_t>(channel);
    const double normal = (*v - mean[c]) / std::sqrt(variance[c] + norm.eps);
    *v = reference_activation(norm.act, gamma[c] * normal + beta[c]);
  });
}

Pictures linear(const Pictures &in, const stage_spec &s, const Vector &weight, const Vector &bias) {
  Pictures out({s.units, 1, 1, WN_NCX}, in.rows);
  const int64_t inputs = form_values(&in.at);
  out.each([&](int64_t row, int64_t unit, int64_t, int64_t, double *value) {
    *value = bias[static_cast<size_t>(unit)];
    for (int64_t i = 0; i < inputs; i++)
      *value += in.values[static_cast<size_t>(row * inputs + i)] * weight[static_cast<size_t>(i * s.units + unit)];
  });
  return out;
}

}  // namespace

Vector PictureReference::logits(int64_t rows, const std::vector<float> &images) const {
  Pictures now(input, rows);
  now.values.assign(images.begin(), images.end());
  size_t tensor = 0, mask = 0;
  for (const stage_spec &s : stages) {
    if (s.kind == &stage_convolution) {
      now = convolve(now, s, parameters[tensor], parameters[tensor + 1]);
      tensor += 2;
    } else if (s.kind == &stage_linear) {
      now = linear(now, s, parameters[tensor], parameters[tensor + 1]);
      tensor += 2;
    } else if (s.kind == &stage_norm) {
      normalize(&now, s.norm, parameters[tensor], parameters[tensor + 1]);
      tensor += 2;
    } else if (s.kind == &stage_average_pool) {
      now = pooled(now, s.window);
    } else if (s.kind == &stage_activation) {
      for (double &v : now.values) v = reference_activation(s.act, v);
    } else if (s.kind == &stage_dropout) {
      for (size_t i = 0; i < now.values.size(); i++) now.values[i] *= masks[mask][i];
      mask++;
    } else {
      ADD_FAILURE() << "a stage that this reference does not know";
    }
  }
  return now.values;
}

double PictureReference::loss(int64_t rows, const std::vector<float> &images,
                              const std::vector<uint8_t> &labels) const {
  return cross_entropy(logits(rows, images), rows, labels);
}

}  // namespace wn
