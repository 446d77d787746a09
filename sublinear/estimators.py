"""scikit-learn estimators: adversarial training behind `fit` and `predict`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from sublinear import _kernels
from sublinear.arrays import as_integer
from sublinear.attacks import Attack
from sublinear.history import History
from sublinear.network import TwoLayerNetwork
from sublinear.optimizers import Optimizer
from sublinear.schedules import LearningRate
from sublinear.strategies import Strategy
from sublinear.trainer import Trainer


class _Estimator(BaseEstimator):  # type: ignore[misc]
    """What the two have in common. Parameters are described at `SublinearClassifier`."""

    _loss: str

    def __init__(
        self,
        width: int = 1024,
        strategy: str | Strategy = "margin",
        attack: Attack | None = None,
        epochs: int = 100,
        batch_size: int | None = None,
        learning_rate: str | float | LearningRate = "auto",
        init: str = "ntk",
        random_state: Any = None,
        n_jobs: int | None = None,
        verbose: int = 0,
        optimizer: str | Optimizer = "gradient",
    ) -> None:
        self.width = width
        self.strategy = strategy
        self.attack = attack
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.init = init
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.optimizer = optimizer

    def _start(self, X: NDArray[Any], outputs: int, weights: NDArray[np.float64] | None) -> None:
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        self.network_ = TwoLayerNetwork.random(
            X.shape[1], self.width, outputs, init=self.init, seed=seed, coupled=True, dtype=X.dtype
        )
        self._made_with = {name: getattr(self, name) for name in _OF_THE_NETWORK}
        self._set_rate(X, weights)
        self.history_ = History()
        self.n_iter_ = 0
        self._seed = seed
        self._trainer: Trainer | None = None
        self._trains_with: tuple[Any, ...] = ()

    def _set_rate(self, X: NDArray[Any], weights: NDArray[np.float64] | None) -> None:
        rate = self.learning_rate
        if isinstance(rate, str) and rate != "auto":
            raise ValueError(f'learning_rate is {rate!r}; give "auto", a number or a schedule')
        self.learning_rate_ = self._automatic_rate(X, weights) if isinstance(rate, str) else rate
        self._rate_given = rate

    def _follow_parameters(self, X: NDArray[Any], weights: NDArray[np.float64] | None) -> None:
        """Parameters set since the network was made: ValueError for those that a network is made with."""
        for name, before in self._made_with.items():
            if not _same(getattr(self, name), before):
                raise ValueError(
                    f"{name} is {getattr(self, name)!r} and the network was made with {before!r}; call fit for a new "
                    f"network, or set {name} back"
                )
        if not _same(self.learning_rate, self._rate_given):
            self._set_rate(X, weights)

    def _automatic_rate(self, X: NDArray[Any], weights: NDArray[np.float64] | None) -> float:
        optimizer = Optimizer.of(self.optimizer)
        if optimizer.name not in ("gradient", "momentum", "nesterov"):
            raise ValueError(f"learning_rate 'auto' does not know optimizer {optimizer.name!r}; give a rate")
        # With loss (f - y)^2 / 2 the second derivatives of the mean loss, for one output, are at most the trace of its
        # kernel over n: the mean over inputs of ||x||^2 scale^2 a^2 times the number of fired neurons. A rate of 2 over
        # that is the largest safe one; half of it is taken, as more neurons fire later. Other losses curve less.
        fired = np.diff(self.network_.fired(X).indptr)
        passed_on = float(np.mean(np.square(self.network_.output_weights, dtype=np.float64)))
        with np.errstate(over="ignore"):
            squares = np.sum(np.square(X, dtype=np.float64), axis=1)
            mean = float(np.average(squares * np.maximum(fired, 1), weights=weights))
        curvature = mean * self.network_.scale**2 * passed_on
        if not np.isfinite(curvature):
            raise ValueError(
                f"X reaches {np.abs(X).max():.3g} in size, for which learning_rate 'auto' would be 0; scale X, to "
                "length 1, say, or give a rate"
            )
        rate = self._rate_factor / curvature if curvature > 0 else 1.0
        # Momentum goes 1 / (1 - momentum) times as far along a gradient that stays.
        return rate * (1 - optimizer.momentum) if optimizer.name in ("momentum", "nesterov") else rate

    _rate_factor = 1.0

    def _make_trainer(self, X: NDArray[Any]) -> Trainer:
        trainer = Trainer(
            self.network_,
            self.strategy,
            self.attack,
            self._loss,
            self.learning_rate_,
            self.batch_size,
            self._threads(),
            self._seed,
            optimizer=self.optimizer,
        )
        trainer.resume_at(self.n_iter_ * -(-len(X) // (trainer.batch_size or len(X))))
        return trainer

    def _train(
        self, X: NDArray[Any], targets: NDArray[np.float64], weights: NDArray[np.float64] | None, epochs: int
    ) -> None:
        parameters = (self.strategy, self.attack, self.learning_rate_, self.batch_size, self.n_jobs, self.optimizer)
        if self._trainer is None or not _same(parameters, self._trains_with):
            goes_on = self._trainer is not None and self._trainer.optimizer == Optimizer.of(self.optimizer)
            remembered = self._trainer.optimizer_state() if self._trainer is not None and goes_on else {}
            self._trainer = None  # before the next one takes memory
            self._trainer, self._trains_with = self._make_trainer(X), parameters
            self._trainer.resume_at(self._trainer.steps_done, remembered)
        for _ in range(epochs):
            history = self._trainer.fit(X, targets, epochs=1, sample_weight=weights)
            self.history_.extend(history)
            self.n_iter_ += 1
            if self.verbose:
                print(f"epoch {self.n_iter_}: loss {history.loss[-1]:.4g}, robust loss {history.robust_loss[-1]:.4g}")

    @contextmanager
    def _all_or_nothing(self, *, anew: bool) -> Iterator[None]:
        """What does not come to its end, also by Ctrl-C, leaves the estimator as it was."""
        before = dict(self.__dict__)
        if "network_" in before:
            before["_trainer"] = None
            if anew:
                self._trainer = None  # before the next one takes memory
            else:
                before |= {"network_": self.network_.copy(), "history_": deepcopy(self.history_)}
        try:
            yield
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    def _data(self, X: ArrayLike, y: ArrayLike, **options: bool) -> tuple[NDArray[Any], NDArray[Any]]:
        return validate_data(self, X, y, dtype=[np.float64, np.float32], order="C", **options)  # type: ignore[no-any-return]

    def _check(self, X: ArrayLike) -> NDArray[Any]:
        check_is_fitted(self, "network_")
        return validate_data(self, X, reset=False, dtype=[np.float64, np.float32], order="C")  # type: ignore[no-any-return]

    def _outputs(self, X: ArrayLike) -> NDArray[np.float64]:
        points = self._check(X)
        outputs = np.asarray(self.network_.decision_function(points, threads=self._threads()), np.float64)
        if not np.isfinite(outputs).all():
            row = int(np.argwhere(~np.isfinite(outputs))[0][0])
            raise ValueError(
                f"X: the network's outputs at row {row} overflow, which reaches {np.abs(points[row]).max():.3g} in "
                "size; scale it as what the network was trained on"
            )
        return outputs

    def _threads(self) -> int | None:
        """`n_jobs` as scikit-learn counts: -1 is all that this process may use, -2 one less."""
        if self.n_jobs is None:
            return None
        jobs = as_integer(self.n_jobs, "n_jobs", -sys.maxsize)
        if jobs == 0:
            raise ValueError("n_jobs is 0; give a number of threads, -1 or None for all processors, -2 for all but one")
        if jobs > 0:
            return jobs
        return None if jobs == -1 else max(1, _kernels.resolve_threads(0) + 1 + jobs)

    def __getstate__(self) -> dict[str, Any]:
        # The trainer's structures are made again when training goes on.
        state = dict(super().__getstate__())
        if "_trainer" in state:
            state["_trainer"] = None
        return state


#: Parameters that a network is made with; others may change between calls of `partial_fit`.
_OF_THE_NETWORK = ("width", "init", "random_state")


def _same(one: Any, other: Any) -> bool:
    return one is other or bool(one == other)


def _weights(sample_weight: ArrayLike | None, X: NDArray[Any]) -> NDArray[np.float64] | None:
    if sample_weight is None:
        return None
    return _check_sample_weight(sample_weight, X, dtype=np.float64)  # type: ignore[no-any-return]


class SublinearClassifier(ClassifierMixin, _Estimator):  # type: ignore[misc]
    """A wide two-layer network trained adversarially with cross-entropy, as a scikit-learn classifier.

    Works in pipelines and searches; labels of any kind. The weights depend on the data, the parameters and
    `random_state` only, not on `strategy` or `n_jobs`.

    Parameters
    ----------
    width : int, default 1024
        Neurons.
    strategy : str or Strategy, default "margin"
        How neurons that can fire are found; changes speed and memory only.
    attack : PGD, FGSM or None, default None
        The adversary in training. Inputs should have about length 1 then: its radius is in their units.
    epochs : int, default 100
    batch_size : int, optional
        Default: all inputs, one step an epoch.
    learning_rate : "auto", float or schedule, default "auto"
        "auto" is as large as the curvature at the start allows (10 to 50 on inputs of length 1), constant.
    init : str, default "ntk"
        Of `TwoLayerNetwork.random`, coupled, so that training starts from outputs that are exactly 0.
    random_state : int, RandomState or None
    n_jobs : int, optional
        Threads; default `default_threads()`, as -1. -2 is one less, and so on.
    verbose : int, default 0
        1 prints a line for each epoch.
    optimizer : str or Optimizer, default "gradient"
        As `Trainer` takes it. "auto" rates are for "gradient", "momentum" and "nesterov".

    Attributes
    ----------
    network_ : TwoLayerNetwork
    classes_ : ndarray
    history_ : History
    learning_rate_ : float or schedule
    n_iter_, n_features_in_ : int

    Notes
    -----
    float32 inputs are kept, all others become float64. Work of an epoch: as the strategy's page says.

    A call that raises, or is ended by Ctrl-C, leaves the estimator as it was, its fitted network too. Parameters set
    between calls of `partial_fit` take effect with the next one, but for those that the network is made with (`width`,
    `init`, `random_state`): they are refused, `fit` makes a new network.
    """

    _loss = "cross-entropy"
    _rate_factor = 2.0  # the second derivatives of softmax cross-entropy are at most 1/2

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> SublinearClassifier:
        """Trains a new network on X (n, d) and class labels y (n,)."""
        with self._all_or_nothing(anew=True):
            epochs = as_integer(self.epochs, "epochs")
            points, labels = self._data(X, y)
            weights = _weights(sample_weight, points)
            self._set_classes(labels, "y")
            self._start(points, len(self.classes_), weights)
            self._train(points, self._positions(labels), weights, epochs)
        return self

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> SublinearClassifier:
        """One more epoch, on this data. The first call needs `classes`, all there will be, unless y has them all."""
        first = not hasattr(self, "network_")
        with self._all_or_nothing(anew=first):
            points, labels = self._data(X, y, reset=first)
            weights = _weights(sample_weight, points)
            if first:
                self._set_classes(*((labels, "y") if classes is None else (np.asarray(classes), "classes")))
                self._start(points, len(self.classes_), weights)
            elif classes is not None and not np.array_equal(np.unique(np.asarray(classes)), self.classes_):
                raise ValueError(f"classes are {classes}; the first call had {self.classes_}")
            self._follow_parameters(points, weights)
            self._train(points, self._positions(labels), weights, 1)
        return self

    def _set_classes(self, values: NDArray[Any], what: str) -> None:
        check_classification_targets(values)
        self.classes_ = np.unique(values)
        if len(self.classes_) < 2:
            raise ValueError(
                f"{what} has one class, {self.classes_[0]}; a classifier needs at least two classes (for a first part "
                "with fewer than there will be, partial_fit takes all of them as classes)"
            )

    def _positions(self, y: NDArray[Any]) -> NDArray[np.float64]:
        positions = np.searchsorted(self.classes_, y)
        known = self.classes_[np.minimum(positions, len(self.classes_) - 1)] == y
        if not np.all(known):
            raise ValueError(f"y has the label {y[~known][0]}; the classes are {self.classes_}")
        return positions.astype(np.float64)

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """The outputs (n, classes); for two classes (n,), the second less the first."""
        f = self._outputs(X)
        return f[:, 1] - f[:, 0] if len(self.classes_) == 2 else f

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Softmax of the outputs, (n, classes)."""
        f = self._outputs(X)
        powers = np.exp(f - f.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]

    def predict_log_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """The logarithm of `predict_proba`."""
        f = self._outputs(X)
        rest = f - f.max(axis=1, keepdims=True)
        return rest - np.log(np.exp(rest).sum(axis=1, keepdims=True))  # type: ignore[no-any-return]

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The class with the largest output, the first of equal ones; for two classes that of `decision_function`."""
        f = self._outputs(X)
        return self.classes_[f.argmax(axis=1)]  # type: ignore[no-any-return]


_LARGEST_TARGET = 1e300  # outputs times the spread of targets have room above it


class SublinearRegressor(RegressorMixin, _Estimator):  # type: ignore[misc]
    """A wide two-layer network trained adversarially with squared loss, as a scikit-learn regressor.

    Parameters and attributes as those of `SublinearClassifier`, without classes. Targets are centred and scaled by
    their spread for training; "auto" rates are 1 to 20 on inputs of length 1.
    """

    _loss = "squared"

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> SublinearRegressor:
        """Trains a new network on X (n, d) and numbers y (n,), of at most 1e300 in size."""
        with self._all_or_nothing(anew=True):
            self._fit(X, y, sample_weight, as_integer(self.epochs, "epochs"))
        return self

    def _fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None, epochs: int) -> None:
        points, targets = self._data(X, y, y_numeric=True)
        weights = _weights(sample_weight, points)
        self._set_units(targets, weights)
        self._start(points, 1, weights)
        self._train(points, self._in_units(targets), weights, epochs)

    def partial_fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> SublinearRegressor:
        """One more epoch, on this data; the first call sets the centre and scale of targets."""
        first = not hasattr(self, "network_")
        with self._all_or_nothing(anew=first):
            if first:
                self._fit(X, y, sample_weight, 1)
            else:
                points, targets = self._data(X, y, reset=False, y_numeric=True)
                weights = _weights(sample_weight, points)
                self._follow_parameters(points, weights)
                self._train(points, self._in_units(targets), weights, 1)
        return self

    def _set_units(self, y: NDArray[Any], weights: NDArray[np.float64] | None) -> None:
        targets = np.asarray(y, np.float64)
        largest = float(np.abs(targets).max())
        if largest > _LARGEST_TARGET:
            raise ValueError(
                f"y reaches {largest:.3g} in size; give targets in units in which it is at most {_LARGEST_TARGET:g}"
            )
        # In a unit that is a power of two, which rounds nothing, squares neither overflow nor vanish.
        unit = 2.0 ** np.frexp(largest)[1]
        mean = float(np.average(targets / unit, weights=weights))
        spread = float(np.sqrt(np.average(np.square(targets / unit - mean), weights=weights)))
        self.target_mean_, self.target_scale_ = mean * unit, spread * unit or 1.0

    def _in_units(self, y: NDArray[Any]) -> NDArray[np.float64]:
        targets = np.asarray(y, np.float64)
        with np.errstate(over="ignore"):
            scaled: NDArray[np.float64] = (targets - self.target_mean_) / self.target_scale_
        if not np.isfinite(scaled).all():
            raise ValueError(
                f"y has the target {targets[~np.isfinite(scaled)][0]:.3g}, which is too far from the others to be told "
                f"in units of their spread, {self.target_scale_:.3g}; call fit for new units, or leave it out"
            )
        return scaled

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """The outputs (n,), in the units of the targets."""
        predicted: NDArray[np.float64] = self._outputs(X).reshape(-1) * self.target_scale_ + self.target_mean_
        return predicted
