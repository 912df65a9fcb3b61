#include "graph_run.h"

int main(int count, char **words) { return graph_main(count, words, stdout); }
