"""The checks of scripts/check-sass: each kernel of worse.cu, recorded as machine code, fails the one that it is made for,
and the good one none."""

import contextlib
import io
import os
import struct
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "scripts", "sass"))

import checks  # noqa: E402
import measure  # noqa: E402
import trace  # noqa: E402
from thread import Thread, Unknown  # noqa: E402
import listing  # noqa: E402
import table  # noqa: E402

CALL = {"sm": 90, "shape": "worse", "pass": "train", "act": "none", "function": "", "scope": "",
        "variant": -1, "x": "bf16", "other": "bf16", "grid": 2, "block": 256, "blocks_per_sm": 8, "in_flight": 32 << 10,
        "job": struct.pack("<QQqqi4x", 1 << 40, 3 << 40, 1 << 20, 3, 0).hex()}


def recorded():
    with open(os.path.join(HERE, "worse.sass"), encoding="ascii") as file:
        return measure.Library.recorded(file.read().splitlines())


class Worse(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.library = recorded()

    def rules(self, kernel, **changes):
        name, body = self.library.bodies[kernel]
        call = {**CALL, **changes}
        loops = measure.measure(call, listing.instructions(body))
        self.assertEqual(len(loops), 1)
        return {c.rule for c in checks.of_loop(loops[0], self.library.resources[name].registers)}

    def test_good_passes(self):
        self.assertEqual(self.rules("good"), set())
        self.assertNotIn("good", {c.kernel for c in checks.local_memory(self.library)})

    def test_narrow_accesses(self):
        self.assertIn("wide", self.rules("narrow"))
        self.assertNotIn("wide", self.rules("waits"))

    def test_few_bytes_in_flight(self):
        self.assertEqual(self.rules("waits", blocks_per_sm=4), {"in flight"})

    def test_long_divisions(self):
        self.assertIn("division", self.rules("divides"))
        self.assertNotIn("division", self.rules("narrow"))

    def test_double_arithmetic(self):
        self.assertIn("double", self.rules("doubles"))
        self.assertNotIn("double", self.rules("narrow"))

    def test_slots(self):
        self.assertIn("slots", self.rules("slow"))
        self.assertNotIn("slots", self.rules("waits"))
        self.assertNotIn("slots", self.rules("slow", act="gelu"))  # is listed, not limited

    def test_local_memory(self):
        self.assertEqual({c.kernel for c in checks.local_memory(self.library)}, {"spills"})

    def test_occupancy(self):
        self.assertEqual(checks.threads_by_registers(64, 256), 1024)
        self.assertEqual(checks.threads_by_registers(65, 256), 768)
        self.assertEqual(checks.occupancy({**CALL, "blocks_per_sm": 4}, 64), [])
        self.assertEqual([c.rule for c in checks.occupancy({**CALL, "blocks_per_sm": 4}, 65)], ["occupancy"])


class Table(unittest.TestCase):
    def test_is_stale_when_numbers_move(self):
        row = (90, "column_apply, worse, train", 0), ("bf16", "bf16", "none"), (10.0, 64, 1024, 32768, 32768)
        more = row[0], row[1], (11.0, *row[2][1:])
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "table.md")
            with open(path, "w", encoding="utf-8") as file:
                file.write(f"before\n{table.BEGIN}\n{table.END}\nafter\n")
            table.update(path, [row])
            self.assertEqual(table.compare(path, [row]), 0)
            with contextlib.redirect_stdout(io.StringIO()):
                self.assertEqual(table.compare(path, [more]), 1)
                self.assertGreater(table.compare(path, []), 0)


