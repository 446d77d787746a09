"""Sweeps: every cell once, whatever stops them; and the growth that is read from them."""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

import sublinear as sl
from sublinear.dense_peer import DensePeer
from sublinear.executors import LocalProcesses
from sublinear.experiments.cell import PEER, Cell, run_cell
from sublinear.experiments.grid import sweep_command
from sublinear.experiments.sweep import read_record, sweep_cells
from sublinear.growth import fit_growth
from sublinear.intervals import mean_of
from sublinear.scaling import Sweep
from sublinear.sweep_results import growth_lines, settings_of
from sublinear.tables import scaling_caption, scaling_table

PROGRAM = (sys.executable, "-m", "sublinear")
TINY = Sweep(
    strategies=("dense", "margin", PEER), widths=(64, 128, 256), inputs=(40,), iterations=2, steps=2, threads=(1,)
)


def test_a_power_law_is_found_with_its_confidence():
    sizes = [2.0**k for k in range(4, 12)]
    exact = fit_growth(sizes, [3 * size**0.7 for size in sizes])
    assert exact is not None
    assert exact.exponent == pytest.approx(0.7)
    assert exact.factor == pytest.approx(3)
    assert exact.low == pytest.approx(0.7)
    assert exact.at(100) == pytest.approx(3 * 100**0.7)
    # The interval holds the truth about 19 times out of 20.
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(400):
        noisy = fit_growth(sizes, [size**1.5 * math.exp(rng.normal(0, 0.1)) for size in sizes])
        inside += noisy.low <= 1.5 <= noisy.high
    assert 0.91 < inside / 400 < 0.985
    import scipy.stats

    values = [size**1.5 * math.exp(rng.normal(0, 0.1)) for size in sizes]
    fitted, expected = fit_growth(sizes, values), scipy.stats.linregress(np.log(sizes), np.log(values))
    assert fitted.exponent == pytest.approx(expected.slope)
    margin = scipy.stats.t.ppf(0.975, len(sizes) - 2) * expected.stderr
    assert (fitted.low, fitted.high) == pytest.approx((expected.slope - margin, expected.slope + margin))


def test_growth_needs_two_sizes_and_positive_numbers():
    assert fit_growth([2, 2], [1, 3]) is None
    two = fit_growth([1, 4], [1, 2])
    assert (two.exponent, two.low, two.high, two.text()) == (0.5, None, None, "0.50")
    for sizes, values in (([1, 2], [1]), ([1, 0], [1, 1]), ([1, 2], [1, math.nan])):
        with pytest.raises(ValueError, match="sizes"):
            fit_growth(sizes, values)


def repeated_fit(rng, sizes, seeds, exponent=0.8, noise=0.0, slopes=0.0, offsets=0.0, bend=0.0):
    """A fit over repeats whose seeds have slopes and offsets of their own, and whose line is bent."""
    x = np.log(sizes) - np.log(sizes).mean()
    rows = [
        (exponent + slopes * rng.normal()) * x + bend * x**2 + offsets * rng.normal() + noise * rng.normal(size=len(x))
        for _ in range(seeds)
    ]
    values = np.exp(np.concatenate(rows))
    return fit_growth(list(sizes) * seeds, list(values), [seed for seed in range(seeds) for _ in sizes])


@pytest.mark.parametrize(
    "trouble", [{"noise": 0.1}, {"slopes": 0.05}, {"offsets": 1.0, "noise": 0.01}, {"slopes": 0.02, "noise": 0.02}]
)
def test_a_fit_over_repeats_covers_the_exponent_whatever_differs_between_seeds(trouble):
    rng = np.random.default_rng(1)
    fits = [repeated_fit(rng, (64.0, 128.0, 256.0, 512.0), 4, **trouble) for _ in range(300)]
    assert np.mean([fit.low <= 0.8 <= fit.high for fit in fits]) > 0.93


