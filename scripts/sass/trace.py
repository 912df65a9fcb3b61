"""What one thread does, instruction by instruction, and what its hot loops cost."""

from collections import namedtuple

from thread import Thread, Unknown

# Address ranges of tests/sass/sass_calls.c: each tensor has 2^40 bytes of its own.
AREAS = {1: "x", 2: "residual", 3: "y", 4: "sum", 5: "dy", 6: "dx", 7: "dresidual", 8: "mask", 9: "small", 10: "work"}
TENSORS = ("x", "residual", "y", "sum", "dy", "dx", "dresidual")
SECTOR = 32  # bytes: what the memory brings at least
BYTES = {"f32": 4, "f16": 2, "bf16": 2, "f8 e4m3": 1}
LOADS = ("LDG", "LD", "LDGSTS")
STORES = ("STG", "ST")

FETCHES = ("UBLKPF",)

# area, bytes: of an access to global memory, or of what is taken from a tensor's elements in shared memory, which are
# at `kept` there (else None); in_flight: bytes of tensors that this thread waits for after the instruction; depth: of
# calls.
Step = namedtuple("Step", "instruction area bytes kept in_flight depth")


class Ahead:
    """What has been asked for and not been loaded yet, in bytes of each thread."""

    def __init__(self):
        self.asked_for = []  # first and last address, bytes left

    def asked(self, address, size, threads):
        """By one thread for so many."""
        self.asked_for.append([address, address + size, size / threads])

    def loaded(self, address, size):
        for piece in self.asked_for:
            if piece[0] <= address < piece[1]:
                piece[2] -= size
                if piece[2] <= 0:
                    self.asked_for.remove(piece)
                return

    def bytes(self):
        return sum(left for _, _, left in self.asked_for)


def follow(listed, thread, most=30000, still=4000, share=32, own=16):
    """The steps of a thread until it ends, or has met nothing new for `still` steps, or the first `most`. share: threads
    for which the first one asks ahead. own: bytes that come of a request of each thread for itself."""
    ahead = Ahead()
    index = {i.address: k for k, i in enumerate(listed)}
    steps, pending, at, callers, met, news = [], {}, 0, [], set(), 0
    while len(steps) < most and len(steps) - news < still:
        i = listed[at]
        if at not in met:
            met.add(at)
            news = len(steps)
        for barrier in range(6):
            if i.wait >> barrier & 1:
                pending.pop(barrier, None)
        if i.op == "DEPBAR":
            pending.pop("copies", None)
        runs = i.guard is None or thread.predicate(i.guard)
        area, size, kept = None, 0, None
        if runs and i.op == "LDS" and thread.kept_at(i):
            area, size, kept = thread.kept_at(i), thread.width(i), thread.address(i.operands, False)
        if runs and i.op in LOADS + STORES:
            copies = i.op == "LDGSTS"  # to shared memory, from there
            address = thread.address(i.operands[1:] if copies else i.operands, True)
            area, size = AREAS.get(address >> 40, "shared" if i.op in ("LD", "ST") else "unknown"), thread.width(i)
            if area == "unknown":
                raise Unknown(f"{i.text}: address {address:#x}")
            on_its_way = "copies" if copies else i.barrier
            if i.op in LOADS and area in TENSORS and on_its_way is not None:
                pending[on_its_way] = pending.get(on_its_way, 0) + size
                ahead.loaded(address, size)
        if runs and i.op in FETCHES:
            place, words = thread.fetched_ahead(i)
            ahead.asked(place, 16 * words, share)
        if runs and i.op == "CCTL" and "PF2" in i.modifiers:  # each thread its own octet
            ahead.asked(thread.pair(i.operands[0]), own, 1)
        steps.append(Step(i, area, size, kept, sum(pending.values()) + ahead.bytes(), len(callers)))
        if runs and i.op == "EXIT":
            return steps
        if runs:
            # sm_80 has calls to where a warp comes together, just behind, which do not return.
            if i.op == "CALL" and not 0 < int(i.operands[-1], 16) - i.address <= 64:
                callers.append(listed[at + 1].address)
            at = _next(i, thread, index, at)
            if i.op in LOADS and area in TENSORS:
                thread.loaded_from(i, area)
            if i.op == "RET":  # of several, where a function ended in a call; or to elsewhere
                place = listed[at].address
                del callers[callers.index(place) if place in callers else -1:]
        else:
            at += 1
    return steps


