/* A folder of MNIST-format files: pictures as rows of floats in [0, 1], labels 0 to 9. */
#ifndef DATASET_H
#define DATASET_H

#include <stdint.h>

#include "fault.h"

enum { DATASET_CLASSES = 10 };

typedef struct dataset {
  int64_t count;
  int64_t height, width;
  int64_t pixels; /* of one picture, flattened: height x width */
  float *images;  /* count x pixels, the bytes of the file / 255 */
  uint8_t *labels;
} dataset;

/* The first `most` pictures (0: all) of the part "train" or "t10k" of a folder: <part>-images-idx3-ubyte and
 * <part>-labels-idx1-ubyte, each with or without .gz. Fewer pictures than `most` are a fault. */
bool dataset_load(dataset *, const char *folder, const char *part, int64_t most, fault *);
/* Each picture at half its height and width: means of 2 x 2 pixels. Odd sides are a fault. */
bool dataset_halve(dataset *, fault *);
void dataset_free(dataset *);

#endif
