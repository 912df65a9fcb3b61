"""Listings of machine code, as cuobjdump prints them: functions, instructions, what an instruction waits for."""

import re
import subprocess
from collections import namedtuple

# wait: a bit for each scoreboard that the instruction waits for before it is issued; barrier: the scoreboard that its
# own result will be reported on, None where it has none.
Instruction = namedtuple("Instruction", "address guard op modifiers operands wait barrier text")

_FUNCTION = re.compile(r"\s*Function : (\S+)")
_ARCHITECTURE = re.compile(r"\s*code for (sm_\d+)")
_LINE = re.compile(r"\s+/\*([0-9a-f]{4,6})\*/\s+(?:@(!?U?P\w+)\s+)?([A-Z0-9]+)((?:\.\w+)*)\s*(.*?)\s*;"
                   r"\s+/\* 0x[0-9a-f]{16} \*/")
_CONTROL = re.compile(r"\s+/\* 0x([0-9a-f]{16}) \*/")
_TABLE = re.compile(r"\.nv\.constant2\.(\S+)\s*$")


def instruction(line, control):
    """From a line of the listing and the upper half of the code, whose bits 41 to 57 say what is waited for."""
    address, guard, op, modifiers, operands = _LINE.match(line).groups()
    words = tuple(w.strip() for w in operands.split(",")) if operands else ()
    barrier = control >> 46 & 7
    return Instruction(int(address, 16), guard, op, tuple(modifiers.split(".")[1:]), words, control >> 52 & 63,
                       None if barrier == 7 else barrier, line.split(";")[0].split("*/")[1].strip())


def functions(lines):
    """(architecture, mangled name, lines) of each function of a listing."""
    architecture, name, body = None, None, []
    for line in lines:
        match = _FUNCTION.match(line) or _ARCHITECTURE.match(line)
        if match:
            if name:
                yield architecture, name, body
            name, body = (match.group(1), []) if match.re is _FUNCTION else (None, [])
            if match.re is _ARCHITECTURE:
                architecture = match.group(1)
        elif name:
            body.append(line)
    if name:
        yield architecture, name, body


def instructions(body):
    """The instructions of a function, in their order."""
    listed, pending = [], None
    for line in body:
        control = _CONTROL.match(line)
        if control and pending:
            listed.append(instruction(pending, int(control.group(1), 16)))
            pending = None
        elif _LINE.match(line):
            pending = line
    return listed


def tables(lines):
    """Bytes of the constants that the compiler made for each function, its jump tables: from `cuobjdump -elf`."""
    found, name = {}, None
    for line in lines:
        match = _TABLE.match(line)
        if match:
            name = match.group(1)
            found.setdefault(name, b"")
        elif name and line.startswith("0x"):
            found[name] += b"".join(int(word, 16).to_bytes(4, "little") for word in line.split())
        else:
            name = None
    return found


Resources = namedtuple("Resources", "registers stack local")
_RESOURCES = re.compile(r"\s*REG:(\d+) STACK:(\d+) .*LOCAL:(\d+)")


def resources(lines):
    """Of each function, from `cuobjdump -res-usage`."""
    found, name = {}, None
    for line in lines:
        named = re.match(r"\s*Function (\S+):", line)
        match = _RESOURCES.match(line)
        if named:
            name = named.group(1)
        elif match and name:
            found[name] = Resources(*map(int, match.groups()))
    return found


def dump(cuobjdump, *words):
    """Lines that cuobjdump prints; nvdisasm, which it calls, is beside it."""
    return subprocess.run([cuobjdump, *words], check=True, capture_output=True, text=True).stdout.splitlines()


_TYPE = re.compile(r"f|d|NS_\d+([a-z0-9]+?)E(?=[NSLEfd]|$)|S1_|L14wni_cuda_scope(\d)E")


def kernel_of(mangled):
    """("row_forward", ("bf16", "mixed"), scope or -1) of a kernel's mangled name; None: not one of the library's."""
    match = re.match(r"_ZN2wn(\d+)(\w+)", mangled)
    if not match:
        return None
    length, rest = int(match.group(1)), match.group(2)
    name, rest = rest[:length], rest[length:]
    if not name.endswith("_kernel") or not rest.startswith("I"):
        return None
    rest, types, scope = rest[1:], [], -1
    while rest and rest[0] != "E":
        match = _TYPE.match(rest)
        if not match:
            return None
        if match.group(2):
            scope = int(match.group(2))
        elif match.group(0) == "S1_":
            types.append(types[0])
        else:
            types.append(match.group(1) or {"f": "f32", "d": "f64"}[match.group(0)])
        rest = rest[match.end():]
    return name[:-len("_kernel")], tuple(types), scope
