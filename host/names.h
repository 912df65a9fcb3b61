/* Values of the interface as people read them, and the sizes of the element types. */
#ifndef WNI_NAMES_H
#define WNI_NAMES_H
#include <stddef.h>

#include "warpnorm.h"

/* Bytes of an element; 0 for WN_DTYPE_DEFAULT and for what is no wn_dtype. */
size_t wni_dtype_size(wn_dtype type);

/* Static, never NULL. */
const char *wni_dtype_name(wn_dtype type);
const char *wni_kind_name(wn_kind kind);
const char *wni_pass_name(wn_pass pass);

#endif
