"""The page of gradients and shift: numbers and pictures from first.csv, shift.csv and training.csv."""

import math
import picture
from trainings import chosen, mean

ACTIVATIONS = ("sigmoid", "tanh", "relu")
NORMS = ("none", "batch")
DEPTHS = (5, 10, 20)
GAINS = (0.25, 1, 4)
RATES = (0.1, 0.3, 1)
DRAWN_RATE = 0.1
COLOURS = {"none": picture.ORANGE, "batch": picture.BLUE}


def of_seeds(rows, value):
    """A number for each seed: of its rows."""
    seeds = sorted({row["seed"] for row in rows})
    return [value([row for row in rows if row["seed"] == seed]) for seed in seeds]


def ranged(values, form):
    """A dash where there is nothing to measure: a network whose units no longer answer has neither shift nor gradient."""
    if not all(math.isfinite(value) for value in values):
        return "-"
    return f"{format(mean(values), form)} ({format(min(values), form)}-{format(max(values), form)})"


class First:
    """The first gradients."""

    def __init__(self, rows):
        self.rows = rows

    def at_layers(self, activation, norm, hidden, gain):
        """Layer, mean, least, largest: of the decimal logarithm of the gradient's length."""
        rows = chosen(self.rows, activation=activation, norm=norm, hidden=hidden, gain=gain)
        points = []
        for layer in range(hidden + 1):
            logs = [math.log10(row["gradient"]) for row in chosen(rows, layer=layer)]
            points.append((layer, mean(logs), min(logs), max(logs)))
        return points

    def at_layer(self, activation, norm, hidden, gain, layer):
        return self.at_layers(activation, norm, hidden, gain)[layer][1]

    def factor(self, activation, norm, hidden, gain):
        """By which the gradient grows from a layer to the next one above: a mean from the second layer to the last hidden
        one, which have as many weights."""
        points = self.at_layers(activation, norm, hidden, gain)
        return 10 ** ((points[hidden - 1][1] - points[1][1]) / (hidden - 2))

    def table(self):
        lines = ["| activation | gain | norm | " + " | ".join(f"{depth} layers" for depth in DEPTHS) + " |"]
        lines.append("|---" * 6 + "|")
        for activation in ACTIVATIONS:
            for gain in GAINS:
                lines += [self.row(activation, norm, gain) for norm in NORMS]
        return "\n".join(lines)

    def row(self, activation, norm, gain):
        cells = []
        for depth in DEPTHS:
            second, last = (self.at_layer(activation, norm, depth, gain, layer) for layer in (1, depth - 1))
            cells.append(f"{second:.1f}, {last:.1f}")
        return f"| {activation} | {gain:g} | {norm} | " + " | ".join(cells) + " |"


def angle(cosine):
    """In degrees; a cosine that roundings have put beyond 1 is 1, one that is not a number stays so."""
    return cosine if math.isnan(cosine) else math.degrees(math.acos(max(-1, min(1, cosine))))


def degrees(rows, column):
    return mean(angle(row[column]) for row in rows)


MEASURES = {
    "shift": lambda rows: mean(row["shift"] for row in rows),
    "earlier": lambda rows: degrees(rows, "earlier_cosine"),
    "all": lambda rows: degrees(rows, "all_cosine"),
}


class Trained:
    """The trainings, and what their steps change."""

    def __init__(self, shifts, trainings):
        self.shifts, self.trainings = shifts, trainings

    def seeds(self, measure, activation, norm, rate, **more):
        return of_seeds(chosen(self.shifts, activation=activation, norm=norm, rate=rate, **more), MEASURES[measure])

    def accuracies(self, activation, norm, rate, column="test_accuracy"):
        return [100 * row[column] for row in chosen(self.trainings, activation=activation, norm=norm, rate=rate)]

    def best_rate(self, activation, norm):
        return max(RATES, key=lambda rate: mean(self.accuracies(activation, norm, rate, "train_accuracy")))

    def row(self, activation, norm, rate):
        measures = [
            ranged(self.seeds("shift", activation, norm, rate), ".3f"),
            ranged(self.seeds("earlier", activation, norm, rate), ".1f"),
            ranged(self.seeds("all", activation, norm, rate), ".1f"),
            ranged(self.accuracies(activation, norm, rate), ".1f"),
        ]
        return f"| {activation} | {norm} | {rate:g} | " + " | ".join(measures) + " |"

    def table(self):
        lines = [
            "| activation | norm | rate | shift | angle, earlier layers | angle, all layers | test accuracy, % |",
            "|---" * 7 + "|",
        ]
        lines += [self.row(a, norm, rate) for a in ACTIVATIONS for norm in NORMS for rate in RATES]
        return "\n".join(lines)

    def at_steps(self, measure, activation, norm):
        steps = sorted({row["step"] for row in self.shifts})
        found = []
        for step in steps:
            values = self.seeds(measure, activation, norm, DRAWN_RATE, step=step)
            found.append((step, mean(values), min(values), max(values)))
        return found


