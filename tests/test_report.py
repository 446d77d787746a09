"""Reports: one page that shows what the files say, and a table of the same."""

from __future__ import annotations

import csv
import html.parser
import json
import re
import shutil
import sys
from dataclasses import replace

import pytest

import sublinear as sl
from sublinear.compare import Settings, compare
from sublinear.experiments.sweep import sweep_cells
from sublinear.report import write_report
from sublinear.scaling import Sweep
from sublinear.training_run import TrainSettings, train


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A comparison with an approximate strategy and a refused one, a sweep with a refused cell, and a training run."""
    folder = tmp_path_factory.mktemp("results")
    strategies = ["dense", "weights:kd-tree", "dtree", "margin", "simhash:6x4"]
    chosen = tuple(sl.Strategy.of(name).replace(max_bytes=2000 if name == "dtree" else None) for name in strategies)
    comparison = compare(Settings("wine", width=128, epochs=3, steps=2, strategies=chosen))
    (folder / "a").mkdir()
    (folder / "a" / "results.json").write_text(json.dumps(comparison.as_dict()))
    sweep = Sweep(
        strategies=("dense", "margin", "numpy"), widths=(64, 128, 256), inputs=(40, 80), iterations=2, steps=1
    )
    (folder / "b").mkdir()
    sweep_cells(sweep, folder / "b")
    sweep_cells(replace(sweep, strategies=("dtree",), widths=(64,), max_bytes=2000), folder / "b")
    (folder / "c").mkdir()
    train(TrainSettings(dataset="iris", width=64, epochs=2, steps=1), folder / "c")
    (folder / "notes.json").write_text("[1, 2]")
    (folder / "broken.json").write_text("{")
    return folder


@pytest.fixture(scope="module")
def page(folder):
    count = write_report([folder], folder / "report.html", folder / "report.csv")
    assert count == 5 + 3 * 3 * 2 + 2 + 1
    return (folder / "report.html").read_text()


class Checker(html.parser.HTMLParser):
    """Collects text and attributes, and holds tags to closing in order."""

    EMPTY = ("meta", "link", "br", "img", "use", "path", "rect", "line", "circle")

    def __init__(self):
        super().__init__()
        self.open, self.text, self.attributes = [], [], []

    def handle_starttag(self, tag, attributes):
        self.attributes += [(tag, *each) for each in attributes]
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.attributes += [(tag, *each) for each in attributes]

    def handle_endtag(self, tag):
        if tag not in self.EMPTY:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data.strip())


@pytest.fixture(scope="module")
def parsed(page):
    checker = Checker()
    checker.feed(page)
    checker.close()
    assert checker.open == []
    return checker


def test_the_page_needs_no_network_and_serves_light_dark_and_phones(page, parsed):
    links = {value for _, name, value in parsed.attributes if name in ("src", "href", "xlink:href", "data")}
    assert all(link.startswith("#") for link in links), links
    assert not re.search(r"@import|url\((?!#)|<script", page)
    assert "prefers-color-scheme: dark" in page
    assert ("meta", "name", "viewport") in parsed.attributes
    light, dark = (set(re.findall(r"(--[\w-]+):", part)) for part in page.split("prefers-color-scheme: dark")[:2])
    assert light == dark
    used = set(re.findall(r"var\((--[\w-]+)\)", page))
    assert used <= light
    # No colour of the drawings is fixed, or one page would not serve both.
    assert not re.search(r"(?:stroke|fill): ?#[0-9a-f]{6}", page)


def test_the_table_of_a_comparison_says_what_the_file_says(folder, parsed):
    content = json.loads((folder / "a" / "results.json").read_text())
    text = parsed.text
    for run in content["runs"]:
        place = text.index(run["strategy"])
        if "error" in run:
            assert any(run["error"] in each for each in text)
            continue
        assert f"{100 * run['clean_accuracy']:.1f}" in text[place : place + 40]
        assert f"{100 * run['robust_accuracy']:.1f}" in text[place : place + 40]
    hashed = next(run for run in content["runs"] if not run["exact"])
    assert f"{100 * hashed['recall']:.1f}" in text
    assert any("coincide" in each and "margin" in each for each in text)
    assert content["command"] in text
    assert content["command"].startswith("sublinear compare --dataset wine --width 128 ")


def test_axes_of_figures_are_labelled_with_units(parsed):
    for label in (
        "epoch",
        "accuracy, %",
        "cross-entropy",
        "neurons per input",
        "seconds per epoch, and middle half",
        "neurons m",
    ):
        assert label in parsed.text, label
    for label in ("training inputs n", "seconds", "inner products per iteration", "bytes", "training step"):
        assert label in parsed.text, label
    titles = [value for tag, name, value in parsed.attributes if (tag, name) == ("svg", "aria-label")]
    assert len(titles) > 10
    assert all(titles)
    assert any(re.fullmatch(r"numpy, n \d+, m\^1\.00", each) for each in parsed.text)


def test_the_table_has_a_row_for_each_result(folder, page):
    rows = sl.load_results(folder)
    assert {row["kind"] for row in rows} == {"compare", "cell", "train"}
    assert len({tuple(row) for row in rows}) == 1
    done = [row for row in rows if row["status"] == "done"]
    assert all(row["seconds_per_iteration"] > 0 for row in done)
    assert {row["strategy"] for row in rows if row["status"] == "refused"} == {"dtree"}
    for row in done:
        if row["kind"] == "compare":
            assert row["seconds_per_epoch_low"] <= row["seconds_per_epoch"] <= row["seconds_per_epoch_high"]
            assert row["interleaved"] is True
    with (folder / "report.csv").open(newline="") as file:
        read = list(csv.DictReader(file))
    assert [row["strategy"] for row in read] == [row["strategy"] for row in rows]
    for given, row in zip(rows, read, strict=True):
        for name, value in given.items():
            assert row[name] == ("" if value is None else str(value))
    assert {type(value) for row in rows for value in row.values()} <= {str, int, float, bool, type(None)}


def test_the_same_results_give_the_same_page(folder, page, tmp_path):
    write_report([folder], tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text() == page
    assert not (tmp_path / "again.csv").exists()


def test_text_from_files_is_escaped(folder, tmp_path):
    shutil.copy(folder / "a" / "results.json", tmp_path / "results.json")
    content = json.loads((tmp_path / "results.json").read_text())
    content["dataset"]["name"] = "<script>alert(1)</script>"
    (tmp_path / "results.json").write_text(json.dumps(content))
    write_report([tmp_path], tmp_path / "report.html")
    assert "<script" not in (tmp_path / "report.html").read_text()


def test_nothing_to_report_is_said_before_anything_is_written(folder, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="no results"):
        write_report([tmp_path], tmp_path / "report.html")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        write_report([tmp_path / "nowhere"], tmp_path / "report.html")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "sublinear.report.page", raising=False)
    with pytest.raises(ImportError, match=r"sublinear\[report\]"):
        write_report([folder], tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_the_program_writes_both_files(folder, tmp_path):
    from typer.testing import CliRunner

    from sublinear.cli import app

    done = CliRunner().invoke(app, ["report", str(folder / "a"), str(folder / "c"), "--out", str(tmp_path / "r.html")])
    assert done.exit_code == 0, done.output
    assert "6 results" in done.output
    assert (tmp_path / "r.html").is_file()
    assert (tmp_path / "r.csv").is_file()
    refused = CliRunner().invoke(app, ["report", str(tmp_path / "none")])
    assert refused.exit_code == 2


def changed(content, **changes):
    """A comparison as if it had been run with these settings; accuracies and times of its own."""
    content = json.loads(json.dumps(content))
    content["seed"] = changes["seed"]
    content["attack"]["radius"] = changes["radius"]
    for run in content["runs"]:
        if "error" not in run:
            run["robust_accuracy"] = 0.5 + 0.01 * changes["seed"]
            run["work"]["inner_products"] *= 1 + changes["seed"]
            run["history"]["seconds"] = [second * (1 + changes["seed"]) for second in run["history"]["seconds"]]
    return content


def titles(page):
    return re.findall(r"<h2>(.*?)</h2>", page)


@pytest.fixture(scope="module")
def many(folder, tmp_path_factory):
    """Twelve comparisons of three radii and four seeds, in folders that sort otherwise, and five training runs."""
    where = tmp_path_factory.mktemp("many")
    content = json.loads((folder / "a" / "results.json").read_text())
    for number, (radius, seed) in enumerate((radius, seed) for radius in (0.5, 0.25, 0.1) for seed in (3, 2, 1, 0)):
        (where / f"run{number}").mkdir()
        (where / f"run{number}" / "results.json").write_text(json.dumps(changed(content, radius=radius, seed=seed)))
    history = json.loads((folder / "c" / "history.json").read_text())
    for seed in range(5):
        (where / f"train{seed}").mkdir()
        history["settings"]["seed"] = seed
        (where / f"train{seed}" / "history.json").write_text(json.dumps(history))
    write_report([where], where / "report.html")
    return (where / "report.html").read_text()


def test_many_runs_share_figures_and_have_names_of_their_own(many):
    names = titles(many)
    assert names[0] == "12 comparisons beside each other"
    assert names[1:13] == [
        f"Comparison: wine, 128 neurons, radius {radius}, seed {seed}"
        for radius in (0.1, 0.25, 0.5)
        for seed in range(4)
    ]
    assert names[13:] == ["5 training runs beside each other"]
    assert re.findall(r'<li><a href="#part-\d+">(.*?)</a></li>', many) == names
    assert many.count("<svg") <= 8


def test_comparisons_beside_each_other_have_means_over_their_seeds(many, folder):
    from sublinear.intervals import mean_of
    from sublinear.tables import quantity

    content = json.loads((folder / "a" / "results.json").read_text())
    products = next(run for run in content["runs"] if run["strategy"] == "margin")["work"]["inner_products"]
    accuracy, work = mean_of([50.0, 51, 52, 53]), mean_of([products * factor for factor in (1, 2, 3, 4)])
    row = re.search(r"<td>radius 0.25</td><td>margin</td><td>4</td>(.*?)</tr>", many)
    cells = re.findall(r"<td>(.*?)</td>", row.group(1))
    assert cells[-1] == f"{accuracy.value:.1f} \u00b1 {accuracy.half_width:.1f}"
    assert cells[2] == f"{quantity(work.value)} \u00b1 {quantity(work.half_width)}"
    assert cells[1].endswith("\u00b1 0.00"), "seconds of one factor leave the ratio to dense as it was"


def test_other_data_of_the_same_name_is_another_setting(folder, tmp_path):
    content = json.loads((folder / "a" / "results.json").read_text())
    for number in range(4):
        (tmp_path / str(number)).mkdir()
        content["seed"] = number
        content["dataset"]["sha256"] = ("a" if number < 2 else "b") * 64
        (tmp_path / str(number) / "results.json").write_text(json.dumps(content))
    write_report([tmp_path], tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    for letter in "ab":
        assert re.search(rf"<td>content {letter * 12}</td><td>dense</td><td>2</td>", page)


def test_results_without_any_difference_are_told_apart_by_their_folders(folder, tmp_path):
    for name in ("one", "two"):
        shutil.copytree(folder / "a", tmp_path / name)
    write_report([tmp_path], tmp_path / "report.html")
    assert titles((tmp_path / "report.html").read_text()) == [
        "Comparison: wine, 128 neurons, one",
        "Comparison: wine, 128 neurons, two",
    ]
    # The same folder twice is the same name twice; a number tells.
    write_report([tmp_path / "one", tmp_path / "one"], tmp_path / "again.html")
    names = titles((tmp_path / "again.html").read_text())
    assert len(set(names)) == 2


@pytest.mark.parametrize("radii", [(0.05, 0.1), (0.02, 0.05, 0.1, 0.2)])
def test_two_settings_in_one_figure_look_and_read_differently(tmp_path, monkeypatch, radii):
    from sublinear.report import page, sweeps
    from sublinear.report.results import find_results

    sweep = Sweep(
        strategies=("dense", "margin", "numpy"), widths=(64, 128), inputs=(40,), radii=radii, iterations=2, steps=1
    )
    sweep_cells(sweep, tmp_path)
    drawn = []
    monkeypatch.setattr(
        sweeps, "lines", lambda title, x, y, series, **options: drawn.append((title, series)) or "<svg></svg>"
    )
    page.render(find_results([tmp_path]))
    assert 0 < len(drawn) <= 2 * 3 + 2
    assert len({title for title, _ in drawn}) == len(drawn)
    for title, series in drawn:
        assert len({each.label for each in series}) == len(series), title
        assert len({(each.style, each.mark, each.dash) for each in series}) == len(series), title
    together = [series for title, series in drawn if title == "Counted work over m"]
    if len(radii) == 2:
        assert {each.label.partition(", m^")[0] for each in together[0]} == {
            f"{name}, radius {radius:g}" for name in ("dense", "margin", "numpy") for radius in radii
        }
    else:
        assert together == []


def test_exponents_are_in_the_order_of_size_setting_and_growth(tmp_path):
    from sublinear.sweep_results import growth_lines

    sweep = Sweep(
        strategies=("numpy", "dense", "margin"),
        widths=(64, 128, 256),
        inputs=(80, 40),
        radii=(0.1, 0.05),
        iterations=2,
        steps=1,
    )
    found = [line for line in growth_lines(sweep_cells(sweep, tmp_path)) if line.figure == "inner_products"]
    assert [line.axis for line in found] == ["width"] * 12 + ["inputs"] * 18
    for own, fixed in ((found[:12], "inputs"), (found[12:], "width")):
        keys = [(line.fixed[fixed], line.fixed["radius"]) for line in own]
        assert keys == sorted(keys)
        for first in range(0, len(own), 3):
            exponents = [line.growth.exponent for line in own[first : first + 3]]
            assert exponents == sorted(exponents)


def test_a_structure_is_paid_for_with_the_confidence_of_steps_or_of_seeds():
    from sublinear.intervals import mean_of
    from sublinear.sweep_results import Setting

    def cell(strategy, seed, build, seconds):
        return {
            "cell": {"strategy": strategy, "seed": seed},
            "status": "done",
            "build_seconds": build,
            "seconds": [9.0, *seconds],
            "steps": 7,
            "seconds_per_iteration": sorted(seconds)[len(seconds) // 2],
        }

    dense = cell("dense", 0, 0.0, [3.0, 4, 5, 6, 7, 8])
    margin = cell("margin", 0, 10.0, [2.0, 2, 2, 2, 2, 2])
    one = Setting({}, (margin,)).paid_after(Setting({}, (dense,)))
    assert one.text() == "3 (2-10)"  # steps saved 1 to 6 seconds, 3.5 in the middle
    more = [cell("margin", seed, 10.0, [2.0] * 6) for seed in (1, 2, 5)]
    theirs = [cell("dense", seed, 0.0, [seconds] * 6) for seed, seconds in ((1, 4.0), (2, 5.0), (3, 9.0))]
    two = Setting({}, tuple(more)).paid_after(Setting({}, tuple(theirs)))
    saved = mean_of([2.0, 3.0])
    assert saved.low < 0
    assert (two.steps, two.earliest, two.latest) == (4, 2, float("inf"))
    assert Setting({}, (more[2],)).paid_after(Setting({}, (dense,))) is None
