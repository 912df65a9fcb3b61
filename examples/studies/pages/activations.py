"""The page of what activations see: numbers and pictures from layers.csv, histograms.csv and trainings.csv."""

import picture
from trainings import mean

PLACES = ("none", "before", "after")
COLOURS = {"none": "#808080", "before": picture.BLUE, "after": picture.ORANGE}
TITLES = {"none": "no normalization", "before": "batch norm before", "after": "batch norm after"}
STDS = ("0.01", "apt", "1")
RATE = 0.003  # of all but the study of dead units
LAYERS = range(1, 6)


def std_of(row):
    return row["std"] if row["std"] == "apt" else f"{row['std']:g}"


class Layers:
    """Rows of layers.csv of one cell at one step: a seed and a layer each."""

    def __init__(self, rows):
        if not rows:
            raise ValueError("no such training")
        self.rows = rows

    def mean(self, column, layer=None):
        return mean(row[column] for row in self.rows if layer in (None, row["layer"]))

    def seeds(self, column):
        """Of each seed the mean over its layers."""
        return [mean(row[column] for row in self.rows if row["seed"] == s) for s in sorted({r["seed"] for r in self.rows})]

    def span(self, column):
        """Lowest and highest of any layer and seed."""
        return min(row[column] for row in self.rows), max(row[column] for row in self.rows)


def finder(rows):
    steps = sorted({row["step"] for row in rows})

    def cell(activation, place, std, step=-1, rate=RATE):
        return Layers(
            [
                row
                for row in rows
                if (row["activation"], row["place"], std_of(row), row["step"], row["rate"])
                == (activation, place, std, steps[step], rate)
            ]
        )

    return cell, steps


def percent(value):
    return f"{100 * value:.0f} %" if value >= 0.0995 or value == 0 else f"{100 * value:.1f} %"


def range_of(values):
    return f"{100 * mean(values):.0f} ({100 * min(values):.0f}-{100 * max(values):.0f})"


def saturation_table(cell):
    lines = ["| activation | std of the weights | " + " | ".join(f"{TITLES[p]}, start | end" for p in PLACES) + " |"]
    lines.append("|---" * 8 + "|")
    for activation in ("sigmoid", "tanh"):
        for std in STDS:
            texts = [range_of(cell(activation, p, std, step).seeds("saturated")) for p in PLACES for step in (0, -1)]
            lines.append(f"| {activation} | {std} | " + " | ".join(texts) + " |")
    return "\n".join(lines)


def dead_table(cell, rates):
    lines = ["| rate | " + " | ".join(TITLES[p] for p in PLACES) + " |", "|---" * 4 + "|"]
    for rate in rates:
        texts = [range_of(cell("relu", p, "apt", rate=rate).seeds("dead")) for p in PLACES]
        lines.append(f"| {rate:g} | " + " | ".join(texts) + " |")
    return "\n".join(lines)


def dead_start_table(cell):
    lines = ["| std of the weights | " + " | ".join(f"{TITLES[p]}, start | end" for p in PLACES) + " |", "|---" * 7 + "|"]
    for std in STDS:
        texts = [range_of(cell("relu", p, std, step).seeds("dead")) for p in PLACES for step in (0, -1)]
        lines.append(f"| {std} | " + " | ".join(texts) + " |")
    return "\n".join(lines)


def sigmoid_table(cell, steps):
    lines = ["| step | layer | mean of inputs | their deviation | between 0 and 1 | outputs, 1 % to 99 % |", "|---" * 6 + "|"]
    for number, step in enumerate(steps):
        layers = cell("sigmoid", "before", "apt", number)
        for layer in LAYERS:
            values = [layers.mean(c, layer) for c in ("in_mean", "in_deviation", "in_0_to_1", "out_low", "out_high")]
            center = 0.0 if abs(values[0]) < 0.005 else values[0]
            lines.append(
                f"| {step:.0f} | {layer} | {center:.2f} | {values[1]:.2f} | {percent(values[2])} "
                f"| {values[3]:.2f} to {values[4]:.2f} |"
            )
    return "\n".join(lines)


def accuracy_table(rows):
    lines = ["| activation | std of the weights | " + " | ".join(TITLES[p] for p in PLACES) + " |", "|---" * 5 + "|"]
    for activation in ("sigmoid", "tanh", "relu"):
        for std in STDS:
            cells = [
                [
                    row["test_accuracy"]
                    for row in rows
                    if (row["activation"], row["place"], std_of(row), row["rate"]) == (activation, place, std, RATE)
                ]
                for place in PLACES
            ]
            lines.append(f"| {activation} | {std} | " + " | ".join(range_of(values) for values in cells) + " |")
    return "\n".join(lines)


