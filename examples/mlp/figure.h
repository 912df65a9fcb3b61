/* The picture: a panel for each standard deviation, accuracy over the epochs with and without normalization. */
#ifndef FIGURE_H
#define FIGURE_H

#include "options.h"

/* Writes accuracy.gp into the folder of --out and has gnuplot make accuracy.png and accuracy.svg of its curves.csv. */
bool figure_draw(const options *, fault *);

#endif
