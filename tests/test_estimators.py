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
from sublinear import _kernels

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


def state(estimator) -> dict:
    """Everything that was fitted, comparable."""
    content = {name: value for name, value in vars(estimator).items() if name not in ("_trainer", "network_")}
    return content | {"network": estimator.network_.weights.tobytes(), "history": estimator.history_.as_dict()}


PARAMETERS = {
    "attack": sl.PGD(0.1, 3),
    "batch_size": 30,
    "learning_rate": 3.0,
    "strategy": "dense",
    "n_jobs": 1,
    "verbose": 1,
}


@pytest.mark.parametrize("name", PARAMETERS)
@pytest.mark.parametrize("kind", [sl.SublinearClassifier, sl.SublinearRegressor])
def test_parameters_set_between_parts_take_effect_also_in_a_copy(digits, kind, name):
    X, y = (array[:100] for array in digits)
    estimator = kind(64, batch_size=50, random_state=0).fit(X, y)
    copy = pickle.loads(pickle.dumps(estimator))
    left = pickle.loads(pickle.dumps(estimator))
    for each in (estimator, copy):
        each.set_params(**{name: PARAMETERS[name]})
    for each in (estimator, copy, left):
        each.partial_fit(X, y)
    assert np.array_equal(estimator.network_.weights, copy.network_.weights)
    changes_weights = name in ("attack", "batch_size", "learning_rate")
    assert np.array_equal(estimator.network_.weights, left.network_.weights) == (not changes_weights)
    # And is what a trainer with this parameter does.
    if name == "learning_rate":
        assert estimator.learning_rate_ == 3.0
        estimator.set_params(learning_rate="auto").partial_fit(X, y)
        assert estimator.learning_rate_ not in (3.0, left.learning_rate_), "for the network as it is now"


@pytest.mark.parametrize(("name", "value"), [("width", 128), ("init", "gao"), ("random_state", 1)])
def test_parameters_of_the_network_are_refused_between_parts(digits, name, value):
    X, y = digits
    estimator = sl.SublinearClassifier(64, epochs=1, random_state=0).fit(X, y)
    before, old = state(estimator), estimator.get_params()[name]
    estimator.set_params(**{name: value})
    with pytest.raises(ValueError, match=f"{name} is {value!r} and the network was made with {old!r}; call fit"):
        estimator.partial_fit(X, y)
    estimator.set_params(**{name: old})
    assert state(estimator) == before
    estimator.partial_fit(X, y)