def test_copies_of_cells_narrow_nothing_and_seeds_do():
    rng = np.random.default_rng(2)
    sizes = [64.0, 128.0, 256.0, 512.0]
    once = repeated_fit(rng, sizes, 1, noise=0.1)
    values = [once.at(size) * math.exp(0.05 * (-1) ** k) for k, size in enumerate(sizes)]
    alone = fit_growth(sizes, values)
    assert alone.low < alone.exponent < alone.high
    copied = fit_growth(sizes * 5, values * 5, [7] * 20)
    assert (copied.exponent, copied.low, copied.high) == pytest.approx((alone.exponent, alone.low, alone.high))
    assert (copied.points, copied.seeds) == (4, 1)
    # Seeds that agree exactly do not hide that the points lie on no line.
    agreeing = fit_growth(sizes * 5, values * 5, [seed for seed in range(5) for _ in sizes])
    assert (agreeing.low, agreeing.high) == pytest.approx((alone.low, alone.high))
    # Independent ones average their noise away.
    widths = {
        seeds: np.median([(fit := repeated_fit(rng, sizes, seeds, noise=0.1)).high - fit.low for _ in range(100)])
        for seeds in (1, 4, 16)
    }
    assert widths[16] < 0.6 * widths[4] < 0.6 * widths[1]


def test_two_seeds_give_an_interval_where_two_sizes_do_not_and_gaps_are_left_out():
    two = fit_growth([1, 4, 1, 4], [1, 2, 1, 4], [0, 0, 1, 1])
    expected = mean_of([0.5, 1.0])
    assert (two.exponent, two.low, two.high) == pytest.approx((0.75, expected.low, expected.high))
    # A seed whose largest cell is missing would pull the means; only whole ones count.
    gap = fit_growth([1, 4, 16, 1, 4], [1, 2, 4, 100, 200], [0, 0, 0, 1, 1])
    assert (gap.exponent, gap.factor, gap.seeds) == pytest.approx((0.5, 1, 1))


@pytest.mark.parametrize("norm", [2, "inf"])
@pytest.mark.parametrize("activation", ["shifted", "jump"])
def test_the_dense_peer_does_the_same_training_up_to_rounding(norm, activation):
    data = sl.load_dataset("wine")
    net = sl.TwoLayerNetwork.random(
        data.n_features, 3000, data.classes, dtype="float64", seed=2, activation=activation, bias="gaussian"
    )
    attack = sl.PGD(0.05, 4, norm=norm)
    peer = DensePeer(net, attack)
    losses = [peer.step(data.X_train, data.y_train, 2.0) for _ in range(4)]
    start = np.array(net.weights)
    history = sl.Trainer(net, "dense", attack, learning_rate=2.0).fit(data.X_train, data.y_train, 4)
    assert np.abs(net.weights - start).max() > 1e-3
    np.testing.assert_allclose(losses, history.robust_loss, rtol=1e-9)
    np.testing.assert_allclose(peer.weights, net.weights, rtol=0, atol=1e-9)


def test_every_combination_is_a_cell_with_a_file_of_its_own():
    sweep = replace(TINY, radii=(0.0, 0.1), batch_sizes=(0, 10), repeats=2)
    cells = sweep.cells()
    assert len(cells) == len(set(cells)) == len({cell.file for cell in cells}) == 3 * 3 * 2 * 2 * 2
    assert {cell.seed for cell in cells} == {0, 1}
    assert [cell.cost for cell in cells] == sorted(cell.cost for cell in cells)
    assert Cell(**cells[0].as_dict()) == Cell.of(cells[0].as_dict()) == cells[0]


def test_a_sweep_writes_a_record_for_each_cell_and_fits_growth(tmp_path):
    seen = []
    records = sweep_cells(TINY, tmp_path, watch=lambda cell, done, total, number, count: seen.append((number, count)))
    assert seen == [(number, 9) for number in range(10)]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(cell.file for cell in TINY.cells())
    for record in records:
        assert record["status"] == "done"
        assert record["sizes"] == {"inputs": 40, "features": 64, "outputs": 10}
        assert len(record["seconds"]) == 3
        assert record["seconds_per_iteration"] > 0
        assert record["work"]["inner_products"] > 0
        assert read_record(tmp_path / Cell(**record["cell"]).file) == json.loads(json.dumps(record))
    ours = [record for record in records if record["cell"]["strategy"] != PEER]
    by_width = {}
    for record in ours:
        by_width.setdefault(record["cell"]["width"], set()).add(record["weights_sha256"])
    assert all(len(hashes) == 1 for hashes in by_width.values())
    lines = {(line.strategy, line.axis, line.figure): line for line in growth_lines(records)}
    assert lines[PEER, "width", "inner_products"].growth.exponent == pytest.approx(1)
    assert lines["dense", "width", "inner_products"].sizes == (64, 128, 256)
    assert ("margin", "width", "seconds") in lines
    assert not any(axis == "inputs" for _, axis, _ in lines)


