"""Networks to and from other libraries: PyTorch modules, ONNX files."""

from __future__ import annotations

import functools
import importlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sublinear.arrays import as_integer
from sublinear.files import write_whole
from sublinear.network_record import RECORD, NetworkRecord

if TYPE_CHECKING:
    from sublinear.network import TwoLayerNetwork

_ARRAYS = ("weights", "biases", "output_weights")
_FIRST_OPSET = 12  # the oldest that is tested
_ONNX_BYTES = 2**31 - 2**16  # what a protobuf message holds, less room for the graph around the arrays


def _library(name: str, what: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(f"{what} needs {name}; pip install 'sublinear[{name}]'") from error


def to_torch(network: TwoLayerNetwork, class_logits: bool) -> Any:
    """What `TwoLayerNetwork.to_torch` gives: a `TwoLayerModule`."""
    torch = _library("torch", "to_torch")
    arrays = {name: torch.from_numpy(array) for name, array in network.copied_arrays().items()}
    scalars = {
        name: torch.tensor(getattr(network, name), dtype=arrays["weights"].dtype) for name in ("threshold", "scale")
    }
    module = _module_class()(**arrays, **scalars, activation=network.activation, class_logits=class_logits)
    module.record = network.record
    return module


@functools.cache
def _module_class() -> Any:
    torch = _library("torch", "TwoLayerModule")
    base: Any = torch.nn.Module

    class TwoLayerModule(base):  # type: ignore[misc]
        """A `TwoLayerNetwork` in PyTorch, differentiable in its inputs and in `weights`.

        ``forward(x)`` takes x (n, d) of the dtype and device of `weights` and gives (n, c); with `class_logits` and one
        output (n, 2), the columns 0 and f. `weights` (m, d) is the parameter; `biases` (m,), `output_weights` (m, c),
        `threshold` and `scale` are buffers. The derivative of the firing itself is ignored, as in training. `record` is
        the network's, or None; pickles keep it and state dicts do not.
        """

        record: NetworkRecord | None = None

        def __init__(
            self,
            weights: Any,
            biases: Any,
            output_weights: Any,
            threshold: Any,
            scale: Any,
            activation: str,
            class_logits: bool,
        ) -> None:
            super().__init__()
            self.weights = torch.nn.Parameter(weights)
            self.register_buffer("biases", biases)
            self.register_buffer("output_weights", output_weights)
            self.register_buffer("threshold", threshold)
            self.register_buffer("scale", scale)
            self.activation = activation
            self.class_logits = class_logits

        def forward(self, x: Any) -> Any:
            z = torch.nn.functional.linear(x, self.weights, self.biases)
            passed = z - self.threshold if self.activation == "shifted" else z
            # What rests gives 0. NaN neither rests nor fires: it goes on, for the library would have refused it.
            f = self.scale * (torch.where(z < self.threshold, 0.0, passed) @ self.output_weights)
            return torch.nn.functional.pad(f, (1, 0)) if self.class_logits and f.shape[-1] == 1 else f

        def extra_repr(self) -> str:
            (width, n_features), n_outputs = self.weights.shape, self.output_weights.shape[1]
            return (
                f"width={width}, n_features={n_features}, n_outputs={n_outputs}, threshold={self.threshold:.6g}, "
                f"scale={self.scale:.6g}, activation={self.activation!r}, class_logits={self.class_logits}"
            )

    TwoLayerModule.__qualname__ = "TwoLayerModule"  # where __getattr__ below finds it, for pickling
    return TwoLayerModule


def __getattr__(name: str) -> Any:
    if name == "TwoLayerModule":
        return _module_class()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def from_torch(network_class: type[TwoLayerNetwork], module: Any) -> TwoLayerNetwork:
    """What `TwoLayerNetwork.from_torch` gives."""
    torch = _library("torch", "from_torch")
    if isinstance(module, _module_class()):
        arrays = {name: _array(getattr(module, name), name) for name in _ARRAYS}
        threshold, scale = float(module.threshold), float(module.scale)
        network = network_class(**arrays, threshold=threshold, scale=scale, activation=module.activation)
        network.record = module.record
        return network
    expected = "give what to_torch made, or torch.nn.Sequential(Linear, ReLU, Linear without bias)"
    if not isinstance(module, torch.nn.Sequential):
        raise TypeError(f"module is a {type(module).__name__}; {expected}")
    kinds = (torch.nn.Linear, torch.nn.ReLU, torch.nn.Linear)
    if len(module) != len(kinds) or not all(map(isinstance, module, kinds)):
        raise TypeError(f"module is a Sequential({', '.join(type(layer).__name__ for layer in module)}); {expected}")
    hidden, _, last = module
    if last.bias is not None and bool((last.bias != 0).any()):
        raise ValueError(
            "the last layer of module has a bias that is not 0 and a TwoLayerNetwork has none there; "
            "give Linear(..., bias=False)"
        )
    if hidden.weight.dtype != last.weight.dtype:
        raise TypeError(
            f"the layers of module have dtypes {hidden.weight.dtype} and {last.weight.dtype}; give one dtype, "
            "such as module.float() has"
        )
    return network_class(
        _array(hidden.weight, "the first layer's weight"),
        _array(last.weight, "the last layer's weight").T,
        None if hidden.bias is None else _array(hidden.bias, "the first layer's bias"),
    )


def _array(tensor: Any, what: str) -> NDArray[Any]:
    torch = _library("torch", "from_torch")
    if tensor.dtype not in (torch.float32, torch.float64):
        raise TypeError(f"{what} has dtype {tensor.dtype}; give float32 or float64, such as module.float() has")
    return tensor.detach().cpu().numpy()  # type: ignore[no-any-return]


def to_onnx(network: TwoLayerNetwork, path: str | os.PathLike[str], opset: int) -> None:
    """What `TwoLayerNetwork.to_onnx` does."""
    onnx = _library("onnx", "to_onnx")
    newest = onnx.defs.onnx_opset_version()
    if not _FIRST_OPSET <= as_integer(opset, "opset") <= newest:
        raise ValueError(f"opset is {opset}; give {_FIRST_OPSET} to {newest}, the newest of the installed onnx")
    arrays = network.copied_arrays()
    size = sum(array.nbytes for array in arrays.values())
    if size > _ONNX_BYTES:
        raise ValueError(
            f"the network has {size} bytes and an ONNX file holds at most {_ONNX_BYTES}; save it with save(path), "
            "or give a narrower network"
        )
    zero = network.dtype.type(0)
    scalars = {"threshold": network.threshold, "scale": network.scale, "zero": zero}
    arrays |= {name: np.asarray(value, network.dtype) for name, value in scalars.items()}
    model = _model(onnx, arrays, network.activation, opset)
    metadata = {name: repr(getattr(network, name)) for name in ("threshold", "scale")}
    record = {} if network.record is None else {RECORD: network.record.to_json()}
    onnx.helper.set_model_props(model, {**metadata, "activation": network.activation, **record})
    onnx.checker.check_model(model, full_check=True)
    write_whole(Path(path), model.SerializeToString())


def _model(onnx: Any, arrays: dict[str, NDArray[Any]], activation: str, opset: int) -> Any:
    helper = onnx.helper
    nodes = [
        helper.make_node("Gemm", ["x", "weights", "biases"], ["z"], transB=1),
        # What rests gives 0. NaN neither rests nor fires: it goes on, for the library would have refused it.
        helper.make_node("Less", ["z", "threshold"], ["rests"]),
        *([helper.make_node("Sub", ["z", "threshold"], ["passed"])] if activation == "shifted" else []),
        helper.make_node("Where", ["rests", "zero", "passed" if activation == "shifted" else "z"], ["active"]),
        # Not MatMul: onnxruntime would join it with the Mul, and round the scale to float32.
        helper.make_node("Gemm", ["active", "output_weights"], ["sums"]),
        helper.make_node("Mul", ["sums", "scale"], ["f"]),
    ]
    dtype = helper.np_dtype_to_tensor_dtype(arrays["weights"].dtype)
    graph = helper.make_graph(
        nodes,
        "two_layer_network",
        [helper.make_tensor_value_info("x", dtype, ["n", arrays["weights"].shape[1]])],
        [helper.make_tensor_value_info("f", dtype, ["n", arrays["output_weights"].shape[1]])],
        [onnx.numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    # The oldest file format that has the operators: runtimes lag behind the newest one.
    oldest = helper.find_min_ir_version_for(opsets)
    return helper.make_model(graph, producer_name="sublinear", opset_imports=opsets, ir_version=oldest)
