"""What a comparison says: of whose weights, of whose times, and in which order."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

import sublinear as sl
import sublinear.contestants
from sublinear.cli import app
from sublinear.compare import Comparison, Settings, compare, reference_of, same_bits
from sublinear.contestants import Run
from sublinear.intervals import Interval, mean_of, median_of, middle_half
from sublinear.meaning import meaning
from sublinear.paid_after import paid_after
from sublinear.tables import bits_note, bits_text, ratios


def settings(*strategies, **changes):
    chosen = tuple(sl.Strategy.of(name) for name in strategies)
    return Settings("wine", width=128, epochs=3, batch_size=50, steps=2, strategies=chosen, **changes)


def runs(*given):
    """Runs of results.json from (strategy, exact, weights)."""
    return [{"strategy": name, "exact": exact, "weights_sha256": weights} for name, exact, weights in given]


@pytest.mark.parametrize(
    ("given", "reference", "texts"),
    [
        ([("simhash", False, "x"), ("margin", True, "a"), ("dtree", True, "a")], "margin", ["no", "ref.", "yes"]),
        ([("margin", True, "a"), ("dtree", True, "b"), ("dense", True, "a")], "dense", ["yes", "NO", "ref."]),
        ([("simhash", False, "x"), ("simhash:5x4", False, "y")], None, ["-", "-"]),
        ([("margin", True, "a")], "margin", ["-"]),
        ([("simhash", False, "a"), ("margin", True, "a")], "margin", ["yes", "ref."]),
    ],
)
def test_weights_are_compared_with_dense_or_the_first_exact_run(given, reference, texts):
    found = runs(*given)
    assert reference_of(found) == reference
    assert [bits_text(run, found) for run in found] == texts
    assert ("nothing" in bits_note(found)) is (set(texts) == {"-"})


def test_a_refused_run_is_no_reference():
    found = [
        {"strategy": "dense", "exact": True, "error": "no room"},
        *runs(("margin", True, "a"), ("data", True, "a")),
    ]
    assert reference_of(found) == "margin"
    assert same_bits(found[0], found) is None
    assert same_bits(found[2], found) is True


def test_an_approximate_strategy_listed_first_accuses_nobody(tmp_path):
    arguments = ["compare", "--dataset", "wine", "--width", "128", "--epochs", "2", "--steps", "1", "--out", tmp_path]
    done = CliRunner().invoke(app, [*map(str, arguments), "--strategies", "simhash:6x4,margin,dtree"])
    assert done.exit_code == 0, done.output
    assert "bug" not in done.output
    assert "NO" not in done.output
    assert "weights are those of margin" in done.output
    alone = CliRunner().invoke(app, [*map(str, arguments), "--strategies", "margin", "--overwrite"])
    assert alone.exit_code == 0
    assert "compared with nothing" in alone.output


def test_an_exact_run_with_other_weights_is_a_bug_and_status_1(tmp_path, monkeypatch):
    real = sublinear.contestants.StrategyContestant.run

    def wrong(self, interleaved):
        run = real(self, interleaved)
        return replace(run, weights_sha256="other") if run.strategy == "dtree" else run

    monkeypatch.setattr(sublinear.contestants.StrategyContestant, "run", wrong)
    arguments = ["compare", "--dataset", "wine", "--width", "128", "--epochs", "1", "--steps", "1", "--out", tmp_path]
    done = CliRunner().invoke(app, [*map(str, arguments), "--strategies", "simhash:6x4,margin,dtree,dense"])
    assert done.exit_code == 1
    assert "dtree is exact and ended with other weights than dense" in " ".join(done.output.split())
    assert "margin is exact" not in done.output


def test_strategies_take_turns_epoch_by_epoch():
    seen = []
    comparison = compare(
        settings("dense", "margin", "dtree"),
        lambda name, number, count, step: seen.append((name, number, count, step.epoch, step.step, step.epochs)),
    )
    steps = 3  # 133 inputs in batches of 50
    assert [each[0] for each in seen[::steps]] == [
        *("dense", "margin", "dtree"),
        *("margin", "dtree", "dense"),
        *("dtree", "dense", "margin"),
    ]
    dense = [each[1:] for each in seen if each[0] == "dense"]
    assert dense == [(1, 3, epoch + (step == steps), step, 3) for epoch in range(3) for step in range(1, steps + 1)]
    for run in comparison.runs:
        assert run.interleaved
        assert {len(column) for column in run.history.values()} == {3}
        assert len(run.fired_share) == 3
    assert comparison.broken == []


def test_turns_do_not_change_what_is_learnt():
    (run, _) = compare(settings("margin", "dense")).runs
    data = sl.load_dataset("wine")
    net = sl.TwoLayerNetwork.random(data.n_features, 128, data.classes, seed=0)
    trainer = sl.Trainer(net, "margin", sl.PGD(0.05, 2), learning_rate=sl.LinearRate(200, 0, 3), batch_size=50)
    history = trainer.fit(data.X_train, data.y_train, 3, (data.X_test, data.y_test))
    assert run.history["robust_loss"] == history.robust_loss
    assert run.history["validation_robust_accuracy"] == history.validation_robust_accuracy
    assert run.work["inner_products"] == pytest.approx(np.mean([work.inner_products for work in history.work]))


def test_a_strategy_without_room_beside_the_others_trains_alone_after_them(monkeypatch):
    real, alive = sublinear.contestants.StrategyContestant.__init__, []

    def crowded(self, settings, data, net, strategy):
        real(self, settings, data, net, strategy)
        if strategy.name == "dtree" and len(alive) < 3:
            alive.append(strategy.label)
            raise MemoryError("no room")
        alive.append(strategy.label)

    monkeypatch.setattr(sublinear.contestants.StrategyContestant, "__init__", crowded)
    comparison = compare(settings("dtree", "dense", "margin"))
    assert alive == ["dtree", "dense", "margin", "dtree"]
    assert [run.strategy for run in comparison.runs] == ["dtree", "dense", "margin"]
    assert [run.interleaved for run in comparison.runs] == [False, True, True]
    assert comparison.same_bits(comparison.runs[0]) is True


def test_a_refused_strategy_is_a_run_with_an_error_and_the_others_go_on():
    strategies = (sl.Strategy("dense"), sl.Strategy("dtree").replace(max_bytes=2000))
    comparison = compare(replace(settings("dense"), strategies=strategies))
    assert comparison.runs[0].error is None
    assert "2000 bytes" in comparison.runs[1].error
    assert comparison.as_dict()["runs"][1] == {
        "strategy": "dtree",
        "exact": True,
        "error": comparison.runs[1].error,
    }


def test_ratios_are_of_epochs_of_one_round():
    assert ratios([2.0, 30.0, 4.0], [1.0, 10.0, 4.0]) == Interval(2.0, 1.5, 2.5)
    assert middle_half([3.0]) == Interval(3.0)


def test_intervals_are_those_of_scipy_and_cover():
    from scipy import stats

    rng = np.random.default_rng(0)
    values = rng.normal(5, 2, 7)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    found = mean_of(list(values))
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert mean_of([3.0]) == Interval(3.0)
    assert median_of([1.0] * 5) == Interval(1.0)
    assert median_of([4.0, 1, 2, 6, 5, 3]) == Interval(3.5, 1, 6)
    inside = [median_of(list(rng.exponential(1, 12))) for _ in range(300)]
    assert np.mean([each.low <= math.log(2) <= each.high for each in inside]) > 0.92
    for empty in (mean_of, median_of):
        with pytest.raises(ValueError, match="no values"):
            empty([])


def test_a_structure_is_paid_for_when_its_steps_have_saved_what_it_cost():
    assert paid_after(10.0, Interval(2.0)).steps == 5
    assert paid_after(10.1, Interval(2.0)).text() == "6"
    assert paid_after(-1.0, Interval(2.0)).text() == "at once"
    assert paid_after(1.0, Interval(0.0)).text() == "never"
    assert paid_after(10.0, Interval(2.0, 1.0, 4.0)).text() == "5 (3-10)"
    assert paid_after(10.0, Interval(2.0, -1.0, 4.0)).text() == "5 (earliest 3)"
    assert paid_after(10.0, Interval(-2.0, -3.0, 4.0)).text() == "never (earliest 3)"
    assert paid_after(10.0, Interval(-2.0, -3.0, -1.0)).text() == "never"


def test_results_say_how_runs_were_timed():
    content = json.loads(json.dumps(compare(settings("dense", "margin")).as_dict()))
    for run in content["runs"]:
        assert run["interleaved"] is True
        assert run["seconds_per_epoch"] == pytest.approx(np.median(run["history"]["seconds"]))


def test_comparisons_made_by_hand_know_their_reference():
    made = Comparison(
        Settings(strategies=(sl.Strategy("margin"),)),
        sl.load_dataset("wine"),
        sl.TwoLayerNetwork.random(13, 8, 3),
        (Run("margin", True, weights_sha256="a"), Run("dtree", True, weights_sha256="b")),
    )
    assert made.reference == "margin"
    assert [run.strategy for run in made.broken] == ["dtree"]


def test_peers_take_turns_and_learn_the_same():
    settings = Settings("wine", width=128, epochs=12, batch_size=50, steps=2, strategies="dense,margin", peers="numpy")
    turns = []
    comparison = compare(replace(settings, certify=20), lambda name, *_: turns.append(name))
    assert [name for name, _ in itertools.groupby(turns)][:4] == ["dense", "margin", "numpy", "margin"]
    (peer,) = comparison.peers
    assert peer.robust_accuracy == pytest.approx(comparison.runs[0].robust_accuracy, abs=0.05)
    assert comparison.certified["inputs"] == 20
    assert [run.weights_sha256 for run in comparison.runs] == [
        run.weights_sha256 for run in compare(replace(settings, peers=())).runs
    ]
    other = compare(replace(settings, optimizer="adam", epochs=1, learning_rate=0.05))
    assert "leave it out" in other.peers[0].error
    assert other.runs[0].error is None
    with pytest.raises(ValueError, match="'abacus'"):
        replace(settings, peers=("abacus",))


def test_a_comparison_of_arrays(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((80, 5))
    y = np.where(X[:, 0] > 0, "up", "down")
    small = {"width": 64, "epochs": 2, "steps": 1, "strategies": "dense,margin"}
    comparison = sl.Comparison.of((X, y), **small, normalization="unit")
    data = comparison.as_dict()["dataset"]
    assert (data["name"], data["n_train"], data["labels"]) == ("arrays", 60, ["down", "up"])
    assert data["normalization"] == "unit"
    assert data["sha256"] == sl.dataset_of(X, y).record.sha256
    whole = sl.Comparison.of(sl.dataset_of(X, y, normalization="unit"), **small)
    assert [run.weights_sha256 for run in whole.runs] == [run.weights_sha256 for run in comparison.runs]
    rows = sl.load_results(whole, sl.sweep_cells(sl.Grid({"dataset": "iris", "width": 8, "epochs": 1}), tmp_path))
    kinds = [("compare", "dense"), ("compare", "margin"), ("cell", "margin")]
    assert [(row["kind"], row["strategy"]) for row in rows] == kinds
    assert {"Comparison", "Grid", "load_results", "SublinearClassifier"} <= set(dir(sl))


def test_what_a_comparison_means_is_said():
    def ran(strategy, seconds, **more):
        base = {"strategy": strategy, "exact": True, "seconds_per_epoch": float(np.median(seconds)), "error": None}
        return base | {"history": {"seconds": seconds}, "robust_accuracy": 0.5} | more

    runs = [ran("dense", [1.0, 2, 3]), ran("margin", [0.5, 1.0, 1.5]), ran("data", [4.0, 5, 6])]
    runs.append(ran("simhash", [0.1] * 3, exact=False))
    content = {"runs": runs, "peers": [ran("numpy", [5.0, 10.0, 15.0], exact=False)], "dataset": {"n_test": 100}}
    speed, accuracy = meaning(content)
    assert speed == (
        "The fastest exact strategy is margin: an epoch takes 0.50 of the time of dense and 0.10 of the time of dense "
        "training in NumPy. Slower than scanning all neurons: data."
    )
    assert accuracy == "Of 100 test inputs 50.0 % withstand the attack (95 % confidence 40.4 to 59.6)."
    proved = meaning(content | {"certified": {"inputs": 50, "certified": 0.25}})[1]
    assert "; 25.0 % of the first 50 are proved to withstand every attack" in proved
    assert len(meaning({"runs": runs[:1], "dataset": {"n_test": 10}})) == 1
