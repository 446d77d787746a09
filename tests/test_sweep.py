"""Sweeps: one description of a run, grids of it, limits, and what cells show together."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import sublinear as sl
import sublinear.cli
from sublinear.compare import Settings
from sublinear.experiments.cell import PEER, Cell, run_cell
from sublinear.experiments.contests import broken, conclusion, contests_of, difference, ratio
from sublinear.experiments.estimate import Estimate, estimates
from sublinear.experiments.grid import Grid, sweep_command
from sublinear.experiments.settings import Experiment
from sublinear.experiments.sweep import Limits, cells_without_record, merged, pack, rounds_of, sweep_cells
from sublinear.experiments.tables import contest_note, contest_rows, learning_tables
from sublinear.experiments.texts import parse_values, plural, read_settings, values_text
from sublinear.experiments.views import as_latex, as_markdown, result_rows
from sublinear.intervals import bootstrap_mean, mean_of
from sublinear.sweep_results import settings_of
from sublinear.training_run import TrainSettings

SMALL = {"dataset": "wine", "width": 64, "epochs": 3, "batch_size": 50, "steps": 2, "threads": 1}


def program(*arguments):
    return CliRunner().invoke(sublinear.cli.app, list(map(str, arguments)))


def test_every_setting_is_an_option_of_train_compare_and_sweep():
    for name in ("train", "compare", "sweep"):
        shown = "".join(program(name, "--help").stdout.split())
        for each in fields(Experiment):
            flag = plural(each.name) if name == "sweep" else each.name
            assert "--" + flag.replace("_", "-")[:14] in shown, (name, flag)


@pytest.mark.parametrize("cls", [Experiment, Settings, TrainSettings, Cell])
def test_settings_are_the_same_for_every_command(cls):
    given = cls(norm="inf", clip=(0, 1), batch_size=0, threads=0, optimizer="momentum", adversary="fgsm", radius=0.1)
    assert (given.norm, given.clip, given.threads, given.optimizer) == (math.inf, "0.0:1.0", None, "momentum")
    assert given.attack() == sl.FGSM(0.1, "inf", clip=(0, 1))
    content = json.loads(json.dumps(given.as_dict()))
    assert content["norm"] == "inf"
    content.pop("strategies", None)
    assert cls(**content) == given


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"init": "magic"}, "'magic'"),
        ({"loss": "magic"}, "'magic'"),
        ({"schedule": "magic"}, "'magic'"),
        ({"adversary": "magic"}, "'magic'"),
        ({"optimizer": "magic"}, "'magic'"),
        ({"clip": "1"}, "LOW:HIGH"),
        ({"kappa": -1.0}, "kappa is -1"),
        ({"coupled": True, "width": 7}, "even"),
        ({"restarts": 3}, "restarts"),
        ({"threads": -1}, "threads is -1"),
    ],
)
def test_mistakes_are_found_when_settings_are_made(changes, words):
    with pytest.raises(ValueError, match=words):
        Experiment(**changes)


def test_comparisons_take_names_of_strategies_and_every_setting():
    settings = Settings(
        **SMALL, strategies="dense,weights:kd-tree,margin", init="gao", learning_rate=1.0, max_bytes=10**9
    )
    assert [each.label for each in settings.strategies] == ["dense", "weights:kd-tree", "margin"]
    assert {each.max_bytes for each in settings.strategies} == {10**9}
    comparison = sublinear.compare.compare(replace(settings, strategies=("dense", "margin")))
    content = comparison.as_dict()
    assert content["network"]["init"] == "gao"
    assert content["network"]["activation"] == "jump"
    assert comparison.broken == []
    with pytest.raises(ValueError, match="accuracies"):
        Settings(loss="squared")


def test_values_are_read_as_they_are_written():
    assert parse_values(Cell, "seed", "0-2,7") == (0, 1, 2, 7)
    assert parse_values(Cell, "dataset", "teacher:n=40,d=3,digits") == ("teacher:n=40,d=3", "digits")
    assert parse_values(Cell, "optimizer", "adam,momentum:momentum=0.8,lazy=false") == (
        "adam",
        "momentum:momentum=0.8,lazy=false",
    )
    assert parse_values(Cell, "kappa", "default,0.5") == (None, 0.5)
    assert parse_values(Cell, "coupled", "true,false") == (True, False)
    assert parse_values(Cell, "norm", "2,inf") == ("2", "inf")
    for name, text in (("width", "8,many"), ("coupled", "perhaps"), ("radius", ",")):
        with pytest.raises(ValueError, match="give"):
            parse_values(Cell, name, text)
    for name, values in (("seed", (3, 4, 5)), ("kappa", (None, 1.5)), ("coupled", (False, True)), ("width", (8, 16))):
        assert parse_values(Cell, name, values_text(values)) == values


def test_a_file_says_the_same_as_options(tmp_path, monkeypatch):
    path = tmp_path / "study.toml"
    path.write_text(
        'datasets = ["wine"]\nwidths = [32, 64]\nseeds = "0-2"\nbatch-size = 50\nnorm = "inf"\ncoupled = true\n'
    )
    cells = Grid(read_settings(path, Cell, lists=True)).cells()
    assert len(cells) == 6
    assert {(cell.batch_size, cell.norm, cell.coupled) for cell in cells} == {(50, math.inf, True)}
    words = sweep_command(cells).split()[2:]
    monkeypatch.setattr(sublinear.cli.sweeping, "sweep_cells", lambda sweep, *_: seen.append(sweep.cells()) or [])
    for arguments in (["--settings", path], words, ["--settings", path, "--widths", "32"]):
        seen: list[list[Cell]] = []
        done = program("sweep", *arguments, "--budget", "5m", "--out", tmp_path / "out")
        assert done.exit_code == 0, done.output
        assert seen == [cells if "--widths" not in arguments or arguments == words else cells[:3]]
    single = tmp_path / "run.toml"
    single.write_text("width = 32\nlearning_rate = 2\n")
    assert read_settings(single, TrainSettings, lists=False) == {"width": 32, "learning_rate": 2}
    for text, what in (
        ("width = [1]", "whole"),
        ("wdith = 1", "'wdith'"),
        ("=", "TOML"),
        ("width=1\nwidths=2", "twice"),
    ):
        single.write_text(text)
        with pytest.raises(ValueError, match=what):
            read_settings(single, TrainSettings, lists=False)


def test_whole_training_is_that_of_the_trainer_and_is_judged():
    cell = Cell(**SMALL, seed=3, optimizer="momentum", learning_rate=20.0)
    record = run_cell(cell)
    assert record["status"] == "done", record.get("error")
    data = sl.load_dataset("wine", 3)
    net = sl.TwoLayerNetwork.random(13, 64, 3, seed=3)
    rate = sl.LinearRate(20.0, 0, 3)
    trainer = sl.Trainer(net, "dense", sl.PGD(0.05, 2), learning_rate=rate, batch_size=50, seed=3, optimizer="momentum")
    history = trainer.fit(data.X_train, data.y_train, 3)
    assert record["weights_sha256"] == sl.identity.weights_hash(net)
    judged = sl.evaluate(net, data.X_test, data.y_test, "cross-entropy", sl.PGD(0.05, 2), 3)
    assert record["robust_accuracy"] == judged.robust_accuracy
    assert record["clean_accuracy"] == judged.clean_accuracy
    assert record["robust_loss"][-1] == pytest.approx(history.robust_loss[-1], rel=0.2)  # batches differ in size
    assert len(record["seconds"]) == len(record["fired_share"]) == 3
    assert record["steps"] == 9
    assert sum(record["seconds"]) >= 8 * min(record["seconds"]) / 3


def test_the_peer_learns_what_strategies_learn():
    peer, ours = (run_cell(Cell(**SMALL | {"epochs": 20}, strategy=name)) for name in (PEER, "margin"))
    assert peer["status"] == "done", peer.get("error")
    assert peer["robust_accuracy"] == pytest.approx(ours["robust_accuracy"], abs=0.1)
    assert peer["robust_accuracy"] > 0.85
    other = run_cell(Cell(**SMALL, strategy=PEER, optimizer="adam"))
    assert other["status"] == "failed"
    assert "leave it out" in other["error"]


def test_losses_of_one_output_are_swept_too():
    for loss in ("logistic", "squared"):
        record = run_cell(Cell(**SMALL | {"dataset": "breast-cancer"}, loss=loss, learning_rate=1.0))
        assert record["status"] == "done", record.get("error")
        assert (record["clean_accuracy"] is None) == (loss == "squared")
        assert record["robust_loss"][-1] < record["robust_loss"][0]
    assert "3 classes" in run_cell(Cell(**SMALL, loss="logistic"))["error"]


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("swept")
    grid = Grid(SMALL | {"widths": (32, 64), "seeds": range(4), "strategies": ("dense", "margin", "simhash:4x4", PEER)})
    return folder, grid, sweep_cells(grid, folder)


def test_cells_of_a_grid_go_on_where_they_were(swept, tmp_path):
    folder, grid, records = swept
    assert len(records) == len(list(folder.glob("*.json"))) == 2 * 4 * 4
    assert cells_without_record(grid, folder) == []
    larger = Grid({**{name: list(values) for name, values in grid.values.items()}, "seeds": range(5)})
    assert {cell.seed for cell in cells_without_record(larger, folder)} == {4}
    seen = []
    ended = sweep_cells(grid, tmp_path, limits=Limits(budget=1e-9), watch=lambda cell, *_: seen.append(cell))
    assert (ended, seen) == ([], [None])


def test_cells_are_timed_until_they_are_known(tmp_path):
    grid = Grid(SMALL | {"strategies": ("dense", "margin"), "widths": (32,), "iterations": 2})
    limits = Limits(precision=1e-9, most_rounds=4)
    order = []
    records = sweep_cells(grid, tmp_path, limits=limits, watch=lambda cell, *_: order.append(cell and cell.strategy))
    assert order == [None, *["dense", "margin"] * 4], "strategies take turns"
    for record in records:
        assert len(rounds_of(record)) == len(record["build_rounds"]) == 4
        assert record["seconds_per_iteration"] == float(np.median(record["rounds"]))
    order.clear()
    sweep_cells(grid, tmp_path, limits=limits, watch=lambda cell, *_: order.append(cell))
    assert order == [None], "rounds are kept in the files"
    assert not Limits(precision=10.0).wants_more(records[0])
    with pytest.raises(RuntimeError, match="bug"):
        merged(records[0], {**records[0], "weights_sha256": "0"})
    refused = merged(records[0], {"status": "refused", "error": "no room"})
    assert refused["rounds"] == records[0]["rounds"]
    assert not limits.wants_more(refused)


def test_strategies_meet_seed_by_seed(swept):
    _, _, records = swept
    contests = contests_of(records)
    assert [each.place["width"] for each in contests] == [32, 64]
    for contest in contests:
        dense, margin, hashed = (contest.of(name) for name in ("dense", "margin", "simhash:4x4"))
        logs = [
            math.log(mine["seconds_per_iteration"] / its["seconds_per_iteration"])
            for mine, its in zip(margin.records, dense.records, strict=True)
        ]
        assert ratio(margin, dense).value == pytest.approx(math.exp(np.mean(logs)))
        assert ratio(margin, dense).low < ratio(margin, dense).value < ratio(margin, dense).high
        assert difference(margin, dense, "robust_accuracy") == bootstrap_mean([0.0] * 4)
        lost = [a["robust_accuracy"] - b["robust_accuracy"] for a, b in zip(hashed.records, dense.records, strict=True)]
        assert difference(hashed, dense, "robust_accuracy").value == pytest.approx(np.mean(lost))
        assert contest.fastest.cell["strategy"] in ("dense", "margin")
    said = conclusion(contests)
    assert "of 2 settings" in said
    assert "NumPy" in said
    assert len(contest_rows(contests)) == 1 + 2
    assert "miss by chance" in contest_note(contests)
    tables = learning_tables(records)
    assert [place for place, _ in tables] == ["m 32", "m 64"]
    assert [table.row_count for _, table in tables] == [4, 4]
    assert broken(records) == []
    worse = [dict(record) for record in records]
    worse[1]["weights_sha256"] = "0"
    assert [(a["cell"]["strategy"], b["cell"]["strategy"]) for a, b in broken(worse)] == [("margin", "dense")]


def made(strategy, seconds, **cell):
    """Records of a strategy whose steps take so long, one for each seed."""
    return [
        {
            "cell": Cell(**SMALL | cell, strategy=strategy, seed=seed).as_dict(),
            "status": "done",
            "exact": strategy != PEER,
            "seconds_per_iteration": each,
            "seconds": [each],
            "steps": 1,
            "build_seconds": 1.0 if strategy == "margin" else 0.0,
            "work": {},
        }
        for seed, each in enumerate(seconds)
    ]


def test_the_fastest_and_the_ties_are_told():
    narrow = made("dense", [1, 1, 1.1, 1]) + made("margin", [1.0, 1.1, 1.0, 1.1]) + made("dtree", [8, 9, 8, 9])
    wide = [
        *made("dense", [4, 4.1, 4, 4], width=4096),
        *made("margin", [2, 2.1, 2, 2], width=4096),
        *made(PEER, [1, 1, 1, 1.01], width=4096),
    ]
    contests = contests_of(narrow + wide)
    assert [each.fastest.cell["strategy"] for each in contests] == ["dense", "margin"]
    assert [each.ties for each in contests] == [["margin"], []]
    assert contests[1].over("margin").value == pytest.approx(0.5, abs=0.01)
    assert contests[1].paid_after("margin").steps == 1
    said = conclusion(contests)
    assert said.startswith("dense is the fastest exact strategy in 1 of 2 settings, margin in 1; dtree in none.")
    assert "In 1 the seeds leave open" in said
    assert "2.02 of the time" in said
    assert conclusion(contests_of(made("dense", [1.0]))) == ""


def test_the_studentized_bootstrap_covers():
    rng = np.random.default_rng(1)
    for n, draw in ((6, rng.standard_normal), (12, lambda size: rng.exponential(size=size) - 1)):
        inside = sum(found.low <= 0 <= found.high for found in (bootstrap_mean(draw(n)) for _ in range(400)))
        assert 0.9 < inside / 400 < 0.995, n
    assert bootstrap_mean([1.0, 2.0, 3.0]) == mean_of([1.0, 2.0, 3.0])
    assert bootstrap_mean([2.0] * 5) == bootstrap_mean([2.0] * 9)
    with pytest.raises(ValueError, match="no values"):
        bootstrap_mean([])


def test_an_estimate_comes_from_the_narrowest_cell_of_a_kind():
    cells = Grid(SMALL | {"widths": (32, 128), "seeds": range(3), "strategies": ("dense", "margin")}).cells()
    probed = []

    def probe(cell):
        probed.append((cell.strategy, cell.width, cell.iterations))
        if cell.strategy == "margin":
            return {"status": "timeout", "seconds_in_all": 5.0}
        sizes = {"sizes": {"inputs": 100}, "dataset": {"n_test": 50}}
        return {"status": "done", "build_seconds": 1.0, "seconds_per_iteration": 0.5, **sizes}

    found = estimates(cells, probe)
    assert probed == [("dense", 32, 2), ("margin", 32, 2)]
    assert set(found) == set(cells)
    assert {found[cell] for cell in cells if (cell.strategy, cell.width) == ("dense", 32)} == {Estimate(1 + 7 * 0.5)}
    assert {found[cell] for cell in cells if (cell.strategy, cell.width) == ("dense", 128)} == {Estimate(4 * 4.5)}
    assert {found[cell] for cell in cells if (cell.strategy, cell.width) == ("margin", 128)} == {Estimate(20.0, True)}
    assert estimates(cells, lambda cell: {"status": "failed"}) == dict.fromkeys(cells)


def test_the_program_estimates_skips_and_sweeps(tmp_path):
    words = ["sweep", "--datasets", "wine", "--widths", "32,64", "--epochs", "2", "--steps", "1", "--strategies"]
    words += ["dense,margin", "--seeds", "0-1", "--threads", "1", "--out", tmp_path / "out"]
    asked = program(*words, "--estimate")
    assert asked.exit_code == 0, asked.output
    assert "8 cells to run" in asked.output
    assert not list((tmp_path / "out").glob("*.json"))
    done = program(*words)
    assert done.exit_code == 0, done.output
    assert "the fastest exact strategy in" in " ".join(done.output.split())
    assert len(list((tmp_path / "out").glob("*.json"))) == 8
    again = program(*words, "--json")
    assert len(json.loads(again.stdout)["records"]) == 8
    skipped = program(*words[:-1], tmp_path / "other", "--skip-longer", "0.000001s")
    assert "left out" in skipped.output
    assert not list((tmp_path / "other").glob("*.json"))
    for option, words_ in ((("--budget", "soon"), "--budget is 'soon'"), (("--precision", "0"), "precision is 0")):
        wrong = program(*words, *option)
        assert wrong.exit_code == 2
        assert words_ in wrong.output
    Path(tmp_path / "study.toml").write_text("width = 32\nepochs = 1\n")
    one = program("compare", "--settings", tmp_path / "study.toml", "--strategies", "dense,margin", "--dataset", "iris")
    assert one.exit_code in (0, 2), one.output


def test_a_setting_is_the_cells_that_differ_in_the_seed(swept):
    _, _, records = swept
    assert sorted(len(each.records) for each in settings_of(records)) == [4] * 8


def test_a_study_is_told_question_by_question(swept, tmp_path):
    folder, _, records = swept
    path = tmp_path / "study.toml"
    path.write_text(
        'dataset = "wine"\nepochs = 3\nbatch_size = 50\nsteps = 2\nthreads = 1\nseeds = "0-3"\n'
        'strategies = ["dense", "margin", "simhash:4x4", "numpy"]\n'
        '[narrow]\nquestion = "Does it pay where few neurons are?"\nwidth = 32\n'
        '[both]\nquestion = "And where there are more?"\nwidths = [32, 64]\n'
    )
    study = sl.read_study(path)
    assert [(part.name, len(part.grid.cells())) for part in study.parts] == [("narrow", 16), ("both", 32)]
    assert len(study.cells()) == 32, "a cell of two parts runs once"
    assert cells_without_record(study, folder) == []
    assert [len(found) for _, found in study.records(records)] == [16, 32]
    assert {cell.width for cell in sl.read_study(path, {"width": (8,)}).cells()} == {8}
    for text, words in (
        ("[a]\nwidht = 1\n", "'widht'"),
        ("[a]\nquestion = 1\n", "question"),
        ("[a]\nwidth = 0\n", "part a"),
    ):
        (tmp_path / "wrong.toml").write_text(text)
        with pytest.raises(ValueError, match=words):
            sl.read_study(tmp_path / "wrong.toml")
    assert pack(folder, tmp_path / "packed.json") == 32
    assert sl.load_results(tmp_path / "packed.json") == [
        row | {"file": str(tmp_path / "packed.json")} for row in sl.load_results(folder)
    ]
    (tmp_path / "packed.json").write_text('{"format": "sublinear-cells-1", "records": [1, {}, null]}')
    with pytest.raises(ValueError, match="no results"):
        sl.load_results(tmp_path / "packed.json")
    figures, tables, html = tmp_path / "figures", tmp_path / "tables", tmp_path / "report.html"
    done = program(
        "report",
        folder,
        "--settings",
        path,
        "--out",
        html,
        "--figures",
        figures,
        "--format",
        "pdf,svg",
        "--latex",
        tables,
    )
    assert done.exit_code == 0, done.output
    page = html.read_text()
    assert page.index("Does it pay where few neurons are?") < page.index("And where there are more?")
    assert "is the fastest exact strategy in" in page
    names = sorted(each.name for each in figures.iterdir())
    assert "robust-accuracy-over-the-neurons-m-both.pdf" in names
    assert {name.rsplit(".", 1)[1] for name in names} == {"pdf", "svg"}
    drawing = (figures / "robust-accuracy-over-the-neurons-m-both.svg").read_text()
    assert "var(--" not in drawing
    assert "#0a0b" not in drawing, "colours of a page stand for others"
    assert "#0072b2" in drawing
    assert sorted(each.name for each in tables.iterdir()) == [
        f"{part}-{kind}.tex" for part in ("both", "narrow") for kind in ("fastest", "results")
    ]
    table = (tables / "narrow-results.tex").read_text()
    assert table.count("\\\\\n") == 1 + 4
    assert "clean \\%" in table
    wrong = program("report", folder, "--out", html, "--figures", figures, "--format", "gif")
    assert wrong.exit_code == 2
    assert "'gif'" in wrong.output


def test_tables_say_what_records_say(swept):
    _, _, records = swept
    first, *rows = result_rows(records)
    assert first[:3] == ["setting", "strategy", "seeds"]
    row = next(row for row in rows if row[:2] == ["m 64", "margin"])
    own = [r for r in records if (r["cell"]["width"], r["cell"]["strategy"]) == (64, "margin")]
    mean = mean_of([r["robust_accuracy"] for r in own])
    assert row[first.index("robust %")] == f"{100 * mean.value:.1f} \u00b1 {100 * mean.half_width:.1f}"
    assert as_markdown([["a", "b"], ["1|2", "3"]]) == "| a | b |\n|---|---|\n| 1\\|2 | 3 |\n"
    assert as_latex([["a_b", "c"], ["1 %", "2"]]).splitlines()[2] == "a\\_b & c \\\\"
