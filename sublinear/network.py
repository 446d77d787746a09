"""The two-layer network."""

from __future__ import annotations

import json
import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sublinear import _training
from sublinear.arrays import as_floats, as_integer, as_number, as_points, as_seed, as_threads, float_dtype
from sublinear.files import reading_tensors, write_whole
from sublinear.indexes import INDEXES
from sublinear.network_record import RECORD, NetworkRecord
from sublinear.reported import Reported
from sublinear.work import Work

_Choice = TypeVar("_Choice")

_FORMAT = "sublinear-two-layer-network-1"


#: What `TwoLayerNetwork.random` takes as `init`.
INITIALIZATIONS: tuple[str, ...] = tuple(_training.initialization_names())


def _choice(value: object, what: str, known: tuple[_Choice, ...]) -> _Choice:
    if value not in known:
        raise ValueError(f"{what} is {value!r}; known are {', '.join(map(repr, known))}")
    return known[known.index(value)]


class TwoLayerNetwork:
    """``f(x) = scale * sum_r a_r act(z_r)`` over the neurons that fire, with ``z_r = <w_r, x> + bias_r``.

    Neuron r fires iff ``z_r >= threshold``, inclusive, by the library's canonical inner product. A fired neuron passes
    on ``z_r - threshold`` (activation "shifted"; Song, Yang, Zhang) or ``z_r`` ("jump"; Gao et al.). The weights are
    trained, in place, by `Trainer`, and the biases where it is told so.

    Parameters
    ----------
    weights : array-like (m, d)
        One row a neuron. float32 and float64 are kept; integers and lists become float64.
    output_weights : array-like (m, c) or (m,)
        For c outputs; rounded to the dtype of `weights`.
    biases : array-like (m,), optional
        Default zeros.
    threshold, scale : float
        Rounded to nearest in the dtype. `scale` is not 0.
    activation : "shifted" or "jump"
    dtype : float32 or float64, optional
        Precision of everything; wider data is rounded to nearest.

    Raises
    ------
    ValueError, TypeError
        For values that are not finite numbers, or shapes that do not fit together.

    Notes
    -----
    Thread safety: any thread may call anything. Questions run at the same time; a training step in another thread waits
    for those that began before it, and later ones wait for it, so every answer is of one state of the weights. The
    views (`weights` and such) wait for nobody and show steps half done. RuntimeError where a thread would wait for
    itself.
    """

    def __init__(
        self,
        weights: ArrayLike,
        output_weights: ArrayLike,
        biases: ArrayLike | None = None,
        threshold: float = 0.0,
        scale: float = 1.0,
        activation: str = "shifted",
        dtype: Any = None,
    ) -> None:
        rows = as_points(weights, "weights", dtype=dtype)
        given = np.asarray(output_weights)
        a = as_floats(given[:, None] if given.ndim == 1 else given, 2, "output_weights", rows.dtype)
        b = np.zeros(len(rows), rows.dtype) if biases is None else as_floats(biases, 1, "biases", rows.dtype)
        for array, what in ((a, "output_weights"), (b, "biases")):
            if len(array) != len(rows):
                raise ValueError(f"{what} has {len(array)} rows and weights has {len(rows)}; give one for each neuron")
        self._adopt(
            _training.make_network(
                rows,
                a,
                b[None, :],
                as_number(threshold, "threshold"),
                as_number(scale, "scale"),
                _choice(activation, "activation", ("shifted", "jump")),
            )
        )

    @classmethod
    def random(
        cls,
        n_features: int,
        width: int,
        n_outputs: int = 1,
        init: str = "ntk",
        seed: int = 0,
        coupled: bool = False,
        bias: str | None = None,
        activation: str | None = None,
        kappa: float | None = None,
        dtype: Any = "float32",
        bias_value: float = 0.0,
    ) -> TwoLayerNetwork:
        """Draws a network; its bits are a function of the arguments alone.

        Parameters
        ----------
        n_features, width, n_outputs : int >= 1
            d, m and c.
        init : "ntk", "hu", "gao" or "zhang"
            "ntk": w ~ N(0, I), a = +-1, scale 1/sqrt(m), no biases, "shifted" (Song, Yang, Zhang 2021). "hu": the same
            with a higher threshold (Hu, Song, Weinstein, Zhuo 2022). "gao": w and biases ~ N(0, 1/m), a = +-m^(-1/5),
            scale 1, "jump" (Gao, Qin, Song, Wang 2022). "zhang": w and biases ~ N(0, 1/m), a = +-m^(-1/3), scale 1,
            threshold 0, "shifted", which is ReLU: half of all neurons fire (Zhang et al. 2020).
        coupled : bool
            Neurons in pairs with equal w and opposite a, so that f = 0 exactly (Munteanu et al. 2022); even width.
        bias : None, "zero", "gaussian" or "constant"
            "constant": all are `bias_value`. With -B, kappa 0 and `Trainer(train_biases=True)` they are the large
            trainable biases of Yang et al. 2023.
        activation : None, "shifted" or "jump"
            None: as `init` has them, here and for `bias`.
        kappa : float >= 0, default sqrt(0.4 log m); "hu" sqrt(0.48 log m), "zhang" 0
            Threshold in standard deviations of z at a unit input, a constant bias not counted.
        bias_value : float
            Rounded to the dtype; other than 0 with "constant" only.
        """
        if kappa is not None:
            as_number(kappa, "kappa", 0)
        core = _training.random_network(
            float_dtype(dtype) == np.float32,
            _choice(init, "init", INITIALIZATIONS),
            as_integer(n_features, "n_features", 1),
            as_integer(width, "width", 1),
            as_integer(n_outputs, "n_outputs", 1),
            as_seed(seed),
            -1.0 if kappa is None else float(kappa),
            bool(coupled),
            _choice(bias, "bias", (None, "zero", "gaussian", "constant")),
            as_number(bias_value, "bias_value"),
            _choice(activation, "activation", (None, "shifted", "jump")),
        )
        return cls._of(core)

    @classmethod
    def _of(cls, core: _training.Network) -> TwoLayerNetwork:
        network = cls.__new__(cls)
        network._adopt(core)
        return network

    def _adopt(self, core: _training.Network) -> None:
        self._core = core
        self._record: NetworkRecord | None = None
        self._predictors: dict[tuple[str, float], tuple[int, _training.Predictor]] = {}

    def copy(self) -> TwoLayerNetwork:
        """A network of its own with the same bits."""
        copied = self._of(self._core.copy())
        copied._record = self._record
        return copied

    @property
    def record(self) -> NetworkRecord | None:
        """What the network was trained on and how, which `save` writes and `load` brings back; None where nobody said.

        `sublinear train` sets it. Who trains with a `Trainer` says it by ``net.record = NetworkRecord(data.record)``,
        with `data` from `load_dataset`. ValueError for a record of other sizes, TypeError for anything else.
        """
        return self._record

    @record.setter
    def record(self, record: NetworkRecord | None) -> None:
        if record is not None:
            if not isinstance(record, NetworkRecord):
                raise TypeError(f"record is {record!r}; give a NetworkRecord or None")
            record.check(self.n_features, self.n_outputs)
        self._record = record

    @property
    def weights(self) -> NDArray[Any]:
        """(m, d), a read-only view that shows training as it goes on."""
        return self._core.view("weights")

    @property
    def biases(self) -> NDArray[Any]:
        """(m,), a read-only view."""
        return self._core.view("biases")

    @property
    def output_weights(self) -> NDArray[Any]:
        """(m, c), a read-only view."""
        return self._core.view("output_weights")

    @property
    def threshold(self) -> float:
        """Firing is z >= this."""
        return float(self._core.threshold)

    @property
    def scale(self) -> float:
        """What the sum over neurons is multiplied by."""
        return float(self._core.scale)

    @property
    def activation(self) -> str:
        """ "shifted" or "jump"."""
        return str(self._core.activation)

    @property
    def width(self) -> int:
        """m, the number of neurons."""
        return int(self.weights.shape[0])

    @property
    def n_features(self) -> int:
        """d, the dimension of inputs."""
        return int(self.weights.shape[1])

    @property
    def n_outputs(self) -> int:
        """c."""
        return int(self._core.outputs)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Precision of the weights and of all arithmetic of the network."""
        return self.weights.dtype

    @property
    def version(self) -> int:
        """Grows with every change of the weights or biases."""
        return int(self._core.version)

    def decision_function(self, X: ArrayLike, index: str | None = None, threads: int | None = None) -> NDArray[Any]:
        """f at each row of X (n, d): (n,) for one output, (n, c) for several.

        Touches only neurons that can fire: found by a scan, or with `index` (a key of `INDEXES`) by that index over the
        lifted weights, built at the first use and kept until the weights change. `index` and `threads` change speed
        only. Raises ValueError for inputs that do not fit.
        """
        points = self._points(X)
        with self.reading():
            outputs = self.predictor(index, 2.0, threads).decision_function(points, as_threads(threads))
        return outputs[:, 0] if self.n_outputs == 1 else outputs

    def fired(self, X: ArrayLike, index: str | None = None, threads: int | None = None) -> Reported:
        """The neurons that fire at each row of X, ascending. Parameters as in `decision_function`."""
        points = self._points(X)
        with self.reading():
            indptr, ids, work = self.predictor(index, 2.0, threads).fired(points, as_threads(threads))
        return Reported(indptr, ids, Work(*work), self.width)

    def prune(
        self, X: ArrayLike, radius: ArrayLike = 0.0, norm: float | str = 2, threads: int | None = None
    ) -> TwoLayerNetwork:
        """A network without the neurons that can fire in no ball around a row of X (n, d).

        Its outputs are the same, to the last bit, at every point within `radius` (a number, or (n,)) of a row in `norm`
        (2 or inf), rounding included; elsewhere they may differ. Smaller files, faster prediction. At least one neuron
        stays. The record goes with it. Raises ValueError for arguments that do not fit.
        """
        from sublinear.certification import reachable_neurons

        with self.reading():
            kept = reachable_neurons(self, X, radius, norm, threads)
            arrays = self.copied_arrays()
        ids = kept if len(kept) else np.zeros(1, np.int64)
        pruned = TwoLayerNetwork(
            arrays["weights"][ids],
            arrays["output_weights"][ids],
            arrays["biases"][ids],
            threshold=self.threshold,
            scale=self.scale,
            activation=self.activation,
        )
        pruned.record = self.record
        return pruned

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a safetensors file, whole or not at all: the three arrays, and in its metadata scalars and record."""
        from safetensors.numpy import save

        arrays = self.copied_arrays()
        scalars = {"threshold": self.threshold, "scale": self.scale, "activation": self.activation}
        metadata = {"format": _FORMAT, "scalars": json.dumps(scalars)}
        if self.record is not None:
            metadata[RECORD] = self.record.to_json()
        write_whole(Path(path), save(arrays, metadata))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> TwoLayerNetwork:
        """The network that `save` wrote. Raises ValueError for a file that is damaged or no such network."""
        with reading_tensors(path, "network of this library", _FORMAT) as (file, metadata):
            arrays = {name: file.get_tensor(name) for name in ("weights", "biases", "output_weights")}
            scalars = json.loads(metadata["scalars"])
            options = {name: scalars[name] for name in ("threshold", "scale", "activation")}
            network = cls(arrays["weights"], arrays["output_weights"], arrays["biases"], **options)
            if RECORD in metadata:  # files of earlier versions have none
                network.record = NetworkRecord.from_json(metadata[RECORD])
            return network

    def to_torch(self, class_logits: bool = False) -> Any:
        """A `torch.nn.Module` of the same function, dtype and weights (copied), differentiable.

        ``module(x)`` takes a tensor (n, d) of the network's dtype and gives (n, c), also for one output: (n, 1). With
        `class_logits` a network of one output gives (n, 2), the logits 0 and f of its classes -1 and +1: softmax
        cross-entropy is then the logistic loss; several outputs are logits already. `module.weights` is the parameter;
        biases, output weights, threshold and scale are buffers; `module.record` is the record. Sums are PyTorch's, so
        outputs agree up to rounding; an input with NaN gives NaN. Raises ImportError without torch.
        """
        from sublinear import exchange

        return exchange.to_torch(self, class_logits)

    @classmethod
    def from_torch(cls, module: Any) -> TwoLayerNetwork:
        """A network with the weights (copied) of a module that `to_torch` made, to the last bit, and its record.

        Also takes `torch.nn.Sequential(Linear, ReLU, Linear)` in float32 or float64 with no output bias, or one of
        zeros: threshold 0, scale 1, "shifted". Raises TypeError or ValueError for other modules, ImportError without
        torch.
        """
        from sublinear import exchange

        return exchange.from_torch(cls, module)

    def to_onnx(self, path: str | os.PathLike[str], opset: int = 17) -> None:
        """Writes an ONNX file, whole or not at all: input "x" (n, d), output "f" (n, c), both of the network's dtype.

        Threshold, scale, activation and record are in its metadata. `opset` is 12 or later. Sums are the runtime's, so
        outputs agree up to rounding; an input with NaN gives NaN. Raises ValueError for networks of 2 GB and more and
        for opsets that the installed onnx does not know, ImportError without onnx.
        """
        from sublinear import exchange

        exchange.to_onnx(self, path, opset)

    def __reduce__(self) -> tuple[Any, ...]:
        arrays = self.copied_arrays()
        record = None if self.record is None else self.record.to_json()
        ordered = (arrays[name] for name in ("weights", "output_weights", "biases"))
        return _of_arrays, (*ordered, self.threshold, self.scale, self.activation, record)

    def __repr__(self) -> str:
        return (
            f"TwoLayerNetwork(width={self.width}, n_features={self.n_features}, n_outputs={self.n_outputs}, "
            f"threshold={self.threshold:.6g}, scale={self.scale:.6g}, activation={self.activation!r}, "
            f"dtype={self.dtype})"
        )

    def reading(self) -> AbstractContextManager[None]:
        """A context in which no other thread trains the network. For the library's own modules."""
        return self._core.reading()

    def copied_arrays(self) -> dict[str, NDArray[Any]]:
        """Copies of "weights", "biases" and "output_weights", all of one moment of training."""
        with self.reading():
            return {name: np.array(getattr(self, name)) for name in ("weights", "biases", "output_weights")}

    def predictor(self, index: str | None, norm: float, threads: int | None) -> _training.Predictor:
        """What answers for these weights, kept until they change. For the library's own modules, inside `reading`."""
        if index is not None and index != "auto" and index not in INDEXES:
            raise ValueError(f"index is {index!r}; known are 'auto', {', '.join(map(repr, INDEXES))}, or None to scan")
        if index is not None and index != "auto" and not INDEXES[index].exact:
            raise ValueError(f"index {index!r} is approximate, and predictions miss no neuron; give an exact one")
        key = (index or "", norm)
        kept = self._predictors.get(key)
        if kept is None or kept[0] != self.version:
            made = _training.make_predictor(self._core, key[0], norm, as_threads(threads))
            kept = self._predictors[key] = (self.version, made)
        return kept[1]

    def _points(self, X: ArrayLike) -> NDArray[Any]:
        return as_points(X, "X", self.n_features, self.dtype)


def _of_arrays(
    weights: NDArray[Any],
    output_weights: NDArray[Any],
    biases: NDArray[Any],
    threshold: float,
    scale: float,
    activation: str,
    record: str | None = None,
) -> TwoLayerNetwork:
    network = TwoLayerNetwork(weights, output_weights, biases, threshold=threshold, scale=scale, activation=activation)
    network.record = None if record is None else NetworkRecord.from_json(record)
    return network
