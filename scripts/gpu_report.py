#!/usr/bin/env python3
"""What scripts/gpu-check and scripts/gpu-bench have found on a GPU, as tables: reads what ctest, wn_bench, ncu and
compute-sanitizer have written into the folder of the steps."""

import argparse
import csv
import math
import pathlib
import re
import sys
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))
import results as result_files  # noqa: E402 (the path is set above)
from results import table  # noqa: E402

SECTOR = 32  # bytes
SANITIZERS = ("memcheck", "racecheck", "initcheck", "synccheck")


# ---- reading


def read_steps(work):
    """(name, state, seconds, reason) of each step"""
    return [line.split("\t") for line in (work / "steps.tsv").read_text().splitlines()]


def read_tests(path):
    """Of ctest's JUnit file: (name, passed, failed or skipped, seconds)"""
    states = {"run": "passed", "fail": "failed"}
    return [
        (test.get("name"), states.get(test.get("status"), "skipped"), float(test.get("time")))
        for test in xml.parse(path).getroot().iter("testcase")
    ]


def sanitizer_summary(text):
    """(what the tool has found in the end, whether that is nothing); None: it has not come to its end."""
    lines = re.findall(r"^=+ ((?:ERROR|RACECHECK) SUMMARY: .*)$", text, re.MULTILINE)
    if not lines:
        return None
    return lines[-1], all(re.search(r"SUMMARY: 0 (?:errors?|hazards? displayed)\b", line) for line in lines)


PLAN = re.compile(
    r"^\S+ \S+: (?P<choice>.*); (?P<read>\S+) MB read, (?P<written>\S+) MB written, workspace (?P<work>\d+) bytes; "
    r"bound (?:(?P<us>\S+) us at (?P<gbps>\S+) GB/s|not known)"
)


def read_plans(path):
    """Of wn_bench --explain: for each case what the planner has chosen and announced."""
    plans, lines = {}, path.read_text().splitlines()
    for case, text in zip(lines[::2], lines[1::2]):
        found = PLAN.match(text.strip())
        if not found:
            sys.exit(f"gpu_report: {path}: not the line of a plan: {text}")
        plans[case] = {
            "choice": found["choice"],
            "read": float(found["read"]) * 1e6,
            "written": float(found["written"]) * 1e6,
            "bound_us": float(found["us"]) if found["us"] else None,
        }
    return plans


def read_ncu(path):
    """(case, kernels, {metric: sum over the kernels}) of a file that ncu --csv has written after a line with the case."""
    case, *lines = path.read_text().splitlines()
    start = next((i for i, line in enumerate(lines) if line.startswith('"ID",')), None)
    if start is None:
        return case[2:], 0, {}
    kernels, sums = set(), {}
    for row in csv.DictReader(line for line in lines[start:] if line.startswith('"')):
        kernels.add(row["ID"])
        value = float(row["Metric Value"].replace(",", ""))
        sums[row["Metric Name"]] = sums.get(row["Metric Name"], 0) + value
    return case[2:], len(kernels), sums


def read_all_ncu(work):
    files = sorted((work / "ncu").glob("*.csv"), key=lambda path: int(path.stem))
    return {case: (kernels, sums) for case, kernels, sums in map(read_ncu, files) if kernels}


# ---- rows


FIELDS = [
    "case", "plan", "announced_read_bytes", "announced_written_bytes", "plan_us", "p10_us", "median_us", "p90_us",
    "plan_share", "gbps", "copy_share", "noisy", "kernels", "dram_read_bytes", "dram_written_bytes", "l2_read_bytes",
    "l2_written_bytes",
]  # fmt: skip


def check_rows(plans, timed, counted):
    """A row for each case that has a plan: what the plan says, what was measured, what was counted."""
    for case, plan in plans.items():
        row = dict.fromkeys(FIELDS, "")
        row |= {"case": case, "plan": plan["choice"], "plan_us": "" if plan["bound_us"] is None else plan["bound_us"]}
        row |= {"announced_read_bytes": round(plan["read"]), "announced_written_bytes": round(plan["written"])}
        if case in timed:
            result = timed[case]
            row |= {name: f"{result[name]:.3f}" for name in ("p10_us", "median_us", "p90_us", "gbps", "copy_share")}
            row["noisy"] = "yes" if result["noisy"] else "no"
            if plan["bound_us"]:
                row["plan_share"] = f"{plan['bound_us'] / result['median_us']:.3f}"
        if case in counted:
            kernels, sums = counted[case]
            row["kernels"] = kernels
            for name, metric in (
                ("dram_read_bytes", "dram__sectors_read.sum"),
                ("dram_written_bytes", "dram__sectors_write.sum"),
                ("l2_read_bytes", "lts__t_sectors_op_read.sum"),
                ("l2_written_bytes", "lts__t_sectors_op_write.sum"),
            ):
                row[name] = round(sums[metric] * SECTOR) if metric in sums else ""
        yield row


# ---- words


def environment_lines(environment):
    carried = ROOT / "build/carried/revision"
    revision = environment.get("revision", "unknown")
    if revision == "unknown" and carried.exists():
        revision = carried.read_text().strip()
    names = ("device", "processor", "processor_model", "system", "gpu_driver", "gpu_clocks", "compiler", "time")
    lines = [f"- {name.replace('_', ' ')}: {environment[name]}" for name in names if environment.get(name)]
    return "\n".join([*lines, f"- revision: {revision}"])


