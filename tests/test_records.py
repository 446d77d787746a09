"""What travels with a network: whoever loads it reads other data as the training data were read."""

from __future__ import annotations

import json
import pickle
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler, normalize
from typer.testing import CliRunner

import sublinear as sl
from mutations import changed_json
from sublinear.attacks import attacks_of, parse_attacks
from sublinear.cli import app
from sublinear.identity import weights_hash
from sublinear.judged_data import find_network, judged_data
from sublinear.network_record import NetworkRecord
from sublinear.training_run import CHECKPOINT, HISTORY, NETWORK, TrainSettings, train

CENTRES = {"a": (4, 0, 1, 0), "b": (0, 5, 0, 1), "c": (-4, -4, 0, 0), "d": (4, -4, -1, 2)}
NAMES = ("north", "south", "east", "west")


def points(labels: str, count: int = 30, seed: int = 0):
    rng = np.random.default_rng(seed)
    y = rng.permutation(list(labels) * count)
    return np.array([CENTRES[label] for label in y]) + rng.normal(0, 0.5, (len(y), 4)), y


def write_csv(path: Path, X, y, names=NAMES) -> Path:
    lines = [",".join((*map(repr, map(float, row)), str(label))) for row, label in zip(X, y, strict=True)]
    path.write_text("\n".join([",".join((*names, "label")), *lines]) + "\n")
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    X, y = points("abc")
    data = write_csv(folder / "data.csv", X, y)
    (folder / "run").mkdir()
    settings = TrainSettings(dataset=str(data), width=64, epochs=4, batch_size=16, steps=2, learning_rate=50, seed=5)
    train(settings, folder / "run")
    return folder / "run", data, X, y


def evaluate(*arguments):
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments), "--attacks", "none"])


def accuracy(*arguments):
    done = evaluate(*arguments, "--json")
    assert done.exit_code == 0, done.stderr
    content = json.loads(done.stdout)
    return content["attacks"]["none"]["clean_accuracy"], content["dataset"]


def by_hand(network, X, y, train_rows):
    """Accuracy with the statistics of the training rows, by scikit-learn."""
    scaled = normalize(StandardScaler().fit(train_rows).transform(X))
    return float((np.argmax(network.decision_function(scaled), axis=1) == y).mean())


def test_a_run_is_judged_on_the_rows_that_its_own_seed_held_out(trained):
    run, data, X, y = trained
    X_train, X_test, _, y_test = train_test_split(X, y, test_size=0.25, stratify=y, random_state=5)
    network = sl.TwoLayerNetwork.load(run / NETWORK)
    (judged, told) = accuracy(run)
    assert judged == by_hand(network, X_test, np.searchsorted(["a", "b", "c"], y_test), X_train)
    assert told["part"] == "rows held out by the split of seed 5"
    assert told["rows"] == len(X_test)
    chosen = judged_data(network, run / NETWORK)
    np.testing.assert_array_equal(chosen.X, normalize(StandardScaler().fit(X_train).transform(X_test)))
    copied = shutil.copy(data, data.parent / "copy.csv")
    renamed = write_csv(data.parent / "renamed.csv", X, y, ("n", "s", "e", "w"))
    np.savez(data.parent / "copy.npz", X=X, y=y)
    for same in ((run / NETWORK,), (run / CHECKPOINT,), (run, "--seed", "5")):
        assert accuracy(*same) == (judged, told)
    for other in (copied, renamed, data.parent / "copy.npz"):
        assert accuracy(run, "--dataset", other) == (judged, told | {"name": str(other)})
    refused = evaluate(run, "--seed", "3")
    assert refused.exit_code == 2
    assert "trained on the split of seed 5: rows that it was trained on would be judged" in refused.stderr


def test_labels_are_matched_by_name_never_by_position(trained, tmp_path):
    run = trained[0]
    assert accuracy(run, "--dataset", write_csv(tmp_path / "bc.csv", *points("bc", seed=1)))[0] == 1
    stranger = write_csv(tmp_path / "bcd.csv", *points("bcd", seed=1))
    refused = evaluate(run, "--dataset", stranger)
    assert refused.exit_code == 2
    assert "has 30 rows of the labels 'd', which the network does not know: it knows 'a', 'b', 'c'" in refused.stderr
    judged, told = accuracy(run, "--dataset", stranger, "--skip-unknown")
    assert judged == 1
    assert (told["rows"], told["left_out"], told["part"]) == (60, 30, "all rows")


