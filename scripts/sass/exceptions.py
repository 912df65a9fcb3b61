"""What the machine code is known to miss, each with a limit of its own and the reason: none is worse than that."""

import re
from collections import namedtuple

# rule, kernel: what a complaint has (checks.py); limit: the most (of "in flight", the least) that is excused.
Exception_ = namedtuple("Exception_", "rule kernel architectures limit reason")

ALL = (80, 90, 100)

REASONS = {
    "double": "conversions of eps or act_slope from f64 once a set or octet, and on sm_80 those of f8, which it has "
              "no instruction for",
    "in flight": "an octet or two a thread and registers for too few threads: rows have to be loaded ahead of their "
                 "turn",
    "occupancy": "the planner counts threads by shared memory and the device's limits, not by registers",
    "wide": "the set's first element, which all threads of a block read for themselves: one sector",
    "slots": "places, alignment and parameters are asked for anew at each octet: the common call has no way of its own",
}


def known(rule, kernel, limit, architectures=ALL):
    return Exception_(rule, re.compile(kernel), architectures, limit, REASONS[rule])


EXCEPTIONS = [
    known("wide", r"row_forward block_[24], .*", 0),
    known("double", r"column_apply, .*", 32, (80,)),
    known("double", r"column_backward_apply, .*", 2),
    known("double", r"column_backward_sums, .*", 2, (80, 90)),
    known("double", r"row_apply, .*", 16, (80, 100)),
    known("double", r"row_backward block_2, .*", 4),
    known("double", r"row_backward block_4, .*", 4),
    known("double", r"row_backward lanes_1, .*", 1),
    known("double", r"row_backward lanes_4, .*", 8),
    known("double", r"row_backward_apply, .*", 2),
    known("double", r"row_backward_sums, .*", 1),
    known("double", r"row_forward block_2, .*", 17, (80, 90)),
    known("double", r"row_forward block_4, .*", 33),
    known("double", r"row_forward block_loop, .*", 17, (80,)),
    known("double", r"row_forward lanes_1, .*", 9, (80, 90)),
    known("double", r"row_forward lanes_4, .*", 33, (80, 90)),
    known("in flight", r"column_apply, .*", 32768, (100,)),
    known("in flight", r"column_backward_apply, .*", 24576, (90, 100)),
    known("in flight", r"column_backward_sums, .*", 24576, (90, 100)),
    known("in flight", r"column_moments, .*", 16384, (100,)),
    known("in flight", r"row_apply, .*", 16384, (90, 100)),
    known("in flight", r"row_backward block_2, .*", 32768, (100,)),
    known("in flight", r"row_backward block_4, .*", 32768, (100,)),
    known("in flight", r"row_backward lanes_1, .*", 8192, (90, 100)),
    known("in flight", r"row_backward lanes_4, .*", 32768, (100,)),
    known("in flight", r"row_backward_apply, .*", 16384, (90, 100)),
    known("in flight", r"row_backward_sums, .*", 16384, (90, 100)),
    known("in flight", r"row_forward block_2, .*", 17408, (90, 100)),
    known("in flight", r"row_forward block_4, .*", 33792, (100,)),
    known("in flight", r"row_forward block_loop, .*", 16384, (90, 100)),
    known("in flight", r"row_forward lanes_1, .*", 8192),
    known("in flight", r"row_forward lanes_4, .*", 32768, (100,)),
    known("in flight", r"row_moments, .*", 16384, (90, 100)),
    known("occupancy", r"column_apply, .*", 122),
    known("occupancy", r"column_backward_apply, .*", 164),
    known("occupancy", r"column_backward_sums, .*", 164),
    known("occupancy", r"column_moments, .*", 127),
    known("occupancy", r"row_apply, .*", 128),
    known("occupancy", r"row_backward block_2, .*", 128),
    known("occupancy", r"row_backward lanes_1, .*", 168),
    known("occupancy", r"row_backward lanes_4, .*", 246),
    known("occupancy", r"row_backward_apply, .*", 152),
    known("occupancy", r"row_backward_sums, .*", 140),
    known("occupancy", r"row_forward block_2, .*", 123),
    known("occupancy", r"row_forward block_4, .*", 128),
    known("occupancy", r"row_forward block_loop, .*", 128),
    known("occupancy", r"row_forward lanes_1, .*", 108),
    known("occupancy", r"row_forward lanes_4, .*", 158),
    known("occupancy", r"row_moments, .*", 94),
    known("slots", r"column_apply, .*", 41),
    known("slots", r"column_backward_apply, .*", 64),
    known("slots", r"column_backward_sums, .*", 92),
    known("slots", r"column_moments, .*", 22, (80, 90)),
    known("slots", r"row_apply, .*", 61),
    known("slots", r"row_backward block_2, .*", 84),
    known("slots", r"row_backward block_4, .*", 40),
    known("slots", r"row_backward lanes_1, .*", 75),
    known("slots", r"row_backward lanes_4, .*", 70),
    known("slots", r"row_backward_apply, .*", 73),
    known("slots", r"row_backward_sums, .*", 69),
    known("slots", r"row_forward block_2, .*", 71),
    known("slots", r"row_forward block_4, .*", 72),
    known("slots", r"row_forward block_loop, .*", 50),
    known("slots", r"row_forward lanes_1, .*", 83),
    known("slots", r"row_forward lanes_4, .*", 75),
    known("slots", r"row_moments, .*", 57),
]
