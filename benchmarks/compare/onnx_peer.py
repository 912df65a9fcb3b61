"""onnxruntime on the processor: inference of each kind as one operator, on the buffers of a session."""

import numpy
import onnx
import onnxruntime

TYPES = {"f32": (numpy.float32, onnx.TensorProto.FLOAT), "f64": (numpy.float64, onnx.TensorProto.DOUBLE)}
OPERATORS = {
    "layer": ("LayerNormalization", 17),
    "rms": ("RMSNormalization", 23),
    "batch": ("BatchNormalization", 17),
    "group": ("GroupNormalization", 21),
    "instance": ("InstanceNormalization", 17),
}


class OnnxPeer:
    name, ranked, what = "onnxruntime", True, "onnxruntime, one operator"
    results = ["y"]

    def __init__(self, device):
        self.device, self.version = device, onnxruntime.__version__

    def cannot(self, case):
        if self.device != "cpu":
            return "measured on the processor only"
        if case["pass"] != "infer" and not (case["pass"] == "train" and case["kind"] != "batch"):
            return "inference only"
        if case["type_of_x"] not in TYPES:
            return "16-bit types are not offered on the processor"
        if case["act"] != "none" or case["add"] != "none":
            return "one operator only"
        if case["layout"] == "nxc" and case["kind"] not in ("layer", "rms"):
            return "channels first only"
        if case["kind"] in ("layer", "rms") and case["layout"] == "ncx" and case["axes"]:
            return "normalizes trailing axes only"
        return None

    def model(self, case, shape):
        operator, opset = OPERATORS[case["kind"]]
        element = TYPES[case["type_of_x"]][1]
        vectors = {"rms": ["gamma"], "batch": ["gamma", "beta", "running_mean", "running_var"]}.get(
            case["kind"], ["gamma", "beta"])
        attributes = {"epsilon": case["eps"]}
        if case["kind"] == "group":
            attributes["num_groups"] = case["groups"]
        if case["kind"] in ("layer", "rms"):
            attributes["axis"] = -1
        node = onnx.helper.make_node(operator, ["x", *vectors], ["y"], **attributes)
        value = onnx.helper.make_tensor_value_info
        graph = onnx.helper.make_graph(
            [node], "norm",
            [value("x", element, shape)] + [value(v, element, [case["c"]]) for v in vectors],
            [value("y", element, shape)])
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)])
        model.ir_version = 10
        return model, vectors

    def prepare(self, session):
        case = session.case
        why = self.cannot(case)
        if why is not None:
            return why
        n, c, axes = case["n"], case["c"], case["axes"]
        shape = [n, *axes, c] if case["layout"] == "nxc" else [n, c, *axes]
        model, vectors = self.model(case, shape)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = session.environment("")["threads"]
        # Its threads wait for the next run in a loop, for longer than any pause between peers: they would take the cores
        # of whoever comes next. Within a run they wait as they do by default.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        self.session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        element = TYPES[case["type_of_x"]][0]
        self.bindings = []
        for slot in range(session.slots):
            binding = self.session.io_binding()
            binding.bind_input("x", "cpu", 0, element, shape, session.address(slot, "x"))
            for name in vectors:
                binding.bind_input(name, "cpu", 0, element, [c], session.address(slot, name))
            binding.bind_output("y", "cpu", 0, element, shape, session.address(slot, "y", True))
            self.bindings.append(binding)
        return None

    def run(self, slot):
        self.session.run_with_iobinding(self.bindings[slot])

    def write_results(self):
        self.run(0)