def test_columns_are_matched_by_name_never_by_position(trained, tmp_path):
    run = trained[0]
    X, y = points("abc", seed=2)
    right = accuracy(run, "--dataset", write_csv(tmp_path / "same.csv", X, y))[0]
    order = [2, 0, 3, 1]
    turned = write_csv(tmp_path / "turned.csv", X[:, order], y, [NAMES[k] for k in order])
    assert accuracy(run, "--dataset", turned)[0] == right == 1
    others = write_csv(tmp_path / "others.csv", X, y, ("north", "south", "east", "up"))
    refused = evaluate(run, "--dataset", others)
    assert refused.exit_code == 2
    assert "lacks 'west' and has 'up'; the network was trained on the columns 'north', 'south'" in refused.stderr
    np.savez(tmp_path / "unnamed.npz", X=X, y=y)
    told = accuracy(run, "--dataset", tmp_path / "unnamed.npz")
    assert told[0] == right
    assert "has no names for its columns: columns are taken in their order" in told[1]["notices"][0]
    np.savez(tmp_path / "fewer.npz", X=X[:, :3], y=y)
    refused = evaluate(run, "--dataset", tmp_path / "fewer.npz")
    assert "has 3 features and the network was trained on 4" in refused.stderr


def test_inputs_are_scaled_by_the_statistics_of_training(trained, tmp_path):
    run, _, X, y = trained
    X_train = train_test_split(X, y, test_size=0.25, stratify=y, random_state=5)[0]
    network, indices = sl.TwoLayerNetwork.load(run / NETWORK), np.searchsorted(["a", "b", "c"], y)
    for factor in (1000.0, 0.1):
        judged, _ = accuracy(run, "--dataset", write_csv(tmp_path / "scaled.csv", X * factor, y))
        assert judged == by_hand(network, X * factor, indices, X_train)
    assert judged < 0.9  # what the file's own statistics would give is 1
    refused = evaluate(run, "--normalization", "unit")
    assert "brings its own, standard+unit, with the statistics of its training data; leave it out" in refused.stderr


def test_labels_and_scaling_serve_in_python_too(trained):
    run, _, X, y = trained
    network = sl.TwoLayerNetwork.load(run / NETWORK)
    data = network.record.data
    named = np.array(data.labels)[network.decision_function(data.normalization(X)).argmax(axis=1)]
    assert (named == y).mean() > 0.95
    assert len(data.normalization(X[:0])) == 0
    with pytest.raises(ValueError, match="X has 3 columns; give 4"):
        data.normalization(X[:, :3])


def test_data_that_changed_are_refused_unless_they_are_named(trained, tmp_path):
    shutil.copytree(trained[0].parent, tmp_path / "there")
    data = tmp_path / "there" / "data.csv"
    settings = json.loads((trained[0] / HISTORY).read_text())["settings"] | {"dataset": str(data), "norm": 2.0}
    run = tmp_path / "again"
    run.mkdir()
    train(TrainSettings(**settings), run)
    write_csv(data, trained[2], np.roll(trained[3], 1))
    refused = evaluate(run)
    assert refused.exit_code == 2
    assert "data.csv has other content than" in refused.stderr
    assert accuracy(run, "--dataset", data)[1]["part"] == "all rows"
    with pytest.raises(
        ValueError, match=r"was started on .*data\.csv with the content sha256 \w{12}; .* has \w{12} now"
    ):
        train(TrainSettings(**settings | {"epochs": 5}), run, resume=True)
    elsewhere = write_csv(tmp_path / "elsewhere.csv", trained[2], trained[3])
    resumed = train(TrainSettings(**settings | {"epochs": 5, "dataset": str(elsewhere)}), run, resume=True)
    assert resumed.epochs_done == 5
    assert len(sl.TwoLayerNetwork.load(run / NETWORK).record.run["sessions"]) == 1
    with pytest.raises(ValueError, match=r"started with --normalization standard\+unit, not unit; resume it with that"):
        train(TrainSettings(**settings | {"dataset": str(elsewhere), "normalization": "unit"}), run, resume=True)
    elsewhere.unlink()
    assert "there is no such file, which the network was trained on; say where it is with" in evaluate(run).stderr


