"""The page of the batch size: numbers and pictures from accuracy.csv."""

import picture
from trainings import Cell, chosen, mean

BATCHES = (1, 2, 4, 8, 16, 32, 64, 128)
NORMS = ("none", "batch", "layer", "group", "instance", "rms")
GHOSTS = (8, 32)
RATES = (0.005, 0.015, 0.045)
LOWEST = 60  # of the first panel, %: batch norm of one picture a step is below it, in the second
RATE = 0.015  # of all kinds; none and batch have the others too
# Wong's colours once more; none is grey.
COLOURS = {
    "none": "#808080",
    "batch": picture.BLUE,
    "layer": picture.ORANGE,
    "group": picture.GREEN,
    "instance": picture.PINK,
    "rms": "#56b4e9",
}


def finder(rows):
    def cell(norm, batch, parts=1, layout="NCX", rate=RATE):
        return Cell(chosen(rows, norm=norm, batch=batch, parts=parts, layout=layout, rate=rate))

    return cell


def table(cell, norms):
    lines = ["| batch | " + " | ".join(norms) + " |", "|---" * (len(norms) + 1) + "|"]
    for batch in BATCHES:
        cells = [cell(norm, batch) for norm in norms]
        texts = [f"{c.mean():.1f} ({c.low():.1f}-{c.high():.1f})" for c in cells]
        lines.append(f"| {batch} | " + " | ".join(texts) + " |")
    return "\n".join(lines)


def gap_table(cell):
    lines = ["| batch | running statistics | the batch's own | gap, points |", "|---|---|---|---|"]
    for batch in BATCHES:
        c = cell("batch", batch)
        lines.append(f"| {batch} | {c.mean():.1f} | {c.mean('own_statistics_accuracy'):.1f} | {c.gap():.1f} |")
    return "\n".join(lines)


def ghost_table(cell):
    lines = ["| ghost parts | pictures of a part | test accuracy | gap, points | a batch of that size alone |", "|---" * 5 + "|"]
    for parts in (1,) + GHOSTS:
        c, alone = cell("batch", 128, parts), cell("batch", 128 // parts)
        lines.append(
            f"| {parts} | {128 // parts} | {c.mean():.1f} ({c.low():.1f}-{c.high():.1f}) | {c.gap():.1f} "
            f"| {alone.mean():.1f} |"
        )
    return "\n".join(lines)


def rate_table(cell):
    lines = ["| batch | " + " | ".join(f"{norm}, {rate}" for norm in ("none", "batch") for rate in RATES) + " |"]
    lines.append("|---" * 7 + "|")
    for batch in BATCHES:
        means = [cell(norm, batch, rate=rate).mean() for norm in ("none", "batch") for rate in RATES]
        lines.append(f"| {batch} | " + " | ".join(f"{value:.1f}" for value in means) + " |")
    return "\n".join(lines)


def tuning(cell, norm):
    """The most points that the best of the rates has over the one that is shown, at any batch beyond one picture."""
    return max(
        max(cell(norm, batch, rate=rate).mean() for rate in RATES) - cell(norm, batch).mean()
        for batch in BATCHES[1:]
    )


def layout_difference(rows, cell):
    """Largest difference, in points, of a mean test accuracy between the layouts."""
    pairs = {(row["norm"], row["batch"]) for row in rows if row["layout"] == "NXC"}
    return max(
        abs(cell(norm, batch).mean() - cell(norm, batch, layout="NXC").mean())
        for norm, batch in pairs
    )


def spread(cell):
    """The mean over all cells of highest less lowest test accuracy, in points."""
    cells = [cell(norm, batch) for norm in NORMS for batch in BATCHES]
    return mean([c.high() - c.low() for c in cells])


def facts(tables):
    rows = tables["accuracy"]
    cell = finder(rows)

    def accuracy(norm, batch, parts=1):
        return f"{cell(norm, batch, parts).mean():.1f} %"

    def best_norm(batch):
        return max(NORMS, key=lambda norm: cell(norm, batch).mean())

    def lead(batch, other):
        """Points of batch norm over another."""
        return cell("batch", batch).mean() - cell(other, batch).mean()

    return {
        "accuracy": accuracy,
        "best_norm": best_norm,
        "points": lambda value: f"{value:.1f}",
        "lead": lead,
        "gap": lambda batch, parts=1: cell("batch", batch, parts).gap(),
        "accuracy_table": table(cell, NORMS),
        "gap_table": gap_table(cell),
        "ghost_table": ghost_table(cell),
        "rate_table": rate_table(cell),
        "tuning": lambda norm: f"{tuning(cell, norm):.1f}",
        "layout_difference": f"{layout_difference(rows, cell):.1f}",
        "spread": f"{spread(cell):.1f}",
        "seeds": int(max(row["seed"] for row in rows)),
        "trainings": len(rows),
        "own": lambda batch: f"{cell('batch', batch).mean('own_statistics_accuracy'):.1f} %",
    }


def series(cell, norm, column="test_accuracy"):
    rows = []
    for batch in BATCHES:
        c = cell(norm, batch)
        rows.append(f"{batch} {c.mean(column):.4f} {c.low(column):.4f} {c.high(column):.4f}")
    return rows


def draw(folder, tables):
    picture.require_gnuplot("page.py")
    cell = finder(tables["accuracy"])
    data = "".join(picture.block(f"norm_{norm}", series(cell, norm)) for norm in NORMS)
    data += picture.block("own", series(cell, "batch", "own_statistics_accuracy"))

    def lines(prefix, norms):
        return ", ".join(
            f"${prefix}_{norm} using 1:2:3:4 with yerrorlines linewidth 3 pointtype 7 pointsize 1 "
            f"linecolor rgb '{COLOURS[norm]}' title '{norm}'"
            for norm in norms
        )

    def batch_line(block, style, title):
        return f"${block} using 1:2:3:4 with yerrorlines linewidth 3 {style} linecolor rgb '{picture.BLUE}' title '{title}'"

    gap = [
        batch_line("norm_batch", "pointtype 7 pointsize 1", "running statistics"),
        batch_line("own", "dashtype 2 pointtype 6 pointsize 1.4", "own statistics"),
    ]
    body = f"""{data}{picture.FRAME}
set multiplot layout 1,2
set logscale x 2
set xrange [0.85:150]
set xtics (1, 2, 4, 8, 16, 32, 64, 128)
set xlabel 'pictures a step'
set ylabel 'test accuracy, %'
set key bottom right
set title 'normalizations'
set yrange [{LOWEST}:80]
plot {lines('norm', NORMS)}
set yrange [0:90]
set title 'batch norm: the gap'
plot {', '.join(gap)}
unset multiplot"""
    picture.draw(folder, "batch-size", 1500, 700, body)