@pytest.mark.parametrize("dataset", ["wine", "sphere:n=80,d=5"])
def test_repeats_are_independent_runs(dataset, tmp_path):
    sweep = replace(TINY, strategies=("dense", "margin"), dataset=dataset, inputs=(0,), seed=4, repeats=3)
    records = sweep_cells(sweep, tmp_path)
    assert {record["cell"]["seed"] for record in records} == {4, 5, 6}
    for setting in settings_of(records):
        assert len(setting.done) == 3
        assert len({record["weights_sha256"] for record in setting.done}) == 3
        counts = [record["work"]["inner_products"] for record in setting.done]
        assert len(set(counts)) == 3
        mean = setting.mean("inner_products")
        assert (mean.value, mean.low, mean.high) == pytest.approx(tuple(vars(mean_of(counts)).values()))
    by_seed = {}
    for record in records:
        by_seed.setdefault((record["cell"]["width"], record["cell"]["seed"]), set()).add(record["weights_sha256"])
    assert all(len(hashes) == 1 for hashes in by_seed.values()), "strategies share the seed's network and data"
    for line in growth_lines(records + records):  # a report of a folder and its copy
        assert (line.growth.points, line.growth.seeds) == (3, 3)
        assert len(line.values) == 9
    # A repeat is the run of its own seed, and is not run again under another name.
    ran = []
    (alone,) = {len(sweep_cells(replace(sweep, seed=5, repeats=1), tmp_path, watch=lambda cell, *_: ran.append(cell)))}
    assert alone == 6
    assert ran == [None]


def test_generators_draw_other_data_for_each_repeat(monkeypatch):
    from sublinear.experiments import cell as module

    real, seen = module.load_sized, []
    monkeypatch.setattr(module, "load_sized", lambda *given: seen.append(real(*given)) or seen[-1])
    for cell in replace(TINY, strategies=("margin",), widths=(64,), dataset="teacher", repeats=2).cells():
        assert run_cell(cell)["status"] == "done"
    assert len(seen) == 2
    assert not set(seen[0].X_train.ravel()) & set(seen[1].X_train.ravel())


def test_the_table_has_one_row_a_setting_with_mean_and_interval(tmp_path):
    import io

    from rich.console import Console

    sweep = replace(TINY, strategies=("dense", PEER), radii=(0.0, 0.1), repeats=3)
    records = sweep_cells(sweep, tmp_path)
    table = scaling_table(records)
    assert table.row_count == 2 * 3 * 2
    out = io.StringIO()
    Console(file=out, width=80).print(table)
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    row = next(line.split() for line in lines if line.split()[:3] == ["dense", "256", "0.1"])
    wanted = {"strategy": "dense", "width": 256, "radius": 0.1}
    counts = [r["work"]["inner_products"] for r in records if wanted.items() <= r["cell"].items()]
    mean = mean_of(counts)
    assert row[3] == "3"
    assert row[6] == f"{mean.value / 1000:.3g}k"
    assert float(row[7]) == pytest.approx(100 * mean.half_width / mean.value, rel=0.06)
    assert "seeds 0, 1, 2" in scaling_caption(records)
    assert "n 40, d 64, steps 2, batch all, learning rate 50, threads 1" in scaling_caption(records)


def test_the_table_fits_80_columns_where_everything_differs():
    import io

    from rich.console import Console

    sweep = Sweep(
        strategies=("weights:kd-tree", "dense"),
        widths=(16384, 65536),
        inputs=(1000, 60000),
        features=(16, 784),
        radii=(0.05, 0.1),
        batch_sizes=(0, 128),
        threads=(1, 16),
        repeats=2,
        dataset="teacher",
    )
    done = {"status": "done", "seconds_per_iteration": 999.4, "work": {"inner_products": 8.76e8}}
    records = [{"cell": cell.as_dict(), **done, "fired_share": [0.123], "peak_bytes": None} for cell in sweep.cells()]
    out = io.StringIO()
    Console(file=out, width=80).print(scaling_table(records))
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    row = next(line.split() for line in lines if line.split()[:1] == ["dense"])
    assert row == ["dense", "16384", "1000", "16", "0.05", "128", "1", "2", "999.4", "0", "876M", "0", "12.3"]