def test_networks_checkpoints_and_histories_say_what_made_them(trained):
    run, data, *_ = trained
    network, state = sl.TwoLayerNetwork.load(run / NETWORK), sl.Checkpoint.load(run / CHECKPOINT)
    loaded = sl.load_dataset(str(data), seed=5)
    for record in (network.record, state.network.record):
        assert record.data.as_dict() == loaded.record.as_dict()
        assert record.data.labels == ("a", "b", "c")
        assert record.data.feature_names == NAMES
        assert record.attack == sl.PGD(0.05, 2)
        assert record.run["settings"]["learning_rate"] == 50
        assert set(record.run) == {"date", "command", "settings", "versions", "build", "machine"}
    assert network.record.weights_sha256 == weights_hash(network)
    history = json.loads((run / HISTORY).read_text())
    assert history["dataset"] == loaded.as_dict()
    assert history["weights_sha256"] == weights_hash(network)
    assert history["attack"]["step_size"] is None
    assert {name: history[name] for name in network.record.run} == network.record.run
    words = history["command"].split()
    assert words[:2] == ["sublinear", "train"]
    seen = {name: words[words.index(f"--{name}") + 1] for name in ("seed", "schedule-epochs", "norm", "batch-size")}
    assert seen == {"seed": "5", "schedule-epochs": "4", "norm": "2", "batch-size": "16"}
    assert "--coupled" not in words
    (row,) = sl.load_results(run)
    assert row["data_sha256"] == loaded.record.sha256
    assert (row["date"], row["git"]) == (history["date"], sl.build_info()["revision"])


def test_a_record_outlives_copies_pickles_and_files(trained, tmp_path):
    network = sl.TwoLayerNetwork.load(trained[0] / NETWORK)
    for other in (network.copy(), pickle.loads(pickle.dumps(network))):
        assert other.record.to_json() == network.record.to_json()
    plain = sl.TwoLayerNetwork.random(4, 8, 3)
    assert plain.record is None
    plain.record = NetworkRecord(network.record.data)
    plain.save(tmp_path / "plain")
    again = sl.TwoLayerNetwork.load(tmp_path / "plain")
    assert again.record.data.as_dict() == network.record.data.as_dict()
    assert (again.record.attack, again.record.run, again.record.weights_sha256) == (None, {}, None)
    with pytest.raises(ValueError, match="3 labels and the network 5 outputs"):
        sl.TwoLayerNetwork.random(4, 8, 5).record = network.record
    with pytest.raises(ValueError, match="is of 4 features and the network takes 7"):
        sl.TwoLayerNetwork.random(7, 8, 3).record = network.record
    with pytest.raises(TypeError, match="give a NetworkRecord"):
        plain.record = {"labels": ["a"]}


def test_weights_that_were_changed_since_are_told_of(trained, tmp_path):
    network = sl.TwoLayerNetwork.load(trained[0] / NETWORK)
    data = sl.load_dataset("iris")
    sl.Trainer(network, "dense").fit(data.X_train, data.y_train)
    network.save(tmp_path / "changed")
    done = evaluate(tmp_path / "changed")
    assert "the weights are not those that the network's record is of" in done.stderr


def test_a_network_is_judged_under_the_attack_it_was_trained_against(trained):
    done = CliRunner().invoke(app, ["evaluate", str(trained[0]), "--json"])
    assert list(json.loads(done.stdout)["attacks"]) == ["fgsm:0.05", "pgd:0.05:2", "pgd:0.05:50", "worst of all"]
    for attack in (sl.PGD(0.1, 50, norm="inf"), sl.PGD(1e-05), sl.PGD(0.3, 7, domain="slice"), sl.FGSM(0.2)):
        judged = list(parse_attacks(attacks_of(attack)).values())
        assert {each.radius for each in judged} == {attack.radius}
        assert {each.norm for each in judged} == {attack.norm}
        assert {each.domain for each in judged} == {attack.domain}
        assert attack in judged
        assert judged[0] == sl.FGSM(attack.radius, attack.norm, domain=attack.domain)
        assert max(getattr(each, "steps", 1) for each in judged) == 50
    assert attacks_of(None) == attacks_of(sl.NoAttack()) == "fgsm:0.05,pgd:0.05,pgd:0.05:50"


