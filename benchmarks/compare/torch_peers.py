"""PyTorch and libraries that plug into it, on the buffers of a session."""

import ctypes
import importlib

import torch
import torch.nn.functional as functional

TYPES = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16, "f64": torch.float64}
# An integer type of the same size: interfaces to foreign memory know no bf16.
WORDS = {2: (torch.int16, "<i2"), 4: (torch.int32, "<i4"), 8: (torch.int64, "<i8")}
ACTIVATIONS = {
    "none": lambda z: z,
    "relu": functional.relu,
    "leaky-relu": functional.leaky_relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "gelu": functional.gelu,
    "gelu-tanh": lambda z: functional.gelu(z, approximate="tanh"),
    "silu": functional.silu,
}


def wrap(address, count, dtype, device):
    """A tensor over memory that is not PyTorch's."""
    size = torch.empty(0, dtype=dtype).element_size()
    if device == "cpu":
        memory = (ctypes.c_byte * (count * size)).from_address(address)
        return torch.frombuffer(memory, dtype=dtype)
    word, typestr = WORDS[size]
    interface = {"shape": (count,), "typestr": typestr, "data": (address, False), "version": 3}
    holder = type("Foreign", (), {"__cuda_array_interface__": interface})()
    return torch.as_tensor(holder, device=device).view(word).view(dtype)


class Arrays:
    """The arrays of a slot as tensors in PyTorch's order of axes, whatever lies innermost."""

    def __init__(self, session, slot, device):
        self.session, self.slot, self.device, self.case = session, slot, device, session.case
        self.type = TYPES[self.case["type_of_x"]]
        self.real = torch.float64 if self.type == torch.float64 else torch.float32

    def tensor(self, name, result=False):
        address = self.session.address(self.slot, name, result)
        if address is None:
            return None
        case = self.case
        n, c, axes = case["n"], case["c"], case["axes"]
        count = n * c
        for extent in axes:
            count *= extent
        flat = wrap(address, count, self.type, self.device)
        if case["layout"] == "ncx":
            return flat.view(n, c, *axes)
        view = flat.view(n, *axes, c)
        return view if case["kind"] in ("layer", "rms") else view.movedim(-1, 1)

    def vector(self, name, count, result=False):
        address = self.session.address(self.slot, name, result)
        return None if address is None else wrap(address, count, self.real, self.device)


class TorchPeer:
    """Eager PyTorch as its users call it; autograd's backward."""

    name, ranked, what = "torch", True, "PyTorch, eager"

    def __init__(self, device):
        self.device = device
        self.version = torch.__version__

    # ---- what it can do

    def cannot(self, case):
        if case["pass"] == "frozen" and case["kind"] != "batch":
            return "no running statistics"
        if case["kind"] in ("layer", "rms") and case["layout"] == "ncx" and case["axes"]:
            return "normalizes trailing axes only"
        return None

    def normalize(self, case, x, a):
        kind, eps = case["kind"], case["eps"]
        if kind == "layer":
            return functional.layer_norm(x, (case["c"],), a["gamma"], a["beta"], eps)
        if kind == "rms":
            return functional.rms_norm(x, (case["c"],), a["gamma"], eps)
        if kind == "group":
            return functional.group_norm(x, case["groups"], a["gamma"], a["beta"], eps)
        if kind == "instance":
            return functional.instance_norm(x, None, None, a["gamma"], a["beta"], True, 0.1, eps)
        training = case["pass"] in ("train", "backward")
        mean, var = a["running_mean"], a["running_var"]
        return functional.batch_norm(x, mean, var, a["gamma"], a["beta"], training, case["momentum"], eps)

    def function(self, case):
        """y, or with a residual before the norm (y, sum), of the tensors of a slot."""
        act, add = ACTIVATIONS[case["act"]], case["add"]
        backward = case["pass"] in ("backward", "frozen")

        def forward(x, residual, a):
            if add == "before" and not backward:  # backward is given the sum
                x = x + residual
            z = self.normalize(case, x, a)
            if add == "after":
                z = z + residual
            y = act(z)
            return (y, x) if add == "before" and not backward else y

        return forward

    # ---- a case made ready

    def prepare(self, session):
        why = self.cannot(session.case)
        if why is not None:
            return why
        self.session, self.case = session, session.case
        self.forward_pass = self.case["pass"] in ("train", "infer")
        call = self.function(self.case)
        self.calls = [self.bind(call, Arrays(session, slot, self.device)) for slot in range(session.slots)]
        self.results = ["y", "sum", "running_mean", "running_var"] if self.forward_pass else [
            "dx", "dresidual", "dgamma", "dbeta"]
        return None

    def bind(self, call, arrays):
        c, needs = self.case["c"], self.case["pass"] != "infer"
        a = {name: arrays.vector(name, c) for name in ("gamma", "beta", "running_mean", "running_var")}
        for name in ("gamma", "beta"):
            if a[name] is not None:
                a[name].requires_grad_(needs)
        x, residual = arrays.tensor("x"), arrays.tensor("residual")
        if self.forward_pass:
            return self.bind_forward(call, x, residual, a, needs)
        return self.bind_backward(call, x, residual, a, arrays)

    def bind_forward(self, call, x, residual, a, needs):
        x = x.detach().requires_grad_(needs)

        def forward():
            with torch.set_grad_enabled(needs):
                return call(x, residual, a)

        return forward

    def bind_backward(self, call, x, residual, a, arrays):
        x = x.detach().requires_grad_()
        wanted = [x, a["gamma"]] + ([a["beta"]] if a["beta"] is not None else [])
        if self.case["add"] == "after":
            if residual is None:  # without an activation the pass does not need it
                residual = torch.zeros_like(x)
            residual = residual.detach().requires_grad_()
            wanted.append(residual)
        # The buffers are given statistics; PyTorch makes its own, which are those to rounding. Running ones are a copy,
        # so that the forward pass leaves the session's alone.
        for name in ("running_mean", "running_var"):
            a[name] = None if a[name] is None else a[name].clone()
        y = call(x, residual, a)
        dy, dsum = arrays.tensor("dy"), arrays.tensor("dsum")

        def backward():
            gradients = torch.autograd.grad(y, wanted, dy, retain_graph=True)
            return gradients if dsum is None else (gradients[0] + dsum, *gradients[1:])

        return backward

    def run(self, slot):
        self.calls[slot]()

    # ---- the value check

    def write_results(self):
        arrays, made = Arrays(self.session, 0, self.device), self.calls[0]()
        with torch.no_grad():
            if self.forward_pass:
                y, total = made if isinstance(made, tuple) else (made, None)
                arrays.tensor("y", True).copy_(y)
                if total is not None and self.case["pass"] == "train":
                    arrays.tensor("sum", True).copy_(total)
                return
            gradients = list(made)
            arrays.tensor("dx", True).copy_(gradients.pop(0))
            arrays.vector("dgamma", self.case["c"], True).copy_(gradients.pop(0))
            if arrays.vector("dbeta", self.case["c"], True) is not None:
                arrays.vector("dbeta", self.case["c"], True).copy_(gradients.pop(0))
            if gradients:
                arrays.tensor("dresidual", True).copy_(gradients.pop(0))


