"""The page of speed, regularisation and step size: numbers and pictures from training.csv and regularisation.csv."""

import picture
from trainings import chosen, mean

NETWORKS = ("relu", "sigmoid", "convolution")
NAMES = {"relu": "perceptron, ReLU", "sigmoid": "perceptron, sigmoid", "convolution": "convolutions, ReLU"}
NORMS = ("none", "batch")
TRAINED = 0.70  # of the test pictures, from every seed: a rate or a scale of weights that still trains
INPUTS = (("none", "no"), ("batch", "no"), ("batch", "yes"))
INPUT_NAMES = ("none", "batch norm behind the hidden layers", "and on the pixels")
IMAGES = (1000, 5000, 60000)
REGULARISATION = (("none", 0), ("batch", 0), ("none", 0.5), ("batch", 0.5))
REGULARISATION_NAMES = ("none", "batch norm", "dropout", "both")


def by_rate(rows):
    rates = sorted({row["rate"] for row in rows})
    return {rate: [row for row in rows if row["rate"] == rate] for rate in rates}


def accuracy(rows):
    return 100 * mean([row["test_accuracy"] for row in rows])


def best_rate(rows):
    rates = by_rate(rows)
    return max(rates, key=lambda rate: accuracy(rates[rate]))


def fastest(rows, target):
    """(mean, least, most steps to the target, rate) at the rate at which every seed reaches it soonest; None: at none."""
    column = f"steps_to_{target}"
    found = []
    for rate, some in by_rate(rows).items():
        steps = [row[column] for row in some]
        if None not in steps:
            found.append((mean(steps), int(min(steps)), int(max(steps)), rate))
    return min(found) if found else None


def largest_rate(rows):
    rates = [rate for rate, some in by_rate(rows).items() if min(row["test_accuracy"] for row in some) >= TRAINED]
    return max(rates) if rates else None


def steps_text(found):
    return f"{found[0]:.0f} ({found[1]}-{found[2]}), rate {found[3]:g}" if found else "never"


