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
    "slots": "relu's z is made again in backward passes, a block's threads have few elements for what they do once a "
             "row, groups' parameters change within a set, and 8-bit outputs are stored by a function that is called",
}


def known(rule, kernel, limit, architectures=ALL):
    return Exception_(rule, re.compile(kernel), architectures, limit, REASONS[rule])


EXCEPTIONS = [
    known("wide", r"row_forward block_4, .*", 0),
    known("double", r"column_apply, .*", 32, (80,)),
    known("double", r"column_forward, .*", 32, (80,)),
    known("double", r"row_apply, .*", 16, (80,)),
    known("double", r"row_backward block_2, .*", 1, (100,)),
    known("double", r"row_forward block_4, .*", 32),
    known("double", r"row_forward team, .*", 16, (80,)),
    known("double", r"row_forward lanes_4, .*", 32, (80,)),
    known("in flight", r"column_apply, .*", 32768, (100,)),
    known("in flight", r"column_backward_apply, .*", 24576, (90, 100)),
    known("in flight", r"column_backward_sums, .*", 24576, (90, 100)),
    known("in flight", r"column_moments, .*", 16384, (100,)),
    known("in flight", r"row_apply, .*", 16384, (90, 100)),
    known("in flight", r"row_backward block_2, .*", 32768, (100,)),
    known("in flight", r"row_backward lanes_4, .*", 32768, (100,)),
    known("in flight", r"row_backward_apply, .*", 16384, (90, 100)),
    known("in flight", r"row_backward team, .*", 32768, (100,)),
    known("in flight", r"row_backward_sums, .*", 16384, (100,)),
    known("in flight", r"row_forward block_4, .*", 32768, (100,)),
    known("in flight", r"row_forward team, .*", 16384, (90, 100)),
    known("in flight", r"row_forward lanes_4, .*", 16384, (90, 100)),
    known("in flight", r"row_moments, .*", 16384, (90, 100)),
    known("occupancy", r"column_apply, .*", 124),
    known("occupancy", r"column_backward_apply, .*", 168),
    known("occupancy", r"column_backward_sums, .*", 162),
    known("occupancy", r"column_forward, .*", 128),
    known("occupancy", r"column_moments, .*", 127),
    known("occupancy", r"row_apply, .*", 126),
    known("occupancy", r"row_backward block_2, .*", 128),
    known("occupancy", r"row_backward lanes_4, .*", 246),
    known("occupancy", r"row_backward_apply, .*", 142),
    known("occupancy", r"row_backward_sums, .*", 130),
    known("occupancy", r"row_backward team, .*", 128),
    known("occupancy", r"row_forward block_4, .*", 128),
    known("occupancy", r"row_forward team, .*", 125),
    known("occupancy", r"row_forward lanes_4, .*", 168),
    known("occupancy", r"row_moments, .*", 100),
    known("slots", r"column_apply, .*", 40),
    known("slots", r"column_backward_apply, .*", 58),
    known("slots", r"column_backward_sums, .*", 83),
    known("slots", r"column_backward, .*", 60.5),
    known("slots", r"column_forward, .*", 44),
    known("slots", r"column_moments, .*", 21.2, (80, 90)),
    known("slots", r"row_apply, .*", 35),
    known("slots", r"row_backward block_2, .*", 40),
    known("slots", r"row_backward team, .*", 58),
    known("slots", r"row_backward lanes_4, .*", 33),
    known("slots", r"row_forward block_4, .*", 41),
    known("slots", r"row_forward team, .*", 48),
    known("slots", r"row_forward lanes_4, .*", 41),
]
