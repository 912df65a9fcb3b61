"""What the machine code is known to miss, each with a limit of its own and the reason: none is worse than that."""

import re
from collections import namedtuple

# rule, kernel: what a complaint has (checks.py); limit: the most (of "in flight", the least) that is excused.
Exception_ = namedtuple("Exception_", "rule kernel architectures limit reason")

ALL = (80, 90, 100)

REASONS = {
    "in flight": "the second sweep over a set of which nothing is kept: it comes from the cache, which takes less",
    "wide": "the set's first element, which all threads of a block read for themselves: one sector",
}


def known(rule, kernel, limit, architectures=ALL):
    return Exception_(rule, re.compile(kernel), architectures, limit, REASONS[rule])


EXCEPTIONS = [
    known("wide", r"row_forward block_4, .*", 0),
    known("in flight", r"row_forward team, rows of 65536, train", 32768, (100,)),
    known("in flight", r"row_backward team, rows of 16384, backward", 32768, (100,)),
]
