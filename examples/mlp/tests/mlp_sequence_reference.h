// Stages over sequences in float64, written from their definition: forward only, as mlp_reference.h.
#ifndef WN_MLP_SEQUENCE_REFERENCE_H
#define WN_MLP_SEQUENCE_REFERENCE_H
#include <cstdint>
#include <vector>

#include "mlp_reference.h"

namespace wn {

// What a network of linear_each, places, mean, attention, recurrent, fork, join, norm (batch, layer, RMS), activation
// and linear stages computes in training.
struct SequenceReference {
  std::vector<stage_spec> stages;
  form input;
  std::vector<Vector> parameters;  // one for each tensor of the network, in its order

  Vector logits(int64_t rows, const std::vector<float> &images) const;
  // Mean cross-entropy.
  double loss(int64_t rows, const std::vector<float> &images, const std::vector<uint8_t> &labels) const;
};

}  // namespace wn
#endif
