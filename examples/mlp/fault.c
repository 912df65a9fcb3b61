#include "fault.h"

#include <stdarg.h>
#include <stdio.h>

bool fault_set(fault *f, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(f->text, sizeof f->text, format, arguments);
  va_end(arguments);
  return false;
}

bool fault_check(fault *f, wn_status status, const char *doing) {
  if (status == WN_OK) return true;
  return fault_set(f, "%s: %s (%s)", doing, wn_last_error(), wn_status_text(status));
}
