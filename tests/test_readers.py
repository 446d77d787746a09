"""What readers of files take for what, how it is said otherwise, and what they say of it."""

from __future__ import annotations

import dataclasses
import gzip
import json
import logging
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import sublinear as sl
from sublinear.compare import Settings, compare
from sublinear.datasets import dataset_name, load_dataset, read_samples
from sublinear.judged_data import find_network, judged_data
from sublinear.scaling import Sweep
from sublinear.strategies import Strategy
from sublinear.theory import TheorySettings
from sublinear.training_run import TrainSettings, train

RNG = np.random.default_rng(3)
X = RNG.integers(-9, 10, (24, 4)) / 8
Y = np.arange(24) % 3
NAMES = "abc"


def row(*cells):
    return ",".join(map(str, cells)) + "\n"


def rows(labels=Y, first=False, index=None):
    """CSV lines: the label last or first, an index before everything."""
    lines = []
    for k in range(len(X)):
        cells = [labels[k], *X[k]] if first else [*X[k], labels[k]]
        lines.append(row(*([] if index is None else [index[k]]), *cells))
    return "".join(lines)


@pytest.fixture
def read(tmp_path, caplog):
    """Reads text as a file with options; gives the samples and the warnings."""

    def load(text, options="", name="data.csv"):
        path = tmp_path / name
        path.write_text(text)
        caplog.clear()
        with caplog.at_level(logging.INFO, "sublinear"):
            samples = read_samples(str(path) + options)
        said = [record for record in caplog.records if record.name == "sublinear"]
        assert [each.getMessage() for each in said if each.levelno == logging.INFO] == [
            f"{path}{options}: {samples.description}"
        ]
        return samples, [each.getMessage() for each in said if each.levelno == logging.WARNING]

    return load


def assert_read(samples, features=X, labels=Y, names=None):
    assert np.array_equal(samples.X, features)
    assert np.array_equal(samples.y, labels)
    assert samples.feature_names == names


TEXTS = [NAMES[k] for k in Y]


@pytest.mark.parametrize(
    ("text", "options", "names", "words", "doubt"),
    [
        (rows(), "", None, "column 5, is the label; 4 features; 3 different labels", None),
        (row(*"pqrs", "label") + rows(), "", "pqrs", "line 1 is the header; column 5, 'label', is the label", None),
        (
            row("label", *"pqrs") + rows(first=True),
            "",
            "pqrs",
            "column 1, 'label', is the label",
            "because of its name",
        ),
        (row("kind", *"pqrs") + rows(first=True), ":label=first", "pqrs", "column 1, 'kind', is the label", None),
        (row("kind", *"pqrs") + rows(first=True), ":label=kind", "pqrs", "column 1, 'kind', is the label", None),
        (rows(first=True), ":label=1", None, "column 1, is the label", None),
        (rows(TEXTS, first=True), ":label=first", None, "column 1, is the label", None),
        (row("y", *"pqr", "label") + rows(), ":label=last", ("y", *"pqr"), "column 5, 'label', is the label", None),
        # Headers of numbers: pandas' columns, wavelengths.
        (row(*range(5)) + rows(), "", "0123", "line 1 is the header", "line 1 counts its columns"),
        (row(*range(4), "kind") + rows(), "", "0123", "line 1 is the header", "line 1 counts its columns"),
        (row("kind", *range(4)) + rows(TEXTS, True), ":label=kind", "0123", "line 1 is the header", None),
        (
            row(400, 410, 420, 430, "kind") + rows(),
            "",
            ("400", "410", "420", "430"),
            "line 1 is the header",
            "only its",
        ),
        (row(400, 410, 420, 430, 7) + rows(), ":header=yes", ("400", "410", "420", "430"), "line 1 is the h", None),
        # Index columns.
        (row("", *"pqrs", "label") + rows(index=range(24)), "", "pqrs", "column 1, '', is an index and left out", None),
        (row("", *"pqrs", "label") + rows(index=TEXTS * 3), "", "pqrs", "is an index and left out", None),
        (row("Unnamed: 0", *"pqrs", "t") + rows(index=Y), "", "pqrs", "'Unnamed: 0', is an index and left out", None),
        (row("", *range(5)) + rows(index=range(24)), "", "0123", "is an index and left out", "counts its columns"),
        (
            row("ID", *"pqrs", "label") + rows(index=range(1, 25)),
            "",
            "pqrs",
            "'ID', counts the rows, is an index",
            None,
        ),
        (rows(index=range(24)), ":index=first", None, "column 1, is an index and left out", None),
        (row("k", *"pqrs", "label") + rows(index=range(24)), ":index=k,label=6", "pqrs", "'k', is an index", None),
        # Blank lines, of commas too, anywhere.
        (
            " \n,,,,\n" + row(*"pqrs", "label") + "\n" + rows() + "\n  \n,,,,\n, ,\n\n",
            "",
            "pqrs",
            "line 3 is the h",
            None,
        ),
    ],
)
def test_columns_are_what_the_file_or_its_reader_says(read, text, options, names, words, doubt):
    samples, doubts = read(text, options)
    assert_read(samples, names=names and tuple(names))
    assert words in samples.description
    assert len(doubts) == (doubt is not None)
    assert all(doubt in each for each in doubts)


