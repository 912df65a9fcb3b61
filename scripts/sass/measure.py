"""What a launch is like, from its kernel's machine code: one Measured for each hot loop."""

import re
from collections import namedtuple

import listing
import trace
from thread import Unknown

# What is said of a hot loop of a launch. slots: instructions for an element. in_flight: the most bytes of tensors that
# a thread waits for, None in a loop that loads none from memory. narrow: accesses to tensors of less than 16 bytes, as
# "x 2"; doubles, divisions: instructions.
Measured = namedtuple("Measured", "call loop slots in_flight narrow doubles divisions")


class Unreadable(Exception):
    """Machine code that cannot be followed."""


_DOUBLE = re.compile(r"D[A-Z]+$")


def is_double(i):
    """Arithmetic in f64, conversions included: a 32nd or 64th of the rate of f32."""
    return bool(_DOUBLE.match(i.op)) and i.op != "DEPBAR" or "F64" in i.modifiers or "RCP64H" in i.modifiers


def is_long_division(i):
    """What a division of 64-bit integers begins with: a reciprocal of the divisor, rounded up."""
    return i.op == "I2F" and "U64" in i.modifiers and "RP" in i.modifiers


def narrow_accesses(turn, call):
    """To tensors; 8-bit types have 8 bytes in an octet."""
    found = set()
    for s in turn:
        wide = 8 if s.area in ("y", "dy") and call["other"].startswith("f8") else 16
        if s.area in trace.TENSORS and s.bytes < wide:
            found.add(f"{s.area} {s.bytes}")
    return sorted(found)


def measure(call, listed, table=b""):
    """The hot loops of a launch, in their order. An instruction that is not known is an error: nothing is guessed."""
    try:
        steps = trace.traced(listed, call, table)
    except Unknown as error:
        raise Unreadable(f"check-sass: {name_of(call)}, sm_{call['sm']}: does not know {error}") from error
    loops = trace.hot_loops(steps, trace.BYTES[call["x"]])
    if not loops:
        raise Unreadable(f"check-sass: {name_of(call)}, sm_{call['sm']}: no loop over tensors in {len(steps)} steps")
    others = _other_warps(call, listed, table, loops)
    return [_of_loop(call, k, *pair) for k, pair in enumerate(zip(loops, others))]


def _other_warps(call, listed, table, loops):
    """The same loops of a block's last thread, where the first warp asks ahead for all."""
    asks = any(s.instruction.op in trace.FETCHES for loop in loops for s in loop.steps)
    if not asks or call["scope"].startswith("lanes") or call["block"] == 32:
        return loops
    others = trace.hot_loops(trace.traced(listed, call, table, call["block"] - 1), trace.BYTES[call["x"]])
    return others if len(others) == len(loops) else loops


def _of_loop(call, k, loop, other):
    turn = [s.instruction for s in loop.steps]
    warps = call["block"] / 32
    slots = (len(turn) / loop.elements + (warps - 1) * len(other.steps) / other.elements) / warps
    return Measured(call, k, slots, loop.in_flight,
                    narrow_accesses(loop.steps, call), [i.text for i in turn if is_double(i)],
                    [i.text for i in turn if is_long_division(i)])


def name_of(call):
    """row_forward lanes_1, rows of 128, train: the kernel, and what for."""
    return f"{call['function']} {call['scope']}".strip() + f", {call['shape']}, {call['pass']}"


def kernel_key(call):
    """As listing.kernel_of has it."""
    types = (call["x"], "mixed" if call["other"] != call["x"] else call["x"])
    return call["function"], types[:1] if call["function"].endswith("moments") else types, call["variant"]


class Library:
    """The kernels of one architecture in a library, a cubin or a recorded listing."""

    def __init__(self, cuobjdump, paths, sm):
        lines = [[], [], []]
        for path in paths:
            select = [] if path.endswith(".cubin") else ["-arch", f"sm_{sm}"]
            for to, how in zip(lines, ("-sass", "-elf", "-res-usage")):
                to += listing.dump(cuobjdump, *select, how, path)
        self._read(*lines)

    @classmethod
    def recorded(cls, lines):
        """Of a recorded listing, that of the resources after it."""
        library = cls.__new__(cls)
        library._read(lines, [], lines)
        return library

    def _read(self, sass, elf, resources):
        self.bodies, self.local, self._listed = {}, [], {}
        for _, name, body in listing.functions(sass):
            self.bodies[listing.kernel_of(name) or name] = (name, body)
            if any(re.search(r"\b(LDL|STL)\b", line) for line in body):
                self.local.append(name)
        self.tables = listing.tables(elf)
        self.resources = listing.resources(resources)

    def registers(self, key):
        return self.resources[self.bodies[key][0]].registers

    def measure(self, call):
        key = kernel_key(call)
        if key not in self.bodies:
            raise Unreadable(f"check-sass: sm_{call['sm']} has no kernel {key}")
        name, body = self.bodies[key]
        if key not in self._listed:
            self._listed[key] = listing.instructions(body)
        return measure(call, self._listed[key], self.tables.get(name, b""))
