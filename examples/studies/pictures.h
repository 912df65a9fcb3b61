/* The pictures of the studies that train picture_networks: 14 x 14 pixels, means of 2 x 2 of those of the folder. */
#ifndef PICTURES_H
#define PICTURES_H

#include "studies.h"

typedef struct pictures { /* in the context's memory */
  train_images training, test;
} pictures;

/* The first of each; fewer if the folder has fewer. Pixels of odd number are multiplied by `odd_scale`. */
bool pictures_upload_scaled(pictures *, run_context *, int64_t training, int64_t test, float odd_scale, fault *);
bool pictures_upload(pictures *, run_context *, int64_t training, int64_t test, fault *);

#endif
