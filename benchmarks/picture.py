"""How pictures are drawn, by gnuplot: what those of results and of models have alike."""

import shutil
import subprocess
import sys

# Told apart by colour-blind readers (Wong 2011, Nature Methods 8, 441).
BLUE, ORANGE, GREEN, PINK = "#0072b2", "#d55e00", "#009e73", "#cc79a7"

# An opaque light ground, which can be read on a light page and on a dark one. An SVG can do better: follow_page().
FRAME = """
set border 3 linecolor rgb '#707070' linewidth 1.5
set grid linecolor rgb '#dddddd' linewidth 1
set tics nomirror scale 0 textcolor rgb '#202020'
"""


# What gnuplot draws in these colours, in every way in which it writes them, has others on a dark page. Colours of data stay:
# they are chosen to stand out from both grounds.
GROUND, INK, FAINT = ("#ffffff", "#0d1117"), ("#202020", "#e6edf3"), ("#dddddd", "#30363d")


def spellings(colour):
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return [colour, f"rgb({red},{green},{blue})", f"rgb({red:3d}, {green:3d}, {blue:3d})"]


def dark_rules():
    names = {"#202020": [*spellings("#000000"), "black"], "#ffffff": ["#FFFFFF"]}
    for light, dark in (GROUND, INK, FAINT):
        for attribute in ("fill", "stroke", "color"):
            words = ", ".join(f'[{attribute}="{word}"]' for word in [*spellings(light), *names.get(light, [])])
            yield f"{words} {{ {attribute}: {dark} }}"


def follow_page(path):
    """Gives an SVG a dark ground where its reader prefers dark pages."""
    text = path.read_text()
    style = "\n".join(["<style>", "@media (prefers-color-scheme: dark) {", *dark_rules(), "}", "</style>"])
    path.write_text(text.replace("<title>", style + "\n<title>", 1))


def require_gnuplot(program):
    if not shutil.which("gnuplot"):
        sys.exit(f"{program}: gnuplot is not installed (Debian: gnuplot-nox)")


def block(name, rows):
    return f"${name} << END\n" + "\n".join(rows) + "\nEND\n"


def draw(folder, name, width, height, body, size=18):
    """PNG and SVG, with letters of this size, in SVG two points more."""
    script = "set encoding utf8\n"
    for kind, terminal, points in (("png", "pngcairo", size), ("svg", "svg", size + 2)):
        script += (
            f"set terminal {terminal} size {width},{height} font 'DejaVu Sans,{points}' background '#ffffff' noenhanced\n"
            f"set output '{folder / (name + '.' + kind)}'\n{body}\nunset output\nreset\n"
        )
    ran = subprocess.run(["gnuplot"], input=script, text=True, capture_output=True)
    if ran.returncode != 0:
        sys.exit(f"gnuplot failed on {name}: {ran.stderr.strip()}")
    print(folder / (name + ".png"))
