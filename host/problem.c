#include "problem.h"

/* What an extent of the view counts: the rows of the table in geometry.h, in words. */
typedef enum { ONE, PARTS, SAMPLES, GROUPS, CHANNELS, POSITIONS, GROUP_RUN } axis;

typedef struct shape {
  wni_pattern pattern;
  axis axes[4];
  bool param_by_row;
} shape;

static bool is_matrix_of_channels(const wn_problem *p) { return p->layout == WN_NXC || p->x == 1; }

static shape shape_of(const wn_problem *p) {
  static const shape batch_rows = {WNI_ROW, {PARTS, CHANNELS, SAMPLES, POSITIONS}, false};
  static const shape batch_columns = {WNI_COLUMN, {PARTS, SAMPLES, POSITIONS, CHANNELS}, false};
  static const shape layer_rows = {WNI_ROW, {SAMPLES, POSITIONS, ONE, CHANNELS}, false};
  static const shape layer_columns = {WNI_COLUMN, {SAMPLES, ONE, CHANNELS, POSITIONS}, true};
  static const shape group_rows = {WNI_ROW, {SAMPLES, GROUPS, ONE, GROUP_RUN}, false};
  static const shape group_columns = {WNI_COLUMN, {SAMPLES, ONE, POSITIONS, CHANNELS}, false};
  static const shape instance_rows = {WNI_ROW, {SAMPLES, CHANNELS, ONE, POSITIONS}, false};
  switch (p->kind) {
    case WN_BATCH:
      return is_matrix_of_channels(p) ? batch_columns : batch_rows;
    case WN_LAYER:
    case WN_RMS:
      return is_matrix_of_channels(p) ? layer_rows : layer_columns;
    case WN_GROUP:
      if (p->groups != p->c) return p->layout == WN_NXC && p->x > 1 ? group_columns : group_rows;
      break; /* a group of one channel is instance norm */
    case WN_INSTANCE:
      break;
  }
  return is_matrix_of_channels(p) ? group_columns : instance_rows;
}

static int64_t channels_per_group(const wn_problem *p) { return p->kind == WN_GROUP ? p->c / p->groups : 1; }

static int64_t extent_of(const wn_problem *p, axis a, int64_t n, int64_t parts) {
  switch (a) {
    case PARTS:
      return parts;
    case SAMPLES:
      return p->kind == WN_BATCH ? n / parts : n;
    case GROUPS:
      return p->groups;
    case CHANNELS:
      return p->c;
    case POSITIONS:
      return p->x;
    case GROUP_RUN:
      return channels_per_group(p) * p->x;
    case ONE:
      break;
  }
  return 1;
}

static int64_t stride_of(const wn_problem *p, axis a, int64_t n, int64_t parts, wn_stride stride) {
  const int64_t channel = p->layout == WN_NCX ? p->x : 1;
  switch (a) {
    case PARTS:
      return n / parts * stride.row;
    case SAMPLES:
      return stride.row;
    case GROUPS:
      return channels_per_group(p) * channel;
    case CHANNELS:
      return channel;
    case POSITIONS:
      return p->layout == WN_NCX ? 1 : stride.pixel;
    case GROUP_RUN:
    case ONE:
      break;
  }
  return 0;
}

wni_geometry wni_geometry_make(const wn_problem *p, int64_t n, int64_t parts) {
  const shape s = shape_of(p);
  wni_geometry g = {
      .pattern = s.pattern, .centered = p->kind != WN_RMS, .param_by_row = s.param_by_row, .params = p->c};
  for (int i = 0; i < 4; i++) g.extent[i] = extent_of(p, s.axes[i], n, parts);
  if (s.pattern == WNI_COLUMN) {
    g.set_columns = channels_per_group(p);
    g.sets = g.extent[0] * (g.extent[3] / g.set_columns);
    g.set_size = g.extent[1] * g.extent[2] * g.set_columns;
    return g;
  }
  const bool along_elements =
      s.axes[3] == CHANNELS; /* layer, rms: each element has a parameter, the same for each set */
  g.param_span = along_elements ? 1 : p->x;
  g.param_step = along_elements ? 0 : channels_per_group(p);
  g.sets = g.extent[0] * g.extent[1];
  g.set_size = g.extent[2] * g.extent[3];
  return g;
}

wni_view wni_view_make(const wn_problem *p, int64_t n, int64_t parts, wn_stride stride) {
  const shape s = shape_of(p);
  wni_view v;
  for (int i = 0; i < 3; i++) v.stride[i] = stride_of(p, s.axes[i], n, parts, stride);
  return v;
}