def markdown(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def steps_table(rows):
    lines = []
    for network in NETWORKS:
        for norm in NORMS:
            some = chosen(rows, part="steps", network=network, norm=norm)
            rate = best_rate(some)
            largest = largest_rate(some)
            lines.append(
                [
                    NAMES[network],
                    norm,
                    steps_text(fastest(some, 70)),
                    steps_text(fastest(some, 80)),
                    f"{accuracy(by_rate(some)[rate]):.1f}, rate {rate:g}",
                    f"{largest:g}" if largest else "none",
                ]
            )
    return markdown(("network", "norm", "steps to 70 %", "steps to 80 %", "at the end, %", "largest rate"), lines)


def inputs_table(rows):
    lines = []
    for (norm, on_inputs), name in zip(INPUTS, INPUT_NAMES):
        line = [name]
        for scale in (1, 1000):
            some = chosen(rows, part="inputs", norm=norm, norm_inputs=on_inputs, odd_scale=scale)
            rate = best_rate(some)
            at_best = by_rate(some)[rate]
            low, high = (100 * f(row["test_accuracy"] for row in at_best) for f in (min, max))
            line.append(f"{accuracy(at_best):.1f} ({low:.1f}-{high:.1f}), rate {rate:g}")
        lines.append(line)
    return markdown(("normalization", "pixels 0 to 1", "every other 0 to 1000"), lines)


def scales(rows):
    return sorted({row["weights"] for row in rows if row["part"] == "weights"})


def weights_table(rows):
    lines = []
    for scale in scales(rows):
        line = [f"{scale:g}"]
        for norm in NORMS:
            rates = by_rate(chosen(rows, part="weights", norm=norm, weights=scale))
            line += [f"{accuracy(rates[rate]):.1f}" for rate in rates]
        lines.append(line)
    rates = sorted(by_rate(chosen(rows, part="weights")))
    header = ["deviation"] + [f"{norm}, rate {rate:g}" for norm in NORMS for rate in rates]
    return markdown(header, lines)


def weights_trained(rows, norm):
    """Of how many pairs of scale and rate every seed trains."""
    pairs = [
        some
        for scale in scales(rows)
        for some in by_rate(chosen(rows, part="weights", norm=norm, weights=scale)).values()
    ]
    return sum(min(row["test_accuracy"] for row in some) >= TRAINED for some in pairs), len(pairs)


def gap(rows):
    return 100 * mean([row["train_accuracy"] - row["test_accuracy"] for row in rows])


def gap_table(rows):
    lines = []
    for images in IMAGES:
        for (norm, drop), name in zip(REGULARISATION, REGULARISATION_NAMES):
            some = chosen(rows, images=images, norm=norm, drop=drop)
            gaps = [100 * (row["train_accuracy"] - row["test_accuracy"]) for row in some]
            train = 100 * mean([row["train_accuracy"] for row in some])
            lines.append(
                [
                    f"{images:,}",
                    name,
                    f"{train:.1f}",
                    f"{accuracy(some):.1f}",
                    f"{mean(gaps):.1f} ({min(gaps):.1f}-{max(gaps):.1f})",
                ]
            )
    return markdown(("images", "regularisation", "training, %", "test, %", "gap, points"), lines)


def facts(tables):
    rows, gaps = tables["training"], tables["regularisation"]

    def steps(network, norm, target):
        return fastest(chosen(rows, part="steps", network=network, norm=norm), target)

    def ratio(network, target):
        """How many times as many steps as batch norm's none takes."""
        return f"{steps(network, 'none', target)[0] / steps(network, 'batch', target)[0]:.1f}"

    def best(norm, on_inputs, scale):
        some = chosen(rows, part="inputs", norm=norm, norm_inputs=on_inputs, odd_scale=scale)
        return f"{accuracy(by_rate(some)[best_rate(some)]):.1f} %"

    def gap_of(images, name):
        norm, drop = REGULARISATION[REGULARISATION_NAMES.index(name)]
        return f"{gap(chosen(gaps, images=images, norm=norm, drop=drop)):.1f}"

    def test_of(images, name):
        norm, drop = REGULARISATION[REGULARISATION_NAMES.index(name)]
        return f"{accuracy(chosen(gaps, images=images, norm=norm, drop=drop)):.1f} %"

    def train_of(images, name):
        norm, drop = REGULARISATION[REGULARISATION_NAMES.index(name)]
        some = chosen(gaps, images=images, norm=norm, drop=drop)
        return f"{100 * mean([row['train_accuracy'] for row in some]):.1f} %"

    def largest(network, norm):
        return f"{largest_rate(chosen(rows, part='steps', network=network, norm=norm)):g}"

    def steps_of(part):
        return f"{chosen(rows, part=part)[0]['steps']:.0f}"

    return {
        "ratio": ratio,
        "steps": lambda network, norm, target: f"{steps(network, norm, target)[0]:.0f}",
        "reached": lambda network, norm, target: "in " + f"{steps(network, norm, target)[0]:.0f} steps"
        if steps(network, norm, target)
        else "never",
        "best": best,
        "gap": gap_of,
        "test": test_of,
        "train": train_of,
        "largest": largest,
        "trained": lambda norm: "{} of {}".format(*weights_trained(rows, norm)),
        "steps_table": steps_table(rows),
        "inputs_table": inputs_table(rows),
        "weights_table": weights_table(rows),
        "gap_table": gap_table(gaps),
        "rates": ", ".join(f"{rate:g}" for rate in by_rate(chosen(rows, part="steps"))),
        "trained_at": f"{100 * TRAINED:.0f} %",
        "steps_done": steps_of("steps"),
        "inputs_done": steps_of("inputs"),
        "weights_done": steps_of("weights"),
        "gaps_done": f"{gaps[0]['steps']:.0f}",
        "seeds": int(max(row["seed"] for row in rows)),
        "trainings": len(rows) + len(gaps),
    }


def draw(folder, tables):
    picture.require_gnuplot("page.py")
    rows, gaps = tables["training"], tables["regularisation"]
    data, rates, bars = "", [], []
    styles = {"relu": "dashtype 1", "sigmoid": "dashtype 2", "convolution": "dashtype 3"}
    for network in NETWORKS:
        for norm in NORMS:
            lines = []
            for rate, some in by_rate(chosen(rows, part="steps", network=network, norm=norm)).items():
                values = [100 * row["test_accuracy"] for row in some]
                lines.append(f"{rate:g} {mean(values):.3f} {min(values):.3f} {max(values):.3f}")
            block = f"{network}_{norm}"
            data += picture.block(block, lines)
            colour = picture.BLUE if norm == "batch" else "#808080"
            rates.append(
                f"${block} using 1:2:3:4 with yerrorlines linewidth 3 {styles[network]} pointtype 7 linecolor rgb "
                f"'{colour}' title '{network}, {norm}'"
            )
    colours = ("#808080", picture.BLUE, picture.ORANGE, picture.GREEN)
    for (norm, drop), name, colour in zip(REGULARISATION, REGULARISATION_NAMES, colours):
        lines = []
        for images in IMAGES:
            some = chosen(gaps, images=images, norm=norm, drop=drop)
            values = [100 * (row["train_accuracy"] - row["test_accuracy"]) for row in some]
            lines.append(f"{images} {mean(values):.3f} {min(values):.3f} {max(values):.3f}")
        block = "gap_" + name.replace(" ", "_")
        data += picture.block(block, lines)
        bars.append(
            f"${block} using 1:2:3:4 with yerrorlines linewidth 3 pointtype 7 linecolor rgb '{colour}' title '{name}'"
        )
    body = f"""{data}{picture.FRAME}
set multiplot layout 1,2
set logscale x
set xrange [0.02:15]
set xlabel 'learning rate'
set ylabel 'test accuracy, %'
set yrange [0:100]
set key below maxrows 2
set title 'largest step'
plot {', '.join(rates)}
set xrange [800:80000]
set xtics (1000, 5000, 60000)
set xlabel 'training images'
set ylabel 'training less test accuracy, points'
set yrange [*:*]
set key default
set key top right
set title 'regularisation'
plot {', '.join(bars)}
unset multiplot"""
    picture.draw(folder, "speed", 1600, 750, body)
