/* The text behind wn_last_error. */
#ifndef WNI_ERROR_H
#define WNI_ERROR_H
#include "warpnorm.h"

/* Notes the reason for this thread and returns the status: `return wni_error(WN_ERR_SHAPE, "c is %lld; ...", ...)`. */
wn_status wni_error(wn_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* How often this thread has noted a reason: whether it did in between. */
uint64_t wni_error_count(void);

#endif
