#include "idx.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* An IDX header is 00 00, the type (08: unsigned bytes), the number of dimensions, then each size, big-endian. */
enum { TYPE_UNSIGNED_BYTE = 8 };
static const int64_t most_bytes = (int64_t)1 << 33; /* a size beyond this is a damaged header, not a data set */

static uint32_t big_endian(const uint8_t bytes[4]) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Reads until `bytes` or the end; -1 with a fault when the compressed data is cut off or damaged. */
static int64_t read_some(gzFile file, const char *path, void *data, int64_t bytes, fault *f) {
  int64_t done = 0;
  while (done < bytes) {
    const int64_t step = bytes - done < (1 << 20) ? bytes - done : 1 << 20;
    const int got = gzread(file, (uint8_t *)data + done, (unsigned)step);
    if (got > 0) done += got;
    if (got == step) continue;
    int code = Z_OK;
    const char *const text = gzerror(file, &code);
    if (code == Z_BUF_ERROR) return fault_set(f, "%s: truncated: the gzip data ends in the middle", path), -1;
    if (code == Z_ERRNO) return fault_set(f, "%s: cannot be read: %s", path, strerror(errno)), -1;
    if (got < 0 || code != Z_OK) return fault_set(f, "%s: damaged gzip data: %s", path, text), -1;
    if (got == 0) break;
  }
  return done;
}

static bool read_header(gzFile file, const char *path, int dimensions, idx_array *array, fault *f) {
  uint8_t magic[4], size[4];
  const int64_t got = read_some(file, path, magic, 4, f);
  if (got < 0) return false;
  if (got < 4) return fault_set(f, "%s: truncated: %d bytes, not even an IDX magic number", path, (int)got);
  if (magic[0] != 0 || magic[1] != 0 || magic[2] != TYPE_UNSIGNED_BYTE || magic[3] != dimensions) {
    return fault_set(
        f, "%s: wrong magic number %02x %02x %02x %02x: expected 00 00 08 %02x, an IDX file of bytes with %d %s", path,
        magic[0], magic[1], magic[2], magic[3], dimensions, dimensions, dimensions == 1 ? "dimension" : "dimensions");
  }
  array->dimensions = dimensions;
  int64_t product = 1;
  for (int i = 0; i < dimensions; i++) {
    const int64_t got_size = read_some(file, path, size, 4, f);
    if (got_size < 0) return false;
    if (got_size < 4) return fault_set(f, "%s: truncated: it ends inside the header", path);
    array->size[i] = big_endian(size);
    if (array->size[i] == 0) return fault_set(f, "%s: size %d of the header is 0", path, i + 1);
    if (array->size[i] > most_bytes / product) return fault_set(f, "%s: the sizes of the header are too large", path);
    product *= array->size[i];
  }
  return true;
}

static bool read_body(gzFile file, const char *path, idx_array *array, fault *f) {
  int64_t bytes = 1;
  for (int i = 0; i < array->dimensions; i++) bytes *= array->size[i];
  array->data = malloc((size_t)bytes);
  if (!array->data) return fault_set(f, "%s: no memory for its %lld bytes", path, (long long)bytes);
  const int64_t got = read_some(file, path, array->data, bytes, f);
  if (got < 0) return false;
  if (got < bytes) {
    return fault_set(f, "%s: truncated: the header promises %lld bytes of data, %lld are there", path, (long long)bytes,
                     (long long)got);
  }
  uint8_t extra; /* reading past the data also makes zlib check the length and checksum at the end of a gzip file */
  const int64_t more = read_some(file, path, &extra, 1, f);
  if (more < 0) return false;
  if (more > 0) return fault_set(f, "%s: too long: more follows the %lld bytes of data", path, (long long)bytes);
  return true;
}

bool idx_read(idx_array *array, const char *path, int dimensions, fault *f) {
  memset(array, 0, sizeof *array);
  errno = 0;
  gzFile file = gzopen(path, "rb");
  if (!file) return fault_set(f, "%s: cannot be opened: %s", path, errno ? strerror(errno) : "no memory");
  const bool good = read_header(file, path, dimensions, array, f) && read_body(file, path, array, f);
  gzclose_r(file);
  if (!good) idx_free(array);
  return good;
}

void idx_free(idx_array *array) {
  free(array->data);
  memset(array, 0, sizeof *array);
}