def test_what_may_be_wrong_is_kept_and_warned_of(read):
    counting = np.column_stack([np.arange(24), X])
    samples, doubts = read(rows(index=range(24)))
    assert_read(samples, counting)
    assert doubts == [doubts[0]]
    assert "column 1, counts the rows and is taken for a feature; index=first leaves it out" in doubts[0]
    samples, doubts = read(rows(index=range(24)), ":index=none")
    assert_read(samples, counting)
    assert doubts == []
    samples, _ = read(row("id", *"pqrs", "label") + rows(index=Y))  # does not count
    assert_read(samples, np.column_stack([Y, X]), names=("id", *"pqrs"))
    samples, doubts = read(row(*range(5)) + rows(), ":header=no")
    assert_read(samples, np.vstack([np.arange(4), X]), [2, *Y] if 4 not in samples.labels else [3, *Y])
    _, doubts = read("".join(row(k % 3, k / 7) for k in range(30)))
    assert "has 30 different values in 30 rows; if it is not the label, say which is: label=first" in doubts[0]
    few, doubts = read("0,1,2,0\n1,2,0,1\n0,0,1,0\n")  # three features that count may be data
    assert len(few.X) == 3
    assert doubts == []


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        (rows(), ":label=species", "label is 'species', which is not among the names of the columns"),
        (row(*"pqps", "k") + rows(), ":label=p", "label is 'p', which is twice or more among the names"),
        (rows(), ":label=6", "label is column 6; there are columns 1 to 5"),
        (rows(), ":label=0", "label is column 0; there are columns 1 to 5"),
        (rows(), ":index=5,label=last", "column 5, is given as label and as index"),
        (rows(), ":header=maybe", "header is 'maybe'; give auto, yes or no"),
        (rows(), ":header=no,label=a", "header is 'no' and a column is given by its name; give its number"),
        (rows(), ":label=", "label is empty"),
        (rows(), ":lable=first", "has no option 'lable'; known are label, header, index"),
        (rows(), ":first", "'first' is no option; give NAME=VALUE"),
        (rows(), ":label=1,label=2", "'label' is given twice"),
        ("1,2\n3,4\n", ":index=first", "line 1 has 2 columns and none is left for features"),
        (
            rows(TEXTS, first=True),
            "",
            "line 1, column 1 is 'a'; give a finite number; a label or index there is given as",
        ),
    ],
)
def test_wrong_options_of_files_are_named(tmp_path, text, options, words):
    (tmp_path / "data.csv").write_text(text)
    with pytest.raises(ValueError, match=re.escape(words)) as told:
        load_dataset(f"{tmp_path / 'data.csv'}{options}")
    assert "data.csv" in str(told.value)


