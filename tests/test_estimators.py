"""The scikit-learn estimators: scikit-learn's own checks, and what they promise beside."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits, make_regression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer
from sklearn.utils.estimator_checks import estimator_checks_generator

import sublinear as sl

# A few of scikit-learn's checks ask for pandas or an array API; they skip themselves without, and are left out here.
OPTIONAL = ("pandas", "array_api", "not_an_array")


def checks():
    for estimator in (sl.SublinearClassifier(width=256), sl.SublinearRegressor(width=256)):
        for instance, check in estimator_checks_generator(estimator):
            name = getattr(check, "func", check).__name__
            if not any(part in name for part in OPTIONAL):
                yield pytest.param(instance, check, id=f"{type(instance).__name__}-{name}")


@pytest.mark.parametrize(("estimator", "check"), list(checks()))
@pytest.mark.filterwarnings("ignore")
def test_scikit_learn_accepts_the_estimator(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:800], y[:800]


def test_in_a_pipeline_a_search_and_cross_validation(digits):
    X, y = digits
    names = np.array([f"digit {label}" for label in y])  # labels of any kind
    pipeline = make_pipeline(Normalizer(), sl.SublinearClassifier(512, epochs=60, random_state=0))
    search = GridSearchCV(pipeline, {"sublinearclassifier__init": ["ntk", "gao"]}, cv=2).fit(X, names)
    assert search.best_score_ > 0.8
    assert set(search.predict(X[:50])) <= set(names)
    assert cross_val_score(pipeline, X, y, cv=2).mean() > 0.8


def test_strategies_and_threads_give_the_same_bits(digits):
    X, y = digits
    X = X / np.linalg.norm(X, axis=1, keepdims=True)
    weights = set()
    for strategy, threads in (("margin", 1), ("dense", 2), ("weights:auto", None)):
        estimator = sl.SublinearClassifier(
            200, strategy, sl.PGD(radius=0.05), epochs=3, batch_size=100, random_state=1, n_jobs=threads
        )
        weights.add(estimator.fit(X, y).network_.weights.tobytes())
    assert len(weights) == 1


def test_adversarial_training_makes_robust(digits):
    X, y = digits
    X = X / np.linalg.norm(X, axis=1, keepdims=True)
    attack = sl.PGD(radius=0.1)
    robust = {}
    for name, adversary in (("clean", None), ("attacked", attack)):
        estimator = sl.SublinearClassifier(512, attack=adversary, epochs=60, random_state=0).fit(X[:600], y[:600])
        labels = np.searchsorted(estimator.classes_, y[600:])
        judged = sl.evaluate(estimator.network_, X[600:], labels, "cross-entropy", attack)
        robust[name] = judged.robust_accuracy
    assert robust["attacked"] > robust["clean"] + 0.02


def test_pickles_and_clones(digits):
    X, y = digits
    estimator = sl.SublinearClassifier(100, epochs=2, batch_size=50, random_state=0)
    parts = clone(estimator).fit(X, y)
    again = pickle.loads(pickle.dumps(parts))
    assert np.array_equal(again.predict_proba(X), parts.predict_proba(X))
    # Training goes on where it stopped, in the order of inputs that comes then, also after pickling.
    for _ in range(2):
        parts.partial_fit(X, y)
        again.partial_fit(X, y)
    assert np.array_equal(again.network_.weights, parts.network_.weights)
    whole = clone(estimator).set_params(epochs=4).fit(X, y)
    assert np.array_equal(whole.network_.weights, parts.network_.weights)
    assert whole.n_iter_ == parts.n_iter_ == 4
    assert len(whole.history_.loss) == 4


def test_float32_is_kept_and_lists_become_float64(digits):
    X, y = digits
    estimator = sl.SublinearClassifier(50, epochs=1)
    assert estimator.fit(X.astype(np.float32), y).network_.dtype == np.float32
    assert estimator.fit(X.tolist(), y).network_.dtype == np.float64


def test_regression_in_the_units_of_the_targets():
    X, y = make_regression(300, 5, noise=1.0, random_state=0)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    estimator = sl.SublinearRegressor(512, epochs=200, random_state=0).fit(X, 1000 + y)
    assert estimator.score(X, 1000 + y) > 0.6
    again = sl.SublinearRegressor(512, epochs=200, random_state=0).fit(X, y)
    assert np.allclose(estimator.predict(X) - 1000, again.predict(X), atol=1e-6 * np.ptp(y))


def test_mistakes_in_words(digits):
    X, y = digits
    with pytest.raises(ValueError, match="at least two classes"):
        sl.SublinearClassifier().fit(X, np.zeros(len(X)))
    estimator = sl.SublinearClassifier(50, epochs=1).fit(X[y < 5], y[y < 5])
    with pytest.raises(ValueError, match="y has the label 5; the classes are"):
        estimator.partial_fit(X[y < 6], y[y < 6])
    with pytest.raises(ValueError, match="strategy"):
        sl.SublinearClassifier(strategy="fastest").fit(X, y)
    with pytest.raises(ValueError, match="learning_rate is 'fast'; give \"auto\""):
        sl.SublinearClassifier(learning_rate="fast").fit(X, y)
    with pytest.raises(AttributeError, match="has no attribute 'SublinearCluster'"):
        _ = sl.SublinearCluster


def test_verbose_prints_a_line_for_each_epoch(digits, capsys):
    X, y = digits
    sl.SublinearClassifier(50, epochs=2, verbose=1).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["epoch 1", "epoch 2"]
