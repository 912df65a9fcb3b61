#include "dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "idx.h"

enum { PATH_ROOM = 4096 };

static bool find_file(char path[PATH_ROOM], const char *folder, const char *part, const char *kind, int dimensions,
                      fault *f) {
  /* '.' in place of '-' before "idx" is how some archives of MNIST unpack. */
  static const char *const forms[] = {"%s/%s-%s-idx%d-ubyte.gz", "%s/%s-%s-idx%d-ubyte", "%s/%s-%s.idx%d-ubyte.gz",
                                      "%s/%s-%s.idx%d-ubyte"};
  struct stat information;
  if (stat(folder, &information) != 0 || !S_ISDIR(information.st_mode)) {
    return fault_set(f,
                     "%s: no such folder. The images come with Debian's package dataset-fashion-mnist; --data names "
                     "another folder of MNIST-format files",
                     folder);
  }
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
    const int length = snprintf(path, PATH_ROOM, forms[i], folder, part, kind, dimensions);
    if (length >= PATH_ROOM) return fault_set(f, "--data: the folder's name is too long");
    if (stat(path, &information) == 0) return true;
  }
  return fault_set(f, "%s: missing file: neither %s-%s-idx%d-ubyte.gz nor %s-%s-idx%d-ubyte is there", folder, part,
                   kind, dimensions, part, kind, dimensions);
}

static bool labels_good(const idx_array *labels, const char *path, fault *f) {
  for (int64_t i = 0; i < labels->size[0]; i++) {
    if (labels->data[i] >= DATASET_CLASSES) {
      return fault_set(f, "%s: label %lld is %d: expected 0 to %d", path, (long long)i, labels->data[i],
                       DATASET_CLASSES - 1);
    }
  }
  return true;
}

static bool convert(dataset *set, const idx_array *images, const idx_array *labels, fault *f) {
  const int64_t values = set->count * set->pixels;
  set->images = malloc((size_t)values * sizeof *set->images);
  set->labels = malloc((size_t)set->count);
  if (!set->images || !set->labels) return fault_set(f, "no memory for %lld pictures", (long long)set->count);
  for (int64_t i = 0; i < values; i++) set->images[i] = (float)images->data[i] / 255.0f;
  memcpy(set->labels, labels->data, (size_t)set->count);
  return true;
}

bool dataset_load(dataset *set, const char *folder, const char *part, int64_t most, fault *f) {
  char image_path[PATH_ROOM], label_path[PATH_ROOM];
  idx_array images = {0}, labels = {0};
  memset(set, 0, sizeof *set);
  bool good = find_file(image_path, folder, part, "images", 3, f) &&
              find_file(label_path, folder, part, "labels", 1, f) && idx_read(&images, image_path, 3, f) &&
              idx_read(&labels, label_path, 1, f) && labels_good(&labels, label_path, f);
  if (good && images.size[0] != labels.size[0]) {
    good = fault_set(f, "sizes disagree: %s has %lld pictures, %s has %lld labels", image_path,
                     (long long)images.size[0], label_path, (long long)labels.size[0]);
  }
  const int64_t wanted = most ? most : images.size[0];
  if (good && (wanted < 1 || wanted > images.size[0])) {
    good = fault_set(f, "--images %lld: %s has only %lld", (long long)wanted, image_path, (long long)images.size[0]);
  }
  if (good) {
    set->count = wanted;
    set->height = images.size[1];
    set->width = images.size[2];
    set->pixels = set->height * set->width;
    good = convert(set, &images, &labels, f);
  }
  idx_free(&images);
  idx_free(&labels);
  if (!good) dataset_free(set);
  return good;
}

bool dataset_halve(dataset *set, fault *f) {
  if (set->height % 2 != 0 || set->width % 2 != 0) {
    return fault_set(f, "pictures of %lld x %lld pixels cannot be halved: both sides must be even",
                     (long long)set->height, (long long)set->width);
  }
  float *to = set->images; /* never ahead of what is read */
  for (int64_t row = 0; row < set->count * set->height; row += 2) {
    const float *const above = set->images + row * set->width, *const below = above + set->width;
    for (int64_t x = 0; x < set->width; x += 2) *to++ = (above[x] + above[x + 1] + below[x] + below[x + 1]) / 4;
  }
  set->height /= 2;
  set->width /= 2;
  set->pixels /= 4;
  return true;
}

void dataset_free(dataset *set) {
  free(set->images);
  free(set->labels);
  memset(set, 0, sizeof *set);
}
