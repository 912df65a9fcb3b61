"""Follows one thread through a kernel's machine code. Everything that decides where it goes is known: the kernel's
argument, the thread's and block's numbers. Of memory nothing is known: every load gives the same bits, which are an
ordinary number in each of the library's types. A warp's other lanes are taken to do the same."""

import bisect
import math
import re
import struct

MASK = 0xFFFFFFFF
LOADED = 0x3F803F80

# Where the kernel's argument begins in constant bank 0, and where the launch's own figures are: threads of a block,
# blocks of the grid.
LAUNCH = {80: (0x160, 0x0, 0xC), 90: (0x210, 0x0, 0xC), 100: (0x380, 0x360, 0x370)}


class Unknown(Exception):
    """An instruction that this program does not know."""


def signed(v):
    return v - (1 << 32) if v & 0x80000000 else v


def real(bits):
    return struct.unpack("<f", struct.pack("<I", bits & MASK))[0]


def bits_of(value):
    try:
        return struct.unpack("<I", struct.pack("<f", value))[0]
    except OverflowError:
        return 0x7F800000 if value > 0 else 0xFF800000


def half_bits(word):
    return struct.unpack("<H", struct.pack("<e", float(word)))[0]


_REGISTER = re.compile(r"(U?R)(\d+|Z)")
_PREDICATE = re.compile(r"(!?)(U?P)(\d|T)$")
_CONSTANT = re.compile(r"cx?\[(0x\w+|UR\d+)\]\[(?:(R\d+|UR\d+|URZ|RZ)\+?)?(-?0x\w+)?\]")
_SCALE = re.compile(r"\.X(4|8|16)\b")
_ADDRESS = re.compile(r"\[(.*)\]$")
COMPARE = {
    "EQ": lambda a, b: a == b, "NE": lambda a, b: a != b, "LT": lambda a, b: a < b, "LE": lambda a, b: a <= b,
    "GT": lambda a, b: a > b, "GE": lambda a, b: a >= b, "GTU": lambda a, b: not a <= b, "GEU": lambda a, b: not a < b,
    "LTU": lambda a, b: not a >= b, "LEU": lambda a, b: not a > b, "NEU": lambda a, b: not a == b,
    "EQU": lambda a, b: a == b or a != a or b != b, "NAN": lambda a, b: a != a or b != b,
    "NUM": lambda a, b: a == a and b == b}
JOIN = {"AND": lambda a, b: a and b, "OR": lambda a, b: a or b, "XOR": lambda a, b: a != b}
WIDTHS = {"64": 8, "128": 16, "U16": 2, "S16": 2, "U8": 1, "S8": 1}


def look_up(table, a, b, c):
    """The logic operation with this truth table, for each bit."""
    result = 0
    for i in range(8):
        if table >> i & 1:
            result |= (a if i & 4 else ~a) & (b if i & 2 else ~b) & (c if i & 1 else ~c)
    return result & MASK