def facts(tables):
    first, trained = First(tables["first"]), Trained(tables["shift"], tables["training"])

    def number(measure, activation, norm, rate, form):
        return format(mean(trained.seeds(measure, activation, norm, rate)), form)

    return {
        "seeds": int(max(row["seed"] for row in tables["training"])),
        "trainings": len(tables["training"]),
        "steps": len({row["step"] for row in tables["shift"]}),
        "rate": f"{DRAWN_RATE:g}",
        "power": lambda *cell: f"{first.at_layer(*cell):.1f}",
        "inverse": lambda *cell: f"{1 / first.factor(*cell):.2f}",
        "first_table": first.table(),
        "shift_table": trained.table(),
        "number": number,
        "accuracy": lambda a, norm: f"{mean(trained.accuracies(a, norm, trained.best_rate(a, norm))):.1f} %",
    }


# ---- the picture: a column for each activation


def lines_of(points):
    return [" ".join(f"{value:.5g}" for value in point) for point in points]


def first_panel(activation):
    dashes = {0.25: 3, 1: 1, 4: 2}
    curves = []
    for norm in NORMS:
        for index, gain in enumerate(GAINS):
            title = f"title 'gain {gain:g}'" if norm == "none" and activation == ACTIVATIONS[-1] else "notitle"
            curves.append(
                f"$first_{activation}_{norm}_{index} using 1:2 with lines linewidth 3 dashtype {dashes[gain]} "
                f"linecolor rgb '{COLOURS[norm]}' {title}"
            )
    return "plot " + ", ".join(curves)


def step_panel(measure, activation):
    curves = []
    for norm in NORMS:
        title = f"title '{norm}'" if (measure, activation) == ("shift", ACTIVATIONS[0]) else "notitle"
        curves.append(
            f"${measure}_{activation}_{norm} using ($1+1):2:3:4 with yerrorlines linewidth 3 pointtype 7 "
            f"pointsize 0.8 linecolor rgb '{COLOURS[norm]}' {title}"
        )
    return "plot " + ", ".join(curves)


def draw(folder, tables):
    picture.require_gnuplot("page.py")
    first, trained = First(tables["first"]), Trained(tables["shift"], tables["training"])
    data = ""
    for activation in ACTIVATIONS:
        for norm in NORMS:
            for index, gain in enumerate(GAINS):
                points = lines_of(first.at_layers(activation, norm, DEPTHS[-1], gain))
                data += picture.block(f"first_{activation}_{norm}_{index}", points)
            for measure in ("shift", "earlier", "all"):
                data += picture.block(
                    f"{measure}_{activation}_{norm}", lines_of(trained.at_steps(measure, activation, norm))
                )
    body = data + picture.FRAME + "set multiplot layout 4,3\nset xlabel 'layer, from the pixels'\nset yrange [-30:12]\n"
    body += f"set xrange [0:{DEPTHS[-1]}]\nset key bottom right font ',14'\n"
    for activation in ACTIVATIONS:
        body += f"set title '{activation}'\nset ylabel 'log10 of the gradient'\n{first_panel(activation)}\n"
    body += "set title ' '\nset logscale x\nset xrange [0.9:300]\nset xlabel 'step of the training'\nset key top right\n"
    for measure, label, top in (
        ("shift", "shift, deviations", "*"),
        ("earlier", "degrees, earlier layers", 150),
        ("all", "degrees, all layers", 150),
    ):
        body += f"set yrange [0:{top}]\nset ylabel '{label}'\n"
        body += "".join(step_panel(measure, activation) + "\n" for activation in ACTIVATIONS)
    picture.draw(folder, "gradients", 1600, 1700, body + "unset multiplot")
