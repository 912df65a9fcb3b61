/* Where a run is and how long it will take, on the terminal's last line; nothing where standard error is none. */
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

void bench_progress_show(int done, int all, double seconds, const char *what);
void bench_progress_clear(void);

/* "12 s", "3 min 20 s": what `done` of `all` in `seconds` leave. */
void bench_progress_left(int done, int all, double seconds, char *text, int size);

#endif
