#include "error.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local char last_error[512];
static _Thread_local uint64_t errors;

wn_status wni_error(wn_status status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(last_error, sizeof last_error, format, arguments);
  va_end(arguments);
  errors++;
  return status;
}

uint64_t wni_error_count(void) { return errors; }

wn_status wn_error_note(wn_status status, const char *text) { return wni_error(status, "%s", text ? text : ""); }

const char *wn_last_error(void) { return last_error; }

const char *wn_status_text(wn_status status) {
  switch (status) {
    case WN_OK:
      return "ok";
    case WN_ERR_ARGUMENT:
      return "bad argument";
    case WN_ERR_SHAPE:
      return "bad shape";
    case WN_ERR_UNSUPPORTED:
      return "not supported";
    case WN_ERR_WORKSPACE:
      return "bad workspace";
    case WN_ERR_MEMORY:
      return "out of memory";
    case WN_ERR_NO_DEVICE:
      return "no such device";
    case WN_ERR_DEVICE:
      return "device failure";
    case WN_ERR_COMM:
      return "communication failure";
  }
  return "unknown status";
}
