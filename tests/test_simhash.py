"""The approximate strategy in training: what it misses is measured, and it never passes for an exact one."""

from __future__ import annotations

import json

import numpy as np
import pytest

import sublinear as sl


@pytest.fixture(scope="module")
def data():
    return sl.load_dataset("gaussian-mixture:n=400,d=12,classes=3", seed=1)


def train(data, strategy, threads=None, epochs=3, seed=0, width=400):
    net = sl.TwoLayerNetwork.random(data.n_features, width, data.classes, seed=4)
    trainer = sl.Trainer(net, strategy, sl.PGD(0.05, 3), learning_rate=20.0, batch_size=32, threads=threads, seed=seed)
    return net, trainer, trainer.fit(data.X_train, data.y_train, epochs)


def test_recall_is_the_share_found_of_the_neurons_that_fire(data):
    net, trainer, history = train(data, "simhash:6x4")
    proposed, fired = trainer.candidates(), net.fired(data.X_train)
    found = sum(np.isin(ours, theirs).sum() for ours, theirs in zip(fired, proposed, strict=True))
    assert trainer.recall() == found / len(fired.ids)
    assert 0.05 < trainer.recall() < 0.95
    assert history.fired_share[-1] <= history.candidates_share[-1]
    for strategy in sl.EXACT_STRATEGIES:
        assert train(data, strategy, epochs=1)[1].recall() == 1.0


def test_more_tables_miss_less_and_learn_better(data):
    few, many = (train(data, f"simhash:8x{tables}", epochs=6) for tables in (2, 60))
    assert few[1].recall() < many[1].recall()
    assert many[2].loss[-1] < few[2].loss[-1]


def test_one_hash_bit_and_many_tables_find_all_and_give_the_bits_of_dense(data):
    # A neuron is missed in a table with probability below 1/2, so in 60 tables practically never; none is here.
    wide = sl.Strategy("simhash", hashing=sl.Hashing(bits=1, tables=60, least_share=0))
    net, trainer, _ = train(data, wide)
    assert trainer.recall() == 1.0
    exact, _, _ = train(data, "dense")
    assert (net.weights == exact.weights).all()


def test_the_same_seed_gives_the_same_bits_with_any_number_of_threads(data):
    ends = {train(data, "simhash:7x5", threads)[0].weights.tobytes() for threads in (1, 2, 3)}
    assert len(ends) == 1
    assert train(data, "simhash:7x5", seed=1)[0].weights.tobytes() not in ends


def test_short_answers_are_filled_up_and_counted(data):
    hashing = sl.Hashing(bits=14, tables=2, least_share=0.3)
    _, trainer, history = train(data, sl.Strategy("simhash", hashing=hashing), epochs=1)
    assert history.candidates_share[0] == pytest.approx(0.3)
    assert 0 < history.work[0].added < history.work[0].candidates
    assert all(len(each) == 120 for each in trainer.candidates())


def test_choices_are_read_and_checked():
    assert sl.Strategy.of("simhash:7x20").hashing == sl.Hashing(7, 20)
    assert sl.Strategy.of("simhash:7x20").label == "simhash:7x20"
    assert not sl.STRATEGIES["simhash"].exact
    assert sl.Hashing() == sl.Hashing(9, 50, 0.05, 50, 0.1)
    for text in ("simhash:7", "simhash:x5", "simhash:7xa", "simhash:-1x5"):
        with pytest.raises(ValueError, match="bits and tables"):
            sl.Strategy.of(text)
    with pytest.raises(ValueError, match="'simhash' only"):
        sl.Strategy("margin", hashing=sl.Hashing())
    with pytest.raises(ValueError, match="bits is 0"):
        sl.Hashing(bits=0)
    net = sl.TwoLayerNetwork.random(3, 8, 2)
    for bad, words in ((sl.Hashing(bits=21), "bits is 21"), (sl.Hashing(least_share=2.0), "least_share is 2")):
        with pytest.raises(ValueError, match=words):
            sl.Trainer(net, sl.Strategy("simhash", hashing=bad)).fit(np.eye(3), [0, 1, 0], 0)
    with pytest.raises(MemoryError, match="tables"):
        sl.Trainer(net, sl.Strategy("simhash", max_bytes=100)).fit(np.eye(3), [0, 1, 0], 0)
    with pytest.raises(ValueError, match="call fit first"):
        sl.Trainer(net).candidates()


def test_it_stands_beside_exact_ones_in_a_comparison_and_is_marked(tmp_path):
    from typer.testing import CliRunner

    from sublinear.cli import app

    arguments = ["compare", "--dataset", "wine", "--width", "256", "--epochs", "2", "--steps", "2"]
    arguments += ["--strategies", "dense,simhash:6x3", "--out", str(tmp_path)]
    done = CliRunner(env={"COLUMNS": "80"}).invoke(app, arguments)
    assert done.exit_code == 0, done.output
    dense, hashed = json.loads((tmp_path / "results.json").read_text())["runs"]
    assert (dense["exact"], dense["recall"]) == (True, None)
    assert hashed["exact"] is False
    assert 0 < hashed["recall"] < 1
    assert hashed["work"]["added"] >= 0
    assert max(len(line) for line in done.stdout.splitlines() if not line.startswith("Written:")) <= 80
    assert any(line.split()[:1] == ["simhash:6x3"] for line in done.stdout.splitlines())


def test_runs_with_checkpoints_take_exact_strategies():
    from sublinear.training_run import TrainSettings

    with pytest.raises(ValueError, match="exact"):
        TrainSettings(strategy="simhash")
