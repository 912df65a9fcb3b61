"""The README says what the result files say, and benchmarks/show-results notices where it does not."""

import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
import results  # noqa: E402 (the path is set above)


def timed(case, peer, ratio, noisy=False, state="ok", ranked=True):
    return {"case": case, "peer": peer, "ratio": ratio, "noisy": noisy, "state": state, "ranked": ranked, "suite": "s",
            "cache": "cold", "median_us": 10.0 * ratio, "copy_share": 0.5}


def check(page):
    command = [sys.executable, "-B", str(ROOT / "benchmarks/show-results"), "--check", str(page)]
    return subprocess.run(command, capture_output=True, text=True)


class Readme(unittest.TestCase):
    def test_it_is_what_the_results_say(self):
        ran = check(ROOT / "README.md")
        self.assertEqual(ran.returncode, 0, ran.stderr)

    def test_another_figure_is_noticed(self):
        text = (ROOT / "README.md").read_text()
        block = text.index("<!-- results:")
        figure = re.compile(r"(\d)\.(\d\d)x").search(text, block)
        self.assertIsNotNone(figure)
        changed = text[:figure.start(1)] + str((int(figure.group(1)) + 1) % 10) + text[figure.end(1):]
        self.assertEqual(self.status_of(changed), 1)

    def test_a_page_without_markers_is_an_error(self):
        self.assertEqual(self.status_of("# warpnorm\n"), 1)

    def status_of(self, text):
        with tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder) / "page.md"
            page.write_text(text)
            return check(page).returncode


class Tables(unittest.TestCase):
    """What is wrong, not ranked or no peer does not count; what is noisy does, and is marked."""

    LINES = [timed(case, "warpnorm", 1.0) for case in "abc"] + [
        timed("a", "one", 4.0), timed("a", "two", 0.1, state="wrong"), timed("a", "three", 0.2, ranked=False),
        timed("b", "one", 0.25, noisy=True), timed("b", "two", 8.0), timed("c", "one", 2.0), timed("c", "copy", 0.5),
    ]  # fmt: skip

    def test_the_worst_come_first(self):
        rows = results.worst_table(self.LINES, 2).splitlines()[2:]
        self.assertEqual(rows, ["| b | cold | 10.0 | one | 2.5 | 0.25x | noisy |", "| c | cold | 10.0 | one | 20.0 | 2.00x |  |"])

    def test_the_fastest_rival_of_each_case_counts(self):
        self.assertEqual(results.summary_table(self.LINES).splitlines()[2:], ["| s | cold | 3 | 50 % | 1.26x | 2 of 3 |"])


class TwoRuns(unittest.TestCase):
    def test_they_are_compared_where_both_were_quiet(self):
        first = [timed(case, "warpnorm", 1.0) for case in "abc"]
        second = [timed(case, "warpnorm", 1.0, noisy=case == "c") for case in "abc"]
        for run, ratios in ((first, (1.0, 2.0, 9.0)), (second, (1.5, 1.0, 1.0))):
            run += [timed(case, "one", ratio) for case, ratio in zip("abc", ratios)]
            run += [timed("a", "two", ratios[0], noisy=run is first), timed("b", "three", ratios[1], ranked=False)]
        self.assertEqual(results.apart(first, second), (1.0, 1.0, 2))
        self.assertEqual(results.apart(first, first)[:2], (0, 0))

    def test_nothing_in_common_is_an_error(self):
        with self.assertRaisesRegex(results.Unreadable, "no quiet result"):
            results.apart([timed("a", "warpnorm", 1.0)], [timed("a", "warpnorm", 1.0)])


if __name__ == "__main__":
    unittest.main()