@pytest.mark.parametrize(
    ("attack", "said"),
    [
        (sl.PGD(0.1, 3, random_start=True, restarts=2), True),
        (sl.PGD(0.1, 3, clip=(-1, 1)), True),
        (sl.PGD(0.1, 3, norm="inf"), False),
        (sl.FGSM(0.1), False),
        (sl.NoAttack(), False),
    ],
)
def test_what_the_attack_of_training_had_more_is_said(tmp_path, attack, said):
    data = sl.load_dataset("iris")
    network = sl.TwoLayerNetwork.random(data.n_features, 8, data.classes)
    network.record = sl.NetworkRecord(data.record, attack)
    network.save(tmp_path / "network")
    done = CliRunner().invoke(app, ["evaluate", str(tmp_path / "network")])
    assert done.exit_code == 0
    words = " ".join(done.stderr.split())
    assert (f"trained against {attack}; of that, radius, steps, norm and domain" in words) == said


def test_networks_without_a_record_load_and_are_judged_with_a_notice(tmp_path):
    sl.TwoLayerNetwork.random(4, 16, 3).save(tmp_path / "old")
    assert sl.TwoLayerNetwork.load(tmp_path / "old").record is None
    refused = evaluate(tmp_path / "old")
    assert refused.exit_code == 2
    assert "does not say what it was trained on; name the data with --dataset" in refused.stderr
    done = evaluate(tmp_path / "old", "--dataset", "iris", "--normalization", "unit")
    assert done.exit_code == 0
    assert "labels are taken in their order, inputs are normalised by statistics of iris" in done.stderr
    refused = evaluate(tmp_path / "old", "--dataset", "wine")
    assert "takes 4 features and has 3 outputs; wine has 13 features and 3 classes" in refused.stderr


def test_a_record_that_somebody_changed_is_refused_in_words(trained, tmp_path):
    """tests/hostile_files.py changes whole files; here networks whose numbers are good are judged by such records."""
    network, rng, refused = sl.TwoLayerNetwork.load(trained[0] / NETWORK), random.Random(0), 0
    text = network.record.to_json()
    for _ in range(300):
        try:
            network.record = NetworkRecord.from_json(changed_json(json.loads(text), rng))
        except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError):  # which `load` turns to words
            refused += 1
            continue
        try:
            data = judged_data(network, tmp_path, str(trained[1]), skip_unknown=True)
        except (ValueError, TypeError):
            continue
        assert data.X.shape[1] == 4
        assert np.isfinite(data.X).all()
        assert len(data.X) == 0 or 0 <= data.y.min() <= data.y.max() < 3
    assert 100 < refused < 290


def test_of_a_run_that_was_resumed_and_stopped_the_checkpoint_is_judged(tmp_path):
    settings = {"dataset": "iris", "width": 16, "batch_size": 16, "epochs": 1, "steps": 1, "schedule_epochs": 3}
    train(TrainSettings(**settings), tmp_path)
    ended, file = find_network(tmp_path)
    assert file == tmp_path / NETWORK

    def stop(progress, before):
        raise KeyboardInterrupt

    more = TrainSettings(**settings | {"epochs": 3})
    assert train(more, tmp_path, resume=True, watch=stop).ending == "interrupted"
    stopped, file = find_network(tmp_path)
    assert file == tmp_path / CHECKPOINT
    assert weights_hash(stopped) == weights_hash(sl.Checkpoint.load(file).network) != weights_hash(ended)
    assert "checkpoint.safetensors on 38 rows of iris" in evaluate(tmp_path).stdout
    train(more, tmp_path, resume=True)
    ended, file = find_network(tmp_path)
    assert file == tmp_path / NETWORK
    assert weights_hash(ended) == weights_hash(sl.Checkpoint.load(tmp_path / CHECKPOINT).network)


def test_a_folder_without_a_run_is_named(tmp_path):
    assert "holds no training run" in evaluate(tmp_path).stderr
    with pytest.raises(FileNotFoundError):
        find_network(tmp_path / "none")
