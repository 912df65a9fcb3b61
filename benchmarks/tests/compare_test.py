#!/usr/bin/env python3
"""The Python half of the comparison, without PyTorch: sessions, the value check, the method, and the pictures.
compare_test.py BUILD_FOLDER"""

import argparse
import contextlib
import io
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))
import torch_compare  # noqa: E402
from compare import method, report, session  # noqa: E402

BUILD = pathlib.Path(sys.argv.pop(1))
LIBRARY = session.load(BUILD / "libwn_bench_session.so")


def case_of(line):
    ran = subprocess.run([BUILD / "wn_bench", "--list", "--json", "-", "--case", line], capture_output=True, text=True)
    return json.loads(ran.stdout.splitlines()[0])


def open_case(line):
    return session.Session(LIBRARY, case_of(line), "cpu", False, 10**8)


class LikeOurs:
    """A peer in Python: ours by another name, whose wrong sibling leaves one result as it was."""

    name, version, ranked = "python", "1", True

    def __init__(self, wrong=False):
        self.wrong = wrong

    def prepare(self, opened):
        self.native = opened.peers()[0]
        self.results = self.native.results
        return self.native.prepare(opened)

    def run(self, slot):
        self.native.run(slot)

    def write_results(self):
        if not self.wrong:
            self.run(0)


class Sessions(unittest.TestCase):
    def test_native_peers_are_right_and_say_what_they_cannot(self):
        for line in ("layer 33x64 f32 train", "batch nxc 4x16x6x6 bf16 backward relu", "rms 8x32 f64 backward"):
            with open_case(line) as opened:
                names = [p.name for p in opened.peers()]
                self.assertEqual(names[:2], ["warpnorm", "copy"])
                outcomes = method.Contest(opened, opened.peers(), method.Clock(), 0.01, 2).run()
                self.assertEqual(outcomes[0].state, "ok", outcomes[0].reason)
                self.assertEqual(len(outcomes[0].samples), 2)
                for outcome in outcomes:
                    self.assertIn(outcome.state, ("ok", "cannot"), outcome.reason)
                    self.assertEqual(outcome.state == "cannot", bool(outcome.reason))

    def test_a_case_that_is_none(self):
        case = {"case": "layer 33x64 f32,f16 train"}
        with self.assertRaisesRegex(session.NotPossible, "one type and one pass"):
            session.Session(LIBRARY, case, "cpu", False, 10**8)

    def test_arrays_have_the_names_of_the_interface(self):
        with open_case("batch 4x16x6x6 f32 train") as opened:
            for name in ("x", "gamma", "beta", "running_mean", "running_var"):
                self.assertIsNotNone(opened.address(0, name), name)
            for name in ("y", "mean", "rstd"):
                self.assertIsNotNone(opened.address(0, name, True), name)
            for name in ("dy", "dx", "residual", "nothing"):
                self.assertIsNone(opened.address(0, name), name)


class Contests(unittest.TestCase):
    def test_a_wrong_peer_is_marked_and_timed(self):
        with open_case("layer 33x64 f32 train") as opened:
            right, wrong = method.Contest(
                opened, [LikeOurs(), LikeOurs(wrong=True)], method.Clock(), 0.01, 3).run()
            self.assertEqual(right.state, "ok", right.reason)
            self.assertEqual(wrong.state, "wrong")
            self.assertIn("y[0] is", wrong.reason)
            self.assertEqual(len(wrong.samples), 3)

    def test_a_peer_that_breaks_is_a_row(self):
        class Broken(LikeOurs):
            def write_results(self):
                raise ValueError("no such operator\nand much more")

        with open_case("layer 33x64 f32 train") as opened:
            (outcome,) = method.Contest(opened, [Broken()], method.Clock(), 0.01, 2).run()
            self.assertEqual((outcome.state, outcome.reason), ("failed", "ValueError: no such operator"))

    def test_orders_of_samples(self):
        outcome = method.Outcome(None, samples=[5.0, 1.0, 4.0, 2.0, 3.0])
        self.assertEqual(outcome.median, 3)
        self.assertAlmostEqual(outcome.quantile(0.1), 1.4)
        self.assertTrue(outcome.noisy)
        self.assertEqual(method.ratio(outcome, method.Outcome(None, samples=[10.0, 1.0, 8.0, 4.0, 6.0])), 0.5)
        self.assertEqual(method.ratio(outcome, None), 0)