def _next(i, thread, index, at):
    def target(address):
        if address not in index:
            raise Unknown(f"{i.text}: goes to {address:#x}")
        return index[address]

    if i.op == "BRA":
        if "DIV" in i.modifiers:
            return at + 1
        flags = [w for w in i.operands[:-1] if "P" in w]
        return target(int(i.operands[-1], 16)) if all(thread.predicate(w) for w in flags) else at + 1
    if i.op in ("BRX", "BRXU"):
        register, offset = i.operands[0].split(" ")
        return target((thread.value(register) + i.address + 16 + int(offset, 16)) & 0xFFFFFFFF)
    if i.op == "CALL":
        return target(int(i.operands[-1], 16))
    if i.op == "RET":
        return target(thread.value(i.operands[0].split(" ")[0]) & 0xFFFFFFFF)
    thread.execute(i)
    return at + 1


# steps: of one turn; elements: that it takes of x, or makes of y or dx where it reads none; in_flight: of all turns the
# most, for copies to shared memory pile up; None where it loads nothing from memory.
Loop = namedtuple("Loop", "steps elements in_flight")


def hot_loops(steps, x_bytes):
    """The loops that go over tensors, in memory or kept in shared memory: one turn of each. A turn is from one execution
    of an access to the next one of the same; accesses that turn together are one loop, and of loops in one another the
    inner one counts. A function that a loop calls several times is part of it and no loop."""
    places, last, flying = {}, {}, {}
    for k, s in enumerate(steps):
        if s.area in TENSORS and s.depth == 0:
            address = s.instruction.address
            if s.instruction.op in LOADS:
                flying[address] = max(s.in_flight, flying.get(address, 0))
            if address in last:
                places.setdefault(address, []).append((last[address], k))
            last[address] = k
    loops = {}
    for turns in places.values():
        turn = _full_turn([steps[first:after] for first, after in turns], x_bytes)
        members = frozenset(s.instruction.address for s in turn if s.area in TENSORS and s.depth == 0)
        if members not in loops or len(turn) < len(loops[members].steps):
            loads = [flying[m] for m in members if m in flying]
            loops[members] = Loop(turn, _elements(turn, x_bytes), max(loads) if loads else None)
    keys = list(loops)
    return [loops[m] for m in keys if not any(other < m for other in keys)]


def _full_turn(turns, x_bytes):
    """The middle one of those with most elements: a loop's last turn may have fewer, its first one less to do. What is
    half as long again as others has left the loop in between."""
    shortest = min(len(turn) for turn in turns)
    turns = [turn for turn in turns if 2 * len(turn) <= 3 * shortest]
    most = max(_elements(turn, x_bytes) for turn in turns)
    full = sorted((turn for turn in turns if _elements(turn, x_bytes) == most), key=len)
    return full[len(full) // 2]


def _elements(turn, x_bytes):
    """Of those of x that it takes and those that it makes of them the fewer: what is read twice is one element. y of another
    type says nothing."""
    found = []
    for area, operations in (("x", LOADS), ("dy", LOADS), ("sum", LOADS), ("dx", STORES), ("y", STORES)):
        steps = [s for s in turn if s.area == area]
        total = sum(s.bytes for s in steps if s.instruction.op in operations)
        total += sum({s.kept: s.bytes for s in steps if s.kept is not None}.values())
        if area != "y" or all(s.bytes == 16 for s in steps):
            found.append(total / x_bytes)
    found = [n for n in found if n > 0] or [sum(s.bytes for s in turn if s.area == "y") / x_bytes]
    return min(found)


def traced(listed, call, table=b"", number=0):
    thread = Thread(call["sm"], bytes.fromhex(call["job"]), call["block"], call["grid"], table, number)
    octet = 8 * BYTES[call["x"]]
    return follow(listed, thread, share=32 if call["scope"].startswith("lanes") else call["block"],
                  own=min(octet, SECTOR))
