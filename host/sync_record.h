/* What ranks tell one another when a sync plan is made, and its comparison. */
#ifndef WNI_SYNC_RECORD_H
#define WNI_SYNC_RECORD_H
#include "problem.h"
#include "sync.h"

/* 256 bytes in every version of the library, so that versions that differ can say so. */
enum { WNI_RECORD_WORDS = 32 };
typedef struct wni_record {
  int64_t word[WNI_RECORD_WORDS];
} wni_record;

/* made: whether this rank could make its plan; only then is there a problem to tell. */
wni_record wni_record_make(const wni_problem *problem, wn_status made, const wni_sync *sync);

/* WN_ERR_COMM, with who and what, unless all ranks made the same plan; *plan becomes its number. The same words on
 * every rank. */
wn_status wni_records_compare(const wni_record *all, int ranks, int32_t *plan);

#endif