class TorchGroupPeer(TorchPeer):
    """Instance norm as group norm of one channel, which is faster in places."""

    name, what = "torch-gn", "PyTorch's group norm for instance norm"

    def cannot(self, case):
        return super().cannot(case) if case["kind"] == "instance" else "the same as torch but for instance norm"

    def normalize(self, case, x, a):
        return functional.group_norm(x, case["c"], a["gamma"], a["beta"], case["eps"])


class CompiledPeer(TorchPeer):
    name, what = "torch-compile", "PyTorch, torch.compile"

    def function(self, case):
        torch._dynamo.reset()
        return torch.compile(super().function(case))


class RowPeer(TorchPeer):
    """A library that has layer or RMS norm of rows, on a GPU."""

    kinds = ()

    def __init__(self, device):
        super().__init__(device)
        module = importlib.import_module(self.module.split(".")[0])
        self.version = getattr(module, "__version__", "version not told")

    def cannot(self, case):
        if self.device == "cpu":
            return "runs on a GPU only"
        if case["kind"] not in self.kinds:
            return "has " + " and ".join(self.kinds) + " norm only"
        return super().cannot(case)


class ApexPeer(RowPeer):
    name, what, module, kinds = "apex", "NVIDIA Apex", "apex.normalization", ("layer", "rms")

    def normalize(self, case, x, a):
        apex = importlib.import_module("apex.normalization.fused_layer_norm")
        if case["kind"] == "rms":
            return apex.fused_rms_norm_affine(x, a["gamma"], (case["c"],), case["eps"])
        return apex.fused_layer_norm_affine(x, a["gamma"], a["beta"], (case["c"],), case["eps"])


class TransformerEnginePeer(RowPeer):
    name, what, module, kinds = "te", "NVIDIA TransformerEngine", "transformer_engine.pytorch", ("layer", "rms")

    def function(self, case):
        engine = importlib.import_module("transformer_engine.pytorch")
        made = engine.RMSNorm if case["kind"] == "rms" else engine.LayerNorm
        self.layer = made(case["c"], eps=case["eps"], device=self.device)
        return super().function(case)

    def normalize(self, case, x, a):
        parameters = {"weight": a["gamma"]} | ({} if a["beta"] is None else {"bias": a["beta"]})
        return torch.func.functional_call(self.layer, parameters, (x,))


class LigerPeer(RowPeer):
    name, what, module, kinds = "liger", "Liger Kernel", "liger_kernel", ("layer", "rms")

    def normalize(self, case, x, a):
        if case["kind"] == "rms":
            return importlib.import_module("liger_kernel.ops.rms_norm").LigerRMSNormFunction.apply(
                x, a["gamma"], case["eps"])
        return importlib.import_module("liger_kernel.ops.layer_norm").LigerLayerNormFunction.apply(
            x, a["gamma"], a["beta"], case["eps"])


class QuackPeer(RowPeer):
    name, what, module, kinds = "quack", "quack", "quack", ("rms",)

    def normalize(self, case, x, a):
        return importlib.import_module("quack.rmsnorm").rmsnorm(x, a["gamma"], eps=case["eps"])


PEERS = [TorchPeer, TorchGroupPeer, CompiledPeer, ApexPeer, TransformerEnginePeer, LigerPeer, QuackPeer]
