"""Wide hidden layers that take sparse inputs and change by low rank, and a network that trains one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sublinear import _training
from sublinear.arrays import (
    as_floats,
    as_integer,
    as_labels,
    as_number,
    as_points,
    as_seed,
    as_threads,
    float_dtype,
)
from sublinear.reported import Reported
from sublinear.schedules import LearningRate, as_schedule
from sublinear.trainer import DivergenceError
from sublinear.work import Counts, Work


@dataclass(frozen=True)
class LowRankWork(Counts):
    """What a call on a layer did, in counts that are the same at every SIMD level and thread count.

    base: multiply-adds with columns of W0. low_rank: with entries of U and V that are not in W0 yet. folded: those by
    which flushes bring them in. other: outside the layer (other layers, the gradient). streamed: entries of W0 that
    flushes read and write; no multiply-adds.
    """

    base: int = 0
    low_rank: int = 0
    folded: int = 0
    streamed: int = 0
    other: int = 0

    @property
    def multiply_adds(self) -> int:
        """base + low_rank + folded + other."""
        return self.base + self.low_rank + self.folded + self.other


_Lists = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[Any]]


def _sparse_rows(rows: Any, what: str, columns: int | None, dtype: np.dtype[Any]) -> _Lists:
    # (offsets, ids, values) of what is not 0 in the rows of an array or a SciPy sparse matrix, ids ascending.
    if hasattr(rows, "tocsr"):
        matrix = rows.tocsr(copy=True)
        matrix.sum_duplicates()  # sorts, too
        matrix.eliminate_zeros()
        values = as_floats(matrix.data, 1, what, dtype)
        shape, offsets, ids = matrix.shape, matrix.indptr, matrix.indices
    else:
        dense = as_floats(rows, 2, what, dtype)
        places, ids = np.nonzero(dense)
        shape, values = dense.shape, dense[places, ids]
        offsets = np.concatenate([[0], np.cumsum(np.bincount(places, minlength=len(dense)))])
    if columns is not None and shape[1] != columns:
        raise ValueError(f"{what} has shape {tuple(shape)}; give {columns} columns")
    return (
        np.ascontiguousarray(offsets, np.int64),
        np.ascontiguousarray(ids, np.int32),
        np.ascontiguousarray(values, dtype),
    )


def _transposed(matrix: Any) -> Any:
    return matrix.T if hasattr(matrix, "tocsr") else np.asarray(matrix).T


def _limit(rank_limit: int | None) -> int:
    return 0 if rank_limit is None else as_integer(rank_limit, "rank_limit", 1)


class LowRankLayer:
    """A matrix ``W = W0 + U V^T`` for sparse inputs that changes by low rank, maintained lazily.

    A product with a sparse vector touches the columns of W0 and the rows of V at its components only; new columns of U
    and V cost their entries; `flush` folds them into W0. (Song, Zhang and Zhang, ITCS 2024.)

    Parameters
    ----------
    weights : array-like (m_out, m_in)
        W0, copied. float32 and float64 are kept; integers and lists become float64.
    rank_limit : int >= 1, optional
        `add_rank` flushes once the rank has reached it. Default: by counts, once the entries of U have made products as
        much dearer as a flush moves entries of W0 (each pair added is taken for one product made). Changes speed, and
        the last bits of products, because what is in W0 is rounded in another order.
    dtype : float32 or float64, optional
        Precision of everything; wider data is rounded to nearest.

    Raises
    ------
    ValueError, TypeError
        For values that are not finite numbers, and shapes without rows or columns.

    Notes
    -----
    The same calls give the same bits at any number of threads and any instruction set. Any thread
    may call anything: products are made at the same time; `add_rank` and `flush` wait for those that began before them,
    and later ones wait for them.
    """

    def __init__(self, weights: ArrayLike, rank_limit: int | None = None, dtype: Any = None) -> None:
        self._core = _training.make_low_rank(as_points(weights, "weights", dtype=dtype), _limit(rank_limit))

    @classmethod
    def _of(cls, core: _training.LowRank) -> LowRankLayer:
        layer = cls.__new__(cls)
        layer._core = core
        return layer

    @property
    def shape(self) -> tuple[int, int]:
        """(m_out, m_in)."""
        outputs, inputs = self._core.shape
        return int(outputs), int(inputs)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Precision of the weights and of all arithmetic of the layer."""
        return np.dtype(np.float32 if self._core.is_single else np.float64)

    @property
    def rank(self) -> int:
        """The number of columns of U and V that are not in W0 yet; columns of zeros are not kept."""
        return int(self._core.rank)

    @property
    def rank_limit(self) -> int | None:
        """The rank at which `add_rank` flushes; None where counts decide."""
        return int(self._core.rank_limit) or None

    @property
    def flushes(self) -> int:
        """How often something was folded into W0."""
        return int(self._core.flushes)

    @property
    def nbytes(self) -> int:
        """Bytes that W0, U and V take."""
        return int(self._core.nbytes)

    @overload
    def apply(
        self, H: ArrayLike | Any, threads: int | None = None, return_work: Literal[False] = False
    ) -> NDArray[Any]: ...

    @overload
    def apply(
        self, H: ArrayLike | Any, threads: int | None = None, *, return_work: Literal[True]
    ) -> tuple[NDArray[Any], LowRankWork]: ...

    @overload
    def apply(
        self, H: ArrayLike | Any, threads: int | None, return_work: Literal[True]
    ) -> tuple[NDArray[Any], LowRankWork]: ...

    def apply(
        self, H: ArrayLike | Any, threads: int | None = None, return_work: bool = False
    ) -> NDArray[Any] | tuple[NDArray[Any], LowRankWork]:
        """``H @ W.T``: the products of W with the rows of H, an array (n, m_out).

        H is (n, m_in), an array or a SciPy sparse matrix; its zeros cost nothing. A component of a product sums columns
        of W0 in ascending order, then the columns of U in the order in which they were added. Costs m_out multiply-adds
        for each entry of H that is not 0, and about the entries of U for each row. With `return_work` also a
        `LowRankWork`. Raises ValueError or TypeError for H that does not fit.
        """
        products, work = self._core.apply(*_sparse_rows(H, "H", self.shape[1], self.dtype), as_threads(threads))
        return (products, LowRankWork(*work)) if return_work else products

    def add_rank(self, U: ArrayLike | Any, V: ArrayLike | Any, threads: int | None = None) -> LowRankWork:
        """Adds ``U @ V.T``, and flushes if `rank_limit` says so. U is (m_out, k), V (m_in, k), arrays or SciPy sparse.

        Costs the entries of U and V that are not 0. Raises ValueError or TypeError for what does not fit and
        DivergenceError if a weight could become infinite, with nothing changed.
        """
        outputs, inputs = self.shape
        u = _sparse_rows(_transposed(U), "the transpose of U", outputs, self.dtype)
        v = _sparse_rows(_transposed(V), "the transpose of V", inputs, self.dtype)
        if len(u[0]) != len(v[0]):
            raise ValueError(f"U has {len(u[0]) - 1} columns and V has {len(v[0]) - 1}; give as many of each")
        try:
            return LowRankWork(*self._core.add_rank(*u, *v, as_threads(threads)))
        except OverflowError as error:
            raise DivergenceError(str(error)) from None

    def flush(self, threads: int | None = None) -> LowRankWork:
        """Folds U V^T into W0: a multiply-add for each pair of entries of a column of U and its column of V."""
        return LowRankWork(*self._core.flush(as_threads(threads)))

    def to_dense(self, threads: int | None = None) -> NDArray[Any]:
        """W as an array (m_out, m_in) of its own, with the bits that W0 would have after a flush."""
        return self._core.to_dense(as_threads(threads))

    def __repr__(self) -> str:
        return f"LowRankLayer(shape={self.shape}, rank={self.rank}, rank_limit={self.rank_limit}, dtype={self.dtype})"