def facts(tables):
    cell, steps = finder(tables["layers"])
    rates = sorted({row["rate"] for row in tables["layers"]})
    trainings = tables["trainings"]

    def share(column, activation, place, std, step=-1, rate=RATE):
        return percent(cell(activation, place, std, step, rate).mean(column))

    def edge(activation, place, std, column, step=-1):
        """Of the layers' and seeds' percentiles the outermost."""
        low, high = cell(activation, place, std, step).span(column)
        return f"{low if column.endswith('low') else high:.2f}"

    def accuracy(activation, place, std, rate=RATE):
        return percent(
            mean(
                row["test_accuracy"]
                for row in trainings
                if (row["activation"], row["place"], std_of(row), row["rate"]) == (activation, place, std, rate)
            )
        )

    def above_one(std, step):
        """Of a normalized ReLU's positive outputs those above 1."""
        layers = cell("relu", "before", std, step)
        positive = 1 - layers.mean("zero")
        return percent((positive - layers.mean("in_0_to_1")) / positive)

    return {
        "share": share,
        "edge": edge,
        "accuracy": accuracy,
        "above_one": above_one,
        "saturation_table": saturation_table(cell),
        "dead_table": dead_table(cell, rates),
        "dead_start_table": dead_start_table(cell),
        "sigmoid_table": sigmoid_table(cell, steps),
        "accuracy_table": accuracy_table(trainings),
        "seeds": int(max(row["seed"] for row in trainings)),
        "trainings": len(trainings),
        "steps": int(steps[-1]),
    }


# ---- pictures


def bins(rows, activation, place, std, step, layer, side="out"):
    """Lines `center density` of a histogram: shares per unit of what is measured."""
    found = [
        row
        for row in rows
        if (row["activation"], row["place"], std_of(row), row["step"], row["layer"], row["side"])
        == (activation, place, std, step, layer, side)
    ]
    (row,) = found
    width = (row["high"] - row["low"]) / 20
    return [f"{row['low'] + (i + 0.5) * width:.4f} {row[f'b{i + 1}'] / width:.5f}" for i in range(20)]


def draw_claim(folder, tables):
    cell, steps = finder(tables["layers"])
    rates = sorted({row["rate"] for row in tables["layers"]})
    data = "".join(
        picture.block(f"layer{layer}_{number}", bins(tables["histograms"], "sigmoid", "before", "apt", step, layer))
        for layer in (1, 5)
        for number, step in ((0, steps[0]), (1, steps[-1]))
    )
    for place in PLACES:
        rows = []
        for rate in rates:
            dead = [100 * value for value in cell("relu", place, "apt", rate=rate).seeds("dead")]
            rows.append(f"{rate} {mean(dead):.4f} {min(dead):.4f} {max(dead):.4f}")
        data += picture.block(f"dead_{place}", rows)
    curves = ", ".join(
        f"$layer{layer}_{number} using 1:2 with lines linewidth 3 {'dashtype 2 ' if number == 0 else ''}"
        f"linecolor rgb '{colour}' title 'layer {layer}, {when}'"
        for layer, colour in ((1, picture.BLUE), (5, picture.ORANGE))
        for number, when in ((0, "start"), (1, "end"))
    )
    dead = ", ".join(
        f"$dead_{place} using 1:2:3:4 with yerrorlines linewidth 3 pointtype 7 pointsize 1 "
        f"linecolor rgb '{COLOURS[place]}' title '{TITLES[place]}'"
        for place in PLACES
    )
    body = f"""{data}{picture.FRAME}
set multiplot layout 1,2
set xrange [0:1]
set xlabel 'output of sigmoid'
set ylabel 'share per unit'
set yrange [0:3]
set title 'sigmoid behind batch norm; grey: 0.50 to 0.73'
set object 1 rectangle from 0.5,graph 0 to 0.7311,graph 1 fillcolor rgb '#d8d8d8' fillstyle solid noborder behind
set key top left
plot {curves}
unset object 1
set logscale x
set xrange [{rates[0] / 1.3}:{rates[-1] * 1.3}]
set xtics ({', '.join(f"'{rate:g}' {rate}" for rate in rates)})
set yrange [0:100]
set xlabel 'rate of Adam'
set ylabel 'dead ReLUs after the training, %'
set title 'dead ReLUs'
set key top left
plot {dead}
unset multiplot"""
    picture.draw(folder, "activations", 1500, 700, body)


def draw_outputs(folder, tables):
    steps = sorted({row["step"] for row in tables["histograms"]})
    shades = ("#9ecae1", "#6baed6", "#4292c6", "#2171b5", "#08306b")
    cells = [(std, activation, place) for std, activation in (("1", "sigmoid"), ("0.01", "sigmoid"), ("1", "tanh"), ("1", "relu")) for place in PLACES]
    data, plots = "", ""
    for number, (std, activation, place) in enumerate(cells):
        for layer in LAYERS:
            rows = bins(tables["histograms"], activation, place, std, steps[0], layer)
            width = float(rows[1].split()[0]) - float(rows[0].split()[0])
            rows = [f"{row.split()[0]} {100 * width * float(row.split()[1]):.3f}" for row in rows]
            data += picture.block(f"cell{number}_{layer}", rows)
        low, high = {"sigmoid": (0, 1), "tanh": (-1, 1), "relu": (0, 4)}[activation]
        plots += f"set xrange [{low}:{high}]\nset title '{activation}, std {std}, {TITLES[place]}'\n"
        plots += "plot " + ", ".join(
            f"$cell{number}_{layer} using 1:2 with lines linewidth 3 linecolor rgb '{shades[layer - 1]}' title 'layer {layer}'"
            for layer in LAYERS
        ) + "\n"
        plots += "unset key\n"
    body = f"""{data}{picture.FRAME}
set multiplot layout 4,3
set yrange [0:100]
set ytics 50
set key top center
{plots}unset multiplot"""
    picture.draw(folder, "outputs", 1800, 1600, body)


def draw(folder, tables):
    picture.require_gnuplot("page.py")
    draw_claim(folder, tables)
    draw_outputs(folder, tables)
