"""The table of docs/sass.md: what was measured, what is excused and why, and whether it still is so."""

import checks
from exceptions import EXCEPTIONS
from measure import name_of

BEGIN, END = "<!-- made by scripts/check-sass --update -->", "<!-- to here -->"
TOLERANCE = 0.05
ACTIVATIONS = ("sigmoid", "tanh", "gelu", "gelu_tanh", "silu")
TYPES = (("bf16", "none"), ("bf16", "relu"), ("f16", "none"), ("f16", "relu"), ("f32", "none"), ("f32", "relu"))

# Multiprocessors, boost clock in GHz (NVIDIA's specifications), GB/s of a copy (measured, gpu-kernels.md).
DEVICES = {"A100": (108, 1.41, 1381), "H100": (132, 1.98, 3003), "H200": (132, 1.98, 4070), "B200": (148, 1.9, 7100),
           "RTX 4090": (128, 2.52, 920)}


def row(m, registers):
    """(key, column, what is measured) of a hot loop."""
    call = m.call
    threads = checks.resident_threads(call, registers)
    return ((call["sm"], name_of(call), m.loop), (call["x"], call["other"], call["act"]),
            (m.slots, registers, threads, m.in_flight and m.in_flight * threads, call["in_flight"]))


def slots_left(device, bytes_):
    """Instructions for an element at a copy's speed, which moves so many bytes for it."""
    sms, clock, bandwidth = DEVICES[device]
    return sms * 128 * clock / (bandwidth / bytes_)


def bound_on(slots, backward):
    """The devices on which so many instructions for an element take longer than its bytes: of bf16."""
    slow = [d for d in DEVICES if slots > slots_left(d, 6 if backward else 4)]
    return ", ".join(slow) or "none"


def _by_key(rows):
    found = {}
    for key, column, values in rows:
        found.setdefault(key, {})[column] = values
    return found


def _number(values):
    return f"{values[0]:.1f}" if values else "-"


def lines_of(rows):
    """The generated part."""
    lines = []
    for sm in sorted({key[0] for key, _, _ in rows}):
        found = {k: v for k, v in _by_key(rows).items() if k[0] == sm}
        lines += ["", f"## sm_{sm}", "",
                  "| kernel, shape, pass | loop | registers | threads | KB in flight | " +
                  " | ".join(" ".join(t) for t in TYPES) + " | bf16 to e4m3 |",
                  "|---|" + "---|" * (5 + len(TYPES))]
        for (_, name, loop), columns in sorted(found.items()):
            first = columns.get(("bf16", "bf16", "none")) or next(iter(columns.values()))
            cells = [_number(columns.get((x, x, act))) for x, act in TYPES]
            cells.append(_number(columns.get(("bf16", "f8 e4m3", "none"))))
            flying = "-" if first[3] is None else f"{first[3] / 1024:.0f} of {first[4] / 1024:.0f}"
            lines.append(f"| {name} | {loop} | {first[1]} | {first[2]} | {flying} | " + " | ".join(cells) + " |")
        lines += ["", "| bf16: kernel, shape, pass | loop | " + " | ".join(ACTIVATIONS) +
                  " | with gelu bound by instructions on |", "|---|---|" + "---|" * (1 + len(ACTIVATIONS))]
        for (_, name, loop), columns in sorted(found.items()):
            gelu = columns.get(("bf16", "bf16", "gelu"))
            none = columns.get(("bf16", "bf16", "none"))
            if gelu and none and gelu[0] > none[0]:
                cells = [_number(columns.get(("bf16", "bf16", a))) for a in ACTIVATIONS]
                cells.append(bound_on(gelu[0], "backward" in name))
                lines.append(f"| {name} | {loop} | " + " | ".join(cells) + " |")
    lines += ["", "## Exceptions", "", "| rule | kernel | limit | architectures | reason |", "|---|---|---|---|---|"]
    lines += ["| " + " | ".join((e.rule, "`" + e.kernel.pattern.replace("|", "\\|") + "`", f"{e.limit:g}",
                                 ", ".join(map(str, e.architectures)), e.reason)) + " |" for e in EXCEPTIONS]
    return lines + [""]


def _split(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    before, rest = text.split(BEGIN + "\n", 1)
    return before, *rest.split(END, 1)


def update(path, rows):
    before, _, after = _split(path)
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + BEGIN + "\n" + "\n".join(lines_of(rows)) + END + after)
    return 0


def _cells(lines):
    """Cells by heading and the first two of a line."""
    heading, found = "", {}
    for line in lines:
        if line.startswith("## "):
            heading = line
        elif line.startswith("| "):
            cells = [c.strip() for c in line.strip("| ").split(" | ")]
            found[heading, len(cells), cells[0], cells[1]] = cells[2:]
    return found


def _near(a, b):
    try:
        return abs(float(a) - float(b)) <= TOLERANCE * max(1.0, abs(float(a)))
    except ValueError:
        return a == b


def compare(path, rows):
    """Prints where the table says something else; how many lines."""
    written, now = _cells(_split(path)[1].splitlines()), _cells(lines_of(rows))
    stale = [k for k in sorted(set(written) | set(now))
             if k not in written or k not in now or len(written[k]) != len(now[k])
             or not all(_near(a, b) for a, b in zip(written[k], now[k]))]
    for key in stale:
        print(f"{path} is stale, {key[0].strip('# ')}: {key[2]}: {written.get(key)} was written, {now.get(key)} is so; "
              "scripts/check-sass --update")
    return len(stale)
