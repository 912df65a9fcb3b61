"""What must hold for machine code, each rule a function that returns complaints: (rule, kernel, what is wrong)."""

from collections import namedtuple

from exceptions import EXCEPTIONS
from measure import name_of

Complaint = namedtuple("Complaint", "rule kernel value text")

# Instructions for an element that leave a B200 at its copy's speed (gpu-kernels.md, "Issue slots"): 16-bit types, no
# activation or relu.
MOST_SLOTS = {False: 20, True: 30}
CHEAP = ("none", "relu")
REGISTERS = 65536  # of a multiprocessor, given out to warps by 256, to all four of its parts alike


def threads_by_registers(registers, block):
    """Resident threads of a multiprocessor, as far as registers go."""
    warps = REGISTERS // ((registers * 32 + 255) // 256 * 256) // 4 * 4
    return warps // (block // 32) * block


def resident_threads(call, registers):
    """Of a multiprocessor: as the plan counts them, or as many as its registers hold."""
    return min(call["blocks_per_sm"] * call["block"], threads_by_registers(registers, call["block"]))


def local_memory(library):
    """Spilled registers, stack frames, arrays with an index that only a run knows."""
    complaints = [Complaint("local", name, 0, "loads or stores local memory") for name in library.local]
    for name, r in library.resources.items():
        if r.stack or r.local:
            complaints.append(Complaint("local", name, r.stack + r.local, f"{r.stack} bytes of stack, {r.local} local"))
    return complaints


def backward(call):
    return "backward" in call["pass"]


def wide(m):
    return [Complaint("wide", name_of(m.call), 0, f"loop {m.loop}: accesses of {n} bytes") for n in m.narrow]


def arithmetic(m):
    complaints = []
    if m.doubles:
        complaints.append(Complaint("double", name_of(m.call), len(m.doubles), f"loop {m.loop}: {m.doubles[0]}"))
    if m.divisions:
        complaints.append(Complaint("division", name_of(m.call), len(m.divisions), f"loop {m.loop}: {m.divisions[0]}"))
    return complaints


def slots(m):
    most = MOST_SLOTS[backward(m.call)]
    wider = m.call["x"] == "f32" or m.call["other"] != m.call["x"]  # more bytes, or conversions: listed, not limited
    if m.call["act"] not in CHEAP or wider or m.slots <= most:
        return []
    return [Complaint("slots", name_of(m.call), m.slots,
                      f"loop {m.loop}, {m.call['act']}: {m.slots:.1f} instructions for an element, {most} are to do")]


def occupancy(call, registers):
    """The blocks that the plan counts with must fit into the registers."""
    planned = call["blocks_per_sm"] * call["block"]
    held = threads_by_registers(registers, call["block"])
    if held >= planned:
        return []
    return [Complaint("occupancy", name_of(call), registers,
                      f"{registers} registers hold {held} threads a multiprocessor, the plan counts with {planned}")]


def in_flight(m, registers):
    """Bytes of tensors on their way, of all the threads of a multiprocessor."""
    if m.in_flight is None:
        return []
    threads = resident_threads(m.call, registers)
    bytes_ = m.in_flight * threads
    if bytes_ >= m.call["in_flight"]:
        return []
    return [Complaint("in flight", name_of(m.call), bytes_,
                      f"loop {m.loop}: {m.in_flight} x {threads} bytes, {m.call['in_flight']} hide the latency")]


def of_loop(m, registers):
    return wide(m) + arithmetic(m) + slots(m) + occupancy(m.call, registers) + in_flight(m, registers)


def excused(sm, complaint):
    """The exception that covers a complaint, None if there is none. Each has a limit of its own."""
    for e in EXCEPTIONS:
        if (e.rule == complaint.rule and e.kernel.fullmatch(complaint.kernel) and sm in e.architectures and
                (complaint.value >= e.limit if e.rule == "in flight" else complaint.value <= e.limit)):
            return e
    return None
