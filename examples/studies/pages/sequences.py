"""The page of sequences: numbers and pictures from accuracy.csv."""

import picture
from trainings import Cell, chosen, mean

BATCHES = (2, 8, 32)
# (label, norm, place, first gamma)
RECURRENT = (
    ("none", "none", "before", 0),
    ("batch", "batch", "before", 1),
    ("batch, gamma 0.1", "batch", "before", 0.1),
    ("layer", "layer", "before", 1),
    ("RMS", "rms", "before", 1),
)
TRANSFORMER = (
    ("none", "none", "before", 0),
    ("batch before", "batch", "before", 1),
    ("layer before", "layer", "before", 1),
    ("RMS before", "rms", "before", 1),
    ("batch after", "batch", "after", 1),
    ("layer after", "layer", "after", 1),
)
VARIANTS = {"recurrent": RECURRENT, "transformer": TRANSFORMER}
COLOURS = {"none": "#808080", "batch": picture.BLUE, "layer": picture.ORANGE, "rms": "#56b4e9"}


class BestRate(Cell):
    """The trainings of one cell at its best rate: that of the highest mean accuracy on the training images."""

    def __init__(self, rows):
        rates = sorted({row["rate"] for row in rows})
        self.all = rows
        self.rate = max(rates, key=lambda rate: mean(r["train_accuracy"] for r in rows if r["rate"] == rate))
        super().__init__(chosen(rows, rate=self.rate))

    def fall(self):
        """Points between the best rate's mean test accuracy and the worst rate's."""
        rates = {row["rate"] for row in self.all}
        means = [100 * mean([r["test_accuracy"] for r in self.all if r["rate"] == rate]) for rate in rates]
        return max(means) - min(means)


def finder(rows):
    def cell(network, label, batch):
        _, norm, place, gamma = next(variant for variant in VARIANTS[network] if variant[0] == label)
        return BestRate(
            chosen(rows, network=network, norm=norm, place=place, first_gamma=gamma, batch=batch)
        )

    return cell


def table(cell, network):
    lines = ["| norm | " + " | ".join(f"batch of {batch}" for batch in BATCHES) + " |", "|---" * 4 + "|"]
    for label, *_ in VARIANTS[network]:
        cells = [cell(network, label, batch) for batch in BATCHES]
        texts = [f"{c.mean():.1f} ({c.low():.1f}-{c.high():.1f}), {c.rate:g}" for c in cells]
        lines.append(f"| {label} | " + " | ".join(texts) + " |")
    return "\n".join(lines)


def gap_table(cell):
    lines = ["| network, norm | batch | running statistics | the batch's own | gap, points |", "|---" * 5 + "|"]
    for network, variants in VARIANTS.items():
        for label, norm, *_ in variants:
            for batch in BATCHES if norm == "batch" else ():
                c = cell(network, label, batch)
                lines.append(
                    f"| {network}, {label} | {batch} | {c.mean():.1f} | {c.mean('own_statistics_accuracy'):.1f} "
                    f"| {c.gap():.1f} |"
                )
    return "\n".join(lines)


def facts(tables):
    rows = tables["accuracy"]
    cell = finder(rows)
    cells = [cell(n, label, batch) for n, variants in VARIANTS.items() for label, *_ in variants for batch in BATCHES]
    return {
        "accuracy": lambda *at: f"{cell(*at).mean():.1f} %",
        "loss": lambda *at: f"{-cell(*at).gap():.1f}",  # of the batch's own statistics
        "fall": lambda *at: f"{cell(*at).fall():.1f}",
        "recurrent_table": table(cell, "recurrent"),
        "transformer_table": table(cell, "transformer"),
        "gap_table": gap_table(cell),
        "spread": f"{mean([c.high() - c.low() for c in cells]):.1f}",
        "seeds": int(max(row["seed"] for row in rows)),
        "steps": int(max(row["steps"] for row in rows)),
        "trainings": len(rows),
    }


def series(cell, network, label, at, column="test_accuracy"):
    rows = []
    for batch in BATCHES:
        c = cell(network, label, batch)
        # Beside one another, so that bars can be told apart.
        rows.append(f"{batch * 1.035**at:.4g} {c.mean(column):.4f} {c.low(column):.4f} {c.high(column):.4f}")
    return rows


def panel(cell, network):
    """Blocks of data, and what to plot."""
    blocks, plots = "", []
    for at, (label, norm, place, gamma) in enumerate(VARIANTS[network]):
        name = f"{network}{at}"
        blocks += picture.block(name, series(cell, network, label, at - 2))
        other = place == "after" or gamma == 0.1
        style = f"linewidth 3 dashtype {2 if other else 1} pointtype {4 if other else 7} pointsize 1.2"
        plots.append(
            f"${name} using 1:2:3:4 with yerrorlines {style} linecolor rgb '{COLOURS[norm]}' title '{label}'"
        )
        if norm != "batch":
            continue
        blocks += picture.block(name + "own", series(cell, network, label, at - 2, "own_statistics_accuracy"))
        title = "title 'batch, own statistics'" if label.startswith("batch") and not other else "notitle"
        plots.append(
            f"${name}own using 1:2 with points pointtype {2 if other else 1} pointsize 2 linewidth 3 "
            f"linecolor rgb '{COLOURS[norm]}' {title}"
        )
    return blocks, ", ".join(plots)


def draw(folder, tables):
    picture.require_gnuplot("page.py")
    cell = finder(tables["accuracy"])
    panels = {network: panel(cell, network) for network in VARIANTS}
    body = f"""{"".join(blocks for blocks, _ in panels.values())}{picture.FRAME}
set multiplot layout 1,2
set logscale x 2
set xrange [1.5:42]
set xtics (2, 8, 32)
set xlabel 'pictures a step'
set ylabel 'test accuracy, %'
set key bottom right
"""
    for network, (_, plots) in panels.items():
        body += f"set title '{network}'\nplot {plots}\n"
    picture.draw(folder, "sequences", 1500, 700, body + "unset multiplot")
