"""Result files of wn_bench and torch_compare.py: reading them, and what tables and pictures say of them."""

import json
import math
import pathlib

NOT_A_PEER = ("copy", "planted", "warpnorm-graph")


class Unreadable(Exception):
    pass


def read(paths, cache=None):
    """(environment of the first file, results that were timed; with a cache those with such buffers alone)"""
    environment, results = {}, []
    for path in paths:
        for number, text in enumerate(pathlib.Path(path).read_text().splitlines(), 1):
            try:
                line = json.loads(text)
            except json.JSONDecodeError as error:
                raise Unreadable(f"{path}:{number}: no JSON: {error}") from error
            if line.get("type") == "environment":
                environment = environment or line
            elif line.get("type") == "result" and "median_us" in line and cache in (None, line["cache"]):
                results.append(line)
    if not results:
        raise Unreadable(f"no timed results in {', '.join(map(str, paths))}")
    return environment, results


def peers_of(results):
    """Ours first, the others in the order in which they appear; wrong ones and layouts of their own are left out."""
    names = ["warpnorm"]
    for r in results:
        if r["peer"] not in names and is_rival(r):
            names.append(r["peer"])
    return names


def is_rival(result):
    return result["peer"] not in ("warpnorm", *NOT_A_PEER) and result["ranked"] and result["state"] == "ok"


def geometric_mean(values):
    values = list(values)
    return math.exp(sum(map(math.log, values)) / len(values))


def key(result):
    return result["case"], result["cache"], result["suite"]


def ours(results):
    """Our result of each case, by key()."""
    return {key(r): r for r in results if r["peer"] == "warpnorm" and r["state"] == "ok"}


def best_rivals(results):
    """Of each case, by key(), the rival that is fastest beside us in the same rounds."""
    best = {}
    for r in results:
        if is_rival(r) and r["ratio"] > 0 and (key(r) not in best or r["ratio"] < best[key(r)]["ratio"]):
            best[key(r)] = r
    return best


def quiet_ratios(results):
    """Of each right and quiet rival beside a quiet result of ours, by key() and peer."""
    mine = {k: r for k, r in ours(results).items() if not r["noisy"]}
    return {(key(r), r["peer"]): r["ratio"] for r in results if is_rival(r) and not r["noisy"] and r["ratio"] > 0 and key(r) in mine}


def apart(first, second):
    """How far the ratios that were quiet in two runs are apart, in shares of the smaller one: in the middle, at most, and
    how many there are."""
    a, b = quiet_ratios(first), quiet_ratios(second)
    changes = sorted(max(a[k], b[k]) / min(a[k], b[k]) - 1 for k in a.keys() & b.keys())
    if not changes:
        raise Unreadable("the two runs have no quiet result in common")
    return changes[len(changes) // 2], changes[-1], len(changes)


def summary_rows(results):
    """Of each suite and cache: cases, geometric means of our share of the copy and of the speed beside the best rival of each
    case, and how many cases are at least as fast as that."""
    mine, best, groups = ours(results), best_rivals(results), {}
    for r in mine.values():
        groups.setdefault((r["suite"] or "cases", r["cache"]), []).append(r)
    for (suite, cache), group in groups.items():
        shares = [r["copy_share"] for r in group if r["copy_share"] > 0]
        ratios = [best[key(r)]["ratio"] for r in group if key(r) in best]
        yield {
            "suite": suite,
            "cache": cache,
            "cases": len(group),
            "share": geometric_mean(shares) if shares else None,
            "ratio": geometric_mean(ratios) if ratios else None,
            "met": sum(ratio >= 1 for ratio in ratios),
            "rivals": len(ratios),
        }


def worst_rows(results, most):
    """Our result and the best rival of the cases where that is furthest ahead."""
    mine, best = ours(results), best_rivals(results)
    rows = [(mine[k], rival) for k, rival in best.items() if k in mine]
    return sorted(rows, key=lambda row: row[1]["ratio"])[:most]


def table(head, rows):
    """Markdown."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


def summary_table(results):
    def cell(value, form):
        return "-" if value is None else form.format(value)

    return table(
        ["suite", "buffers", "cases", "share of the copy's speed", "beside the fastest rival", "not slower than it"],
        [
            (
                row["suite"],
                row["cache"],
                row["cases"],
                cell(row["share"] and 100 * row["share"], "{:.0f} %"),
                cell(row["ratio"], "{:.2f}x"),
                f"{row['met']} of {row['rivals']}" if row["rivals"] else "no rival",
            )
            for row in summary_rows(results)
        ],
    )


def worst_table(results, most=10):
    return table(
        ["case", "buffers", "ours, us", "fastest rival", "its, us", "ours beside it", ""],
        [
            (
                mine["case"],
                mine["cache"],
                f"{mine['median_us']:.1f}",
                rival["peer"],
                f"{rival['median_us']:.1f}",
                f"{rival['ratio']:.2f}x",
                "noisy" if mine["noisy"] or rival["noisy"] else "",
            )
            for mine, rival in worst_rows(results, most)
        ],
    )
