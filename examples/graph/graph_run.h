/* The command line of wn_graph, and the comparison that it makes. */
#ifndef GRAPH_RUN_H
#define GRAPH_RUN_H

#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { GRAPH_GOOD = 0, GRAPH_FAILED = 1, GRAPH_USAGE = 2, GRAPH_NO_GPU = 77 }; /* exit statuses */

/* Reads the words, and runs what they say; reports on `out`, errors go to stderr. */
int graph_main(int count, char *const *words, FILE *out);

#ifdef __cplusplus
}
#endif

#endif
