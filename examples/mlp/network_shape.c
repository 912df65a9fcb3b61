#include <stdlib.h>

#include "network.h"

/* One hidden layer's stages behind its linear one. */
static int add_hidden(stage_spec *to, const network_shape *shape) {
  const stage_spec activation = {.kind = &stage_activation, .act = shape->act};
  stage_spec norm = {.kind = &stage_norm, .norm = shape->norm};
  norm.norm.act = shape->norm_after ? WN_ACT_NONE : shape->act;
  int count = 0;
  if (!shape->normalized || shape->norm_after) to[count++] = activation;
  if (shape->normalized) to[count++] = norm;
  return count;
}

bool network_create(network *net, machine *m, const network_shape *shape, int64_t most_rows, fault *f) {
  stage_spec *const stages = calloc(3 * (size_t)shape->hidden + 1, sizeof *stages);
  if (!stages) return fault_set(f, "no memory for %d layers", shape->hidden);
  network_design design = {.input = {shape->inputs, 1, 1, WN_NCX}, .stages = stages};
  for (int i = 0; i <= shape->hidden; i++) {
    const bool last = i == shape->hidden;
    stages[design.stage_count++] = (stage_spec){.kind = &stage_linear, .units = last ? shape->classes : shape->width};
    if (!last) design.stage_count += add_hidden(stages + design.stage_count, shape);
  }
  const bool good = network_build(net, m, &design, most_rows, f);
  free(stages);
  return good;
}
