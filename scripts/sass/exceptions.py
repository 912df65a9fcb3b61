"""What the machine code is known to miss, each with a limit of its own and the reason: none is worse than that."""

import re
from collections import namedtuple

# rule, kernel: what a complaint has (checks.py); limit: the most (of "in flight", the least) that is excused.
Exception_ = namedtuple("Exception_", "rule kernel architectures limit reason")

ALL = (80, 90, 100)


def known(rule, kernel, limit, reason, architectures=ALL):
    return Exception_(rule, re.compile(kernel), architectures, limit, reason)


REASONS = {
    "double": "conversions of eps or act_slope from f64 once a set or octet, and on sm_80 those of f8, which it has "
              "no instruction for",
    "in flight": "an octet or two a thread and registers for too few threads: rows have to be loaded ahead of their "
                 "turn",
    "occupancy": "the planner counts threads by shared memory and the device's limits, not by registers",
    "slots": "places, alignment and parameters are asked for anew at each octet: the common call has no way of its own",
}

EXCEPTIONS = [
    known("wide", r"row_forward block_[24], .*", 0,
          "the set's first element, which all threads of a block read for themselves: one sector"),
    known("double", r"column_apply, .*", 32, REASONS["double"], (80,)),
    known("double", r"column_backward_apply, .*", 2, REASONS["double"]),
    known("double", r"column_backward_sums, .*", 2, REASONS["double"], (80, 90)),
    known("double", r"row_apply, .*", 16, REASONS["double"], (80, 100)),
    known("double", r"row_backward block_2, .*", 4, REASONS["double"]),
    known("double", r"row_backward block_4, .*", 4, REASONS["double"]),
    known("double", r"row_backward lanes_1, .*", 1, REASONS["double"]),
    known("double", r"row_backward lanes_4, .*", 8, REASONS["double"]),
    known("double", r"row_backward_apply, .*", 2, REASONS["double"]),
    known("double", r"row_backward_sums, .*", 1, REASONS["double"]),
    known("double", r"row_forward block_2, .*", 17, REASONS["double"], (80, 90)),
    known("double", r"row_forward block_4, .*", 33, REASONS["double"]),
    known("double", r"row_forward block_loop, .*", 17, REASONS["double"], (80,)),
    known("double", r"row_forward lanes_1, .*", 9, REASONS["double"], (80, 90)),
    known("double", r"row_forward lanes_4, .*", 33, REASONS["double"], (80, 90)),
    known("in flight", r"column_apply, .*", 32768, REASONS["in flight"], (100,)),
    known("in flight", r"column_backward_apply, .*", 24576, REASONS["in flight"], (90, 100)),
    known("in flight", r"column_backward_sums, .*", 24576, REASONS["in flight"], (90, 100)),
    known("in flight", r"column_moments, .*", 16384, REASONS["in flight"], (100,)),
    known("in flight", r"row_apply, .*", 16384, REASONS["in flight"], (90, 100)),
    known("in flight", r"row_backward block_2, .*", 32768, REASONS["in flight"], (100,)),
    known("in flight", r"row_backward block_4, .*", 32768, REASONS["in flight"], (100,)),
    known("in flight", r"row_backward lanes_1, .*", 8192, REASONS["in flight"], (90, 100)),
    known("in flight", r"row_backward lanes_4, .*", 32768, REASONS["in flight"], (100,)),
    known("in flight", r"row_backward_apply, .*", 16384, REASONS["in flight"], (90, 100)),
    known("in flight", r"row_backward_sums, .*", 16384, REASONS["in flight"], (90, 100)),
    known("in flight", r"row_forward block_2, .*", 17408, REASONS["in flight"], (90, 100)),
    known("in flight", r"row_forward block_4, .*", 33792, REASONS["in flight"], (100,)),
    known("in flight", r"row_forward block_loop, .*", 16384, REASONS["in flight"], (90, 100)),
    known("in flight", r"row_forward lanes_1, .*", 8192, REASONS["in flight"]),
    known("in flight", r"row_forward lanes_4, .*", 32768, REASONS["in flight"], (100,)),
    known("in flight", r"row_moments, .*", 16384, REASONS["in flight"], (90, 100)),
    known("occupancy", r"column_apply, .*", 122, REASONS["occupancy"]),
    known("occupancy", r"column_backward_apply, .*", 164, REASONS["occupancy"]),
    known("occupancy", r"column_backward_sums, .*", 164, REASONS["occupancy"]),
    known("occupancy", r"column_moments, .*", 127, REASONS["occupancy"]),
    known("occupancy", r"row_apply, .*", 128, REASONS["occupancy"]),
    known("occupancy", r"row_backward block_2, .*", 128, REASONS["occupancy"]),
    known("occupancy", r"row_backward lanes_1, .*", 168, REASONS["occupancy"]),
    known("occupancy", r"row_backward lanes_4, .*", 246, REASONS["occupancy"]),
    known("occupancy", r"row_backward_apply, .*", 152, REASONS["occupancy"]),
    known("occupancy", r"row_backward_sums, .*", 140, REASONS["occupancy"]),
    known("occupancy", r"row_forward block_2, .*", 123, REASONS["occupancy"]),
    known("occupancy", r"row_forward block_4, .*", 128, REASONS["occupancy"]),
    known("occupancy", r"row_forward block_loop, .*", 128, REASONS["occupancy"]),
    known("occupancy", r"row_forward lanes_1, .*", 108, REASONS["occupancy"]),
    known("occupancy", r"row_forward lanes_4, .*", 158, REASONS["occupancy"]),
    known("occupancy", r"row_moments, .*", 94, REASONS["occupancy"]),
    known("slots", r"column_apply, .*", 41, REASONS["slots"]),
    known("slots", r"column_backward_apply, .*", 64, REASONS["slots"]),
    known("slots", r"column_backward_sums, .*", 92, REASONS["slots"]),
    known("slots", r"column_moments, .*", 22, REASONS["slots"], (80, 90)),
    known("slots", r"row_apply, .*", 61, REASONS["slots"]),
    known("slots", r"row_backward block_2, .*", 84, REASONS["slots"]),
    known("slots", r"row_backward block_4, .*", 40, REASONS["slots"]),
    known("slots", r"row_backward lanes_1, .*", 75, REASONS["slots"]),
    known("slots", r"row_backward lanes_4, .*", 70, REASONS["slots"]),
    known("slots", r"row_backward_apply, .*", 73, REASONS["slots"]),
    known("slots", r"row_backward_sums, .*", 69, REASONS["slots"]),
    known("slots", r"row_forward block_2, .*", 71, REASONS["slots"]),
    known("slots", r"row_forward block_4, .*", 72, REASONS["slots"]),
    known("slots", r"row_forward block_loop, .*", 50, REASONS["slots"]),
    known("slots", r"row_forward lanes_1, .*", 83, REASONS["slots"]),
    known("slots", r"row_forward lanes_4, .*", 75, REASONS["slots"]),
    known("slots", r"row_moments, .*", 57, REASONS["slots"]),
]