def test_cells_that_ended_are_not_run_again_and_damaged_ones_are(tmp_path):
    sweep_cells(TINY, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    damaged, empty, *_ = sorted(before)
    damaged.write_bytes(damaged.read_bytes()[:100])
    empty.write_bytes(b"")
    ran = []
    sweep_cells(TINY, tmp_path, watch=lambda cell, *_: ran.append(cell))
    assert {cell.file for cell in ran if cell is not None} == {damaged.name, empty.name}
    assert all(path.stat().st_mtime_ns == time for path, time in before.items() if path not in (damaged, empty))
    more = replace(TINY, widths=(64, 128, 256, 512))
    ran.clear()
    sweep_cells(more, tmp_path, watch=lambda cell, *_: ran.append(cell))
    assert [cell.width for cell in ran if cell is not None] == [512] * 3


def test_what_fails_is_recorded_and_passed_over(tmp_path):
    sweep = Sweep(
        strategies=("dtree", "margin"), widths=(64,), inputs=(40, 9999), iterations=1, steps=1, max_bytes=2000
    )
    records = {(r["cell"]["strategy"], r["cell"]["inputs"]): r for r in sweep_cells(sweep, tmp_path)}
    assert records["dtree", 40]["status"] == "refused"
    assert "2000 bytes" in records["dtree", 40]["error"]
    assert records["margin", 40]["status"] == "done"
    assert records["margin", 9999]["status"] == "failed"
    assert "1347 training inputs" in records["margin", 9999]["error"]
    ran = []
    sweep_cells(sweep, tmp_path, watch=lambda cell, *_: ran.append(cell))
    assert ran == [None]
    sweep_cells(sweep, tmp_path, retry=True, watch=lambda cell, *_: ran.append(cell))
    assert len(ran) == 1 + 4


def test_a_timeout_is_noticed_between_steps():
    (cell,) = replace(TINY, strategies=("dense",), widths=(4096,), inputs=(1300,), iterations=1000, steps=10).cells()
    began = time.monotonic()
    record = run_cell(cell, timeout=0.2)
    assert record["status"] == "timeout"
    assert "0.2 seconds" in record["error"]
    assert time.monotonic() - began < 30


def test_sizes_of_generators_are_what_was_asked_for():
    sweep = Sweep(
        strategies=("margin",),
        widths=(64,),
        dataset="teacher",
        inputs=(37, 101),
        features=(3, 9),
        iterations=1,
        steps=1,
    )
    sizes = {(r["sizes"]["inputs"], r["sizes"]["features"]) for r in map(run_cell, sweep.cells())}
    assert sizes == {(37, 3), (37, 9), (101, 3), (101, 9)}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"widths": ()}, "widths is empty"),
        ({"widths": (0,)}, "width is 0"),
        ({"widths": (8, 8)}, "each once"),
        ({"strategies": ("magic",)}, "'magic'"),
        ({"radii": (-1.0,)}, "radius is -1"),
        ({"norm": "3"}, "2 or inf"),
        ({"features": (8,)}, "generator"),
        ({"iterations": 0}, "iterations is 0"),
    ],
)
def test_a_sweep_that_cannot_run_is_refused_before_it_starts(changes, words):
    with pytest.raises(ValueError, match=words):
        replace(TINY, **changes)


def test_the_command_of_a_sweep_is_the_sweep(tmp_path):
    from typer.testing import CliRunner

    import sublinear.cli.sweeping

    sweep = replace(TINY, radii=(0.05, 0.1), max_bytes=10**9, learning_rate=3.5, norm="inf")
    words = sweep_command(sweep.cells()).split()
    assert words[:2] == ["sublinear", "sweep"]
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sublinear.cli.sweeping, "sweep_cells", lambda given, *_: seen.append(given.cells()) or [])
        CliRunner().invoke(sublinear.cli.app, [*words[1:], "--out", str(tmp_path), "--budget", "9"])
    assert seen == [sweep.cells()]


