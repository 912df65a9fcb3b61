#!/usr/bin/env python3
"""Draws a study's pictures and writes its page from the CSV files that are committed beside it.

usage: page.py [--check | --adopt FOLDER] [NAME...]

Without names: all studies. A page, docs/studies/NAME.md, is the text of pages/NAME.md in this folder, with each {expression} in
it replaced: a number of pages/NAME.py, which takes it from docs/studies/NAME/*.csv.

  --check         the pages agree with their data: nothing is written
  --adopt FOLDER  first take the CSV files from FOLDER/NAME, where wn_studies has left them
"""

import csv
import importlib.util
import pathlib
import re
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PAGES = ROOT / "docs" / "studies"
sys.path.append(str(ROOT / "benchmarks"))  # for the pages' modules: picture.py; trainings.py is beside this file


def names():
    return sorted(path.stem for path in (HERE / "pages").glob("*.md"))


def load(name):
    """The module pages/NAME.py: `facts(tables)`, what the page's expressions are made of, and `draw(folder, tables)`."""
    path = HERE / "pages" / (name.replace("-", "_") + ".py")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def tables(name):
    """Each CSV file's rows, by its name without the ending; numbers are floats, empty fields None."""
    found = {}
    for path in sorted((PAGES / name).glob("*.csv")):
        with open(path, newline="") as file:
            found[path.stem] = [{key: value_of(text) for key, text in row.items()} for row in csv.DictReader(file)]
    if not found:
        sys.exit(f"page.py: {PAGES / name} has no CSV file")
    return found


def value_of(text):
    try:
        return float(text)
    except ValueError:
        return text or None


def page(name, module, data):
    facts = module.facts(data)

    def replaced(match):
        try:
            return str(eval(match[1], {"__builtins__": {}}, facts))
        except Exception as error:
            sys.exit(f"page.py: pages/{name}.md: {match[0]}: {error}")

    text = (HERE / "pages" / f"{name}.md").read_text()
    return re.sub(r"\{([^{}]+)\}", replaced, text)


def adopt(name, folder):
    results = sorted((pathlib.Path(folder) / name).glob("*.csv"))
    if not results:
        sys.exit(f"page.py: {folder}/{name} has no CSV file: wn_studies {name} makes them")
    (PAGES / name).mkdir(parents=True, exist_ok=True)
    for path in results:
        shutil.copyfile(path, PAGES / name / path.name)


def check(name):
    there = PAGES / f"{name}.md"
    if not there.exists() or there.read_text() != page(name, load(name), tables(name)):
        sys.exit(f"page.py: {there} is not what its data and pages/{name}.md give: run page.py {name}")
    print(f"{there}: agrees")


def write(name):
    module, data = load(name), tables(name)
    (PAGES / f"{name}.md").write_text(page(name, module, data))
    print(PAGES / f"{name}.md")
    module.draw(PAGES / name, data)


def main(words):
    checking = "--check" in words
    words = [word for word in words if word != "--check"]
    folder = None
    if "--adopt" in words:
        at = words.index("--adopt")
        if at + 1 == len(words):
            sys.exit("page.py: --adopt needs a folder")
        folder = words[at + 1]
        del words[at : at + 2]
    if any(word.startswith("-") for word in words):
        sys.exit(__doc__)
    for name in words or names():
        if name not in names():
            sys.exit(f"page.py: there is no page of {name}; there are: {', '.join(names())}")
        if folder:
            adopt(name, folder)
        check(name) if checking else write(name)


if __name__ == "__main__":
    main(sys.argv[1:])
