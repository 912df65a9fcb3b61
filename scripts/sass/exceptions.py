"""What the machine code is known to miss, each with a limit of its own and the reason: none is worse than that."""

import re
from collections import namedtuple

# rule, kernel: what a complaint has (checks.py); limit: the most (of "in flight", the least) that is excused.
Exception_ = namedtuple("Exception_", "rule kernel architectures limit reason")

ALL = (80, 90, 100)

REASONS = {
    "double": "conversions to 8-bit floating point, for which sm_80 has no instruction; one of act_slope, once a set",
    "in flight": "the second sweep over a set of which nothing is kept: it comes from the cache, which takes less",
    "wide": "the set's first element, which all threads of a block read for themselves: one sector",
    "slots": "what is done once a row, and the two sums of a row of columns",
}


def known(rule, kernel, limit, architectures=ALL):
    return Exception_(rule, re.compile(kernel), architectures, limit, REASONS[rule])


EXCEPTIONS = [
    known("wide", r"row_forward block_4, .*", 0),
    known("double", r"column_apply, .*", 32, (80,)),
    known("double", r"column_forward, .*", 16, (80,)),
    known("double", r"row_apply, .*", 16, (80,)),
    known("double", r"row_forward (block_4|lanes_4), .*", 32, (80,)),
    known("double", r"row_forward team, .*", 16, (80,)),
    known("double", r"column_forward, .*", 1, (100,)),
    known("in flight", r"row_forward team, rows of 65536, train", 16384, (90, 100)),
    known("in flight", r"row_backward team, rows of 16384, backward", 32768, (100,)),
    known("slots", r"row_forward block_4, .*", 22),
    known("slots", r"row_forward lanes_4, .*", 20.3, (90,)),
    known("slots", r"row_backward block_2, .*", 30.2, (100,)),
    known("slots", r"row_backward block_4, .*", 30.3),
    known("slots", r"column_backward, layer NCX .*", 32.4, (80, 90)),
]
