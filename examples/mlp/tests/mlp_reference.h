// The network of the study in float64, written from its definition: forward only. Gradients come from central
// differences of its loss, so that no derivative is written down twice.
#ifndef WN_MLP_REFERENCE_H
#define WN_MLP_REFERENCE_H
#include <cstdint>
#include <vector>

extern "C" {
#include "network.h"
}

namespace wn {

using Vector = std::vector<double>;

struct Reference {
  explicit Reference(const network_shape &s) : shape(s) {}

  // One vector for each tensor of the network, in its order: weight, bias, gamma, beta of each layer, as far as it has
  // them.
  std::vector<Vector> parameters;
  network_shape shape;
  // Of each hidden layer; batch norm only. Updated by a training pass when `update` is set.
  std::vector<Vector> running_mean, running_var;
  bool update = false;

  // Mean cross-entropy of these images.
  double loss(bool training, int64_t rows, const std::vector<float> &images, const std::vector<uint8_t> &labels);

 private:
  void normalize(int layer, bool training, int64_t rows, const Vector &gamma, const Vector *beta, Vector *x);
};

double reference_activation(wn_act act, double x);

// The mean over rows of the softmax cross-entropy of their logits.
double cross_entropy(const Vector &logits, int64_t rows, const std::vector<uint8_t> &labels);

// Of loss() with respect to `value`. Second order: the error is about step^2 times the third derivative plus
// 2^-53 / step, both far below f32's.
template <class Loss>
double central_difference(double *value, const Loss &loss) {
  constexpr double step = 1e-5;
  const double kept = *value;
  *value = kept + step;
  const double above = loss();
  *value = kept - step;
  const double below = loss();
  *value = kept;
  return (above - below) / (2 * step);
}

}  // namespace wn
#endif
