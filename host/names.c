#include "names.h"

size_t wni_dtype_size(wn_dtype type) {
  switch (type) {
#define DTYPE(enumerator, name, bytes) \
  case enumerator:                     \
    return bytes;
#include "dtypes.def"
#undef DTYPE
    case WN_DTYPE_DEFAULT:
      break;
  }
  return 0;
}

const char *wni_dtype_name(wn_dtype type) {
  switch (type) {
#define DTYPE(enumerator, name, bytes) \
  case enumerator:                     \
    return name;
#include "dtypes.def"
#undef DTYPE
    case WN_DTYPE_DEFAULT:
      return "default";
  }
  return "unknown type";
}

const char *wni_kind_name(wn_kind kind) {
  switch (kind) {
    case WN_BATCH:
      return "batch";
    case WN_LAYER:
      return "layer";
    case WN_GROUP:
      return "group";
    case WN_INSTANCE:
      return "instance";
    case WN_RMS:
      return "rms";
  }
  return "unknown kind";
}

const char *wni_pass_name(wn_pass pass) {
  switch (pass) {
    case WN_TRAIN:
      return "train";
    case WN_INFER:
      return "infer";
    case WN_BACKWARD:
      return "backward";
    case WN_BACKWARD_FROZEN:
      return "frozen backward";
  }
  return "unknown pass";
}
