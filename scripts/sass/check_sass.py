"""Checks the machine code of the library's CUDA kernels and keeps the table in docs/sass.md: see scripts/check-sass."""

import argparse
import json
import subprocess
import sys
from multiprocessing import Pool

import checks
import table
from exceptions import EXCEPTIONS
from measure import Library, Unreadable, kernel_key

ARCHITECTURES = (80, 90, 100)


def look_at(work):
    """(sm, rows of the table, complaints) of an architecture."""
    cuobjdump, paths, sm, calls = work
    mine = [p for p in paths if not p.endswith(".cubin") or p.endswith(f".{sm}.cubin")]
    library = Library(cuobjdump, mine, sm)
    rows, complaints = [], checks.local_memory(library)
    for call in calls:
        registers = library.registers(kernel_key(call))
        for m in library.measure(call):
            rows.append(table.row(m, registers))
            complaints += checks.of_loop(m, registers)
    return sm, rows, complaints


def judge(sm, complaints, used):
    """Prints what no exception covers; how many there are."""
    bad = set()
    for c in complaints:
        e = checks.excused(sm, c)
        if e:
            used.add(e)
        else:
            bad.add(f"sm_{sm}: {c.rule}: {c.kernel}: {c.text}")
    for line in sorted(bad):
        print(line)
    return len(bad)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cuobjdump", required=True)
    parser.add_argument("--calls", required=True, help="wn_sass_calls")
    parser.add_argument("--table", required=True, help="docs/sass.md")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("libraries", nargs="+", help="a library, or cubins named NAME.ARCHITECTURE.cubin")
    options = parser.parse_args()
    lines = subprocess.run([options.calls], check=True, capture_output=True, text=True).stdout.splitlines()
    calls = [json.loads(line) for line in lines]
    with Pool(2) as pool:
        seen = pool.map(look_at, [(options.cuobjdump, options.libraries, sm, [c for c in calls if c["sm"] == sm])
                                  for sm in ARCHITECTURES], chunksize=1)
    used, rows = set(), [row for _, some, _ in seen for row in some]
    bad = sum(judge(sm, complaints, used) for sm, _, complaints in seen)
    for e in EXCEPTIONS:
        if e not in used:
            print(f"exceptions.py: nothing needs {e.rule}: {e.kernel.pattern} any more")
            bad += 1
    bad += table.update(options.table, rows) if options.update else table.compare(options.table, rows)
    print(f"{len(rows)} hot loops of {len(calls)} launches on {len(ARCHITECTURES)} architectures, {bad} complaints")
    return bad > 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Unreadable as error:
        sys.exit(str(error))