def test_processes_give_the_same_counts_as_this_one(tmp_path):
    sweep, records = replace(TINY, strategies=("margin", PEER), widths=(64, 128)), []
    for name, executor in (("here", None), ("there", LocalProcesses(2))):
        (tmp_path / name).mkdir()
        records.append(sweep_cells(sweep, tmp_path / name, executor))
    for one, other in zip(*records, strict=True):
        assert one["cell"] == other["cell"]
        assert one["work"] == other["work"]
        assert one.get("weights_sha256") == other.get("weights_sha256")


def test_a_process_that_dies_or_takes_too_long_is_a_failed_cell():
    endless = replace(TINY, strategies=("dense",), widths=(8192,), inputs=(1300,), iterations=100000).cells()

    def kill():
        until(multiprocessing.active_children)
        for child in multiprocessing.active_children():
            child.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    ((_, died),) = LocalProcesses(2).run(endless, None)
    killer.join()
    assert died["status"] == "failed"
    assert "exit status -9" in died["error"]
    ((_, late),) = LocalProcesses(2).run(endless, 0.5)
    assert late["status"] == "timeout"
    assert not multiprocessing.active_children()


def test_the_program_goes_on_after_an_interrupt(tmp_path):
    arguments = [*PROGRAM, "scaling", "--strategies", "margin", "--widths", "64,128,4096", "--inputs", "1000"]
    arguments += ["--iterations", "3", "--threads", "1", "--out", tmp_path / "out"]
    # Not in the source tree, whose package is not the installed one.
    options = {"env": {**os.environ, "COLUMNS": "80", "NO_COLOR": "1"}, "cwd": tmp_path, "text": True}
    with subprocess.Popen([*arguments, "--iterations", "100000"], **options, stderr=subprocess.PIPE) as running:
        try:
            until(lambda: running.poll() is not None or (tmp_path / "out").exists())
            time.sleep(0.5)
            running.send_signal(signal.SIGINT)
            errors = running.communicate(timeout=60)[1]
        finally:
            running.kill()
    assert running.returncode == 130, errors
    assert "call it again" in errors
    done = subprocess.run(arguments, **options, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert max(len(line) for line in done.stdout.splitlines() if not line.startswith("Written:")) <= 80
    assert "margin" in done.stdout
    printed = subprocess.run([*arguments, "--json"], **options, capture_output=True, timeout=120)
    content = json.loads(printed.stdout)
    assert [record["cell"]["width"] for record in content["records"]] == [64, 128, 4096]
    assert {line["figure"] for line in content["growth"]} == {"seconds", "inner_products"}


def test_nothing_is_lost_on_a_dask_cluster_one_of_whose_workers_is_killed(tmp_path):
    environment = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "5"}
    scheduler = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    where = tmp_path / "scheduler.json"
    running = []

    def start(*command):
        log = (tmp_path / f"log{len(running)}").open("w")
        running.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=tmp_path))
        log.close()
        return running[-1]

    try:
        start(*scheduler, "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", where)
        worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", where, "--nthreads", "1"]
        first, second = (start(*worker, "--no-dashboard", "--no-nanny") for _ in range(2))
        until(where.exists)
        address = json.loads(where.read_text())["address"]
        sweep = [*PROGRAM, "scaling", "--strategies", "dense,margin", "--widths", "256,512,1024,2048"]
        sweep += [
            "--inputs",
            "1300",
            "--threads",
            "1",
            "--iterations",
            "20",
            "--out",
            tmp_path / "out",
            "--dask",
            address,
        ]
        asked = start(*sweep)
        until(lambda: len(list((tmp_path / "out").glob("*.json"))) >= 1)
        first.kill()
        assert asked.wait(timeout=120) == 0, (tmp_path / "log3").read_text()
        assert second.poll() is None
        records = [read_record(path) for path in (tmp_path / "out").glob("*.json")]
        assert len(records) == 8
        assert all(record["status"] == "done" for record in records)
    finally:
        for process in running:
            process.kill()
            process.wait()


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.05)


def test_executors_say_what_they_miss(monkeypatch):
    from sublinear import executors
    from sublinear.executors import OnDask

    monkeypatch.setattr(executors, "_SECONDS_TO_CONNECT", 0.5)
    with pytest.raises(ValueError, match="workers is 0"):
        LocalProcesses(0)
    with pytest.raises(ConnectionError, match=r"127\.0\.0\.1:9"):
        OnDask("tcp://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"sublinear\[dask\]"):
        OnDask("tcp://127.0.0.1:9")
