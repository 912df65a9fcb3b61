// Stages over pictures in float64, written from their definition: forward only, as mlp_reference.h.
#ifndef WN_MLP_PICTURE_REFERENCE_H
#define WN_MLP_PICTURE_REFERENCE_H
#include <cstdint>
#include <vector>

#include "mlp_reference.h"

namespace wn {

// What a network of convolution, average_pool, batch norm, activation, dropout and linear stages computes in training.
struct PictureReference {
  std::vector<stage_spec> stages;
  form input;
  std::vector<Vector> parameters;  // one for each tensor of the network, in its order
  std::vector<Vector> masks;       // one for each dropout: what its values are multiplied by

  Vector logits(int64_t rows, const std::vector<float> &images) const;
  // Mean cross-entropy.
  double loss(int64_t rows, const std::vector<float> &images, const std::vector<uint8_t> &labels) const;
};

}  // namespace wn
#endif
