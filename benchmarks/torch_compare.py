#!/usr/bin/env python3
"""Times PyTorch (eager and compiled), what plugs into it, and onnxruntime, in turns with wn_bench's own peers: the same
cases, buffers, oracle and method, and the same lines of JSON.

All options that are not listed here choose cases and go to wn_bench: --suite, --case, --pass, --type."""

import argparse
import ctypes
import json
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=str(ROOT / "build/cpu/benchmarks"), help="folder of wn_bench (%(default)s)")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--peer", help="peers, with commas between them (all that there are)")
    parser.add_argument("--compile", action="store_true", help="torch.compile too: seconds for each case")
    parser.add_argument("--seconds", type=float, default=0.5, help="of timing for each case (%(default)s)")
    parser.add_argument("--rounds", type=int, default=0, help="exactly so many samples of each peer")
    parser.add_argument("--threads", type=int, default=0, help="of the processor (all)")
    parser.add_argument("--cache", choices=["cold", "hot", "both"], default="cold", help="as that of wn_bench (cold)")
    parser.add_argument("--memory", type=float, default=0, help="GB for buffers (a quarter of what is free)")
    parser.add_argument("--json", help="file for the results; - is the standard output")
    return parser.parse_known_args()


def keep_memory():
    """Freed memory stays with the process, so that no library that allocates its results pays for new pages in each
    call: as in a program that has run for a while."""
    m_trim_threshold, m_mmap_max = -1, -4
    libc = ctypes.CDLL(None)
    libc.mallopt(m_mmap_max, 0)
    libc.mallopt(m_trim_threshold, 2**31 - 1)


def cases_of(build, words):
    command = [f"{build}/wn_bench", "--list", "--json", "-", *words]
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode != 0:
        sys.exit(ran.stderr.strip())
    cases = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith('{"type":"case"')]
    if not cases:
        sys.exit("torch_compare: --suite or --case must name cases")
    return cases


def find_peers(device, names, compiled):
    """Classes whose libraries can be imported, and for each other one why it is left out."""
    found, missing = [], []
    try:
        from compare import torch_peers

        candidates = list(torch_peers.PEERS)
    except ImportError as error:
        candidates = []
        missing.append(("torch", str(error)))
    try:
        from compare import onnx_peer

        candidates.append(onnx_peer.OnnxPeer)
    except ImportError as error:
        missing.append(("onnxruntime", str(error)))
    for candidate in candidates:
        chosen = candidate.name in names.split(",") if names else compiled or candidate.name != "torch-compile"
        if not chosen:
            continue
        try:
            found.append(candidate(device))
        except ImportError as error:
            missing.append((candidate.name, str(error)))
    return found, missing


def result_line(case, outcome, outcomes, environment, cache):
    from compare import method

    by_name = {o.peer.name: o for o in outcomes}
    line = {"type": "result"} | {k: v for k, v in case.items() if k != "type"}
    line |= {"device": environment["device"], "peer": outcome.peer.name, "version": str(outcome.peer.version)}
    line |= {"state": outcome.state, "reason": outcome.reason, "cache": cache, "threads": environment["threads"]}
    line |= {"ranked": outcome.peer.ranked}
    if environment["gpu_clocks"]:
        line |= {"gpu_clocks": environment["gpu_clocks"]}
    if outcome.timed and outcome.samples:
        us = 1e6
        line |= {
            "median_us": outcome.median * us,
            "p10_us": outcome.quantile(0.1) * us,
            "p90_us": outcome.quantile(0.9) * us,
            "rounds": len(outcome.samples),
            "batch": outcome.batch,
            "ratio": method.ratio(outcome, by_name.get("warpnorm")),
            "copy_share": method.ratio(by_name.get("copy"), outcome),
            "gbps": case["least_bytes"] / outcome.median / 1e9,
            "worst": min(outcome.worst, 1e30),
            "noisy": outcome.noisy,
        }
    return line


def measure(library, case, cache, foreign, arguments):
    """(environment, result lines)"""
    from compare import method, session

    clock = method.Clock()
    if arguments.device == "cuda":
        from compare import gpu

        clock = gpu.EventClock()
    memory = int(arguments.memory * 1e9) or os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4
    with session.Session(library, case, arguments.device, cache == "cold", memory) as opened:
        if arguments.device == "cpu":
            keep_memory()
        before = opened.environment("torch_compare")
        contest = method.Contest(opened, opened.peers() + foreign, clock, arguments.seconds, arguments.rounds)
        outcomes = contest.run()
        environment = opened.environment("torch_compare")
        lines = [result_line(case, o, outcomes, environment, cache) for o in outcomes]
        for peer in foreign:
            peer.calls = peer.bindings = None  # they hold the session's memory
    return before, lines


def write(file, lines):
    for line in lines if file else []:
        print(json.dumps(line), file=file, flush=True)


def measure_all(library, cases, foreign, arguments, file):
    """All result lines."""
    from compare import report, session

    caches = ["cold", "hot"] if arguments.cache == "both" else [arguments.cache]
    contests = [(case, cache) for case in cases for cache in caches]
    results, begun, start = [], False, time.monotonic()
    skipped = []  # until a file has begun with the machine
    for done, (case, cache) in enumerate(contests):
        left = f", {(time.monotonic() - start) / done * (len(contests) - done):.0f} s left" if done else ""
        print(f"[{done + 1}/{len(contests)}{left}] {case['case']}", file=sys.stderr, flush=True)
        try:
            environment, lines = measure(library, case, cache, foreign, arguments)
        except session.NotPossible as error:
            print(f"\n{case['case']}\n  left out: {error}")
            skipped.append(case | {"type": "skipped", "reason": str(error)})
            continue
        if not begun:
            print(report.heading(environment))
        print(report.contest(case, cache, lines), flush=True)
        write(file, [*([] if begun else [environment]), *skipped, *lines])
        begun, skipped = True, []
        results += lines
    write(file, skipped)
    return results


def main():
    arguments, words = options()
    cases = cases_of(arguments.build, words)
    if arguments.threads:
        os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    from compare import report, session

    library = session.load(pathlib.Path(arguments.build) / "libwn_bench_session.so")
    foreign, missing = find_peers(arguments.device, arguments.peer, arguments.compile)
    for name, why in missing:
        print(f"{name} is left out: {why}", file=sys.stderr)
    if not foreign:
        sys.exit("torch_compare: none of the peers can be imported")
    file = sys.stdout if arguments.json == "-" else open(arguments.json, "w") if arguments.json else None
    results = measure_all(library, cases, foreign, arguments, file)
    print(report.closing(results))
    ours = [line["state"] for line in results if line["peer"] == "warpnorm"]
    return 1 if "wrong" in ours or "failed" in ours else 0


if __name__ == "__main__":
    sys.exit(main())
