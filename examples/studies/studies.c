#include "studies.h"

extern const study study_batch_size;

const study *const all_studies[] = {&study_batch_size, NULL};
