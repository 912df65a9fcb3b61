"""libwn_bench_session by ctypes: the buffers, the oracle and the peers of wn_bench. bench_session.h is the manual."""

import ctypes
import json

TEXT = 400


class NotPossible(Exception):
    """A case that cannot be opened; the text says why."""


def load(path):
    library = ctypes.CDLL(str(path))
    void, text, integer, boolean = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_bool
    signatures = {
        "open": (void, [text, text, boolean, ctypes.c_uint64, text, ctypes.c_size_t]),
        "close": (None, [void]),
        "slots": (integer, [void]),
        "array": (void, [void, integer, text, boolean]),
        "peers": (integer, [void]),
        "peer": (text, [void, integer]),
        "version": (text, [void, integer]),
        "ranked": (boolean, [void, integer]),
        "ready": (boolean, [void, integer, text, ctypes.c_size_t]),
        "run": (boolean, [void, integer, integer]),
        "read_back": (boolean, [void, integer, integer]),
        "writes": (boolean, [void, integer, text]),
        "reset": (boolean, [void]),
        "judge": (boolean, [void, text, boolean, ctypes.POINTER(ctypes.c_double), text, ctypes.c_size_t]),
        "environment": (None, [void, text, text, ctypes.c_size_t]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, "bench_session_" + name)
        function.restype, function.argtypes = result, arguments
    return library


class Session:
    """One case. `case` is a line of `wn_bench --list --json -`, read."""

    def __init__(self, library, case, device, cold, memory_bytes):
        self.library, self.case = library, case
        why = ctypes.create_string_buffer(TEXT)
        self.handle = library.bench_session_open(
            case["case"].encode(), device.encode(), cold, memory_bytes, why, TEXT
        )
        if not self.handle:
            raise NotPossible(why.value.decode())
        self.slots = library.bench_session_slots(self.handle)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.library.bench_session_close(self.handle)

    def address(self, slot, name, result=False):
        """Of an array in a slot; None where the case has none of that name."""
        return self.library.bench_session_array(self.handle, slot, name.encode(), result)

    def reset(self):
        assert self.library.bench_session_reset(self.handle), "the buffers could not be filled"

    def judge(self, names, ours=False):
        """(right, error over tolerance, what is wrong) of the results of these names in slot 0."""
        worst, text = ctypes.c_double(), ctypes.create_string_buffer(TEXT)
        right = self.library.bench_session_judge(
            self.handle, " ".join(names).encode(), ours, ctypes.byref(worst), text, TEXT
        )
        return right, worst.value, text.value.decode()

    def environment(self, tool):
        text = ctypes.create_string_buffer(4096)
        self.library.bench_session_environment(self.handle, tool.encode(), text, 4096)
        return json.loads(text.value)

    def peers(self):
        return [NativePeer(self, i) for i in range(self.library.bench_session_peers(self.handle))]


RESULTS = ["y", "sum", "mean", "rstd", "running_mean", "running_var", "dx", "dresidual", "dgamma", "dbeta"]


class NativePeer:
    """A peer of wn_bench."""

    def __init__(self, session, index):
        library, handle = session.library, session.handle
        self.session, self.index = session, index
        self.name = library.bench_session_peer(handle, index).decode()
        self.version = library.bench_session_version(handle, index).decode()
        self.ranked = library.bench_session_ranked(handle, index)
        self.results = [n for n in RESULTS if library.bench_session_writes(handle, index, n.encode())]

    def prepare(self, session):
        """None, or why the peer cannot do the case."""
        why = ctypes.create_string_buffer(TEXT)
        ready = session.library.bench_session_ready(session.handle, self.index, why, TEXT)
        return None if ready else why.value.decode()

    def run(self, slot):
        if not self.session.library.bench_session_run(self.session.handle, self.index, slot):
            raise RuntimeError("the call failed")

    def write_results(self):
        """Runs on slot 0 and leaves the results in its arrays."""
        self.run(0)
        assert self.session.library.bench_session_read_back(self.session.handle, self.index, 0)