class Following(unittest.TestCase):
    def test_what_is_not_known_is_said(self):
        i = listing.instruction("        /*0010*/                   FROB R1, R2 ;   /* 0x0000000000000000 */", 0)
        with self.assertRaises(Unknown):
            Thread(90, b"", 32, 1).execute(i)

    def test_carries(self):
        t = Thread(90, b"", 32, 1)
        for line in ("MOV R2, 0xffffffff", "MOV R3, 0x1", "IADD3 R4, P0, R2, R3, RZ", "IADD3.X R5, RZ, R3, RZ, P0, !PT"):
            t.execute(listing.instruction(f"        /*0010*/      {line} ;   /* 0x0000000000000000 */", 0))
        self.assertEqual((t.r["R", 4], t.r["R", 5]), (0, 2))

    def test_what_shared_memory_keeps(self):
        """Of a tensor: what this thread has put there and what its neighbours have; not what it has made itself."""
        t = Thread(90, b"", 32, 1)

        def instruction(line):
            return listing.instruction(f"        /*0010*/      {line} ;   /* 0x0000000000000000 */", 0)

        copy = instruction("LDGSTS.E.BYPASS.128 [R2+0x400], [R4.64]")
        t.execute(copy)
        t.loaded_from(copy, "x")
        self.assertEqual(t.kept_at(instruction("LDS.128 R8, [R2+0x400]")), "x")
        self.assertEqual(t.kept_at(instruction("LDS.128 R8, [R2+0x5f0]")), "x")  # the block's last thread's
        self.assertIsNone(t.kept_at(instruction("LDS.128 R8, [R2+0x600]")))
        self.assertIsNone(t.kept_at(instruction("LDS R8, [R2+0x410]")))  # no octet
        t.execute(instruction("STS.128 [R2+0x400], R12"))
        self.assertIsNone(t.kept_at(instruction("LDS.128 R8, [R2+0x400]")))

    def test_what_is_asked_ahead(self):
        ahead = trace.Ahead()
        ahead.asked(0x1000, 1024, 32)
        self.assertEqual(ahead.bytes(), 32)
        ahead.loaded(0x1000, 16)
        ahead.loaded(0x2000, 16)  # nobody has asked for it
        self.assertEqual(ahead.bytes(), 16)
        ahead.loaded(0x13F0, 16)
        self.assertEqual(ahead.bytes(), 0)
        ahead.asked(0x1000, 16, 1)
        self.assertEqual(ahead.bytes(), 16)

    def test_requests_of_lanes_one_after_another(self):
        """The loop in which the lanes of a warp hand over their addresses ends with this one."""
        t = Thread(90, b"", 32, 1)
        t.p["P0"] = True
        t.r["R", 2], t.r["R", 3] = 0x10, 1
        for line in ("R2UR P0, UR4, R2", "R2UR.OR P0, UR5, R3"):
            t.execute(listing.instruction(f"        /*0010*/      {line} ;   /* 0x0000000000000000 */", 0))
        t.r["UR", 6] = 0x40
        self.assertFalse(t.p["P0"])
        self.assertEqual(t.fetched_ahead(listing.instruction(
            "        /*0010*/      UBLKPF.L2 [UR4], UR6 ;   /* 0x0000000000000000 */", 0)), (1 << 32 | 0x10, 64))

    def test_a_full_turn_counts(self):
        def turn(length, bytes_):
            steps = [trace.Step(None, None, 0, None, 0, 0)] * (length - 1)
            load = listing.instruction("        /*0010*/      LDG.E.128 R4, [R2.64] ;   /* 0x0000000000000000 */", 0)
            return steps + [trace.Step(load, "x", bytes_, None, 0, 0)]

        turns = [turn(90, 32), turn(100, 32), turn(101, 32), turn(95, 16), turn(400, 64)]
        self.assertEqual(len(trace._full_turn(turns, 2)), 100)

    def test_votes_that_all_lanes_cast_alike(self):
        t = Thread(90, b"", 32, 1)
        t.execute(listing.instruction("        /*0010*/      VOTE.ANY P1, !PT ;   /* 0x0000000000000000 */", 0))
        self.assertFalse(t.p["P1"])
        t.execute(listing.instruction("        /*0010*/      VOTE.ANY P1, PT ;   /* 0x0000000000000000 */", 0))
        self.assertTrue(t.p["P1"])


if __name__ == "__main__":
    unittest.main()
