#include "mlp_reference.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

namespace wn {

double reference_activation(wn_act act, double x) {
  switch (act) {
    case WN_ACT_NONE:
      return x;
    case WN_ACT_RELU:
      return std::max(x, 0.0);
    case WN_ACT_LEAKY_RELU:
      return x > 0 ? x : x / 100;
    case WN_ACT_SIGMOID:
      return 1 / (1 + std::exp(-x));
    case WN_ACT_TANH:
      return std::tanh(x);
    case WN_ACT_GELU:
      return x * std::erfc(-x / std::sqrt(2)) / 2;
    case WN_ACT_GELU_TANH:
      return x / 2 * (1 + std::tanh(std::sqrt(2 / std::acos(-1)) * (x + 0.044715 * std::pow(x, 3))));
    case WN_ACT_SILU:
      return x / (1 + std::exp(-x));
  }
  return NAN;
}

// Which statistics set an element belongs to, straight from the table of kinds: (row, feature) -> set.
static std::pair<int64_t, int64_t> set_of(const network_shape &s, int64_t row, int64_t feature) {
  switch (s.norm.kind) {
    case WN_BATCH:
      return {0, feature};
    case WN_LAYER:
    case WN_RMS:
      return {row, 0};
    case WN_GROUP:
    case WN_INSTANCE:
      return {row, feature / (s.width / s.norm.groups)};
  }
  return {};
}

void Reference::normalize(int layer, bool training, int64_t rows, const Vector &gamma, const Vector *beta, Vector *x) {
  const int64_t width = shape.width;
  std::map<std::pair<int64_t, int64_t>, std::vector<size_t>> sets;
  for (int64_t row = 0; row < rows; row++)
    for (int64_t i = 0; i < width; i++) sets[set_of(shape, row, i)].push_back(static_cast<size_t>(row * width + i));
  for (const auto &[set, elements] : sets) {
    const double m = static_cast<double>(elements.size());
    double mean = 0, var = 0;
    if (shape.norm.kind == WN_BATCH && !training) {
      mean = running_mean[static_cast<size_t>(layer)][static_cast<size_t>(set.second)];
      var = running_var[static_cast<size_t>(layer)][static_cast<size_t>(set.second)];
    } else {
      if (shape.norm.kind != WN_RMS)
        for (const size_t e : elements) mean += (*x)[e] / m;
      for (const size_t e : elements) var += ((*x)[e] - mean) * ((*x)[e] - mean) / m;
    }
    if (update && training && shape.norm.kind == WN_BATCH) {
      double &r = running_mean[static_cast<size_t>(layer)][static_cast<size_t>(set.second)];
      double &v = running_var[static_cast<size_t>(layer)][static_cast<size_t>(set.second)];
      r = (1 - shape.norm.momentum) * r + shape.norm.momentum * mean;
      v = (1 - shape.norm.momentum) * v + shape.norm.momentum * var;
    }
    for (const size_t e : elements) {
      // Instance norm: a run of features is one channel.
      const size_t feature = e % static_cast<size_t>(width);
      const size_t channel = shape.norm.kind == WN_INSTANCE ? static_cast<size_t>(set.second) : feature;
      (*x)[e] = gamma[channel] * ((*x)[e] - mean) / std::sqrt(var + shape.norm.eps) + (beta ? (*beta)[channel] : 0);
    }
  }
}

static Vector linear(const Vector &x, int64_t rows, int64_t inputs, const Vector &weight, const Vector &bias) {
  const int64_t outputs = static_cast<int64_t>(bias.size());
  Vector y(static_cast<size_t>(rows * outputs));
  for (int64_t row = 0; row < rows; row++)
    for (int64_t o = 0; o < outputs; o++) {
      double sum = bias[static_cast<size_t>(o)];
      for (int64_t i = 0; i < inputs; i++)
        sum += x[static_cast<size_t>(row * inputs + i)] * weight[static_cast<size_t>(i * outputs + o)];
      y[static_cast<size_t>(row * outputs + o)] = sum;
    }
  return y;
}

double Reference::loss(bool training, int64_t rows, const std::vector<float> &images,
                       const std::vector<uint8_t> &labels) {
  Vector x(images.begin(), images.begin() + static_cast<std::ptrdiff_t>(rows * shape.inputs));
  size_t next = 0;
  for (int layer = 0; layer <= shape.hidden; layer++) {
    const int64_t inputs = layer == 0 ? shape.inputs : shape.width;
    x = linear(x, rows, inputs, parameters[next], parameters[next + 1]);
    next += 2;
    if (layer == shape.hidden) break;
    const auto activate = [&] {
      for (double &value : x) value = reference_activation(shape.act, value);
    };
    if (!shape.normalized || shape.norm_after) activate();
    if (!shape.normalized) continue;
    const bool has_beta = shape.norm.kind != WN_RMS;
    normalize(layer, training, rows, parameters[next], has_beta ? &parameters[next + 1] : nullptr, &x);
    next += has_beta ? 2 : 1;
    if (!shape.norm_after) activate();
  }
  return cross_entropy(x, rows, labels);
}

double cross_entropy(const Vector &logits, int64_t rows, const std::vector<uint8_t> &labels) {
  const int64_t classes = static_cast<int64_t>(logits.size()) / rows;
  double total = 0;
  for (int64_t row = 0; row < rows; row++) {
    const double *const of_row = &logits[static_cast<size_t>(row * classes)];
    double sum = 0;
    for (int64_t i = 0; i < classes; i++) sum += std::exp(of_row[i]);
    total += std::log(sum) - of_row[labels[static_cast<size_t>(row)]];
  }
  return total / static_cast<double>(rows);
}

}  // namespace wn
