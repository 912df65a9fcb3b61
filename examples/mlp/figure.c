#include "figure.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Below the few lines that depend on the options. Gaps and margins are in pixels, so that any number of panels looks
 * alike; text is large because a page shows the picture at about half its width. The legend is drawn by hand: gnuplot
 * fits a key to one panel, and it belongs to all. */
static const char script[] =
    "set datafile separator ','\n"
    "\n"
    "width = 150 + (columns < 4 ? 1200 / columns : 340) * columns\n"
    "height = 150 + (rows < 3 ? 900 / (rows + 1) : 262) * rows\n"
    "left = 134.0 / width; right = 1 - 28.0 / width\n"
    "top = 1 - 112.0 / height; bottom = 100.0 / height\n"
    "gap_x = 34.0 / width; gap_y = 62.0 / height\n"
    "panel_x = (right - left + gap_x) / columns\n"
    "panel_y = (top - bottom + gap_y) / rows\n"
    "\n"
    "set style line 1 linecolor rgb '#6f757d' linewidth 3 dashtype (9, 5)\n"
    "set style line 2 linecolor rgb '#c8323c' linewidth 4\n"
    "set border 3 linecolor rgb '#707070' linewidth 1.5\n"
    "set grid linecolor rgb '#e4e4e4' linewidth 1.5 linetype 1\n"
    "set tics nomirror scale 0 textcolor rgb '#202020'\n"
    "set xrange [0:epochs > 1 ? epochs - 1 : 1]\n"
    "set yrange [0:1]\n"
    "set ytics 0.5\n"
    "decade = 10 ** floor(log10(epochs))\n"
    "tic = epochs < 4 ? 1 : epochs / decade < 2 ? decade / 5.0 : epochs / decade < 4 ? decade / 2.0 : decade\n"
    "set xtics tic < 1 ? 1 : tic\n"
    "unset key\n"
    "\n"
    "do for [format in 'png svg'] {\n"
    "  # Points for png, pixels for svg: about the same size\n"
    "  if (format eq 'png') { set terminal pngcairo size width, height font 'DejaVu Sans,22' background '#ffffff' }\n"
    "  if (format eq 'svg') { set terminal svg size width, height font 'DejaVu Sans,28' background '#ffffff' }\n"
    "  set output 'accuracy.'.format\n"
    "  set multiplot\n"
    "  set label 1 'accuracy on the training images' at screen 30.0 / width, (top + bottom) / 2 center rotate by 90\n"
    "  set label 2 'epoch' at screen (left + right) / 2, 26.0 / height center\n"
    "  y = 1 - 32.0 / height\n"
    "  at = left\n"
    "  set arrow 1 from screen at, y to screen at + 70.0 / width, y nohead linestyle 1\n"
    "  set label 3 'without normalization' at screen at + 84.0 / width, y left\n"
    "  if (norm ne '') {\n"
    "    at = left + 470.0 / width\n"
    "    set arrow 2 from screen at, y to screen at + 70.0 / width, y nohead linestyle 2\n"
    "    set label 4 norm_label at screen at + 84.0 / width, y left\n"
    "  }\n"
    "  do for [panel = 1:panels] {\n"
    "    column = (panel - 1) % columns\n"
    "    row = (panel - 1) / columns\n"
    "    set lmargin at screen left + column * panel_x\n"
    "    set rmargin at screen left + (column + 1) * panel_x - gap_x\n"
    "    set tmargin at screen top - row * panel_y\n"
    "    set bmargin at screen top - (row + 1) * panel_y + gap_y\n"
    "    set title 'std '.deviation[panel] offset 0, -0.75 textcolor rgb '#202020'\n"
    "    set format y (column == 0 ? '%.1f' : '')\n"
    "    set format x (panel + columns > panels ? '%.0f' : '')\n"
    "    plot 'curves.csv' using 4:(int($1) == panel && strcol(3) eq 'none' ? $6 : NaN) every ::1 with lines ls 1, \\\n"
    "         '' using 4:(int($1) == panel && strcol(3) eq norm ? $6 : NaN) every ::1 with lines ls 2\n"
    "    unset label\n"
    "    unset arrow\n"
    "  }\n"
    "  unset multiplot\n"
    "  unset output\n"
    "}\n";

static void write_script(FILE *out, const options *opt) {
  const char *const norm = opt->norm ? options_word("--norm", opt->norm) : "";
  const int columns = (int)ceil(sqrt(opt->scale_count)); /* as square as it can be */
  fprintf(out, "# Draws curves.csv of the same folder: gnuplot accuracy.gp\n");
  fprintf(out, "panels = %d\ncolumns = %d\nrows = %d\nepochs = %d\n", opt->scale_count, columns,
          (opt->scale_count + columns - 1) / columns, opt->epochs);
  fprintf(out, "norm = '%s'\nnorm_label = 'with %s norm %s the activation'\n", norm, norm,
          options_word("--place", opt->place));
  fprintf(out, "array deviation[%d]\n", opt->scale_count);
  for (int i = 0; i < opt->scale_count; i++) {
    /* Never an exponent within what anyone would try: 0.0001 is easier to compare with 0.01 than 1e-04. */
    const double deviation = opt->scales[i];
    const int digits = deviation >= 1e-7 && deviation < 1 ? 2 - (int)floor(log10(deviation)) : 3;
    char text[32];
    snprintf(text, sizeof text, deviation >= 1e-7 && deviation < 1 ? "%.*f" : "%.*g", digits, deviation);
    char *end = text + strlen(text);
    while (deviation >= 1e-7 && deviation < 1 && end[-1] == '0') *--end = '\0';
    fprintf(out, "deviation[%d] = '%s'\n", i + 1, text);
  }
  fputs(script, out);
}

static bool run_gnuplot(const char *folder, fault *f) {
  enum { CANNOT_ENTER = 126, NOT_INSTALLED = 127 };
  const pid_t child = fork();
  if (child < 0) return fault_set(f, "starting gnuplot: %s", strerror(errno));
  if (child == 0) {
    if (chdir(folder) != 0) _exit(CANNOT_ENTER);
    execlp("gnuplot", "gnuplot", "accuracy.gp", (char *)NULL);
    _exit(NOT_INSTALLED);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return fault_set(f, "waiting for gnuplot: %s", strerror(errno));
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
  if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_INSTALLED) {
    return fault_set(
        f,
        "no picture: gnuplot is not installed (Debian: gnuplot-nox). The numbers are in %s/curves.csv; with "
        "gnuplot, `cd %s && gnuplot accuracy.gp` draws them",
        folder, folder);
  }
  return fault_set(f, "no picture: gnuplot failed on %s/accuracy.gp", folder);
}

bool figure_draw(const options *opt, fault *f) {
  char path[4096];
  if (snprintf(path, sizeof path, "%s/accuracy.gp", opt->out) >= (int)sizeof path) {
    return fault_set(f, "--out: the name is too long");
  }
  FILE *const file = fopen(path, "w");
  if (!file) return fault_set(f, "%s cannot be written: %s", path, strerror(errno));
  write_script(file, opt);
  const bool written = !ferror(file);
  if (fclose(file) != 0 || !written) return fault_set(f, "%s could not be written completely", path);
  return run_gnuplot(opt->out, f);
}
