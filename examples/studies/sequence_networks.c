#include "sequence_networks.h"

static void add(sequence_network *net, const stage_spec *s) { net->stages[net->design.stage_count++] = *s; }

static norm_choice norm_of(const sequence_choice *choice) {
  return (norm_choice){.kind = (wn_kind)choice->norm, .eps = 1e-5, .momentum = 0.1};
}

static void add_norm(sequence_network *net, const sequence_choice *choice) {
  if (choice->norm) add(net, &(stage_spec){.kind = &stage_norm, .norm = norm_of(choice)});
}

/* x + part(norm(x)), or norm(x + part(x)). */
static void add_residual(sequence_network *net, const sequence_choice *choice, const stage_spec *part, int stages) {
  add(net, &(stage_spec){.kind = &stage_fork});
  if (!choice->after) add_norm(net, choice);
  for (int i = 0; i < stages; i++) add(net, &part[i]);
  add(net, &(stage_spec){.kind = &stage_join});
  if (choice->after) add_norm(net, choice);
}

static void add_transformer(sequence_network *net, const sequence_choice *choice) {
  const stage_spec attention = {.kind = &stage_attention, .heads = SEQUENCE_HEADS};
  const stage_spec perceptron[] = {{.kind = &stage_linear_each, .units = 2 * SEQUENCE_WIDTH},
                                   {.kind = &stage_activation, .act = WN_ACT_RELU},
                                   {.kind = &stage_linear_each, .units = SEQUENCE_WIDTH}};
  add(net, &(stage_spec){.kind = &stage_linear_each, .units = SEQUENCE_WIDTH});
  add(net, &(stage_spec){.kind = &stage_places});
  add_residual(net, choice, &attention, 1);
  add_residual(net, choice, perceptron, 3);
  if (!choice->after) add_norm(net, choice);
  add(net, &(stage_spec){.kind = &stage_mean});
}

static void add_recurrent(sequence_network *net, const sequence_choice *choice) {
  add(net, &(stage_spec){.kind = &stage_recurrent,
                         .units = SEQUENCE_STATE,
                         .normalized = choice->norm != 0,
                         .norm = norm_of(choice),
                         .first_gamma = choice->first_gamma});
}

bool sequence_network_make(sequence_network *net, const sequence_choice *choice, const dataset *pictures, fault *f) {
  const int64_t rows = choice->transformer ? 2 : 1; /* of a step */
  if (pictures->height % rows != 0) {
    return fault_set(f, "pictures of %lld rows: a transformer takes two at each step", (long long)pictures->height);
  }
  net->design = (network_design){
      .input = {rows * pictures->width, pictures->height / rows, 1, WN_NXC}, .stages = net->stages, .per_input = true};
  if (choice->transformer) {
    add_transformer(net, choice);
  } else {
    add_recurrent(net, choice);
  }
  add(net, &(stage_spec){.kind = &stage_linear, .units = DATASET_CLASSES});
  return true;
}
