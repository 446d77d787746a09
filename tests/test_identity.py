"""What runs are made of is known by its content, and every results file says what made it."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import sublinear as sl
from sublinear.datasets import load_dataset
from sublinear.experiments.sweep import sweep_cells
from sublinear.identity import as_settings, content_hash, provenance
from sublinear.scaling import Sweep

ROWS = np.random.default_rng(0).standard_normal((24, 3)).round(3)
LABELS = np.arange(24) % 2
REVISION = Path(__file__).resolve().parent.parent / "cmake" / "Revision.cmake"
SWEEP = Sweep(strategies=("margin",), widths=(16, 32), iterations=1, steps=1, threads=(1,))


def write_csv(path: Path, rows=ROWS, labels=LABELS, header="a,b,c,label") -> Path:
    lines = [",".join(map(str, (*row, label))) for row, label in zip(rows, labels, strict=True)]
    path.write_text("\n".join([*([header] if header else []), *lines]) + "\n")
    return path


def test_a_content_hash_is_of_dtype_shape_and_values_alone():
    a = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert content_hash(a) == hashlib.sha256(b"<f4 (2, 3);" + a.tobytes()).hexdigest()
    for same in (np.asfortranarray(a), a.astype(">f4"), np.arange(12, dtype=np.float32).reshape(2, 6)[:, ::2] / 2):
        assert content_hash(same) == content_hash(a)
    others = (a.T, a.ravel(), a.astype(np.float64), a.astype(np.int32), a + 1, a[:1], a[:0], -a * 0, a[:1, :1], a[0, 0])
    hashes = {content_hash(other) for other in others}
    assert len(hashes) == len(others)
    assert content_hash(a) not in hashes
    assert len({content_hash(), content_hash(None), content_hash(a), content_hash(a, None), content_hash(None, a)}) == 5
    assert content_hash(np.array(["a", "bc"])) == content_hash(np.array(["a", "bc"], "<U9"))
    assert content_hash(np.array(["ab", "c"])) != content_hash(np.array(["a", "bc"]))
    with pytest.raises(TypeError, match="dtype object"):
        content_hash(np.array([object()]))


def test_the_hash_of_a_set_is_of_rows_and_labels_whatever_file_holds_them(tmp_path):
    csv = load_dataset(str(write_csv(tmp_path / "a.csv"))).record.sha256
    np.savez(tmp_path / "b.npz", X=ROWS, y=LABELS.astype(np.int8))
    for same in (tmp_path / "b.npz", write_csv(tmp_path / "c.csv", header=None)):
        assert load_dataset(str(same), seed=3, normalization="none").record.sha256 == csv
    changed = ROWS.copy()
    changed[5, 1] = np.nextafter(changed[5, 1], 2)
    others = [
        write_csv(tmp_path / "shuffled.csv", labels=np.roll(LABELS, 1)),
        write_csv(tmp_path / "fewer.csv", ROWS[:-2], LABELS[:-2]),
        write_csv(tmp_path / "named.csv", labels=np.where(LABELS, "yes", "no")),
        write_csv(tmp_path / "changed.csv", changed),
    ]
    assert len({csv, *(load_dataset(str(path)).record.sha256 for path in others)}) == 5


def test_settings_are_ready_for_json_with_their_defaults():
    told = as_settings(sl.PGD(0.1, norm="inf"))
    assert told["norm"] == "inf"
    assert told["restarts"] == 1
    assert json.loads(json.dumps(told)) == told
    assert as_settings({"a": (1, sl.Strategy("dense").name)}) == {"a": [1, "dense"]}


def test_provenance_says_what_built_the_library_and_where_it_runs():
    told = provenance("sublinear x", {"a": 1}, 2)
    assert told["build"] == sl.build_info()
    assert told["versions"]["git"] == sl.build_info()["revision"]
    assert told["machine"]["threads"] == 2
    assert told["command"] == "sublinear x"
    assert told["settings"] == {"a": 1}


@pytest.mark.skipif(not REVISION.is_file(), reason="not in a source tree")
def test_sources_without_git_have_the_revision_that_their_distribution_says(tmp_path):
    def revision():
        command = ["cmake", f"-DSOURCE={tmp_path}", f"-DOUTPUT={tmp_path / 'revision.hpp'}", "-P", REVISION]
        subprocess.run(command, check=True)
        return (tmp_path / "revision.hpp").read_text().split('"')[1]

    assert revision() == "unknown"
    for text, expected in (
        ("a1b2c3d4e5f6-dirty\n", "a1b2c3d4e5f6-dirty"),
        ('"; system("x', "unknown"),
        ("", "unknown"),
    ):
        (tmp_path / "REVISION").write_text(text)
        assert revision() == expected
    git = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@y"]
    for arguments in (["init", "-q"], ["add", "REVISION"], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *arguments], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout[:12]
    assert revision() == head
    (tmp_path / "REVISION").write_text("changed")
    assert revision() == f"{head}-dirty"


def test_a_sweep_refuses_a_file_whose_content_changed_and_takes_the_same_by_another_path(tmp_path):
    data, out = write_csv(tmp_path / "data.csv"), tmp_path / "out"
    out.mkdir()
    first = sweep_cells(replace(SWEEP, dataset=str(data)), out)
    sha256 = load_dataset(str(data)).record.sha256
    assert {record["dataset"]["sha256"] for record in first} == {sha256}
    assert {record["dataset"]["n_train"] for record in first} == {18}
    elsewhere = tmp_path / "elsewhere.csv"
    shutil.copy(data, elsewhere)
    ran = []
    again = sweep_cells(replace(SWEEP, dataset=str(elsewhere)), out, watch=lambda cell, *_: ran.append(cell))
    assert ran == [None]
    assert [record["weights_sha256"] for record in again] == [record["weights_sha256"] for record in first]
    write_csv(data, labels=np.roll(LABELS, 1))
    wider = replace(SWEEP, dataset=str(data), widths=(16, 32, 64))
    words = (
        rf"data\.csv has other content than the cells in .* were run on: sha256 \w+, there {sha256[:12]}; put the data"
    )
    with pytest.raises(ValueError, match=words):
        sweep_cells(wider, out)
    assert len(list(out.iterdir())) == 2


def test_cells_outlive_their_data(tmp_path):
    data, out = write_csv(tmp_path / "data.csv"), tmp_path / "out"
    out.mkdir()
    first = sweep_cells(replace(SWEEP, dataset=str(data)), out)
    data.unlink()
    assert sweep_cells(replace(SWEEP, dataset=str(data)), out) == first
    *_, wider = sweep_cells(replace(SWEEP, dataset=str(data), widths=(16, 32, 64)), out)
    assert wider["status"] == "failed"
    assert "there is no such file" in wider["error"]


def test_cells_of_two_contents_are_in_no_fit_together(tmp_path):
    from sublinear.sweep_results import growth_lines

    records = []
    for name, labels in (("one", LABELS), ("two", np.roll(LABELS, 1))):
        (tmp_path / name).mkdir()
        data = write_csv(tmp_path / "data.csv", labels=labels)
        records += sweep_cells(replace(SWEEP, dataset=str(data)), tmp_path / name)
    lines = [line for line in growth_lines(records) if line.figure == "inner_products"]
    assert [line.sizes for line in lines] == [(16, 32), (16, 32)]


def test_data_that_are_drawn_otherwise_are_other_data(tmp_path):
    sweep = replace(SWEEP, dataset="teacher:n=40,d=3", widths=(16,))
    (record,) = sweep_cells(sweep, tmp_path)
    (path,) = tmp_path.glob("*.json")
    assert sweep_cells(sweep, tmp_path) == [record]
    record["dataset"]["sha256"] = "0" * 64  # as if by another version of NumPy
    path.write_text(json.dumps(record))
    (wider,) = sweep_cells(replace(sweep, widths=(32,)), tmp_path)
    assert wider["status"] == "failed"
    assert "teacher:n=40,d=3 has other content than margin, m 32 met: sha256 000000000000, there " in wider["error"]


def test_a_cell_that_met_other_content_than_the_sweep_has_failed(tmp_path):
    data = write_csv(tmp_path / "data.csv")

    class Elsewhere:
        def run(self, cells, timeout, go_on):
            from sublinear.experiments.cell import run_cell

            for cell in cells:
                write_csv(data, labels=np.roll(LABELS, 1))
                yield cell, run_cell(cell)

    (tmp_path / "out").mkdir()
    records = sweep_cells(replace(SWEEP, dataset=str(data)), tmp_path / "out", Elsewhere())
    assert [record["status"] for record in records] == ["failed"] * 2
    assert "has other content than margin, m 16 met: sha256 " in records[0]["error"]


def test_reports_take_no_mean_over_two_contents_of_one_name(tmp_path):
    from sublinear.compare import Settings, compare
    from sublinear.report import write_report
    from sublinear.report.comparisons import _grouped

    data = str(tmp_path / "data.csv")
    settings = Settings(data, width=16, epochs=1, steps=1, strategies=(sl.Strategy("dense"), sl.Strategy("margin")))
    contents = []
    for seed, labels in ((0, LABELS), (1, LABELS), (2, np.roll(LABELS, 1))):
        write_csv(Path(data), labels=labels)
        contents.append(compare(replace(settings, seed=seed)).as_dict())
        (tmp_path / f"run{seed}").mkdir()
        (tmp_path / f"run{seed}" / "results.json").write_text(json.dumps(contents[-1]))
    assert len(_grouped(contents)) == 2
    assert len(_grouped(contents[:2])) == 1
    assert write_report([tmp_path], tmp_path / "report.html", tmp_path / "report.csv") == 6
    assert f"content {contents[2]['dataset']['sha256'][:12]}" in (tmp_path / "report.html").read_text()
