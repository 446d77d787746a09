"""Indexes and strategies from outside: registered, installed; what they get wrong is said before it matters."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import sublinear as sl
from sublinear.identity import weights_hash as sha256


class Scan:
    """Looks at every point: what an outsider writes first."""

    def __init__(self, points):
        self.points = points

    def report_batch(self, normals, thresholds):
        return normals @ self.points.T >= thresholds[:, None]


class Neurons:
    """A strategy of the same kind."""

    structure = "nothing, a matrix product"
    source = "this test"

    def __init__(self, problem):
        self.problem = problem
        self.limits = problem.limits()

    def candidates(self, ids):
        return self.problem.inputs[ids] @ self.problem.weights.T >= self.limits

    def moved(self, rows, displacements):
        self.limits = self.problem.limits()


@pytest.fixture
def register():
    """Registers, and forgets again."""
    added = []

    def add(kind, name, *arguments, **options):
        made = getattr(sl, f"register_{kind}")(name, *arguments, **options)
        added.append((kind, name))
        return made

    yield add
    for kind, name in added:
        getattr(sl, f"unregister_{kind}")(name)


def problem(n=60, d=9):
    rng = np.random.default_rng(0)
    y = np.arange(n) % 3
    x = 0.3 * rng.standard_normal((n, d)) + np.eye(3, d)[y]
    return x.astype(np.float32), y


def trained(strategy, attack=None, dtype="float32", **options):
    x, y = problem()
    net = sl.TwoLayerNetwork.random(9, 64, n_outputs=3, seed=1, dtype=dtype)
    attack = sl.PGD(0.1, steps=3) if attack is None else attack
    trainer = sl.Trainer(net, strategy, attack=attack, learning_rate=10.0, batch_size=16, **options)
    trainer.fit(x, y, epochs=3)
    return net, trainer


# ---- indexes


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_registered_index_reports_what_the_others_report(register, dtype):
    own = register("index", "scan", Scan)
    assert sl.INDEXES["scan"] is own
    assert "scan" in sl.INDEXES
    rng = np.random.default_rng(0)
    points, normals = rng.integers(-4, 5, (300, 3)).astype(dtype), rng.integers(-4, 5, (70, 3)).astype(dtype)
    index, expected = own(points), sl.BruteForce(points)
    for change in (
        lambda i: None,
        lambda i: i.insert(points[:5] + 1),
        lambda i: i.move([0, 301], points[7:9]),
        lambda i: i.erase([1, 2, 302]),
    ):
        change(index)
        change(expected)
        ours, theirs = index.report_batch(normals, 3), expected.report_batch(normals, 3)
        assert np.array_equal(ours.ids, theirs.ids)
        assert np.array_equal(ours.indptr, theirs.indptr)
        assert index.count([1, 2, 3], -np.inf) == len(index) == len(expected)
        assert index.top([1, 2, 3], 4)[0].tolist() == expected.top([1, 2, 3], 4)[0].tolist()
    for other in (pickle.loads(pickle.dumps(index)), copy.copy(index)):
        assert type(other) is own
        assert other.report([1, 1, 1], 2).tolist() == expected.report([1, 1, 1], 2).tolist()
        assert other.insert(points[:1]).tolist() == [305]


def test_products_summed_in_any_order_miss_nobody(register):
    """The threshold is the canonical product itself: a matrix product may come out below it."""
    own = register("index", "scan", Scan)
    rng = np.random.default_rng(1)
    points = rng.standard_normal((500, 40)).astype(np.float32)
    index, exact = own(points), sl.BruteForce(points)
    missed = 0
    for k in range(200):
        normal = rng.standard_normal(40).astype(np.float32)
        product = float(exact.top(normal, 1)[1][0])
        missed += not (points @ normal >= product).any()
        assert index.report(normal, product).tolist() == exact.report(normal, product).tolist(), k
    assert missed > 0, "else this test shows nothing"


@pytest.mark.parametrize("strategy", ["weights", "data", "static"])
def test_an_index_inside_a_strategy_ends_with_the_bits_of_dense(register, strategy):
    register("index", "scan", Scan)
    for attack in (sl.PGD(0.1, steps=3), sl.PGD(0.03, steps=3, norm=np.inf)):
        assert sha256(trained(f"{strategy}:scan", attack)[0]) == sha256(trained("dense", attack)[0])
    assert sl.Strategy.of("scan") == sl.Strategy("weights", "scan")
    net, x = trained("dense")[0], problem()[0]
    assert np.array_equal(net.decision_function(x, index="scan"), net.decision_function(x))


def test_approximate_indexes_make_strategies_approximate(register):
    class Half(Scan):
        exact = False

        def report_batch(self, normals, thresholds):
            hits = super().report_batch(normals, thresholds)
            hits[:, ::2] = False
            return hits

    own = register("index", "half", Half)
    assert not own.exact
    assert not sl.Strategy("weights", "half").exact
    points = np.arange(20.0).reshape(10, 2)
    assert own(points).report([1, 0], 5).tolist() == [3, 5, 7, 9]
    _, trainer = trained("weights:half")
    assert 0.2 < trainer.recall() < 0.8
    with pytest.raises(ValueError, match=r"'half' is approximate"):
        trainer.net.decision_function(problem()[0], index="half")


def answers(answer):
    """An index that answers so."""

    class Rubbish(Scan):
        def report_batch(self, normals, thresholds):
            return answer(normals, self.points)

    return Rubbish


def raises(normals, points):
    raise ConnectionResetError("the worker died")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda n, p: None, "NoneType"),
        (lambda n, p: np.ones((len(n), len(p) - 1), bool), "boolean array of shape"),
        (lambda n, p: (np.zeros(len(n) + 1), np.zeros(0)), "indptr has dtype float64; give integers"),
        (lambda n, p: (np.zeros(len(n), int), np.zeros(0, int)), "lists for .* queries"),
        (lambda n, p: (np.arange(len(n) + 1), np.zeros(0, int)), "ascend from 0 to 0"),
        (lambda n, p: [np.full(1, np.nan)] * len(n), "dtype float64; give integers"),
        (lambda n, p: [[0, 0]] * len(n), "id 0 more than once"),
        (lambda n, p: [[len(p)]] * len(n), "query 0 has id 60; ids are 0 to 59"),
        (lambda n, p: [[-1]] * len(n), "query 0 has id -1"),
        (lambda n, p: [[]] * len(n), "lacks id"),
        (raises, ": ConnectionResetError: the worker died"),
    ],
)
def test_what_an_index_answers_wrongly_is_said(register, answer, words):
    own = register("index", "rubbish", answers(answer))
    index = own(np.random.default_rng(0).standard_normal((60, 3)))
    with pytest.raises(sl.PluginError, match=rf"index .rubbish.*report_batch.*{words}"):
        index.report_batch(np.eye(3), 0)
    x, y = problem()
    net = sl.TwoLayerNetwork.random(9, 60, n_outputs=3, seed=1)
    before = sha256(net)
    with pytest.raises(sl.PluginError, match=r"rubbish"):
        sl.Trainer(net, "weights:rubbish", attack=sl.PGD(0.1)).fit(x, y)
    assert sha256(net) == before


def test_an_index_whose_changes_fail_is_as_it_was(register):
    class Fragile(Scan):
        def insert(self, points):
            self.points = self.points[:0]
            raise OSError("disk full")

    own = register("index", "fragile", Fragile)
    index = own(np.eye(3))
    with pytest.raises(sl.PluginError, match=r"index 'fragile' failed in insert: OSError: disk full") as refused:
        index.insert(np.eye(3))
    assert isinstance(refused.value.__cause__, OSError)
    assert len(index) == 3
    assert index.report([1, 1, 1], 1).tolist() == [0, 1, 2]


def test_factories_that_make_no_index_are_refused(register):
    for name, factory, words in (
        ("nothing", lambda points: None, "no method 'report_batch'"),
        ("broken", lambda points: 1 / 0, "failed in the factory: ZeroDivisionError"),
    ):
        own = register("index", name, factory)
        with pytest.raises(sl.PluginError, match=rf"index '{name}'.*{words}"):
            own(np.eye(3))
        assert len(own(np.empty((0, 3)))) == 0  # nobody is asked about nothing
    register("index", "flat", Scan, dimensions=(2, 3))
    assert not sl.index_serves("flat", 4)
    with pytest.raises(ValueError, match=r"4 columns; flat serves 2 to 3"):
        sl.INDEXES["flat"](np.eye(4))


def test_names_are_taken_once(register):
    register("index", "scan", Scan)
    register("strategy", "neurons", Neurons)
    for kind, factory in (("index", Scan), ("strategy", Neurons)):
        add = getattr(sl, f"register_{kind}")
        for name in ("kd-tree", "auto", "scan") if kind == "index" else ("dense", "neurons"):
            with pytest.raises(ValueError, match=f'called "{name}" already'):
                add(name, factory)
        for name in ("", "My index", "a:b", "a,b", "x" * 101):
            with pytest.raises(ValueError, match=r"small letters"):
                add(name, factory)
        with pytest.raises(TypeError, match=r"factory"):
            add("other", "not callable")
        with pytest.raises(ValueError, match=r"was not registered"):
            getattr(sl, f"unregister_{kind}")("dense")
    with pytest.raises(ValueError, match=r"dimensions\[0\]"):
        sl.register_index("scan", Scan, dimensions=(0, None), replace=True)
    assert sl.index_serves("scan", 3)  # it is the one from before
    assert sl.register_index("scan", Scan, exact=False, replace=True).exact is False
    with pytest.raises(TypeError):
        sl.INDEXES["octree"] = sl.KDTree  # type: ignore[index]


# ---- strategies


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_registered_strategy_ends_with_the_bits_of_dense(register, dtype):
    strategy = register("strategy", "neurons", Neurons)
    assert sl.STRATEGIES["neurons"] == strategy == sl.Strategy("neurons")
    assert (strategy.structure, strategy.source, strategy.exact) == ("nothing, a matrix product", "this test", True)
    for attack in (sl.NoAttack(), sl.PGD(0.1, steps=3), sl.PGD(0.03, steps=3, norm=np.inf)):
        own, trainer = trained("neurons", attack, dtype, train_biases=True)
        assert sha256(own) == sha256(trained("dense", attack, dtype, train_biases=True)[0])
        assert trainer.recall() == 1
    with pytest.raises(ValueError, match=r"no index inside"):
        sl.Strategy("neurons", "kd-tree")


def test_a_strategy_is_told_what_moved(register):
    told = []

    class Told(Neurons):
        def __init__(self, problem):
            super().__init__(problem)
            self.before = problem.weights.astype(float)
            assert (problem.radius, problem.norm, problem.threads) == (np.float32(0.1), 2, 1)
            assert problem.inputs.shape == (60, 9)
            with pytest.raises(ValueError, match=r"read-only"):
                problem.weights[0] = 0

        def moved(self, rows, displacements):
            super().moved(rows, displacements)
            now = self.problem.weights.astype(float)
            far = np.linalg.norm(now - self.before, axis=1)
            assert set(np.flatnonzero(far)) <= set(rows.tolist())
            assert (far[rows] <= displacements["euclidean"]).all()
            assert (displacements["bias"] == 0).all()
            self.before = now
            told.append(len(rows))

    register("strategy", "told", Told)
    trained("told", threads=1)
    assert len(told) == 12
    assert max(told) > 0


def test_an_approximate_strategy_is_not_held_to_the_bits(register):
    class Few(Neurons):
        exact = False

        def candidates(self, ids):
            return super().candidates(ids) & (np.arange(64) % 2 == 0)

    register("strategy", "few", Few)
    assert not sl.STRATEGIES["few"].exact
    assert "few" not in sl.EXACT_STRATEGIES
    net, trainer = trained("few")
    assert sha256(net) != sha256(trained("dense")[0])
    assert 0.2 < trainer.recall() < 0.8
    register("strategy", "liar", Few, exact=True)
    with pytest.raises(sl.PluginError, match=r'strategy "liar", answer of candidates: input .* lacks neuron .* fires'):
        trained("liar")


def dies(self, ids):
    raise BrokenPipeError("the worker died")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda self, ids: None, "NoneType"),
        (lambda self, ids: np.ones((len(ids), 3), bool), "boolean array of shape"),
        (lambda self, ids: [[64]] * len(ids), "query 0 has id 64; neurons are 0 to 63"),
        (lambda self, ids: [[2**40]] * len(ids), "has id 1099511627776"),
        (lambda self, ids: [[3, 3]] * len(ids), "id 3 after 3"),
        (lambda self, ids: [[np.nan]] * len(ids), "give integers"),
        (dies, ": BrokenPipeError: the worker died"),
    ],
)
def test_what_a_strategy_answers_wrongly_is_said_before_weights_change(register, answer, words):
    register("strategy", "rubbish", type("Rubbish", (Neurons,), {"candidates": answer}))
    x, y = problem()
    net = sl.TwoLayerNetwork.random(9, 64, n_outputs=3, seed=1)
    before = sha256(net)
    trainer = sl.Trainer(net, "rubbish", attack=sl.PGD(0.1))
    with pytest.raises(sl.PluginError, match=rf"strategy .rubbish.*candidates.*{words}"):
        trainer.fit(x, y)
    assert sha256(net) == before
    assert trainer.steps_done == 0


def test_a_strategy_that_fails_when_rows_move_is_made_anew(register):
    made = []

    class Forgetful(Neurons):
        def __init__(self, problem):
            super().__init__(problem)
            made.append(self)

        def moved(self, rows, displacements):
            if len(made) == 1:
                raise RuntimeError("lost")
            super().moved(rows, displacements)

    register("strategy", "forgetful", Forgetful)
    x, y = problem()
    nets = [sl.TwoLayerNetwork.random(9, 64, n_outputs=3, seed=1) for _ in range(2)]
    options = {"attack": sl.PGD(0.1, steps=3), "learning_rate": 10.0, "batch_size": 16}
    trainer = sl.Trainer(nets[0], "forgetful", **options)
    with pytest.raises(sl.PluginError, match=r"strategy 'forgetful' failed in moved: RuntimeError: lost"):
        trainer.fit(x, y)
    assert trainer.steps_done == 1  # the weights had moved
    trainer.fit(x, y, epochs=3)
    sl.Trainer(nets[1], "dense", **options).fit(x, y, epochs=3)
    assert sha256(nets[0]) == sha256(nets[1])
    assert len(made) == 2


def test_ctrl_c_inside_of_a_plug_in_is_ctrl_c(register):
    def interrupted(self, ids):
        raise KeyboardInterrupt

    register("strategy", "slow", type("Slow", (Neurons,), {"candidates": interrupted}))
    with pytest.raises(KeyboardInterrupt):
        trained("slow")


# ---- the rest of the house takes them

PACKAGE = """
import numpy as np

