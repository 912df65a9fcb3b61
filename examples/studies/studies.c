#include "studies.h"

extern const study study_activations;
extern const study study_batch_size;
extern const study study_gradients;
extern const study study_placement;
extern const study study_sequences;
extern const study study_speed;

const study *const all_studies[] = {
    &study_activations, &study_batch_size, &study_gradients, &study_placement, &study_sequences, &study_speed, NULL};