class Thread:
    """One thread's registers, and how each instruction changes them."""

    def __init__(self, sm, job, block, grid, table=b"", thread=0):
        start, threads, blocks = LAUNCH[sm]
        self.constants = {0: bytearray(start + len(job) + 64), 2: bytearray(table + bytes(8))}
        self.constants[0][start:start + len(job)] = job
        for at, value in ((threads, block), (blocks, grid)):
            struct.pack_into("<I", self.constants[0], at, value)
        self.special = {"SR_TID.X": thread, "SR_LANEID": thread % 32}
        self.r, self.p, self.shared = {}, {}, {}
        self.origin, self.kept = {}, {}  # of a register, of a word of shared memory: the tensor that it was loaded from
        self.places, self.stripe = [], 16 * block  # where those words begin, in order; what a block keeps at a time

    # ---- operands

    def predicate(self, word):
        negated, bank, number = _PREDICATE.match(word).groups()
        return (number == "T" or self.p.get(bank + number, False)) != bool(negated)

    def set_predicate(self, word, value):
        if word not in ("PT", "UPT"):
            self.p[word] = bool(value)

    def register(self, bank, number):
        return 0 if number == "Z" else self.r.get((bank, int(number)), 0)

    @staticmethod
    def key(word):
        bank, number = _REGISTER.match(word).groups()
        return bank, -1 if number == "Z" else int(number)

    def constant(self, word, size=4):
        bank, index, offset = _CONSTANT.search(word).groups()
        at = int(offset or "0", 16) + (signed(self.value(index)) if index else 0)
        data = self.constants.get(int(bank, 16) if bank.startswith("0x") else 0)
        if data is None:
            raise Unknown(f"constant bank {bank}")
        return int.from_bytes(data[at:at + size].ljust(size, b"\0"), "little")

    def raw(self, word):
        """The 32 bits of an operand, without its sign."""
        match = _REGISTER.match(word)
        if match:
            return self.register(*match.groups())
        if "[" in word:
            return self.constant(word)
        if word.startswith(("0x", "-0x")):
            return int(word, 16) & MASK
        raise Unknown(f"operand {word}")

    def value(self, word):
        """Of an integer operand; -x without being cut to 32 bits, so that carries are right."""
        word = word.replace(".reuse", "")
        if word.startswith("~"):
            return ~self.raw(word[1:]) & MASK
        if word.startswith("-") and not word.startswith("-0x"):
            return (1 << 32) - self.raw(word[1:])
        return self.raw(word)

    def real_value(self, word):
        word = word.replace(".reuse", "")
        sign = -1.0 if word.startswith("-") else 1.0
        word = word[1:] if word[0] in "-+" else word
        if word.startswith("|"):
            return sign * abs(self.real_value(word.strip("|")))
        if _REGISTER.match(word) or "[" in word:
            return sign * real(self.raw(word))
        if word.startswith("0x"):
            return real(int(word, 16))
        if "INF" in word or "NAN" in word:
            return sign * (math.inf if "INF" in word else math.nan)
        return sign * float(word)

    def double_value(self, word):
        return struct.unpack("<d", struct.pack("<Q", self.pair(word.replace(".reuse", ""))))[0]

    def pair(self, word):
        match = re.search(r"(U?R)(\d+|Z)", word)
        if not match:
            return self.constant(word, 8) if "[" in word else self.value(word)
        if "[" in word and "c[" in word:
            return self.constant(word, 8)
        bank, number = match.groups()
        if number == "Z":
            return 0
        value = self.register(bank, number) | self.register(bank, int(number) + 1) << 32
        return (1 << 64) - value if word.startswith("-") else value

    def set(self, word, value, words=1):
        bank, number = _REGISTER.match(word).groups()
        if number == "Z":
            return
        for i in range(words):
            self.r[bank, int(number) + i] = value >> 32 * i & MASK
            self.origin.pop((bank, int(number) + i), None)

    def address(self, operands, wide):
        """Of a memory operand: a sum of registers (64 bits in pairs) and a number."""
        word = next(o for o in operands if "[" in o)
        total = 0
        for term in _ADDRESS.search(word[word.rfind("["):]).group(1).split("+"):
            match = _REGISTER.match(term)
            if not match:
                total += int(term, 16)
            elif wide and (".64" in term or match.group(1) == "UR"):
                total += self.pair(term)
            else:
                scale = _SCALE.search(term)
                total += self.register(*match.groups()) * (int(scale.group(1)) if scale else 1)
        return total & ((1 << 64) - 1)

    # ---- groups of instructions

    @staticmethod
    def split(operands, most):
        """(destination, carries out, the others)"""
        carries, rest = [], list(operands[1:])
        while rest and len(carries) < most and re.match(r"U?P(\d|T)$", rest[0]):
            carries.append(rest.pop(0))
        return operands[0], carries, rest

    def carry(self, carries, total, bits=32):
        for i, word in enumerate(carries):
            self.set_predicate(word, total >> bits > i)

    def carries_in(self, words):
        return sum(self.predicate(w) for w in words)

    def add(self, i):
        to, carries, rest = self.split(i.operands, 2)
        numbers = [w for w in rest if not _PREDICATE.match(w)]
        if "64" in i.modifiers:
            total = sum(self.pair(w) for w in numbers)
            self.set(to, total, 2)
            return
        total = sum(self.value(w) for w in numbers)
        if "X" in i.modifiers:
            total += self.carries_in(rest[len(numbers):])
        self.carry(carries, total)
        self.set(to, total)

    def multiply_add(self, i):
        to, carries, rest = self.split(i.operands, 1)
        extra = self.carries_in(rest[3:]) if "X" in i.modifiers else 0
        a, b = (self.value(w) & MASK for w in rest[:2])
        if "WIDE" not in i.modifiers and "HI" not in i.modifiers:
            self.set(to, a * b + self.value(rest[2]) + extra)
            return
        if "U32" not in i.modifiers:
            a, b = signed(a), signed(b)
        total = a * b + self.pair(rest[2]) + extra
        self.carry(carries, total, 64)
        self.set(to, total >> 32 if "HI" in i.modifiers else total, 1 if "HI" in i.modifiers else 2)

    def shift_add(self, i):
        to, carries, rest = self.split(i.operands, 1)
        extra = self.predicate(rest.pop()) if "X" in i.modifiers else 0
        shift = self.value(rest.pop())
        negated = rest[0].startswith("-")
        a, b = self.value(rest[0].lstrip("-")) & MASK, self.value(rest[1])
        if "HI" in i.modifiers:
            high = self.value(rest[2]) & MASK if len(rest) > 2 else MASK if a & 0x80000000 else 0
            a = (high << 32 | a) >> (32 - shift)
        else:
            a <<= shift
        a &= MASK
        total = ((1 << 32) - a if negated else a) + b + extra  # not cut, so that carries are right
        self.carry(carries, total)
        self.set(to, total)

    def shift(self, i):
        to, a, by, high = i.operands
        value, count = (self.value(high) & MASK) << 32 | self.value(a) & MASK, self.value(by) & MASK
        count = count & 31 if "W" in i.modifiers else min(count, 64)
        if "L" in i.modifiers:
            value <<= count
        else:
            if ("S32" in i.modifiers or "S64" in i.modifiers) and value >> 63:
                value -= 1 << 64
            value >>= count
        self.set(to, value >> 32 if "HI" in i.modifiers else value)

    def logic(self, i):
        operands = list(i.operands)
        flag = operands.pop(0) if _PREDICATE.match(operands[0]) else None
        to, a, b, c, table = operands[:5]
        result = look_up(int(table, 16), *(self.value(w) & MASK for w in (a, b, c)))
        self.set(to, result)
        if flag:
            self.set_predicate(flag, result != 0 or (len(operands) > 5 and self.predicate(operands[5])))

    def predicate_logic(self, i):
        inputs = [MASK if self.predicate(w) else 0 for w in i.operands[2:5]]
        for to, table in zip(i.operands[:2], i.operands[5:]):
            self.set_predicate(to, look_up(int(table, 16), *inputs) & 1)

    def compare(self, i):
        true, false, a, b, joined = i.operands[:5]
        how = next(m for m in i.modifiers if m in COMPARE)
        join = next(m for m in i.modifiers if m in JOIN)
        if i.op.startswith("F"):
            a, b = self.real_value(a), self.real_value(b)
        elif i.op.startswith("D"):
            a, b = self.double_value(a), self.double_value(b)
        else:
            a, b = self.value(a) & MASK, self.value(b) & MASK
            if "U32" not in i.modifiers:
                a, b = signed(a), signed(b)
        result = COMPARE[how](a, b)
        if "EX" in i.modifiers and a == b:
            result = self.predicate(i.operands[5])
        with_ = self.predicate(joined)
        self.set_predicate(true, JOIN[join](result, with_))
        self.set_predicate(false, JOIN[join](not result, with_))

    def least(self, i):
        operands = [w for w in i.operands if w not in ("PT", "UPT") or w is i.operands[-1]]
        to, choice = operands[0], self.predicate(operands[-1])
        numbers = [self.value(w) & MASK for w in operands[1:-1]]
        if i.op == "VIADDMNMX":
            numbers = [(numbers[0] + numbers[1]) & MASK, numbers[2]]
        key = (lambda v: v) if "U32" in i.modifiers else signed
        self.set(to, (min if choice else max)(numbers, key=key))

    def bytes_of(self, i):
        to, a, selector, c = i.operands
        data = ((self.value(c) & MASK) << 32 | self.value(a) & MASK).to_bytes(8, "little")
        result = 0
        for k in range(4):
            nibble = self.value(selector) >> 4 * k & 15
            byte = data[nibble & 7]
            result |= (255 * (byte >> 7) if nibble & 8 else byte) << 8 * k
        self.set(to, result)

    def arithmetic(self, i):
        """f32: exact enough for what is compared, which is only ever whether a number is ordinary."""
        numbers = [self.real_value(w) for w in i.operands[1:] if not _PREDICATE.match(w)]
        if i.op == "FADD":
            value = numbers[0] + numbers[1]
        elif i.op == "FMUL":
            value = numbers[0] * numbers[1]
        elif i.op == "FFMA":
            value = numbers[0] * numbers[1] + numbers[2]
        else:
            value = (min if self.predicate(i.operands[-1]) else max)(numbers)
        self.set(i.operands[0], bits_of(value))

    def function_unit(self, i):
        v = self.real_value(i.operands[1])
        if "RSQ" in i.modifiers:
            v = 1 / math.sqrt(v) if v > 0 else math.inf
        elif "RCP" in i.modifiers:
            v = 1 / v if v != 0 else math.inf
        else:
            v = 1.0
        self.set(i.operands[0], bits_of(v))

    def to_float(self, i):
        a = self.pair(i.operands[1]) if "U64" in i.modifiers or "S64" in i.modifiers else self.value(i.operands[1])
        self.set(i.operands[0], bits_of(float(a)))

    def to_integer(self, i):
        v = self.real_value(i.operands[1])
        self.set(i.operands[0], int(v) if math.isfinite(v) and v > 0 else 0, 2 if "U64" in i.modifiers else 1)

    def highest_bit(self, i):
        """Where it is; SH: how many bits are above it."""
        at = (self.value(i.operands[-1]) & MASK).bit_length() - 1
        self.set(i.operands[0], (31 - at if "SH" in i.modifiers else at) & MASK)

    def width(self, i):
        return max([WIDTHS.get(m, 0) for m in i.modifiers] + [0]) or 4

    def load_constant(self, i):
        size = self.width(i)
        self.set(i.operands[0], self.constant(i.operands[1], size), max(1, size // 4))

    def load(self, i):
        size = self.width(i)
        bits = LOADED & ((1 << 8 * min(size, 4)) - 1)
        self.set(i.operands[0], sum(bits << 32 * k for k in range(max(1, size // 4))), max(1, size // 4))

    def fetched_ahead(self, i):
        """Address, and units of 16 bytes."""
        return self.address(i.operands[:1], True), self.value(i.operands[1]) & 0xFFFF

    def loaded_from(self, i, area):
        """What the load that was just executed has brought is a tensor's: here, or in shared memory."""
        words = max(1, self.width(i) // 4)
        if i.op == "LDGSTS":
            at = self.address(i.operands[:1], False)
            self.keep(at, area, words)
            return
        bank, number = self.key(i.operands[0])
        self.origin.update({(bank, number + k): area for k in range(words)})

    def keep(self, at, area, words):
        self.kept.update({at + 4 * k: area for k in range(words)})
        bisect.insort(self.places, at)

    def kept_at(self, i):
        """The tensor whose elements an access to shared memory is to, None if it is to something else. What other threads
        of the block have kept is beside what this one has."""
        at = self.address(i.operands, False)
        if at in self.shared or self.width(i) < 16:
            return self.kept.get(at)
        before = bisect.bisect_right(self.places, at)
        near = self.places[before - 1] if before else at - self.stripe
        return self.kept.get(near) if at - near < self.stripe else None

    def copy_to_shared(self, i):
        at = self.address(i.operands[:1], False)
        self.shared.update({at + 4 * k: LOADED for k in range(self.width(i) // 4)})

    def load_shared(self, i):
        at, words = self.address(i.operands, False), max(1, self.width(i) // 4)
        self.set(i.operands[0], sum(self.shared.get(at + 4 * k, 0) << 32 * k for k in range(words)), words)

    def store_shared(self, i):
        at, words = self.address(i.operands, False), max(1, self.width(i) // 4)
        value = self.pair(i.operands[1]) if words == 2 else self.value(i.operands[1])
        area = self.origin.get(self.key(i.operands[1]))
        for k in range(words):
            self.kept.pop(at + 4 * k, None)
            self.shared[at + 4 * k] = value >> 32 * k & MASK if words < 4 else LOADED
        if area and words == 4:
            self.keep(at, area, words)

    def flags_to_register(self, i):
        bits = sum(1 << k for k in range(7) if self.p.get(f"P{k}", False))
        self.set(i.operands[0], bits & self.value(i.operands[3]))

    def uniform_flags_to_register(self, i):
        bits = sum(1 << k for k in range(7) if self.p.get(f"UP{k}", False))
        self.set(i.operands[0], bits & self.value(i.operands[3]))

    def register_to_flags(self, i):
        bits, mask = self.value(i.operands[1]), self.value(i.operands[2])
        for k in range(7):
            if mask >> k & 1:
                self.p[f"P{k}"] = bool(bits >> k & 1)

    def choose(self, i):
        to, a, b, which = i.operands
        word = a if self.predicate(which) else b
        self.set(to, bits_of(self.real_value(word)) if i.op == "FSEL" else self.value(word))

    def move(self, i):
        # To the registers of the warp, of which lanes may want different ones: whether this one has to come again.
        if _PREDICATE.match(i.operands[0]) and "OR" not in i.modifiers:
            self.set_predicate(i.operands[0], False)
        word = i.operands[-1] if i.op in ("R2UR", "REDUX", "CREDUX") else i.operands[1]
        self.set(next(w for w in i.operands if _REGISTER.match(w)), self.pair(word) if "64" in i.modifiers
                 else self.value(word), 2 if "64" in i.modifiers else 1)

    def half_immediates(self, i):
        """HFMA2 Rd, -RZ, RZ, high, low: how a constant of two halves is made."""
        try:
            high, low = (half_bits(w) for w in i.operands[3:5])
        except ValueError:
            high, low = 0x3F80, 0x3F80
        self.set(i.operands[0], high << 16 | low)

    def ordinary(self, i):
        self.set(i.operands[0], LOADED)

    def count_bits(self, i):
        self.set(i.operands[0], bin(self.value(i.operands[1]) & MASK).count("1"))

    def vote(self, i):
        """Of lanes that all say the same: which of them, and whether any or all do."""
        said = self.predicate(i.operands[-1])
        for word in i.operands[:-1]:
            if _REGISTER.match(word):
                self.set(word, 1 if said else 0)
            else:
                self.set_predicate(word, said)

    def nothing(self, i):
        pass

    def execute(self, i):
        """Of an instruction that goes on to the next one."""
        operation = OPERATIONS.get(i.op)
        if operation is None:
            raise Unknown(i.text)
        operation(self, i)


def _special(thread, i):
    thread.set(i.operands[0], thread.special.get(i.operands[1], 0))


OPERATIONS = {
    "IADD3": Thread.add, "UIADD3": Thread.add, "VIADD": Thread.add, "IADD": Thread.add, "UIADD": Thread.add,
    "IMAD": Thread.multiply_add, "UIMAD": Thread.multiply_add, "LEA": Thread.shift_add, "ULEA": Thread.shift_add,
    "SHF": Thread.shift, "USHF": Thread.shift, "LOP3": Thread.logic, "ULOP3": Thread.logic,
    "PLOP3": Thread.predicate_logic, "UPLOP3": Thread.predicate_logic,
    "ISETP": Thread.compare, "UISETP": Thread.compare, "FSETP": Thread.compare,
    "DSETP": Thread.compare,
    "IMNMX": Thread.least, "VIMNMX": Thread.least, "VIMNMX3": Thread.least, "VIADDMNMX": Thread.least,
    "UIMNMX": Thread.least, "UVIMNMX": Thread.least, "PRMT": Thread.bytes_of, "UPRMT": Thread.bytes_of,
    "FADD": Thread.arithmetic, "FMUL": Thread.arithmetic, "FFMA": Thread.arithmetic, "FMNMX": Thread.arithmetic,
    "MUFU": Thread.function_unit, "I2F": Thread.to_float, "I2FP": Thread.to_float, "F2I": Thread.to_integer,
    "LDC": Thread.load_constant, "ULDC": Thread.load_constant, "LDCU": Thread.load_constant,
    "LDG": Thread.load, "LD": Thread.load, "LDS": Thread.load_shared, "STS": Thread.store_shared,
    "FLO": Thread.highest_bit, "UFLO": Thread.highest_bit,
    "P2R": Thread.flags_to_register, "UP2UR": Thread.uniform_flags_to_register, "R2P": Thread.register_to_flags,
    "SEL": Thread.choose, "USEL": Thread.choose, "FSEL": Thread.choose,
    "MOV": Thread.move, "UMOV": Thread.move, "R2UR": Thread.move, "REDUX": Thread.move, "CREDUX": Thread.move,
    "SHFL": lambda t, i: t.set(i.operands[1], t.value(i.operands[2])),
    "IABS": lambda t, i: t.set(i.operands[0], abs(signed(t.value(i.operands[1]) & MASK))),
    "CS2R": lambda t, i: t.set(i.operands[0], 0, 1 if "32" in i.modifiers else 2),
    "S2R": _special, "S2UR": _special,
    "FCHK": lambda t, i: t.set_predicate(i.operands[0], False),
    "VOTE": Thread.vote, "VOTEU": Thread.vote,
    "POPC": Thread.count_bits, "UPOPC": Thread.count_bits,
    "LDGSTS": Thread.copy_to_shared,
    "UFLO": lambda t, i: t.set(i.operands[0], max(0, (t.value(i.operands[1]) & MASK).bit_length() - 1)),
    "HFMA2": Thread.half_immediates, "HADD2": lambda t, i: t.set(i.operands[0], bits_of(1.0)),
    "F2F": Thread.ordinary, "F2FP": Thread.ordinary,
    **{op: lambda t, i: t.set(i.operands[0], LOADED << 32 | LOADED, 2) for op in ("DADD", "DMUL", "DFMA")},
    **{op: Thread.nothing for op in ("NOP", "BSSY", "BSYNC", "BREAK", "WARPSYNC", "ENDCOLLECTIVE", "BAR", "STG", "ST",
                                     "RED", "REDG", "YIELD", "BMOV", "LDGDEPBAR", "DEPBAR", "MEMBAR", "ERRBAR",
                                     "CGAERRBAR", "CCTL", "UBLKPF", "NANOSLEEP", "FENCE", "PREEXIT", "ACQBULK")},
}
