"""Losses, attacks, optimizers, schedules and callbacks written in Python: what they do, and what they get wrong."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import sublinear as sl
from sublinear.identity import weights_hash as sha256
from sublinear.testing import ConformanceError, check_attack, check_loss, check_optimizer


class Squared(sl.Loss):
    def evaluate(self, outputs, labels):
        error = outputs[:, 0] - labels
        return error * error / 2, error[:, None]


class CrossEntropy(sl.Loss):
    labels = "classes"

    def evaluate(self, outputs, labels):
        shifted = outputs - outputs.max(axis=1, keepdims=True)
        logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        own = np.arange(len(labels)), labels.astype(int)
        derivatives = np.exp(logs)
        derivatives[own] -= 1
        return -logs[own], derivatives


class Hinge(sl.Loss):
    labels = "signs"

    def evaluate(self, outputs, labels):
        short = 1 - labels * outputs[:, 0]
        return np.maximum(short, 0), np.where(short > 0, -labels, 0)[:, None]


class Signs(sl.Attack):
    """FGSM in linf, as the library has it, bit for bit."""

    norm = np.inf
    gradients = 1

    def __init__(self, radius):
        self.radius = radius

    def run(self, start):
        here = yield start.inputs
        step = start.inputs.dtype.type(self.radius)
        return np.clip(start.inputs + step * np.sign(here.gradients), start.inputs - step, start.inputs + step)


class Ascent(sl.Attack):
    """Starts at random, twice."""

    runs = 2

    def __init__(self, radius, steps=3):
        self.radius, self.steps = radius, steps

    def run(self, start):
        points = self.project(start.inputs + self.radius * (2 * start.uniform() - 1) / 3, start.inputs)
        for _ in range(self.steps):
            here = yield points
            points = self.project(points + self.radius * np.sign(here.gradients), start.inputs)
        return points


class Descent(sl.Optimizer):
    def move(self, weights, gradients, state, rate, step):
        return weights - weights.dtype.type(rate) * gradients


class Remembering(sl.Optimizer):
    """Momentum as the library has it, of rows that fire; a choice of its own."""

    def initial_state(self, width, columns, dtype):
        return {"momentum": np.zeros((width, columns))}

    def move(self, weights, gradients, state, rate, step):
        kind = weights.dtype.type
        state["momentum"] = kind(self.momentum) * state["momentum"] + gradients
        return weights - kind(rate) * state["momentum"]


def problem(n=90, d=9):
    rng = np.random.default_rng(0)
    y = np.arange(n) % 3
    return (0.3 * rng.standard_normal((n, d)) + np.eye(3, d)[y]).astype(np.float32), y


def network(outputs=3, dtype="float32"):
    return sl.TwoLayerNetwork.random(9, 128, n_outputs=outputs, seed=1, dtype=dtype)


def trained(strategy="margin", outputs=3, y=None, epochs=2, dtype="float32", **options):
    x, classes = problem()
    net = network(outputs, dtype)
    trainer = sl.Trainer(net, strategy, **{"learning_rate": 5.0, "batch_size": 40, **options})
    trainer.fit(x, classes if y is None else y, epochs=epochs)
    return sha256(net)


def numbers():
    return problem()[1] - 1.0


# ---- the same bits as the library's own


@pytest.mark.parametrize("attack", [sl.NoAttack(), sl.PGD(0.1, 3, random_start=True, restarts=2), Signs(0.05)])
@pytest.mark.parametrize("strategy", ["dense", "margin", "weights"])
def test_a_loss_of_the_same_formula_has_the_same_bits(strategy, attack):
    options = {"outputs": 1, "y": numbers(), "attack": attack, "learning_rate": 1.0}
    assert trained(strategy, loss=Squared(), **options) == trained(strategy, loss="squared", **options)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("outputs", [1, 3])
def test_an_attack_of_the_same_formula_has_the_same_bits(outputs, dtype):
    options = {"outputs": outputs, "y": None if outputs == 3 else numbers(), "dtype": dtype}
    options["loss"] = "cross-entropy" if outputs == 3 else "squared"
    own, ours = (trained(attack=each, learning_rate=1.0, **options) for each in (Signs(0.05), sl.FGSM(0.05, np.inf)))
    assert own == ours
    net = network(outputs, dtype)
    x, y = problem()
    ends = [
        sl.attack_inputs(net, x, y if outputs == 3 else numbers(), each, options["loss"])
        for each in (Signs(0.05), sl.FGSM(0.05, np.inf))
    ]
    assert np.array_equal(*ends)


@pytest.mark.parametrize("biases", [False, True])
def test_an_optimizer_of_the_same_formula_has_the_same_bits(biases):
    """Lazy momentum differs (it takes what rows missed); where every row moves in every step, it does not."""
    for own, ours in (
        (Remembering(lazy=False), sl.Optimizer("momentum", lazy=False)),
        (Remembering(lazy=False, clip_norm=0.01), sl.Optimizer("momentum", lazy=False, clip_norm=0.01)),
    ):
        options = {"train_biases": biases, "attack": sl.PGD(0.05)}
        assert trained(optimizer=own, **options) == trained(optimizer=ours, **options)
    assert trained(optimizer=Remembering()) != trained(optimizer=Remembering(momentum=0.5))


def test_several_hundred_inputs_at_a_time_and_evaluation():
    x, y = problem(300)
    net = network()
    for attack in (Ascent(0.05), Signs(0.05)):
        own = sl.evaluate(net, x, y, CrossEntropy(), attack)
        ours = sl.evaluate(net, x, y, "cross-entropy", attack)
        assert own.clean_accuracy == ours.clean_accuracy
        assert own.robust_accuracy == ours.robust_accuracy
        assert own.robust_loss == pytest.approx(ours.robust_loss, rel=1e-12)
        assert own.robust_loss > own.clean_loss
    trainer = sl.Trainer(net, "margin", attack=Ascent(0.05), loss=CrossEntropy(), learning_rate=5.0)
    history = trainer.fit(x, y, epochs=15, validation=(x, y))
    assert history.loss[-1] < history.loss[0]
    assert history.validation_robust_accuracy[-1] > 0.8


def test_labels_of_signs_are_any_two_values():
    x, y = problem()
    net = network(1)
    trainer = sl.Trainer(net, loss=Hinge(), learning_rate=5.0)
    trainer.fit(x, np.where(y == 0, 7, 9), epochs=20)
    assert sl.evaluate(net, x, np.where(y == 0, 7, 9), Hinge()).clean_accuracy > 0.95
    with pytest.raises(ValueError, match=r"the label in row 0 is 3; the two classes are 7 and 9"):
        trainer.fit(x, np.full(90, 3))
    with pytest.raises(ValueError, match=r"'Hinge' takes a network with 1 output, this one has 3"):
        sl.evaluate(network(3), x, np.where(y == 0, -1, 1), Hinge())


# ---- checks


def test_the_library_s_own_pass_the_checks():
    for loss in sl.LOSSES:
        check_loss(loss)
    for attack in (sl.NoAttack(), sl.FGSM(0.1), sl.PGD(0.1, norm=np.inf, random_start=True, restarts=2)):
        check_attack(attack)
    for optimizer in (*sl.OPTIMIZERS, sl.Optimizer("adam", lazy=False, clip_norm=0.01)):
        check_optimizer(optimizer)


def test_those_above_pass_the_checks():
    for loss in (Squared(), CrossEntropy(), Hinge()):
        check_loss(loss)
    for attack in (Signs(0.1), Ascent(0.1)):
        check_attack(attack)
    for optimizer in (Descent(), Remembering(), Remembering(lazy=False)):
        check_optimizer(optimizer)


class Coupled(Squared):
    def evaluate(self, outputs, labels):
        losses, derivatives = super().evaluate(outputs, labels)
        return losses - losses.mean() / 8, derivatives


class Steeper(Squared):
    def evaluate(self, outputs, labels):
        losses, derivatives = super().evaluate(outputs, labels)
        return losses, 1.01 * derivatives


class Overflowing(CrossEntropy):
    def evaluate(self, outputs, labels):
        with np.errstate(all="ignore"):
            powers = np.exp(outputs)
            shares = powers / powers.sum(axis=1, keepdims=True)
        return super().evaluate(outputs, labels)[0], shares - np.eye(outputs.shape[1])[labels.astype(int)]


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (Coupled(), "a row alone"),
        (Steeper(), "derivatives are slopes"),
        (Overflowing(), "derivatives of row .* are NaN"),
    ],
)
def test_losses_that_break_promises_are_found(loss, words):
    with pytest.raises(ConformanceError, match=words):
        check_loss(loss)


class Flock(Signs):
    def run(self, start):
        here = yield start.inputs
        return self.project(start.inputs + self.radius * np.sign(here.gradients.mean(axis=0)), start.inputs)


class Dice(Signs):
    rng = np.random.default_rng(0)

    def run(self, start):
        return self.project(start.inputs + self.rng.standard_normal(start.inputs.shape), start.inputs)


class Wanderer(Signs):
    def run(self, start):
        return start.inputs + 2 * self.radius


class Dividing(Signs):
    norm = 2

    def run(self, start):
        here = yield start.inputs
        with np.errstate(all="ignore"):
            ways = here.gradients / np.linalg.norm(here.gradients, axis=1, keepdims=True)
        return self.project(start.inputs + self.radius * ways, start.inputs)


class Endless(Signs):
    def run(self, start):
        while True:
            yield start.inputs


@pytest.mark.parametrize(
    ("attack", "words"),
    [
        (Flock(0.1), "an input alone goes"),
        (Dice(0.1), "the same seeds"),
        (Wanderer(0.1), r"row 0 is 0\.2.* away from its input, out of its ball of radius 0\.1"),
        (Dividing(0.1), "points of row .* are NaN"),
    ],
)
def test_attacks_that_break_promises_are_found(attack, words):
    with pytest.raises(ConformanceError, match=words):
        check_attack(attack)


class Hidden(sl.Optimizer):
    """Remembers beside its state."""

    def __init__(self):
        self.before = 0.0

    def move(self, weights, gradients, state, rate, step):
        self.before = 0.9 * self.before + float(np.abs(gradients).sum())
        return weights - weights.dtype.type(rate / (1 + self.before)) * gradients


class Normalised(sl.Optimizer):
    def move(self, weights, gradients, state, rate, step):
        return weights - weights.dtype.type(rate) * gradients / (1 + np.abs(gradients).max(initial=0))


@pytest.mark.parametrize(
    ("optimizer", "words"), [(Hidden(), "'Hidden': training that goes on"), (Normalised(), "a row alone goes")]
)
def test_optimizers_that_break_promises_are_found(optimizer, words):
    with pytest.raises(ConformanceError, match=words):
        check_optimizer(optimizer)


# ---- rubbish


def own(kind, answer):
    """One that answers so."""
    if kind == "loss":
        return {"loss": type("Rubbish", (CrossEntropy,), {"evaluate": lambda self, f, y: answer(f)})()}
    if kind == "attack":
        return {"attack": type("Rubbish", (Signs,), {"run": lambda self, start: answer(start.inputs)})(0.1)}
    return {"optimizer": type("Rubbish", (sl.Optimizer,), {"move": lambda self, w, g, s, r, t: answer(w)})()}


def dies(given):
    raise ConnectionResetError("the worker died")


@pytest.mark.parametrize(
    ("kind", "answer", "words"),
    [
        ("loss", dies, "loss 'Rubbish' failed in evaluate: ConnectionResetError: the worker died"),
        ("loss", lambda f: f, r"answer of evaluate: it is a ndarray; give \(losses, derivatives\)"),
        ("loss", lambda f: (f[:, 0], f[:, :2]), r"derivatives have shape \(\d+, 2\); give \(\d+, 3\)"),
        ("loss", lambda f: (f[:, 0] * np.nan, f), "losses of row 0 are NaN"),
        ("loss", lambda f: (["a"] * len(f), f), "losses have dtype <U1; give numbers"),
        ("attack", dies, "attack 'Rubbish' failed in run: ConnectionResetError"),
        ("attack", lambda x: x[1:], r"answer of run: points have shape"),
        ("attack", lambda x: x + np.inf, "points are not finite"),
        ("attack", lambda x: x + 0.2, "row 0 is 0.2.* away from its input"),
        ("attack", lambda x: None, "points have dtype object"),
        ("optimizer", dies, "optimizer 'Rubbish' failed in move: ConnectionResetError"),
        ("optimizer", lambda w: w[:, 1:], r"answer of move: weights have shape"),
        ("optimizer", lambda w: w * np.nan, "weights of row 0 are NaN"),
        ("optimizer", lambda w: None, "weights have dtype object"),
    ],
)
def test_what_is_answered_wrongly_is_said_before_weights_change(kind, answer, words):
    x, y = problem()
    net = network()
    before = sha256(net)
    trainer = sl.Trainer(net, **own(kind, answer))
    with pytest.raises(sl.PluginError, match=words) as refused:
        trainer.fit(x, y)
    assert isinstance(refused.value.__cause__, ConnectionResetError) == (answer is dies)
    assert sha256(net) == before
    assert trainer.steps_done == 0


def test_a_step_that_was_refused_leaves_no_trace():
    """What an optimizer remembers, too: the third step fails once."""

    class Fails(Remembering):
        fail = True

        def move(self, weights, gradients, state, rate, step):
            moved = super().move(weights, gradients, state, rate, step)
            if step == 3 and Fails.fail:
                Fails.fail = False
                raise OSError("disk full")
            return moved

    x, y = problem()
    net = network()
    trainer = sl.Trainer(net, learning_rate=5.0, batch_size=40, optimizer=Fails())
    with pytest.raises(sl.PluginError, match="disk full"):
        trainer.fit(x, y, epochs=2)
    assert trainer.steps_done == 2
    trainer.fit(x, y, epochs=1)
    trainer.fit(x, y, epochs=1)
    assert sha256(net) == trained(optimizer=Remembering())


def test_too_large_steps_are_refused_as_divergence():
    x, y = problem()
    for factor in (1e37, np.inf):
        net = network()
        optimizer = own("optimizer", lambda w, factor=factor: w + w.dtype.type(factor))["optimizer"]
        before = sha256(net)
        with pytest.raises(sl.DivergenceError, match="overflow"):
            sl.Trainer(net, optimizer=optimizer).fit(x, y, epochs=9 if factor < np.inf else 1)
        assert factor < np.inf or sha256(net) == before


def test_ctrl_c_in_a_call_ends_it():
    class Interrupted(CrossEntropy):
        def evaluate(self, outputs, labels):
            raise KeyboardInterrupt

    x, y = problem()
    with pytest.raises(KeyboardInterrupt):
        sl.Trainer(network(), loss=Interrupted()).fit(x, y)
    with pytest.raises(KeyboardInterrupt):
        sl.evaluate(network(), x, y, Interrupted())


def test_classes_that_are_not_complete_are_refused():
    x, y = problem()
    with pytest.raises(sl.PluginError, match="'Loss' failed in evaluate: NotImplementedError"):
        sl.Trainer(network(1), loss=sl.Loss()).fit(x, y)
    for radius, words in ((-1, "radius is -1; give"), (None, "radius is None"), (np.inf, "radius is inf")):
        with pytest.raises(sl.PluginError, match=words):
            sl.Trainer(network(), attack=Signs(radius))
    with pytest.raises(TypeError, match="derives from Optimizer and has no method move"):
        type("Nothing", (sl.Optimizer,), {})()
    with pytest.raises(TypeError, match="attack is 'pgd'; give an attack"):
        sl.Trainer(network(), attack="pgd")
    with pytest.raises(ValueError, match="labels of Odd is 'words'"):
        sl.Trainer(network(), loss=type("Odd", (sl.Loss,), {"labels": "words"})())
    odd = type("Odd", (Descent,), {"initial_state": lambda self, *sizes: {"momentum": np.zeros(3)}})
    with pytest.raises(sl.PluginError, match=r"'momentum' has shape \(3,\); give a row for each of 128"):
        sl.Trainer(network(), optimizer=odd()).fit(x, y)


# ---- state, estimators, schedules, callbacks


def test_what_an_optimizer_remembers_is_kept_and_checked():
    x, y = problem()
    net = network()
    first = sl.Trainer(net, learning_rate=5.0, batch_size=40, optimizer=Remembering())
    first.fit(x, y)
    state = pickle.loads(pickle.dumps(first.optimizer_state()))
    assert state["values.momentum"].shape == (128 * 9,)
    assert state["numbers.steps"].tolist() == [3]
    second = sl.Trainer(net, learning_rate=5.0, batch_size=40, optimizer=Remembering())
    second.resume_at(first.steps_done, state)
    second.fit(x, y)
    assert sha256(net) == trained(optimizer=Remembering())
    with pytest.raises(ValueError, match=r"optimizer 'Remembering' remembers \{'momentum': 1152\}"):
        second.resume_at(3, {**state, "values.momentum": np.zeros(5, np.float32)})


def test_estimators_take_them():
    x, y = problem()
    estimator = sl.SublinearClassifier(
        width=128, epochs=3, attack=Signs(0.05), optimizer=Remembering(), learning_rate=1.0, random_state=0
    )
    assert estimator.fit(x, y).score(x, y) > 0.9
    with pytest.raises(ValueError, match="'auto' does not know optimizer 'Remembering'"):
        estimator.set_params(learning_rate="auto").fit(x, y)


class Cosine(sl.Schedule):
    def __call__(self, step, steps_per_epoch):
        return 0.5 + 0.5 * np.cos(step / steps_per_epoch)


def test_schedules_are_classes_or_functions_and_their_answers_checked():
    assert trained(learning_rate=Cosine()) == trained(learning_rate=lambda step, each: 0.5 + 0.5 * np.cos(step / each))
    for rate in (-1, np.nan, "fast", None):
        schedule = type("Odd", (sl.Schedule,), {"__call__": lambda self, step, each, rate=rate: rate})()
        with pytest.raises(sl.PluginError, match=r"schedule 'Odd', answer for step 0 with 3 an epoch: it is"):
            trained(learning_rate=schedule)


def test_callbacks_are_told_of_steps_and_epochs_and_end_training():
    class Watching(sl.Callback):
        def __init__(self):
            self.steps, self.epochs = 0, []

        def step(self, progress):
            self.steps += 1

        def epoch(self, epoch, figures):
            self.epochs.append((epoch, figures["loss"], figures["validation_robust_accuracy"]))
            return epoch < 2

    x, y = problem()
    watching = Watching()
    trainer = sl.Trainer(network(), learning_rate=5.0, batch_size=40)
    history = trainer.fit(x, y, epochs=5, validation=(x, y), callbacks=[watching])
    assert watching.steps == 6
    assert [epoch for epoch, *_ in watching.epochs] == [1, 2]
    assert [loss for _, loss, _ in watching.epochs] == history.loss
    assert [accuracy for *_, accuracy in watching.epochs] == history.validation_robust_accuracy


def test_a_file_cannot_hold_an_attack_of_your_own():
    from sublinear.network_record import attack_settings

    with pytest.raises(TypeError, match="one of your own"):
        attack_settings(Signs(0.1))
