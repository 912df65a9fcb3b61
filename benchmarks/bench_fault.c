#include "bench_fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool bench_fault_set(bench_fault *fault, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(fault->text, sizeof fault->text, format, arguments);
  va_end(arguments);
  return false;
}

bool bench_fault_point(bench_fault *fault, const char *line, size_t at, size_t length, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  (void)vsnprintf(fault->text, sizeof fault->text, format, arguments);
  va_end(arguments);
  const size_t used = strlen(fault->text), room = sizeof fault->text - used;
  /* Shown whole or not at all: half a line would underline something else. */
  if (strlen(line) + at + length + 8 >= room) return false;
  char *const out = fault->text + used;
  int end = snprintf(out, room, "\n  %s\n  %*s^", line, (int)at, "");
  for (size_t i = 1; i < length; i++) out[end++] = '~';
  out[end] = '\0';
  return false;
}