class Comparisons(unittest.TestCase):
    """torch_compare.py with a peer that needs no library."""

    def measured(self, *cases, **options):
        arguments = argparse.Namespace(**{"device": "cpu", "cache": "cold", "memory": 0.1, "seconds": 0.01, "rounds": 2} | options)
        lines, text = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(text), contextlib.redirect_stderr(io.StringIO()):
            results = torch_compare.measure_all(LIBRARY, list(map(case_of, cases)), [LikeOurs()], arguments, lines)
        return results, [json.loads(line) for line in lines.getvalue().splitlines()], text.getvalue()

    def test_cold_hot_and_both(self):
        for cache, expected in (("cold", ["cold"]), ("hot", ["hot"]), ("both", ["cold", "hot"])):
            results, lines, text = self.measured("layer 33x64 f32 train", cache=cache)
            self.assertEqual([r["cache"] for r in results if r["peer"] == "python"], expected)
            self.assertEqual([line["type"] for line in lines], ["environment"] + ["result"] * len(results))
            self.assertEqual(text.count("layer 33x64 f32 train   ("), len(expected))
            self.assertEqual(text.count("; load "), 1)

    def test_what_does_not_fit_is_named(self):
        results, lines, text = self.measured("layer 100000x1000 f32 train")
        self.assertEqual(results, [])
        self.assertIn("left out: 1.6 GB of memory are needed, 0.1 GB may be used", text)
        self.assertEqual([(line["type"], line["n"]) for line in lines], [("skipped", 100000)])
        self.assertIn("Nothing was timed", report.closing(results))
        _, lines, _ = self.measured("layer 100000x1000 f32 train", "layer 33x64 f32 train")
        self.assertEqual([line["type"] for line in lines[:3]], ["environment", "skipped", "result"])

    def test_the_end_says_what_it_comes_to(self):
        def line(peer, **other):
            return {"peer": peer, "case": "a", "suite": "s", "cache": "cold", "state": "ok", "ranked": True, "median_us": 10.0,
                    "p10_us": 9.0, "p90_us": 11.0, "copy_share": 0.5, "ratio": 2.0, "noisy": False} | other  # fmt: skip

        text = report.closing([line("warpnorm"), line("one"), line("two", p90_us=19.0, noisy=True), line("three", state="wrong")])
        self.assertIn("in the middle 20 % of the median apart, at most 100 %", text)
        self.assertIn("1 of 4 results are noisy", text)
        self.assertIn("| a | cold | 10.0 | one | 10.0 | 2.00x |  |", text)
        self.assertIn("1 results of peers are wrong", text)
        self.assertNotIn("WARPNORM", text)
        self.assertIn("WARPNORM IS WRONG or failed in 1 cases", report.closing([line("warpnorm", state="wrong")]))


def numbers(colour):
    named = {"black": (0, 0, 0), "white": (255, 255, 255), "gray": (128, 128, 128)}
    if colour in named:
        return named[colour]
    if colour.startswith("#"):
        return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return tuple(map(int, re.findall(r"[0-9]+", colour)))


def luminance(colour):
    """Relative, as WCAG defines it."""
    parts = [part / 255 for part in numbers(colour)]
    red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


class Drawn:
    """The colours of an SVG's words and marks as a browser shows them; lines of the grid may be faint."""

    SVG = "{http://www.w3.org/2000/svg}"

    def __init__(self, text, dark):
        root = xml.etree.ElementTree.fromstring(text)
        style = root.find(f"{self.SVG}style").text.strip()
        assert style.startswith("@media (prefers-color-scheme: dark) {")
        self.rules = {}
        for selectors, value in re.findall(r"^(\[.*) \{ \w+: (\S+) \}$", style, re.M) if dark else []:
            self.rules |= {selector: value for selector in re.findall(r'\[(\w+="[^"]*")\]', selectors)}
        self.words, self.marks = set(), set()
        ground, *parts = root.find(f"{self.SVG}g")
        self.ground = luminance(self.shown("fill", ground.get("fill")))
        for part in parts:
            if part.tag != f"{self.SVG}defs":
                self.walk(part, {})

    def shown(self, name, word):
        return self.rules.get(f'{name}="{word}"', word)

    def walk(self, element, inherited):
        own = {name: self.shown(name, element.get(name)) for name in ("fill", "stroke", "color") if element.get(name)}
        seen = inherited | own
        if element.tag == f"{self.SVG}g":
            for child in element:
                self.walk(child, seen)
            return
        kind = element.tag.removeprefix(self.SVG)
        if element.get("class") == "gridline" or kind == "title":
            return
        colours = {seen["color"]} if kind == "use" else {seen["fill"], seen["stroke"]} - {"none"}
        (self.words if kind == "text" else self.marks).update(seen["color"] if c == "currentColor" else c for c in colours)

    def contrast(self, colour):
        light, dark = sorted((luminance(colour), self.ground), reverse=True)
        return (light + 0.05) / (dark + 0.05)