def steps_table(work):
    return table(["step", "", "seconds", "why"], read_steps(work))


def tests_text(work):
    rows = []
    for step in ("tests", "sync", "nccl"):
        if (work / f"{step}.xml").exists():
            rows += [(name, state, f"{seconds:.1f}") for name, state, seconds in read_tests(work / f"{step}.xml")]
    for tool in SANITIZERS:
        if (work / f"{tool}.log").exists():
            found = sanitizer_summary((work / f"{tool}.log").read_text())
            rows.append((tool, found[0] if found else "no summary", ""))
    return table(["test", "", "seconds"], rows) if rows else "None has run."


def times_text(rows):
    measured = [row for row in rows if row["median_us"]]
    if not measured:
        return "Nothing was timed."
    shares = [float(row["plan_share"]) for row in measured if row["plan_share"]]
    words = f"{len(measured)} shapes."
    if shares:
        mean = math.exp(sum(map(math.log, shares)) / len(shares))
        words += f" The plan's time in shares of the measured one: {mean:.2f} in the geometric mean, {min(shares):.2f} at least."
    cells = [
        (r["case"], r["plan"], r["plan_us"], r["median_us"], f"{r['p10_us']} - {r['p90_us']}", r["plan_share"], r["copy_share"],
         "noisy" if r["noisy"] == "yes" else "")
        for r in measured
    ]  # fmt: skip
    head = ["case", "plan", "plan, us (model)", "median, us (measured)", "10 % - 90 %", "model / measured", "of the copy", ""]
    return words + "\n\n" + table(head, cells)


def counts_text(rows):
    def cell(row, counted, announced):
        return f"{row[counted] / 1e6:.3f} ({row[counted] / row[announced]:.3f})" if row[counted] != "" else "-"

    counted = [row for row in rows if row["kernels"]]
    if not counted:
        return "Nothing was counted."
    read, written = "announced_read_bytes", "announced_written_bytes"
    cells = [
        (
            row["case"], row["kernels"], f"{row[read] / 1e6:.3f}", f"{row[written] / 1e6:.3f}",
            cell(row, "l2_read_bytes", read), cell(row, "dram_read_bytes", read),
            cell(row, "l2_written_bytes", written), cell(row, "dram_written_bytes", written),
        )
        for row in counted
    ]  # fmt: skip
    head = ["case", "kernels", "announced read", "written", "L2 read", "memory read", "L2 written", "memory written"]
    words = "MB, in parentheses in shares of what the plan announces. What is written may stay in the L2 when the kernel ends."
    return words + "\n\n" + table(head, cells)


# ---- commands


def timed_results(path):
    if not path.exists():
        return {}, {}
    try:
        environment, results = result_files.read([path])
    except result_files.Unreadable:
        return {}, {}
    return environment, {r["case"]: r for r in result_files.ours(results).values()}


def check(work, out):
    environment, timed = timed_results(work / "times.json")
    plans = read_plans(work / "plans.txt") if (work / "plans.txt").exists() else {}
    rows = list(check_rows(plans, timed, read_all_ncu(work)))
    out.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{out}.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(rows)
    text = f"# {out.name}\n\nBy `scripts/gpu-check`.\n\n{environment_lines(environment)}\n\n## Steps\n\n{steps_table(work)}\n"
    text += f"\n## Tests\n\n{tests_text(work)}\n\n## Time by the plan and time measured\n\n{times_text(rows)}\n"
    text += f"\n## Sectors\n\n{counts_text(rows)}\n"
    pathlib.Path(f"{out}.md").write_text(text)
    print(f"Results: {out}.csv, {out}.md")


def sanitizer(log):
    found = sanitizer_summary(log.read_text())
    if not found:
        sys.exit("the tool has not come to its end")
    print(found[0])
    return 0 if found[1] else 1


def bench(work, out):
    """The summary beside the lines of JSON that out/*.json holds."""
    files = sorted(out.glob("*.json"))
    text = f"# {out.name}\n\nBy `scripts/gpu-bench`; [what the columns mean](../../benchmarks.md).\n\n"
    try:
        environment, results = result_files.read(files)
        text += environment_lines(environment) + "\n\n" + result_files.summary_table(results) + "\n"
        if result_files.worst_rows(results, 1):
            text += "\n## The ten worst rows\n\n" + result_files.worst_table(results) + "\n"
    except result_files.Unreadable as error:
        text += f"There are no results: {error}.\n"
    text += f"\n## Steps\n\n{steps_table(work)}\n"
    (out / "README.md").write_text(text)
    print(f"Results: {out}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("sanitizer", help="whether compute-sanitizer has found nothing")
    one.add_argument("log", type=pathlib.Path)
    for name in ("check", "bench"):
        command = commands.add_parser(name, help=f"the report of scripts/gpu-{name}")
        command.add_argument("--work", required=True, type=pathlib.Path, help="folder of the steps")
        command.add_argument("--out", required=True, type=pathlib.Path, help="files (check) or folder (bench)")
    arguments = parser.parse_args()
    if arguments.command == "sanitizer":
        return sanitizer(arguments.log)
    (check if arguments.command == "check" else bench)(arguments.work, arguments.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
