"""scikit-learn estimators: adversarial training behind `fit` and `predict`."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from sublinear.attacks import Attack
from sublinear.history import History
from sublinear.network import TwoLayerNetwork
from sublinear.schedules import LearningRate
from sublinear.strategies import Strategy
from sublinear.trainer import Trainer

_Self = TypeVar("_Self", bound="_Estimator")


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

    def _start(self, X: NDArray[Any], outputs: int, weights: NDArray[np.float64] | None) -> None:
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        self.network_ = TwoLayerNetwork.random(
            X.shape[1], self.width, outputs, init=self.init, seed=seed, coupled=True, dtype=X.dtype
        )
        rate = self.learning_rate
        if isinstance(rate, str) and rate != "auto":
            raise ValueError(f'learning_rate is {rate!r}; give "auto", a number or a schedule')
        self.learning_rate_ = self._automatic_rate(X, weights) if isinstance(rate, str) else rate
        self.history_ = History()
        self.n_iter_ = 0
        self._seed, self._steps_done = seed, 0
        self._trainer: Trainer | None = None

    def _automatic_rate(self, X: NDArray[Any], weights: NDArray[np.float64] | None) -> float:
        # With loss (f - y)^2 / 2 the second derivatives of the mean loss, for one output, are at most the trace of its
        # kernel over n: the mean over inputs of ||x||^2 scale^2 a^2 times the number of fired neurons. A rate of 2 over
        # that is the largest safe one; half of it is taken, as more neurons fire later. Other losses curve less.
        fired = np.diff(self.network_.fired(X).indptr)
        passed_on = float(np.mean(np.square(self.network_.output_weights, dtype=np.float64)))
        squares = np.sum(np.square(X, dtype=np.float64), axis=1)
        mean = float(np.average(squares * np.maximum(fired, 1), weights=weights))
        curvature = mean * self.network_.scale**2 * passed_on
        return self._rate_factor / curvature if curvature > 0 else 1.0

    _rate_factor = 1.0

    def _train(
        self, X: NDArray[Any], targets: NDArray[np.float64], weights: NDArray[np.float64] | None, epochs: int
    ) -> None:
        if self._trainer is None:
            self._trainer = Trainer(
                self.network_,
                self.strategy,
                self.attack,
                self._loss,
                self.learning_rate_,
                self.batch_size,
                self._threads(),
                self._seed,
            )
            self._trainer.resume_at(self._steps_done)
        for _ in range(epochs):
            history = self._trainer.fit(X, targets, epochs=1, sample_weight=weights)
            for name, figures in vars(history).items():
                getattr(self.history_, name).extend(figures)
            self.n_iter_ += 1
            if self.verbose:
                print(f"epoch {self.n_iter_}: loss {history.loss[-1]:.4g}, robust loss {history.robust_loss[-1]:.4g}")
        self._steps_done = self._trainer.steps_done

    def _data(self, X: ArrayLike, y: ArrayLike, **options: bool) -> tuple[NDArray[Any], NDArray[Any]]:
        return validate_data(self, X, y, dtype=[np.float64, np.float32], order="C", **options)  # type: ignore[no-any-return]

    def _check(self, X: ArrayLike) -> NDArray[Any]:
        check_is_fitted(self, "network_")
        return validate_data(self, X, reset=False, dtype=[np.float64, np.float32], order="C")  # type: ignore[no-any-return]

    def _outputs(self, X: ArrayLike) -> NDArray[np.float64]:
        points = self._check(X)
        return np.asarray(self.network_.decision_function(points, threads=self._threads()), np.float64)

    def _threads(self) -> int | None:
        return None if self.n_jobs in (None, -1) else self.n_jobs

    def __getstate__(self) -> dict[str, Any]:
        # The trainer's structures are made again when training goes on.
        state = dict(super().__getstate__())
        if "_trainer" in state:
            state["_trainer"] = None
        return state


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
        Threads; default all processors.
    verbose : int, default 0
        1 prints a line for each epoch.

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
    """

    _loss = "cross-entropy"
    _rate_factor = 2.0  # the second derivatives of softmax cross-entropy are at most 1/2

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> SublinearClassifier:
        """Trains a new network on X (n, d) and class labels y (n,)."""
        points, labels = self._data(X, y)
        weights = _weights(sample_weight, points)
        self._set_classes(labels)
        self._start(points, len(self.classes_), weights)
        self._train(points, self._positions(labels), weights, self.epochs)
        return self

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> SublinearClassifier:
        """One more epoch, on this data. The first call needs `classes`, all there will be, unless y has them all."""
        first = not hasattr(self, "network_")
        points, labels = self._data(X, y, reset=first)
        weights = _weights(sample_weight, points)
        if first:
            self._set_classes(np.asarray(labels if classes is None else classes))
            self._start(points, len(self.classes_), weights)
        elif classes is not None and not np.array_equal(np.unique(np.asarray(classes)), self.classes_):
            raise ValueError(f"classes are {classes}; the first call had {self.classes_}")
        self._train(points, self._positions(labels), weights, 1)
        return self

    def _set_classes(self, y: NDArray[Any]) -> None:
        check_classification_targets(y)
        self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            raise ValueError(f"y has one class, {self.classes_[0]}; a classifier needs at least two classes")

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


class SublinearRegressor(RegressorMixin, _Estimator):  # type: ignore[misc]
    """A wide two-layer network trained adversarially with squared loss, as a scikit-learn regressor.

    Parameters and attributes as those of `SublinearClassifier`, without classes. Targets are centred and scaled by
    their spread for training; "auto" rates are 1 to 20 on inputs of length 1.
    """

    _loss = "squared"

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> SublinearRegressor:
        """Trains a new network on X (n, d) and numbers y (n,)."""
        points, given = self._data(X, y, y_numeric=True)
        targets = np.asarray(given, np.float64)
        weights = _weights(sample_weight, points)
        self.target_mean_ = float(np.average(targets, weights=weights))
        self.target_scale_ = float(np.sqrt(np.average(np.square(targets - self.target_mean_), weights=weights))) or 1.0
        self._start(points, 1, weights)
        self._train(points, (targets - self.target_mean_) / self.target_scale_, weights, self.epochs)
        return self

    def partial_fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> SublinearRegressor:
        """One more epoch, on this data; the first call sets the centre and scale of targets."""
        if not hasattr(self, "network_"):
            epochs, self.epochs = self.epochs, 1
            try:
                return self.fit(X, y, sample_weight)
            finally:
                self.epochs = epochs
        points, given = self._data(X, y, reset=False, y_numeric=True)
        targets = (np.asarray(given, np.float64) - self.target_mean_) / self.target_scale_
        self._train(points, targets, _weights(sample_weight, points), 1)
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """The outputs (n,), in the units of the targets."""
        return self._outputs(X).reshape(-1) * self.target_scale_ + self.target_mean_