def test_parts_are_trained_whole_whatever_their_size(digits):
    X, y = digits
    estimator = sl.SublinearClassifier(64, batch_size=30, random_state=0)
    for rows, batch_size in ((100, 30), (70, 30), (70, 50), (100, 30)):  # 4, 3, 2 and 4 steps
        before = len(estimator.history_.work) if hasattr(estimator, "history_") else 0
        estimator.set_params(batch_size=batch_size).partial_fit(X[:rows], y[:rows], classes=range(10))
        assert estimator.history_.fired_share[before] > 0
        work = estimator.history_.work[before]
        assert work.candidates >= work.fired
        assert estimator._trainer.steps_done == estimator.n_iter_ * -(-rows // batch_size)
        copy = pickle.loads(pickle.dumps(estimator))
        again = pickle.loads(pickle.dumps(estimator))
        assert np.array_equal(
            copy.partial_fit(X[:50], y[:50]).network_.weights, again.partial_fit(X[:50], y[:50]).network_.weights
        )


def stop(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize("kind", [sl.SublinearClassifier, sl.SublinearRegressor])
@pytest.mark.parametrize("how", ["fit", "partial_fit"])
def test_what_is_refused_or_interrupted_leaves_the_fitted_model(digits, kind, how, monkeypatch):
    X, y = (array[:100] for array in digits)
    estimator = kind(64, batch_size=50, epochs=2, random_state=0).fit(X, y)
    undisturbed = pickle.loads(pickle.dumps(estimator))
    before, predicted = state(estimator), estimator.predict(X)

    def unchanged():
        assert state(estimator) == before
        assert np.array_equal(estimator.predict(X), predicted)

    later = sl.Trainer.fit

    def interrupted(trainer, *arguments, **options):
        later(trainer, *arguments, callbacks=[stop], **options)

    def late_failure(trainer, *arguments, **options):
        later(trainer, *arguments, **options)
        raise sl.DivergenceError("the loss at step 7 is not finite")

    call = getattr(estimator, how)
    for fake, error in ((interrupted, KeyboardInterrupt), (late_failure, sl.DivergenceError)):
        with monkeypatch.context() as patch:
            patch.setattr(sl.Trainer, "fit", fake)
            with pytest.raises(error):
                call(X, y)
        unchanged()
    for given, words in (((X[:50], y), "inconsistent numbers"), ((X * np.nan, y), "NaN"), ((X[:, :0], y), "0 feature")):
        with pytest.raises(ValueError, match=words):
            call(*given)
        unchanged()
    with pytest.raises(ValueError, match=r"the weight of input 3 is -1"):
        call(X, y, sample_weight=np.where(np.arange(len(X)) == 3, -1.0, 1.0))
    unchanged()
    for each in (estimator, undisturbed):
        each.partial_fit(X, y)
    assert np.array_equal(estimator.network_.weights, undisturbed.network_.weights)


def test_a_first_fit_that_fails_leaves_nothing_fitted(digits):
    X, y = digits
    for estimator, labels, words in (
        (sl.SublinearClassifier(64, strategy="fastest"), y, "strategy"),
        (sl.SublinearClassifier(64), np.zeros(len(X)), "one class"),
        (sl.SublinearRegressor(64, batch_size=0), y, "batch_size"),
        (sl.SublinearRegressor(64), np.where(y == 1, 1e301, 0), "y reaches"),
    ):
        before = dict(vars(estimator))
        for call in (estimator.fit, estimator.partial_fit):
            with pytest.raises(ValueError, match=words):
                call(X, labels)
            assert vars(estimator) == before


@pytest.mark.parametrize("size", [1e-310, 1e-200, 1.0, 2.0**600, 1e299])
def test_targets_of_any_size_that_floats_hold(size):
    X, y = make_regression(100, 4, random_state=0)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    y /= np.abs(y).max()
    usual = sl.SublinearRegressor(64, epochs=20, random_state=0).fit(X, y)
    estimator = sl.SublinearRegressor(64, epochs=20, random_state=0).fit(X, y * size)
    assert np.isfinite(estimator.predict(X)).all()
    assert np.allclose(estimator.predict(X) / size, usual.predict(X), atol=1e-6)
    # Weights count as before: in units that are a power of two nothing is rounded.
    if size == 2.0**600:
        assert np.array_equal(estimator.network_.weights, usual.network_.weights)


def test_targets_that_cannot_be_told_are_refused():
    X, y = np.eye(4), np.array([1.0, -1.0, 2.0, 0.0])
    with pytest.raises(ValueError, match=r"y reaches 2e\+301 in size; give .* at most 1e\+300"):
        sl.SublinearRegressor(16).fit(X, 1e301 * y)
    estimator = sl.SublinearRegressor(16, epochs=1).fit(X, 1e-200 * y)
    with pytest.raises(ValueError, match=r"y has the target 1e\+200, which is too far from the others"):
        estimator.partial_fit(X, 1e200 * y)


@pytest.mark.parametrize("kind", [sl.SublinearClassifier, sl.SublinearRegressor])
def test_inputs_too_large_for_numbers_are_refused_in_words(kind):
    X, y = np.eye(4) - 0.5, np.array([0, 1, 1, 0])
    with pytest.raises(ValueError, match=r"X reaches 5e\+199 in size, for which learning_rate 'auto' would be 0"):
        kind(16).fit(1e200 * X, y)
    estimator = kind(64, epochs=5, random_state=0).fit(X, y)
    for asked in (estimator.predict, *([estimator.predict_proba] if kind is sl.SublinearClassifier else [])):
        with pytest.raises(ValueError, match=r"outputs at row 1 overflow, which reaches 8\.5e\+307 in size"):
            asked(X * [[1], [1.7e308], [1], [1]])


def test_jobs_are_counted_as_scikit_learn_counts(digits, monkeypatch):
    X, y = digits
    asked = []
    usual = sl.Trainer.__init__

    def watched(self, *arguments, **options):
        asked.append(arguments[6])
        usual(self, *arguments, **options)

    monkeypatch.setattr(sl.Trainer, "__init__", watched)
    monkeypatch.setattr(_kernels, "resolve_threads", lambda requested: 4)
    for jobs in (None, 3, np.int64(2), -1, -2, -3, -9):
        sl.SublinearClassifier(16, epochs=0, n_jobs=jobs).fit(X, y)
    assert asked == [None, 3, 2, None, 3, 2, 1]
    for jobs, error in ((0, ValueError), (1.5, TypeError), ("2", TypeError), (True, TypeError)):
        with pytest.raises(error, match=f"n_jobs is {jobs!r}; give"):
            sl.SublinearClassifier(16, epochs=0, n_jobs=jobs).fit(X, y)
    fitted = sl.SublinearRegressor(16, epochs=0).fit(X, y).set_params(n_jobs=0)
    with pytest.raises(ValueError, match="n_jobs is 0"):
        fitted.predict(X)


def test_mistakes_in_words(digits):
    X, y = digits
    with pytest.raises(ValueError, match=r"y has one class, 0\.0; a classifier needs at least two classes"):
        sl.SublinearClassifier().fit(X, np.zeros(len(X)))
    with pytest.raises(ValueError, match=r"y has one class, 3; .*partial_fit takes all of them as classes"):
        sl.SublinearClassifier().partial_fit(X[y == 3], y[y == 3])
    with pytest.raises(ValueError, match="classes has one class, 3"):
        sl.SublinearClassifier().partial_fit(X[y == 3], y[y == 3], classes=[3, 3])
    with pytest.raises(ValueError, match="epochs is -1"):
        sl.SublinearClassifier(epochs=-1).fit(X, y)
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
