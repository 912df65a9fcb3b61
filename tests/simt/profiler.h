/* What the recording profiler has seen: "<name" for each range that was opened, ">" for each that was closed, a line
 * each. */
#ifndef WN_SIMT_PROFILER_H
#define WN_SIMT_PROFILER_H

typedef const char *(*wn_profiler_record)(void);
#define WN_PROFILER_RECORD "wn_profiler_record_of"

#endif
