"""The page of activation, placement and depth: numbers and pictures from accuracy.csv, outputs.csv and times.csv."""

import picture
from trainings import Cell, chosen, mean

ACTIVATIONS = ("sigmoid", "tanh", "relu", "leaky-relu", "gelu", "silu")
TITLES = {
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "relu": "ReLU",
    "leaky-relu": "leaky ReLU",
    "gelu": "GELU",
    "silu": "SiLU",
    "none": "no activation",
}
COLOURS = {
    "sigmoid": picture.BLUE,
    "tanh": picture.GREEN,
    "relu": picture.ORANGE,
    "leaky-relu": "#e69f00",
    "gelu": picture.PINK,
    "silu": "#606060",
}
LONGER = ("sigmoid", "relu")  # trained in more steps too, behind batch norm, in the deepest network
PLACES = ("none", "before", "after")
PLACE_TITLES = {"none": "no normalization", "before": "batch norm before", "after": "batch norm after"}


def by_rate(rows):
    return {rate: Cell(chosen(rows, rate=rate)) for rate in sorted({row["rate"] for row in rows})}


def ranged(values, form=".1f", to="-"):
    values = list(values)
    return f"{format(mean(values), form)} ({format(min(values), form)}{to}{format(max(values), form)})"


def middle(values):
    return sorted(values)[len(values) // 2]


def markdown(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


class Accuracies:
    """Of accuracy.csv: each cell at the rate that is best on the pictures held out, on average over the seeds."""

    def __init__(self, rows):
        self.rows = rows
        self.steps = sorted({row["steps"] for row in rows})
        self.depths = sorted({row["hidden"] for row in rows})
        self.rates = sorted({row["rate"] for row in rows})

    def tuned(self, activation, place, hidden, steps=None):
        rows = chosen(self.rows, activation=activation, place=place, hidden=hidden, steps=steps or self.steps[0])
        cells = by_rate(rows)
        rate = max(cells, key=lambda r: cells[r].mean("held_out_accuracy"))
        return rate, cells[rate]

    def cell(self, *which):
        return self.tuned(*which)[1]

    def lead(self, activation, over, place, hidden):
        """Points, a seed each, by which an activation is better than another."""
        pairs = zip(self.cell(activation, place, hidden).values(), self.cell(over, place, hidden).values())
        return [one - other for one, other in pairs]

    def at_the_edge(self):
        """How many cells have their best rate at either end of the grid, those apart that learn nothing at any."""
        found = [self.tuned(a, p, d) for a in ACTIVATIONS for p in PLACES for d in self.depths]
        return sum(rate in (self.rates[0], self.rates[-1]) for rate, cell in found if cell.mean() > 20), len(found)

    def table(self):
        lines = []
        for hidden in self.depths:
            for activation in ACTIVATIONS:
                line = [f"{hidden:.0f}", TITLES[activation]]
                for place in PLACES:
                    rate, cell = self.tuned(activation, place, hidden)
                    line.append(f"{ranged(cell.values())}, {rate:g}")
                lines.append(line)
        return markdown(["layers", "activation"] + [PLACE_TITLES[p] for p in PLACES], lines)

    def lead_table(self):
        lines = []
        for activation in ("sigmoid", "tanh"):
            for place in ("before", "after"):
                leads = [self.lead(activation, "relu", place, hidden) for hidden in self.depths]
                lines.append([TITLES[activation], PLACE_TITLES[place]] + [ranged(lead, "+.1f", " to ") for lead in leads])
        return markdown(["activation", "place"] + [f"{hidden:.0f} layers" for hidden in self.depths], lines)

    def longer_table(self):
        lines = []
        for activation in LONGER:
            line = [TITLES[activation]]
            for steps in self.steps:
                rate, cell = self.tuned(activation, "before", self.depths[-1], steps)
                line += [f"{ranged(cell.values())}, {rate:g}", f"{cell.mean('train_accuracy'):.1f}"]
            lines.append(line)
        header = ["activation"]
        for steps in self.steps:
            header += [f"{steps:.0f} steps, test", "training"]
        return markdown(header, lines)


class Outputs:
    """Of outputs.csv: the outputs of normalized ReLUs, all layers together."""

    def __init__(self, rows):
        self.rows = rows
        self.steps = sorted({row["step"] for row in rows})

    def at(self, step):
        return chosen(self.rows, step=self.steps[step])

    def above_one(self, step):
        """Of the positive ones those above 1."""
        positive = [1 - row["zero"] for row in self.at(step)]
        above = [1 - row["zero"] - row["out_0_to_1"] for row in self.at(step)]
        return sum(above) / sum(positive)

    def mean(self, column, step):
        return mean(row[column] for row in self.at(step))

    def largest(self, step):
        return max(row["largest"] for row in self.at(step))


class Times:
    """Of times.csv: medians, in nanoseconds a value, a run each."""

    def __init__(self, rows):
        self.rows = rows
        self.sizes = sorted({row["values"] for row in rows if row["form"] == "alone"})

    def medians(self, form, which, activation, size):
        rows = chosen(self.rows, form=form, activation=activation, values=size)
        rows = [row for row in rows if row["pass"] == which]
        return [row["median"] for row in rows]

    def text(self, form, which, activation, size):
        known = any(row["pass"] == which and row["form"] == form and row["activation"] == activation for row in self.rows)
        return ranged(self.medians(form, which, activation, size), ".2f") if known else "-"

    def table(self, number):
        columns = [("alone", p) for p in ("forward", "backward", "backward of y")]
        columns += [("fused", p) for p in ("forward", "backward")]
        lines = [
            [TITLES[a]] + [self.text(form, which, a, self.sizes[number]) for form, which in columns]
            for a in ("none", *ACTIVATIONS)
        ]
        return markdown(["activation"] + [f"{form}, {which}" for form, which in columns], lines)

    def network(self, activation):
        return [row["median"] * row["values"] / 1e6 for row in chosen(self.rows, form="network", activation=activation)]

    def network_table(self):
        return markdown(
            [TITLES[a] for a in ACTIVATIONS], [[ranged(self.network(a), ".2f") for a in ACTIVATIONS]]
        )


def percent(value):
    return f"{100 * value:.0f} %"


def facts(tables):
    accuracies, outputs, times = (
        Accuracies(tables["accuracy"]),
        Outputs(tables["outputs"]),
        Times(tables["times"]),
    )
    edge, cells = accuracies.at_the_edge()

    def times_as(form, which, activation, over="relu", number=0):
        """How many times as long as another, in the same run: of the runs the middle one."""
        pairs = [times.medians(form, which, a, times.sizes[number]) for a in (activation, over)]
        return middle([one / other for one, other in zip(*pairs)])

    def more(which, activation, number=0):
        """What a fused activation adds to a pass of batch norm."""
        return percent(times_as("fused", which, activation, "none", number) - 1)

    def network_more(activation):
        pairs = zip(times.network(activation), times.network("relu"))
        return percent(middle([one / other for one, other in pairs]) - 1)

    processors = {row["processor"] for row in tables["times"]}
    return {
        "accuracy": lambda *cell: f"{accuracies.cell(*cell).mean():.1f} %",
        "own": lambda *cell: f"{accuracies.cell(*cell).mean('own_statistics_accuracy'):.1f} %",
        "longer": lambda activation: f"{accuracies.cell(activation, 'before', accuracies.depths[-1], accuracies.steps[-1]).mean():.1f} %",
        "lead": lambda *which: f"{mean(accuracies.lead(*which)):+.1f}",
        "accuracy_table": accuracies.table(),
        "lead_table": accuracies.lead_table(),
        "longer_table": accuracies.longer_table(),
        "steps": f"{accuracies.steps[0]:.0f}",
        "longer_steps": f"{accuracies.steps[-1]:.0f}",
        "rates": ", ".join(f"{rate:g}" for rate in accuracies.rates),
        "edge": edge,
        "cells": cells,
        "trainings": len(tables["accuracy"]),
        "seeds": int(max(row["seed"] for row in tables["accuracy"])),
        "above_one": lambda step: percent(outputs.above_one(step)),
        "zeros": lambda step: percent(outputs.mean("zero", step)),
        "high": lambda step: f"{outputs.mean('high', step):.1f}",
        "largest": lambda step: f"{outputs.largest(step):.1f}",
        "times_as": lambda *which: f"{times_as(*which):.1f}",
        "more": more,
        "step_rows": f"{chosen(tables['times'], form='network')[0]['values']:.0f}",
        "network_more": network_more,
        "small_table": times.table(0),
        "large_table": times.table(1),
        "network_table": times.network_table(),
        "sizes": [f"{size:,.0f}" for size in times.sizes],
        "rounds": f"{tables['times'][0]['rounds']:.0f}",
        "processor": ", ".join(sorted(processors)).replace("; ", ", "),
    }


# ---- pictures


def draw_accuracy(folder, accuracies):
    data, panels = "", []
    for place in PLACES:
        curves = []
        for number, activation in enumerate(ACTIVATIONS):
            lines = []
            for hidden in accuracies.depths:
                values = accuracies.cell(activation, place, hidden).values()
                # Beside one another: bars would hide each other.
                at = hidden * 1.02 ** (number - 2.5)
                lines.append(f"{at:.4f} {mean(values):.3f} {min(values):.3f} {max(values):.3f}")
            name = f"{place}_{activation.replace('-', '_')}"
            data += picture.block(name, lines)
            title = f"title '{TITLES[activation]}'" if place == "before" else "notitle"
            curves.append(
                f"${name} using 1:2:3:4 with yerrorlines linewidth 3 pointtype 7 pointsize 0.8 "
                f"linecolor rgb '{COLOURS[activation]}' {title}"
            )
        panels.append(f"set title '{PLACE_TITLES[place]}'\nplot {', '.join(curves)}")
    tics = ", ".join(f"{hidden:.0f}" for hidden in accuracies.depths)
    body = f"""{data}{picture.FRAME}
set multiplot layout 1,3
set logscale x
set xrange [1.7:24]
set xtics ({tics})
set yrange [55:85]
set xlabel 'hidden layers'
set ylabel 'test accuracy, %'
set key bottom left
{chr(10).join(panels)}
unset multiplot"""
    picture.draw(folder, "placement", 1700, 750, body)


def draw_times(folder, times):
    bars = (
        ("alone", "forward", picture.BLUE, "alone, forward"),
        ("alone", "backward", picture.ORANGE, "alone, backward"),
        ("alone", "backward of y", picture.GREEN, "alone, backward of y"),
        ("fused", "forward", "#9ecae1", "batch norm with it, forward"),
        ("fused", "backward", "#fdae6b", "batch norm with it, backward"),
    )
    data, panels = "", []
    for number, size in enumerate(times.sizes):
        names = ("none", *ACTIVATIONS)
        curves = []
        for index, (form, which, colour, title) in enumerate(bars):
            lines = []
            for at, activation in enumerate(names):
                if times.text(form, which, activation, size) == "-":
                    continue
                values = times.medians(form, which, activation, size)
                lines.append(f"{at + 0.16 * (index - 2):.3f} {mean(values):.4f} {min(values):.4f} {max(values):.4f}")
            block = f"times_{number}_{index}"
            data += picture.block(block, lines)
            curves.append(
                f"${block} using 1:2 with boxes fillstyle solid linecolor rgb '{colour}' "
                + (f"title '{title}'" if number == 0 else "notitle")
            )
            curves.append(f"${block} using 1:3:(0):($4-$3) with vectors nohead linewidth 3 linecolor rgb '#202020' notitle")
        panels.append(f"set title '{size:,.0f} values'\nplot {', '.join(curves)}")
    tics = ", ".join(f"'{TITLES[a]}' {at}" for at, a in enumerate(("none", *ACTIVATIONS)))
    body = f"""{data}{picture.FRAME}
set multiplot layout 2,1
set boxwidth 0.15
set xrange [-0.6:6.6]
set xtics ({tics})
set logscale y
set yrange [0.1:100]
set ytics (0.1, 0.3, 1, 3, 10, 30, 100)
set ylabel 'nanoseconds a value'
set key outside top center horizontal
{chr(10).join(panels)}
unset multiplot"""
    picture.draw(folder, "times", 1500, 1200, body)


def draw(folder, tables):
    picture.require_gnuplot("page.py")
    draw_accuracy(folder, Accuracies(tables["accuracy"]))
    draw_times(folder, Times(tables["times"]))
