/* The only place that knows of threads. */
#ifndef WNI_PARALLEL_H
#define WNI_PARALLEL_H
#include <stdint.h>

/* How many threads a large call gets. */
int wni_parallel_threads(void);

/* task(context, 0 .. tasks-1), each once, in any order and by any thread. bytes: what all of them move together; little
 * work stays with the calling thread. Tasks are cut by the plan, so who runs them changes no bit. */
void wni_parallel_for(int64_t tasks, int64_t bytes, void (*task)(void *context, int64_t index), void *context);

/* The same, each thread its tasks from the last to the first: what a sweep before it read last is still in the caches
 * and is taken first. */
void wni_parallel_for_backward(int64_t tasks, int64_t bytes, void (*task)(void *context, int64_t index), void *context);

#endif
