"""What was measured, for people: as the tables of wn_bench."""

import results as result_files


def heading(environment):
    e = environment
    lines = [f"{e['device']}; {e['processor']}; {e['system']}", e["processor_model"]]
    if e["gpu_driver"]:
        lines.append(f"{e['gpu_driver']}; {e['gpu_clocks']}")
    lines.append(f"{e['compiler']}, revision {e['revision']}; load {e['load']:.2f}")
    if e["load"] > 0.3 * e["processors"]:
        lines.append(f"Other programs are running (load {e['load']:.2f} on {e['processors']} processors): expect noise, and "
                     "see the spread.")  # fmt: skip
    return "\n".join(lines)


def row(line):
    if line["state"] in ("cannot", "failed"):
        return f"  {line['peer']:<15} {'-' if line['state'] == 'cannot' else 'FAILED'}: {line['reason']}"
    ours, wrong = line["peer"] == "warpnorm", line["state"] == "wrong"
    text = f"  {line['peer']:<15}{line['median_us']:10.1f} us  {line['p10_us']:9.1f} - {line['p90_us']:<9.1f}"
    text += f"{line['gbps']:8.1f} GB/s {100 * line['copy_share']:4.0f} %"
    if line["ratio"] > 0 and not ours:
        text += f"  {line['ratio']:6.2f}x"
    if line["noisy"]:
        text += "  noisy"
    if (wrong or not line["ranked"]) and not ours:
        text += "  not ranked"
    return text + (f"  WRONG: {line['reason']}" if wrong else "")


def contest(case, cache, lines):
    head = f"  {'':<15}{'median':>10}     {'10 % - 90 %':<21}{'of least':>13} {'copy':>6}  {'ours=1':>7}"
    return "\n".join(["", f"{case['case']}   ({cache})", head, *map(row, lines)])


def spread(timed):
    """How far a figure of this run can be relied on."""
    spreads = sorted((line["p90_us"] - line["p10_us"]) / line["median_us"] for line in timed)
    noisy = sum(line["noisy"] for line in timed)
    text = (f"10 % to 90 % of the samples: in the middle {100 * spreads[len(spreads) // 2]:.0f} % of the median apart, at most "
            f"{100 * spreads[-1]:.0f} %.")  # fmt: skip
    return text + (f"\n{noisy} of {len(timed)} results are noisy: more than 30 %." if noisy else "")


def closing(results):
    timed = [line for line in results if "median_us" in line]
    if not timed:
        return "\nNothing was timed."
    text = f"\n{result_files.summary_table(timed)}\n\n{spread(timed)}"
    if result_files.worst_rows(timed, 1):
        text += f"\nThe ten worst:\n\n{result_files.worst_table(timed)}"
    wrong = sum(line["state"] == "wrong" for line in timed if line["peer"] != "warpnorm")
    if wrong:
        text += f"\n{wrong} results of peers are wrong and not ranked."
    ours = sum(line["state"] in ("wrong", "failed") for line in results if line["peer"] == "warpnorm")
    return text + (f"\nWARPNORM IS WRONG or failed in {ours} cases." if ours else "")
