/* IDX files, the format of MNIST: a magic number, the sizes, then bytes. Plain or gzip, zlib tells them apart. */
#ifndef IDX_H
#define IDX_H

#include <stdint.h>

#include "fault.h"

enum { IDX_MOST_DIMENSIONS = 3 };

typedef struct idx_array {
  int dimensions;
  int64_t size[IDX_MOST_DIMENSIONS];
  uint8_t *data; /* the product of the sizes; the owner calls idx_free */
} idx_array;

/* Reads a file of unsigned bytes that has just these dimensions, to its end, gzip's checksum included. A file that is
 * missing, cut off, damaged, too long or something else is a fault that names the file and what is wrong. */
bool idx_read(idx_array *, const char *path, int dimensions, fault *);
void idx_free(idx_array *);

#endif