class Pictures(unittest.TestCase):
    RESULT = {"type": "result", "state": "ok", "ranked": True, "cache": "cold", "median_us": 10.0, "p10_us": 9.0,
              "p90_us": 12.0, "gbps": 5.0}

    def plot(self, lines, folder):
        path = pathlib.Path(folder) / "results.json"
        path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
        command = [ROOT / "benchmarks/plot", path, "--out", folder]
        return subprocess.run(command, capture_output=True, text=True)

    def results(self):
        lines = [{"type": "environment", "device": "cpu", "processor": "a 'quoted' name", "time": "2026-01-01T00:00:00Z"}]
        for suite, case, size in (("quick", "layer 8x8 f32 train", 1000), ("growth", "layer 8x64 f32 train", 65536),
                                  ("growth", "layer 64x64 f32 train", 262144)):
            for peer, ratio in (("warpnorm", 1.0), ("copy", 0.5), ("onednn", 2.0)):
                lines.append(self.RESULT | {"suite": suite, "case": case, "peer": peer, "ratio": ratio,
                                            "copy_share": 0.5 / ratio, "least_bytes": size})
        return lines

    def many_peers(self):
        """So many that every colour of data is used."""
        lines = self.results()
        others = [line | {"peer": f"peer{i}"} for i in range(7) for line in lines[1:] if line["peer"] == "onednn"]
        return lines + others

    def test_pictures_are_drawn(self):
        with tempfile.TemporaryDirectory() as folder:
            ran = self.plot(self.results(), folder)
            self.assertEqual(ran.returncode, 0, ran.stderr)
            for name in ("share", "speedup", "growth"):
                self.assertEqual((pathlib.Path(folder) / f"{name}.png").read_bytes()[:4], b"\x89PNG")
                svg = (pathlib.Path(folder) / f"{name}.svg").read_text()
                self.assertIn("a 'quoted' name", svg)
                self.assertIn("onednn", svg)

    def test_growth_of_cold_and_hot_buffers(self):
        lines = self.results()
        lines += [line | {"cache": "hot"} for line in lines[1:] if line["suite"] == "growth"]
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(self.plot(lines, folder).returncode, 0)
            svg = (pathlib.Path(folder) / "growth.svg").read_text()
            for name in ("warpnorm, cold", "warpnorm, hot", "copy, hot"):
                self.assertIn(name, svg)

    def test_pictures_can_be_read_on_light_and_on_dark_pages(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(self.plot(self.many_peers(), folder).returncode, 0)
            for name in ("share", "speedup", "growth"):
                text = (pathlib.Path(folder) / f"{name}.svg").read_text()
                for dark in (False, True):
                    drawn = Drawn(text, dark)
                    self.assertEqual(drawn.ground > 0.5, not dark)
                    self.assertGreater(len(drawn.marks), 6)
                    for what, contrast in ((drawn.words, 4.5), (drawn.marks, 3)):  # WCAG 2.2: 1.4.3, 1.4.11
                        for colour in what:
                            self.assertGreaterEqual(drawn.contrast(colour), contrast, f"{name}, dark: {dark}, {colour}")

    def test_what_cannot_be_drawn_says_why(self):
        with tempfile.TemporaryDirectory() as folder:
            ran = self.plot([{"type": "environment"}], folder)
            self.assertEqual(ran.returncode, 1)
            self.assertIn("no timed results", ran.stderr)
            ran = self.plot(['{"type":'], folder)
            self.assertIn("results.json:1: no JSON", ran.stderr)


if __name__ == "__main__":
    unittest.main()