@dataclass
class LowRankHistory:
    """Figures of each epoch of one call of `ThreeLayerNetwork.fit`, a list each.

    loss: mean over the inputs, each just before its step. seconds: of the steps. first_share, hidden_share: fired
    neurons per input, divided by the layer's width. rank: of the hidden layer after the epoch. work: counted work.
    `first_work` is that of the first layer, once per call.
    """

    loss: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    first_share: list[float] = field(default_factory=list)
    hidden_share: list[float] = field(default_factory=list)
    rank: list[int] = field(default_factory=list)
    work: list[LowRankWork] = field(default_factory=list)
    first_work: LowRankWork = field(default_factory=LowRankWork)


class ThreeLayerNetwork:
    """``f(x) = scale * sum_r a_r act(<W_r, h>)`` with ``h_j = act(<w_j, x>)``, of which the hidden layer W is trained.

    A neuron fires where its product is >= its layer's threshold, inclusive, and passes on the difference (the shifted
    ReLU). W is a `LowRankLayer`: an input touches only those of its columns whose first-layer neurons it fires, and a
    training step adds one rank an input. (Song, Zhang and Zhang, ITCS 2024.)

    Parameters
    ----------
    first_weights : array-like (m_in, d)
        w. float32 and float64 are kept; integers and lists become float64.
    hidden_weights : array-like (m_out, m_in)
    output_weights : array-like (m_out,)
        a. Both are rounded to the dtype of `first_weights`.
    first_threshold, hidden_threshold, scale : float
        Rounded to nearest in the dtype. `scale` is not 0.
    rank_limit : int >= 1, optional
        Of the hidden layer, see `LowRankLayer`. Changes speed and the last bits.
    dtype : float32 or float64, optional

    Raises
    ------
    ValueError, TypeError
        For values that are not finite numbers, or shapes that do not fit together.

    Notes
    -----
    Reading may be done by several threads at once; training needs the network for itself.
    """

    def __init__(
        self,
        first_weights: ArrayLike,
        hidden_weights: ArrayLike,
        output_weights: ArrayLike,
        first_threshold: float = 0.0,
        hidden_threshold: float = 0.0,
        scale: float = 1.0,
        rank_limit: int | None = None,
        dtype: Any = None,
    ) -> None:
        first = as_points(first_weights, "first_weights", dtype=dtype)
        hidden = as_points(hidden_weights, "hidden_weights", len(first), first.dtype)
        a = as_floats(output_weights, 1, "output_weights", first.dtype)
        if len(a) != len(hidden):
            raise ValueError(
                f"output_weights has {len(a)} values and hidden_weights has {len(hidden)} rows; give one for each"
            )
        self._core = _training.make_three_layers(
            first,
            hidden,
            a[None, :],
            as_number(first_threshold, "first_threshold"),
            as_number(hidden_threshold, "hidden_threshold"),
            as_number(scale, "scale"),
            _limit(rank_limit),
        )

    @classmethod
    def random(
        cls,
        n_features: int,
        width: int,
        seed: int = 0,
        kappa: float | None = None,
        coupled: bool = False,
        rank_limit: int | None = None,
        dtype: Any = "float32",
    ) -> ThreeLayerNetwork:
        """Draws a network whose layers both have `width` neurons; its bits are a function of the arguments alone.

        w ~ N(0, 1), W ~ N(0, 2/m), a = +-1, scale 1/sqrt(m), as in the paper. `kappa` >= 0 gives both thresholds, in
        standard deviations of a pre-activation at a unit input; default sqrt(0.4 log m). `coupled`: hidden neurons in
        pairs with equal weights and opposite a, so that f = 0 exactly; even width.
        """
        if kappa is not None:
            as_number(kappa, "kappa", 0)
        network = cls.__new__(cls)
        network._core = _training.random_three_layers(
            float_dtype(dtype) == np.float32,
            as_integer(n_features, "n_features", 1),
            as_integer(width, "width", 1),
            as_seed(seed),
            -1.0 if kappa is None else float(kappa),
            bool(coupled),
            _limit(rank_limit),
        )
        return network

    @property
    def hidden(self) -> LowRankLayer:
        """The hidden layer itself, not a copy: what is added to it changes the network."""
        return LowRankLayer._of(self._core.hidden())

    @property
    def first_weights(self) -> NDArray[Any]:
        """(m_in, d), a copy."""
        return self._core.arrays()[0]

    @property
    def output_weights(self) -> NDArray[Any]:
        """(m_out,), a copy."""
        return self._core.arrays()[1]

    @property
    def first_threshold(self) -> float:
        """A first-layer neuron fires where its product is >= this."""
        return float(self._core.scalars[0])

    @property
    def hidden_threshold(self) -> float:
        """A hidden neuron fires where its product is >= this."""
        return float(self._core.scalars[1])

    @property
    def scale(self) -> float:
        """What the sum over hidden neurons is multiplied by."""
        return float(self._core.scalars[2])

    @property
    def n_features(self) -> int:
        """d, the dimension of inputs."""
        return int(self._core.dimension)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Precision of the weights and of all arithmetic of the network."""
        return self.hidden.dtype

    @overload
    def decision_function(
        self, X: ArrayLike, threads: int | None = None, return_work: Literal[False] = False
    ) -> NDArray[Any]: ...

    @overload
    def decision_function(
        self, X: ArrayLike, threads: int | None = None, *, return_work: Literal[True]
    ) -> tuple[NDArray[Any], LowRankWork]: ...

    @overload
    def decision_function(
        self, X: ArrayLike, threads: int | None, return_work: Literal[True]
    ) -> tuple[NDArray[Any], LowRankWork]: ...

    def decision_function(
        self, X: ArrayLike, threads: int | None = None, return_work: bool = False
    ) -> NDArray[Any] | tuple[NDArray[Any], LowRankWork]:
        """f at each row of X (n, d): an array (n,). With `return_work` also a `LowRankWork`.

        Costs a scan of the first layer, and m_out multiply-adds for each of its neurons that fires. Raises ValueError
        or TypeError for inputs that do not fit.
        """
        outputs, work = self._core.decision_function(self._points(X), as_threads(threads))
        return (outputs, LowRankWork(*work)) if return_work else outputs

    def fired(self, X: ArrayLike, threads: int | None = None) -> tuple[Reported, Reported]:
        """The neurons that fire at each row of X, ascending: of the first layer, and of the hidden layer."""
        first, hidden = self._core.fired(self._points(X), as_threads(threads))
        outputs, inputs = self.hidden.shape
        scanned = Work(inner_products=(len(first[0]) - 1) * inputs, fired=len(first[1]))
        return Reported(*first, scanned, inputs), Reported(*hidden, Work(fired=len(hidden[1])), outputs)

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        epochs: int = 1,
        learning_rate: float | LearningRate = 1.0,
        batch_size: int | None = None,
        threads: int | None = None,
        seed: int = 0,
        first_epoch: int = 0,
        callback: Callable[[int, float], object] | None = None,
    ) -> LowRankHistory:
        """Gradient descent on the hidden layer for the mean of ``(f(x) - y)^2 / 2``; returns the figures of each epoch.

        Parameters
        ----------
        X, y : array-like (n, d), (n,)
        epochs : int >= 0
        learning_rate : float, schedule or callable (step, steps_per_epoch) -> float
            Of the mean loss over a batch.
        batch_size : int >= 1, optional
            Default: all inputs, one step an epoch, in their own order. Smaller batches visit the inputs in an order
            that is a function of (seed, epoch).
        threads : int >= 1, optional
            Default `default_threads()`; changes speed only.
        first_epoch : int >= 0
            How many epochs were done before: with it 3 + 3 epochs end with the bits of 6.
        callback : callable (epoch, loss), optional
            Called after each epoch; returning False ends the call.

        Raises
        ------
        ValueError, TypeError
            For data that does not fit, before anything changed.
        DivergenceError
            If a loss is not finite or a weight could become infinite; the network is as before that step.
        """
        points = self._points(X)
        labels = as_labels(y, len(points), "squared")
        epochs, first_epoch = as_integer(epochs, "epochs"), as_integer(first_epoch, "first_epoch")
        schedule, size = (
            as_schedule(learning_rate),
            0 if batch_size is None else as_integer(batch_size, "batch_size", 1),
        )
        core = _training.make_three_layer_trainer(self._core, points, labels, size, as_seed(seed), as_threads(threads))
        per_epoch = int(core.steps_per_epoch())
        core.set_steps_done(first_epoch * per_epoch)
        history = LowRankHistory(first_work=LowRankWork(*core.first_work()))
        outputs, inputs = self.hidden.shape
        for epoch in range(first_epoch, first_epoch + epochs):
            loss, seconds, fired, work, rank = 0.0, 0.0, np.zeros(2), LowRankWork(), 0
            for step in range(epoch * per_epoch, (epoch + 1) * per_epoch):
                rate = schedule(step, per_epoch)
                began = time.perf_counter()
                try:
                    batch_loss, count, _, first, hidden, rank, counted = core.step(rate)
                except OverflowError as error:
                    raise DivergenceError(str(error)) from None
                seconds += time.perf_counter() - began
                loss += count * batch_loss
                fired += first, hidden
                work += LowRankWork(*counted)
            history.loss.append(loss / len(points))
            history.seconds.append(seconds)
            history.first_share.append(float(fired[0] / (len(points) * inputs)))
            history.hidden_share.append(float(fired[1] / (len(points) * outputs)))
            history.rank.append(int(rank))
            history.work.append(work)
            if callback is not None and callback(epoch, history.loss[-1]) is False:
                break
        return history

    def _points(self, X: ArrayLike) -> NDArray[Any]:
        return as_points(X, "X", self.n_features, self.dtype)

    def __repr__(self) -> str:
        return (
            f"ThreeLayerNetwork(n_features={self.n_features}, hidden={self.hidden!r}, "
            f"first_threshold={self.first_threshold:.6g}, hidden_threshold={self.hidden_threshold:.6g}, "
            f"scale={self.scale:.6g})"
        )
