/* Devices and their buffers: arguments checked, the rest is the backend's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "plan.h"

static const char no_cuda[] = "this build of warpnorm has no CUDA backend";

static const wni_backend *find_backend(wn_backend id) {
  static const wni_backend *const backends[] = {&wni_backend_cpu,
#ifdef WNI_HAVE_CUDA
                                                &wni_backend_cuda
#endif
  };
  for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
    if (backends[i]->id == id) return backends[i];
  return NULL;
}

static wn_status open_backend(wn_device *device, wn_backend id, int ordinal) {
  device->backend = find_backend(id);
  if (!device->backend) return wni_error(WN_ERR_NO_DEVICE, "WN_CUDA: %s; open WN_CPU or WN_AUTO", no_cuda);
  return device->backend->open(ordinal, &device->state, device->text, sizeof device->text);
}

static void append_reason(wn_device *device, const char *reason) {
  const size_t used = strlen(device->text);
  (void)snprintf(device->text + used, sizeof device->text - used, " (no GPU: %s)", reason);
}

/* A GPU that this build can use, else the processor; its only ordinal is 0, whatever GPU was asked for. */
static wn_status open_auto(wn_device *device, int ordinal) {
  if (find_backend(WN_CUDA) && open_backend(device, WN_CUDA, ordinal) == WN_OK) return WN_OK;
  char reason[sizeof device->text];
  (void)snprintf(reason, sizeof reason, "%s", find_backend(WN_CUDA) ? wn_last_error() : no_cuda);
  const wn_status status = open_backend(device, WN_CPU, 0);
  if (status == WN_OK) append_reason(device, reason);
  return status;
}

wn_status wn_device_open(wn_device **out, wn_backend backend, int ordinal) {
  if (!out) return wni_error(WN_ERR_ARGUMENT, "device is NULL; the address of a wn_device * is expected");
  *out = NULL;
  if ((int)backend < WN_AUTO || (int)backend > WN_CUDA)
    return wni_error(WN_ERR_ARGUMENT, "backend is %d; it must be %d to %d", (int)backend, WN_AUTO, WN_CUDA);
  if (ordinal < 0) return wni_error(WN_ERR_NO_DEVICE, "ordinal is %d; it must be 0 or more", ordinal);
  wn_device *const device = calloc(1, sizeof *device);
  if (!device) return wni_error(WN_ERR_MEMORY, "no memory for a device (%zu bytes)", sizeof *device);
  const wn_status status = backend == WN_AUTO ? open_auto(device, ordinal) : open_backend(device, backend, ordinal);
  if (status != WN_OK) {
    free(device);
    return status;
  }
  *out = device;
  return WN_OK;
}

void wn_device_close(wn_device *device) {
  if (!device) return;
  device->backend->close(device->state);
  free(device);
}

wn_backend wn_device_backend(const wn_device *device) { return device ? device->backend->id : WN_AUTO; }

const char *wn_device_text(const wn_device *device) { return device ? device->text : "no device"; }

static wn_status check_device(const wn_device *device) {
  return device ? WN_OK : wni_error(WN_ERR_ARGUMENT, "device is NULL");
}

wn_status wn_buffer_alloc(wn_device *device, void **out, size_t bytes, void *stream) {
  if (!out) return wni_error(WN_ERR_ARGUMENT, "out is NULL; the address of a pointer is expected");
  *out = NULL;
  const wn_status status = check_device(device);
  if (status != WN_OK || bytes == 0) return status;
  return device->backend->buffer_alloc(device->state, out, bytes, stream);
}

wn_status wn_buffer_free(wn_device *device, void *buffer, void *stream) {
  const wn_status status = check_device(device);
  if (status != WN_OK || !buffer) return status;
  return device->backend->buffer_free(device->state, buffer, stream);
}

static wn_status check_copy(const wn_device *device, const void *dst, const char *dst_name, const void *src,
                            const char *src_name, size_t bytes) {
  const wn_status status = check_device(device);
  if (status != WN_OK || bytes == 0) return status;
  if (!dst) return wni_error(WN_ERR_ARGUMENT, "%s is NULL; %zu bytes are to be written there", dst_name, bytes);
  if (!src) return wni_error(WN_ERR_ARGUMENT, "%s is NULL; %zu bytes are to be read there", src_name, bytes);
  return WN_OK;
}

wn_status wn_buffer_write(wn_device *device, void *dst, const void *host, size_t bytes, void *stream) {
  const wn_status status = check_copy(device, dst, "dst", host, "host", bytes);
  if (status != WN_OK || bytes == 0) return status;
  return device->backend->buffer_write(device->state, dst, host, bytes, stream);
}

wn_status wn_buffer_read(wn_device *device, void *host, const void *src, size_t bytes, void *stream) {
  const wn_status status = check_copy(device, host, "host", src, "src", bytes);
  if (status != WN_OK || bytes == 0) return status;
  return device->backend->buffer_read(device->state, host, src, bytes, stream);
}

wn_status wn_stream_wait(wn_device *device, void *stream) {
  const wn_status status = check_device(device);
  return status == WN_OK ? device->backend->stream_wait(device->state, stream) : status;
}
