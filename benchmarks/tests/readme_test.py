"""The README says what the result files say, and benchmarks/show-results notices where it does not."""

import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


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


if __name__ == "__main__":
    unittest.main()
