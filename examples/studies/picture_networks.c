#include "picture_networks.h"

#include "dataset.h"

static void add(picture_network *net, const stage_spec *s) { net->stages[net->design.stage_count++] = *s; }

static norm_choice norm_of(const picture_choice *choice, wn_act act) {
  return (norm_choice){.kind = (wn_kind)choice->norm,
                       .groups = 4,
                       .parts = choice->norm == WN_BATCH ? choice->parts : 0,
                       .act = act,
                       .eps = 1e-5,
                       .momentum = 0.1};
}

static void add_behind(picture_network *net, const picture_choice *choice) {
  const stage_spec activation = {.kind = &stage_activation, .act = choice->act};
  const bool fused = choice->norm && !choice->norm_after && !choice->apart;
  const bool last = choice->norm && !choice->norm_after && choice->apart;
  if (!fused && !last) add(net, &activation);
  if (choice->norm) {
    add(net, &(stage_spec){.kind = &stage_norm, .norm = norm_of(choice, fused ? choice->act : WN_ACT_NONE)});
  }
  if (last) add(net, &activation);
  if (choice->drop > 0) add(net, &(stage_spec){.kind = &stage_dropout, .drop = choice->drop});
}

static void add_convolutions(picture_network *net, const picture_choice *choice) {
  static const struct { int64_t channels, stride; } layers[] = {{8, 2}, {8, 1}, {16, 2}};
  for (int i = 0; i < 3; i++) {
    add(net,
        &(stage_spec){.kind = &stage_convolution, .units = layers[i].channels, .window = {3, layers[i].stride, 1}});
    add_behind(net, choice);
  }
  add(net, &(stage_spec){.kind = &stage_average_pool, .window = {4, 1, 0}});
}

static void add_layers(picture_network *net, const picture_choice *choice) {
  if (choice->norm_inputs) add(net, &(stage_spec){.kind = &stage_norm, .norm = norm_of(choice, WN_ACT_NONE)});
  for (int i = 0; i < choice->hidden; i++) {
    add(net, &(stage_spec){.kind = &stage_linear, .units = choice->width});
    add_behind(net, choice);
  }
}

void picture_network_make(picture_network *net, const picture_choice *choice) {
  net->design = (network_design){.stages = net->stages, .per_input = true};
  if (choice->convolution) {
    net->design.input = (form){1, PICTURE_SIDE, PICTURE_SIDE, choice->layout};
    add_convolutions(net, choice);
  } else {
    net->design.input = (form){(int64_t)PICTURE_SIDE * PICTURE_SIDE, 1, 1, WN_NCX};
    add_layers(net, choice);
  }
  add(net, &(stage_spec){.kind = &stage_linear, .units = DATASET_CLASSES});
}

const char *picture_norm_name(int norm) {
  static const char *const names[] = {"none", "batch", "layer", "group", "instance", "rms"};
  return names[norm];
}

const char *picture_place_name(picture_place place) {
  static const char *const names[PICTURE_PLACES] = {"none", "before", "after"};
  return names[place];
}

void picture_place_norm(picture_choice *choice, picture_place place) {
  choice->norm = place == PICTURE_NO_NORM ? 0 : WN_BATCH;
  choice->norm_after = place == PICTURE_NORM_AFTER;
}