class MyIndex:
    def __init__(self, points):
        self.points = points

    def report_batch(self, normals, thresholds):
        return normals @ self.points.T >= thresholds[:, None]

class MyStrategy:
    structure = "a package's own"

    def __init__(self, problem):
        self.problem = problem

    def candidates(self, ids):
        return self.problem.inputs[ids] @ self.problem.weights.T >= self.problem.limits()

    def moved(self, rows, displacements):
        pass
"""

ENTRY_POINTS = """
[sublinear.indexes]
my-index = my_package:MyIndex
gone = my_package:Nothing

[sublinear.strategies]
my-strategy = my_package:MyStrategy
"""


@pytest.fixture
def site(tmp_path):
    """A folder as pip fills it with a package that has entry points."""
    (tmp_path / "my_package.py").write_text(PACKAGE)
    info = tmp_path / "my_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    return tmp_path


def python(site, code, *arguments):
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(site)!r})\n" + textwrap.dedent(code)]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, cwd=site, check=False)


def test_installed_packages_are_compared_without_a_line_of_code(site):
    code = """
    import json
    import pathlib
    from typer.testing import CliRunner
    import sublinear as sl
    from sublinear.cli import app
    assert "my_package" not in sys.modules
    arguments = ["compare", "--width", "64", "--epochs", "1", "--strategies", "my-index,my-strategy,margin,dense"]
    done = CliRunner().invoke(app, [*arguments, "--out", "out"])
    assert done.exit_code == 0, done.output
    runs = json.loads(pathlib.Path("out/results.json").read_text())["runs"]
    assert [run["strategy"] for run in runs] == ["weights:my-index", "my-strategy", "margin", "dense"]
    assert len({run["weights_sha256"] for run in runs}) == 1
    assert all(run["exact"] for run in runs)
    assert list(sl.INDEXES)[-2:] == ["my-index", "gone"]
    assert sl.STRATEGIES["my-strategy"].structure == "a package's own"
    try:
        sl.INDEXES["gone"]
    except sl.PluginError as error:
        print(error)
    """
    done = python(site, code)
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stdout.startswith("the entry point 'gone' in 'sublinear.indexes' of my-package cannot be used: Attrib")


def test_estimators_and_checkpoints_take_them(register, tmp_path):
    register("strategy", "neurons", Neurons)
    x, y = problem()
    classifiers = [
        sl.SublinearClassifier(64, strategy, attack=sl.PGD(0.1, steps=2), epochs=3, random_state=0).fit(x, y)
        for strategy in ("neurons", "margin")
    ]
    own, expected = (each.decision_function(x) for each in classifiers)
    assert np.array_equal(own, expected)
    _, trainer = trained("neurons")
    history = trainer.fit(*problem(), epochs=1)
    assert history.work[0].candidates >= history.work[0].fired > 0