def test_names_of_files_may_have_colons(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a:b.csv", "b.csv:label=first.csv", "wine", "sphere:n=8.csv"):
        Path(name).write_text(row("label", *"pqrs") + rows(first=True))
    assert load_dataset("a:b.csv:label=first").classes == 3
    assert load_dataset("b.csv:label=first.csv:label=first").classes == 3
    assert load_dataset(Path("sphere:n=8.csv")).name == "./sphere:n=8.csv"
    with pytest.raises(FileNotFoundError, match=r"dataset is 'c\.csv'; there is no such file"):
        load_dataset("c.csv:label=first")
    with pytest.raises(ValueError, match=r"dataset is '\./wine'; files are known by the ends"):
        load_dataset(Path("wine"))


def test_paths_are_taken_wherever_a_name_is(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text(rows())
    assert load_dataset(path).record.as_dict() == load_dataset(str(path)).record.as_dict()
    for each in (TrainSettings(path), Sweep(dataset=path), TheorySettings(dataset=path)):
        assert each.dataset == str(path)
    settings = Settings(path, width=16, epochs=1, steps=1, strategies=(Strategy("dense"),))
    content = compare(settings).as_dict()["dataset"]
    assert content["name"] == str(path)
    assert content["description"] == "column 5, is the label; 4 features; 3 different labels"
    json.dumps(dataclasses.asdict(settings))
    assert dataset_name(Path(os.fsdecode(b"\xff.csv"))) == "\udcff.csv"
    with pytest.raises(TypeError, match="dataset is 3; give its name or path"):
        TrainSettings(3)


def svm(start=1, width=4):
    entries = [" ".join(f"{k + start}:{value}" for k, value in enumerate(x[:width]) if value) for x in X]
    return "".join(f"{label} {each}\n" for label, each in zip(Y, entries, strict=True))


def test_libsvm_files_may_have_a_mark_and_fewer_features(read):
    samples, _ = read("\ufeff" + svm(), name="a.svm")
    assert_read(samples, names=tuple("1234"))
    assert samples.description == "indices count from 1, because there is no 0; 4 features"
    narrow = X * (np.arange(4) < 2)
    samples, _ = read(svm(width=2), ":features=4", name="a.svm")
    assert_read(samples, narrow, names=tuple("1234"))
    assert samples.description.endswith("2 features of 4, the others are zero")
    samples, _ = read(svm(0), ":base=0", name="a.svm")
    assert_read(samples, names=tuple("0123"))
    shifted, _ = read(svm(1), ":base=0", name="a.svm")  # a part of zero-based data without its feature 0
    assert_read(shifted, np.column_stack([np.zeros(24), X]), names=tuple("01234"))
    for options, words in [
        (":features=3", "has the index 4, which is feature 4, and 3 features are asked for"),
        (":base=2", "base is '2'; give auto, 0 or 1"),
        (":features=-1", "features is -1"),
        (":features=x", "'features' is 'x'; give an integer"),
    ]:
        with pytest.raises(ValueError, match=words):
            read(svm(), options, name="a.svm")
    with pytest.raises(ValueError, match="has the index 0, and base is 1; give base=0"):
        read(svm(0), ":base=1", name="a.svm")


@pytest.mark.parametrize("start", [0, 1])
def test_a_libsvm_file_with_fewer_features_is_judged_with_those_of_training(tmp_path, start):
    """Whether its indices count from 0 or 1 is what the training data said."""
    (tmp_path / "train.svm").write_text(svm(start))
    without = X * (np.arange(4) % 3 > 0)  # neither the first nor the last feature
    lines = [" ".join(f"{k + start}:{value}" for k, value in enumerate(x) if value) for x in without]
    (tmp_path / "test.svm").write_text("".join(f"{y} {line}\n" for y, line in zip(Y, lines, strict=True)))
    settings = TrainSettings(tmp_path / "train.svm", width=16, epochs=1, steps=1, normalization="standard")
    train(settings, tmp_path)
    net, file = find_network(tmp_path)
    data = judged_data(net, file, str(tmp_path / "test.svm"))
    assert np.array_equal(data.X, net.record.data.normalization(without, "test"))
    (tmp_path / "wide.svm").write_text("0 1:2 9:1\n1 1:3\n" * 3)
    with pytest.raises(ValueError, match=r"has the index 9, which is feature .*and 4 features are asked for"):
        judged_data(net, file, str(tmp_path / "wide.svm"))


def write_idx(folder, stem, count, suffix=""):
    wrap = gzip.compress if suffix else bytes
    images = RNG.integers(0, 256, (count, 2, 2), dtype=np.uint8)
    head = struct.pack(">4I", 0x803, *images.shape)
    (folder / f"{stem}-images-idx3-ubyte{suffix}").write_bytes(wrap(head + images.tobytes()))
    labels = (np.arange(count) % 3).astype(np.uint8)
    (folder / f"{stem}-labels-idx1-ubyte{suffix}").write_bytes(
        wrap(struct.pack(">2I", 0x801, count) + labels.tobytes())
    )
    return folder / f"{stem}-images-idx3-ubyte{suffix}"


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(
    ("train", "test"),
    [("emnist-letters-train", "emnist-letters-test"), ("qmnist-train", "qmnist-t10k"), ("train", "test")],
)
def test_images_named_like_emnist_have_their_test_set(tmp_path, train, test, suffix):
    path = write_idx(tmp_path, train, 24, suffix)
    split = load_dataset(path)
    assert split.description.endswith("test inputs are split off, there is no file of them")
    write_idx(tmp_path, test, 9, suffix)
    for name in (path, tmp_path):
        data = load_dataset(name)
        assert (len(data.X_train), len(data.X_test)) == (24, 9)
        assert f"test inputs are {test}-images-idx3-ubyte" in data.description
    write_idx(tmp_path, "emnist-digits-train", 24)
    assert len(load_dataset(path).X_test) == 9
    with pytest.raises(
        ValueError, match=r"has several sets: emnist-digits-train-images-idx3-ubyte, .*give one of these"
    ):
        load_dataset(tmp_path)
    restrained = write_idx(tmp_path, "restrain", 12)  # another word
    assert len(load_dataset(restrained).X_test) == 3


def test_npz_files_say_what_they_took(tmp_path):
    np.savez(tmp_path / "a.npz", X=X, y=Y)
    assert load_dataset(tmp_path / "a.npz").description == "arrays x, y; 4 features"


def test_the_command_line_says_once_what_was_decided(tmp_path):
    (tmp_path / "d[x].csv").write_text(row("label", *"pqrs") + rows(first=True))
    small = ("--dataset", "d[x].csv", "--widths", "8,16", "--iterations", "1", "--steps", "1", "--strategies", "dense")
    for workers in ((), ("--workers", "1")):
        command = [
            sys.executable,
            "-m",
            "sublinear",
            "scaling",
            *small,
            *workers,
            "--out",
            f"out{len(workers)}",
            "--json",
        ]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert len(json.loads(done.stdout)["records"]) == 2
        lines = [line for line in done.stderr.splitlines() if "cells" not in line]
        assert lines == [
            "d[x].csv: line 1 is the header; column 1, 'label', is the label; 4 features; 3 different labels",
            "warning: d[x].csv: column 1, 'label', is taken for the label because of its name; label=last takes the "
            "last column",
        ]


def test_the_options_are_named_where_data_sets_are():
    text = sl.describe_datasets()
    assert ".csv (label, header, index)" in text
    assert ".svm (features, base)" in text


def test_a_folder_may_have_both_spellings_of_one_set(tmp_path):
    for stem in ("train", "t10k"):
        path = write_idx(tmp_path, stem, 12)
        for kind in ("images", "labels"):
            other = path.with_name(path.name.replace("images-idx3", f"{kind}-idx{3 if kind == 'images' else 1}"))
            other.with_name(other.name.replace("-idx", ".idx")).write_bytes(other.read_bytes())
    (tmp_path / "emnist-train-images-idx3-ubyte").mkdir()  # a folder of that name, as in archives
    assert len(load_dataset(tmp_path).X_test) == 12


def test_long_names_of_columns_are_shown_short(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(row("n" * 100_000, "m" * 100_000) + row(1, 2) * 3 + row(2, 3) * 3)
    assert len(load_dataset(path).description) < 500
    with pytest.raises(ValueError, match="which is not among") as told:
        load_dataset(f"{path}:label=z")
    assert len(str(told.value)) < 1500
