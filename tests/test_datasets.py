"""Data sets: bundled, drawn, fetched and read from files nobody vouches for."""

from __future__ import annotations

import gzip
import io
import struct
import tracemalloc
import zipfile
from urllib.error import URLError

import numpy as np
import pytest
import sklearn.datasets
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.spatial.distance import pdist
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import MinMaxScaler, StandardScaler, normalize
from sklearn.utils import Bunch

from mutations import damaged
from sublinear import _kernels
from sublinear.datasets import DATASETS, FILES, Samples, describe_datasets, load_dataset

RNG = np.random.default_rng(5)
X = RNG.standard_normal((24, 3))
Y = np.arange(24) % 3
GENERATORS = ("sphere", "teacher", "gaussian-mixture", "low-dimensional")


def all_rows(data):
    return np.concatenate([data.X_train, data.X_test]), np.concatenate([data.y_train, data.y_test])


def sorted_rows(inputs, labels):
    table = np.column_stack([inputs, labels])
    return table[np.lexsort(table.T)]


def assert_same_rows(data, inputs, labels):
    assert (sorted_rows(*all_rows(data)) == sorted_rows(inputs, labels)).all()


def assert_same(left, right):
    for part in ("X_train", "y_train", "X_test", "y_test"):
        assert getattr(left, part).tobytes() == getattr(right, part).tobytes(), part


@pytest.mark.parametrize(
    ("name", "loader"),
    [("digits", "digits"), ("wine", "wine"), ("iris", "iris"), ("breast-cancer", "breast_cancer")],
)
@pytest.mark.parametrize("seed", [0, 2**40 + 1])
def test_bundled_sets_are_split_and_scaled_by_scikit_learn(name, loader, seed):
    inputs, labels = getattr(sklearn.datasets, f"load_{loader}")(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(
        inputs, labels, test_size=0.25, stratify=labels, random_state=seed % 2**32
    )
    if name != "digits":
        scaler = StandardScaler().fit(X_train)
        X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)
    data = load_dataset(name, seed)
    assert data.X_train.tobytes() == normalize(X_train).tobytes()
    assert data.X_test.tobytes() == normalize(X_test).tobytes()
    assert (data.y_train == y_train).all()
    assert (data.y_test == y_test).all()
    assert data.normalization == ("unit" if name == "digits" else "standard+unit")
    assert (data.name, data.classes, data.n_features) == (name, len(set(labels)), inputs.shape[1])


@pytest.mark.parametrize("name", DATASETS)
def test_every_set_has_contiguous_float64_inputs_and_int64_labels(name):
    data = load_dataset(name)
    for part in (data.X_train, data.X_test):
        assert part.dtype == np.float64
        assert part.flags.c_contiguous
    assert data.y_train.dtype == data.y_test.dtype == np.int64
    assert set(data.y_train) == set(data.y_test) == set(range(data.classes))


# Generators


@pytest.mark.parametrize("name", GENERATORS)
def test_generators_follow_their_options_and_their_seed(name):
    spec = f"{name}:n=60,d=5,seed=9"
    assert_same(load_dataset(spec), load_dataset(spec))
    pinned = load_dataset(spec, seed=1, normalization="none")
    assert_same_rows(pinned, *all_rows(load_dataset(spec, seed=2, normalization="none")))
    assert (pinned.X_train != load_dataset(spec, seed=2, normalization="none").X_train).any()  # the split follows seed
    assert_same(load_dataset(f"{name}:n=60,d=5", seed=9), load_dataset(spec, seed=9))
    inputs, labels = all_rows(pinned)
    assert inputs.shape == (60, 5)
    assert len(set(labels)) == pinned.classes


@given(st.integers(4, 120), st.integers(3, 12), st.floats(0, 0.2), st.integers(0, 2**64 - 1))
def test_sphere_separates_points_and_balances_labels(n, d, delta, seed):
    samples = DATASETS["sphere"](n, d, delta, seed)
    assert pdist(samples.X).min() >= delta
    np.testing.assert_allclose(np.linalg.norm(samples.X, axis=1), 1, rtol=1e-15)
    assert abs(2 * samples.y.sum() - n) <= 1


def test_sphere_uses_the_room_there_is_and_says_when_there_is_none():
    assert pdist(DATASETS["sphere"](40, 2, 0.1).X).min() >= 0.1  # over 80 % of what random placing reaches
    with pytest.raises(ValueError, match=r"'sphere': \d of n=40 points found a place at distance delta=1\.5 in d=3"):
        load_dataset("sphere:n=40,d=3,delta=1.5")


def test_teacher_labels_are_a_networks():
    samples = DATASETS["teacher"](n=500, d=4, hidden=8, classes=3, seed=2)
    np.testing.assert_allclose(np.linalg.norm(samples.X, axis=1), 1, rtol=1e-15)
    rng = np.random.default_rng(2)
    rng.standard_normal((500, 4))
    hidden, output = rng.standard_normal((4, 8)), rng.standard_normal((8, 3))
    outputs = np.array([sum(max(x @ w, 0) * v for w, v in zip(hidden.T, output, strict=True)) for x in samples.X])
    assert ((outputs - outputs.mean(axis=0)).argmax(axis=1) == samples.y).all()


def test_gaussian_mixture_has_centres_at_the_distance_asked():
    samples = DATASETS["gaussian-mixture"](n=30_000, d=4, classes=3, separation=50.0)
    clusters = [samples.X[samples.y == k] for k in range(3)]
    assert pdist([each.mean(axis=0) for each in clusters]).min() == pytest.approx(50, abs=0.1)
    for each in clusters:
        assert len(each) == 10_000
        np.testing.assert_allclose(each.std(axis=0), 1, atol=0.05)


@pytest.mark.parametrize(("d", "intrinsic"), [(2, 0), (3, 0), (3, 1), (20, 2)])
def test_low_dimensional_points_span_few_dimensions_and_no_hyperplane_parts_them(d, intrinsic):
    samples = DATASETS["low-dimensional"](n=1000, d=d, intrinsic=intrinsic)
    np.testing.assert_allclose(np.linalg.norm(samples.X, axis=1), 1, rtol=1e-14)
    assert np.linalg.matrix_rank(samples.X, tol=1e-9) == (intrinsic + 1 if intrinsic else d)
    assert 0.4 < samples.y.mean() < 0.6
    affine = np.column_stack([samples.X, np.ones(1000)])
    fitted = affine @ np.linalg.lstsq(affine, 2.0 * samples.y - 1, rcond=None)[0] > 0
    assert (fitted == samples.y).mean() < 0.65
    noisy = DATASETS["low-dimensional"](n=1000, d=d, intrinsic=intrinsic, noise=0.1)
    assert np.linalg.matrix_rank(noisy.X, tol=1e-9) == d


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("teacher:m=3", "no option 'm'; known are n, d, hidden, classes, seed"),
        ("digits:n=4", "no option 'n'; it takes none"),
        ("teacher:n=1.5", "'n' is '1.5'; give an integer"),
        ("teacher:n=1_0", "give an integer"),
        ("teacher:n=\u0663\u0663", "give an integer"),
        ("teacher:n=" + "9" * 5000, "give an integer"),
        ("sphere:delta=nan", "'delta' is 'nan'; give a number"),
        ("sphere:delta=1e999", "delta is inf"),
        ("sphere:delta=2", r"delta is 2; give a distance in \[0, 2\)"),
        ("sphere:d=1", "d is 1; give an integer >= 2"),
        ("sphere:n=3", "n is 3; give an integer >= 4"),
        ("sphere:seed=-1", "seed is -1"),
        ("teacher:", "'' is no option"),
        ("teacher:n=30,", "'' is no option"),
        ("teacher:n=30,n=30", "'n' is given twice"),
        ("teacher:n=8,classes=8", "the teacher puts 0 of n=8 points in class"),
        ("gaussian-mixture:n=8,classes=5", "classes is 5; give at most n / 2 = 4"),
        ("low-dimensional:intrinsic=3", "intrinsic is 3; give at most d - 1 = 2"),
        ("low-dimensional:noise=-1", "noise is -1"),
    ],
)
def test_wrong_options_are_named(spec, words):
    with pytest.raises(ValueError, match=words):
        load_dataset(spec)


@pytest.mark.parametrize(
    "spec", ["sphere:n=10000000000000", "teacher:hidden=10000000000000", "low-dimensional:d=9999999"]
)
def test_what_does_not_fit_into_memory_is_refused_with_its_bytes(spec):
    with pytest.raises(MemoryError, match=r"need \d+ bytes"):
        load_dataset(spec)


# Arguments, normalization and split


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("mnist",), ValueError, "dataset is 'mnist'; known are 'digits'.*images-idx3-ubyte"),
        ((3,), TypeError, "dataset is 3"),
        (("iris", -1), ValueError, "seed is -1"),
        (("iris", 0, 1.0), ValueError, "test_share is 1; give a share"),
        (("iris", 0, 0.0), ValueError, "test_share is 0"),
        (("iris", 0, 0.01), ValueError, "leaves 148 training and 2 test rows for 3 classes"),
        (("iris", 0, 0.25, "unit+unit"), ValueError, "normalization is 'unit[+]unit'"),
        (("iris", 0, 0.25, "none+unit"), ValueError, "each once"),
        (("iris", 0, 0.25, ""), ValueError, "'standard', 'minmax', 'unit'"),
        (("iris", 0, 0.25, 1), TypeError, "normalization is 1"),
        (("absent.csv",), FileNotFoundError, "no such file"),
        (("absent-images-idx3-ubyte.gz",), FileNotFoundError, "no such file"),
    ],
)
def test_wrong_arguments(arguments, error, words):
    with pytest.raises(error, match=words):
        load_dataset(*arguments)


def test_normalization_is_done_in_order_and_fitted_on_training_rows():
    raw = load_dataset("wine", normalization="none")
    inputs, _ = sklearn.datasets.load_wine(return_X_y=True)
    assert_same_rows(raw, *sklearn.datasets.load_wine(return_X_y=True))
    minmax = MinMaxScaler().fit(raw.X_train)
    standard = StandardScaler().fit(minmax.transform(raw.X_train))
    data = load_dataset("wine", normalization="minmax+standard+unit")
    assert data.normalization == "minmax+standard+unit"
    assert data.X_test.tobytes() == normalize(standard.transform(minmax.transform(raw.X_test))).tobytes()
    assert minmax.data_max_.tolist() != inputs.max(axis=0).tolist()  # else fitting on all rows would not be seen


def write_npz(path, **arrays):
    np.savez(path, **arrays)
    return str(path)


def test_a_row_of_zeros_stays_and_extremes_are_refused(tmp_path):
    inputs = X.copy()
    inputs[4] = 0
    data = load_dataset(write_npz(tmp_path / "a.npz", X=inputs, y=Y), normalization="unit")
    rows, _ = all_rows(data)
    assert (~rows.any(axis=1)).sum() == 1
    for factor, steps in ((1e200, "unit"), (1e-200, "unit"), (1e200, "standard+unit")):
        path = write_npz(tmp_path / "b.npz", X=inputs * factor, y=Y)
        with pytest.raises(ValueError, match=r"b\.npz cannot be normalised by"):
            load_dataset(path, normalization=steps)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.zeros(24), "one class only, 0"),
        (np.array([7] + [1, 2] * 11 + [1]), "class 7 has 1 row, row 0; a split"),
        (np.arange(23) % 2, r"labels have shape \(23,\); give one for each of the 24 inputs"),
        (np.array([np.nan, 1] * 12), "label in row 0 is nan"),
        (np.eye(24), r"labels have shape \(24, 24\)"),
    ],
)
def test_labels_that_cannot_be_trained_on(tmp_path, labels, words):
    with pytest.raises(ValueError, match=words):
        load_dataset(write_npz(tmp_path / "a.npz", X=X, y=labels))


@pytest.mark.parametrize(
    "labels",
    [
        np.array([5, -3, 11])[Y],
        np.array([0.5, -1, 2.0])[Y][:, None],
        np.array(["b", "a", "c"])[Y],
        np.array([b"b", b"a", b"c"])[Y],
        np.array([200, 3, 255], dtype=np.uint8)[Y],
    ],
    ids=lambda labels: str(labels.dtype),
)
def test_labels_of_any_kind_become_the_places_of_their_values(tmp_path, labels):
    data = load_dataset(write_npz(tmp_path / "a.npz", X=X, y=labels), normalization="none")
    assert_same_rows(data, X, np.array([1, 0, 2])[Y])
    assert data.classes == 3


def test_one_line_in_the_registry_adds_a_set(monkeypatch):
    def halves(n: int = 10, offset: float = 0.0) -> Samples:
        return Samples(np.arange(n)[:, None] + offset, np.arange(n) >= n // 2, "minmax")

    monkeypatch.setitem(DATASETS, "halves", halves)
    data = load_dataset("halves:n=8,offset=3")
    assert (data.normalization, data.classes, len(data.X_train)) == ("minmax", 2, 6)
    assert "halves (n, offset)" in describe_datasets()
    monkeypatch.setitem(DATASETS, "bad", lambda: Samples(np.array([[1.0], [np.inf]] * 4), np.arange(8) % 2))
    with pytest.raises(ValueError, match=r"bad: inputs: the value in row 1, column 0 is inf"):
        load_dataset("bad")


def test_the_description_names_everything():
    text = describe_datasets()
    assert "\n" not in text
    for word in (*DATASETS, *FILES, "openml:NAME:VERSION", "delta", "separation", "folder"):
        assert word in text


# OpenML

TEXT_LABELS = Y.astype(str).astype(object)


@pytest.fixture
def openml(monkeypatch):
    def serve(data=X, target=TEXT_LABELS, error=None, categories=None):
        asked = []

        def fetch_openml(**arguments):
            asked.append(arguments)
            if error is not None:
                raise error
            names = [f"column {k}" for k in range(data.shape[1])]
            return Bunch(data=data, target=target, feature_names=names, categories=categories or {})

        monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch_openml)
        return asked

    return serve


def test_openml_sets_have_text_labels_and_may_be_sparse(openml):
    asked = openml(target=np.array(["cat", "ape", "dog"], dtype=object)[Y])
    data = load_dataset("openml:animals:2", normalization="none")
    assert (asked[0]["name"], asked[0]["version"], asked[0]["as_frame"]) == ("animals", 2, False)
    assert_same_rows(data, X, np.array([1, 0, 2])[Y])
    assert load_dataset("openml:animals").normalization == "standard+unit"
    assert asked[-1]["version"] == "active"
    openml(data=csr_matrix(X))
    assert_same_rows(load_dataset("openml:animals", normalization="none"), X, Y)


@pytest.mark.parametrize(
    ("served", "error", "words"),
    [
        ({"error": URLError("no route")}, ConnectionError, r"openml:x could not be fetched from openml.org.*no route"),
        (
            {"error": ValueError("Dataset x not found.")},
            ValueError,
            "openml:x could not be loaded: Dataset x not found",
        ),
        (
            {"data": np.where(X[5, 1] == X, np.nan, X)},
            ValueError,
            "1 missing values, the first in row 5, column 'column 1'",
        ),
        ({"categories": {"column 2": ["a", "b"]}}, ValueError, "categories: column 2;"),
        ({"target": None}, ValueError, "no single target"),
        ({"target": np.zeros((24, 2))}, ValueError, "no single target"),
        ({"target": np.array(["a", None] * 12, dtype=object)}, ValueError, "label in row 1 is None"),
    ],
)
def test_openml_sets_that_cannot_be_used(openml, served, error, words):
    openml(**served)
    with pytest.raises(error, match=words):
        load_dataset("openml:x")


@pytest.mark.parametrize("name", ["openml", "openml:", "openml:x:", "openml:x:one", "openml:x:1:2"])
def test_openml_names_are_checked_before_the_network_is_asked(openml, name):
    asked = openml()
    with pytest.raises(ValueError, match="give openml:NAME or openml:NAME:VERSION"):
        load_dataset(name)
    assert not asked


def test_a_sparse_set_that_memory_cannot_hold_is_not_made_dense(openml, monkeypatch):
    openml(data=csr_matrix(X))
    monkeypatch.setattr(_kernels, "available_memory", lambda: 1000)
    with pytest.raises(MemoryError, match=r"openml:x: 24 x 3 values need 2304 bytes .* 1000 are available"):
        load_dataset("openml:x")


# Files


def csv_text(inputs=X, labels=Y):
    return "".join(
        ",".join(map(repr, map(float, row))) + f",{label}\n" for row, label in zip(inputs, labels, strict=True)
    )


def svm_text(zero_based=False):
    entries = [" ".join(f"{k + (not zero_based)}:{float(value)!r}" for k, value in enumerate(row)) for row in X]
    return "".join(f"{label} {row}\n" for label, row in zip(Y, entries, strict=True))


IMAGES = RNG.integers(0, 256, (24, 2, 3), dtype=np.uint8)


def idx_bytes(array):
    return struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape) + array.tobytes()


def write_idx(folder, stem="train", images=IMAGES, labels=Y, mark="-", suffix=""):
    wrap = gzip.compress if suffix else bytes
    path = folder / f"{stem}-images{mark}idx3-ubyte{suffix}"
    path.write_bytes(wrap(idx_bytes(images)))
    (folder / f"{stem}-labels{mark}idx1-ubyte{suffix}").write_bytes(wrap(idx_bytes(np.asarray(labels, dtype=np.uint8))))
    return str(path)


@pytest.fixture
def refused(tmp_path):
    """Writes a file and gives the sentence it is refused with."""

    def load(name, content, error=ValueError):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        with pytest.raises(error) as caught:
            load_dataset(str(path))
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value)
        return str(caught.value).replace(str(tmp_path), "")

    return load


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", csv_text()),
        ("A.CSV", "\ufeffx,y z,1_0,label\r\n" + csv_text().replace("\n", "\r\n\r\n").rstrip()),
        ("a.csv", csv_text(labels=np.array(["10", "9", "1e1"])[[1, 0, 2]][Y]).replace("1e1", "11")),
        ("a.csv", csv_text(labels=['"b, c"', "z", "\u00e9"] * 8)),
        ("a.svm", svm_text()),
        ("a.libsvm", svm_text(zero_based=True)),
        ("a.svmlight", "# comment\n\n" + svm_text().replace("\n", " # 1:x\n")),
    ],
    ids=range(7),
)
def test_text_files_hold_the_numbers_to_the_last_bit(tmp_path, name, content, packed):
    path = tmp_path / (name + ".gz" * packed)
    path.write_bytes(gzip.compress(content.encode()) if packed else content.encode())
    data = load_dataset(str(path), normalization="none")
    assert_same_rows(data, X, Y)
    assert load_dataset(str(path)).normalization == "standard+unit"


def test_libsvm_entries_that_are_not_there_are_zero(tmp_path):
    (tmp_path / "a.svm").write_text("+1 3:2\n-1\n-1 1:5 2:1e-3\n+1 2:7\n")
    data = load_dataset(str(tmp_path / "a.svm"), test_share=0.5, normalization="none")
    assert_same_rows(data, [[0, 0, 2], [0, 0, 0], [5, 1e-3, 0], [0, 7, 0]], [1, 0, 0, 1])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "/a.csv has no rows of numbers"),
        (b"a,b,label\n", "has no rows of numbers"),
        (b"1;2;0\n", "line 1 has 1 column; give features and a label, with commas"),
        (b"1,2,0\n1,2,3,0\n", "line 2 has 4 columns and line 1 has 3"),
        (b"a,b,c\n\n1,2\n", "line 3 has 2 columns and line 1 has 3"),
        (b"1,2,0\n1,x,0\n", "line 2, column 2 is 'x'; give a finite number"),
        (b"1,x,0\n1,2,0\n", "line 1, column 2 is 'x'; give a finite number"),
        (b"1,2,0\n,2,0\n", "line 2, column 1 is ''"),
        (b"1,2,0\n3,nan,0\n", "line 2, column 2 is 'nan'"),
        (b"1,2,0\n3,1e999,0\n", "line 2, column 2 is '1e999'"),
        (b"1,2,0\n3,1_0,0\n", "line 2, column 2 is '1_0'"),
        (b"1,2,0\n3,4, \n", "line 2, column 3 is empty; give a label"),
        (b"1,2,0\n3,4,inf\n", "a label in the last column is 'inf'"),
        (b"1,2,0\n3,4\xff,0\n", "line 2, byte 4 is not UTF-8"),
        (b'1,2,0\n3,"4"5,0\n', "line 2 is no CSV: "),
        (b'1,2,0\n3,"4,0\n', "line 2 is no CSV: "),
        (b"1,2," + b"x" * 200_000, "line 1 is no CSV: field larger"),
        (b"1,2,0\n3,4,0\n", "has one class only, 0"),
        (b"1,2,0\n3,4,0\n5,6,1\n", "class 1.0 has 1 row, row 2"),
    ],
)
def test_bad_csv_files_are_refused_with_the_place(refused, content, words):
    assert words in refused("a.csv", content)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "/a.svm has no entries"),
        (b"1\n2\n", "has no entries"),
        (b"1 1:2\nx 1:2\n", "line 2 has 'x'; give finite numbers"),
        (b"nan 1:2\n", "line 1 has 'nan'"),
        (b"1 1:2 2:inf\n", "line 1 has '2:inf'; give finite numbers"),
        (b"1 1:2\n1 1:\n", "line 2 has '1:'"),
        (b"1 1:2\n1 1:1_0\n", "line 2 has '1:1_0'"),
        (b"1 1\n", "line 1 has '1'; give index:value"),
        (b"1 -1:2\n", "line 1 has '-1:2'; give index:value"),
        (b"1 qid:1 1:2\n", "line 1 has 'qid:1'"),
        (b"1 9223372036854775808:2\n", "with an index from 0 to 2^63 - 1"),
        (b"1 " + b"9" * 5000 + b":2\n", "with an index from 0 to 2^63 - 1"),
        (b"1 2:1 2:1\n", "line 1 has index 2 after 2; give them ascending"),
        (b"1 1:1\n2 3:1 2:1\n", "line 2 has index 2 after 3"),
        (b"\x00\xff 1:1\n", "line 1 has '\\x00\\xff'"),
        (b"1 1:2\n2 1:2\n", "class 1.0 has 1 row, row 0"),
    ],
)
def test_bad_libsvm_files_are_refused_with_the_place(refused, content, words):
    assert words in refused("a.svm", content)


def test_a_small_libsvm_file_cannot_ask_for_a_large_array(refused):
    said = refused("a.svm", "1 9223372036854775807:1\n0 1:1\n", MemoryError)
    assert "2 x 9223372036854775807 values need" in said


@pytest.mark.parametrize(("name", "first"), [("a.csv", "1,2\n"), ("a.svm", "1 1:2\n")])
def test_an_endless_line_is_not_read_to_its_end(refused, monkeypatch, name, first):
    monkeypatch.setattr("sublinear.datasets.content._LONGEST_LINE", 100)
    assert "line 2 has more than 100 bytes" in refused(name, first + "1" * 101)


@pytest.mark.parametrize("name", ["a.csv", "a.svm"])
def test_text_files_that_memory_cannot_hold_are_refused(refused, monkeypatch, name):
    monkeypatch.setattr(_kernels, "available_memory", lambda: 320)
    said = refused(name, csv_text() if name == "a.csv" else svm_text(), MemoryError)
    assert "lines take all the memory" in said


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("mark", ["-", "."])
def test_idx_images_become_rows(tmp_path, mark, suffix):
    path = write_idx(tmp_path, "train", mark=mark, suffix=suffix)
    data = load_dataset(path, normalization="none")
    assert_same_rows(data, IMAGES.reshape(24, 6), Y)
    assert load_dataset(path).normalization == "unit"
    test = write_idx(tmp_path, "t10k", IMAGES[:9][::-1], Y[:9][::-1], mark, suffix)
    for name in (path, str(tmp_path)):
        data = load_dataset(name, normalization="none")
        assert (data.X_train == IMAGES.reshape(24, 6)).all()
        assert (data.X_test == IMAGES[:9][::-1].reshape(9, 6)).all()
        assert data.y_train.tolist() == Y.tolist()
        assert data.y_test.tolist() == Y[:9][::-1].tolist()
        assert data.X_train.flags.c_contiguous
    assert len(load_dataset(test).X_train) < 9  # by itself it is split


def test_idx_files_may_be_packed_differently(tmp_path):
    path = write_idx(tmp_path, "mine")
    labels = tmp_path / "mine-labels-idx1-ubyte"
    (tmp_path / "mine-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels.read_bytes()))
    labels.unlink()
    assert_same_rows(load_dataset(path, normalization="none"), IMAGES.reshape(24, 6), Y)


@pytest.mark.parametrize("name", ["train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_a_missing_idx_file_is_named(tmp_path, name):
    path = write_idx(tmp_path, "train")
    write_idx(tmp_path, "t10k")
    (tmp_path / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"needs {name} beside it"):
        load_dataset(path)
    with pytest.raises(FileNotFoundError, match=f"without {name}"):
        load_dataset(str(tmp_path))


def test_a_folder_of_other_things_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"is a folder without train-images-idx3-ubyte\[\.gz\]"):
        load_dataset(str(tmp_path))
    (tmp_path / "a.txt").touch()
    with pytest.raises(ValueError, match=r"known by the ends of their names: \.npz"):
        load_dataset(str(tmp_path / "a.txt"))


IDX = "b-images-idx3-ubyte"
GOOD_IDX = idx_bytes(IMAGES)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", f"/{IDX}: the file ends at byte 0, inside the header of 16 bytes"),
        (GOOD_IDX[:13], "ends at byte 13, inside the header"),
        (b"\0\0\x08\x01" + GOOD_IDX[4:], "00000801 (unsigned bytes in 1 dimension); IDX images begin with 00000803"),
        (b"\0\0\x0d\x03" + GOOD_IDX[4:], "00000d03 (32-bit floats in 3 dimensions); IDX images begin with 00000803"),
        (b"\0\0\x07\x03" + GOOD_IDX[4:], "are 00000703; IDX images begin with 00000803, unsigned bytes in 3 dim"),
        (gzip.compress(GOOD_IDX), "(gzip data: let the name end in .gz)"),
        (GOOD_IDX[:-1], "byte 4 says 24 images of 2 x 3 and the file ends after 23 of them, at byte 159"),
        (GOOD_IDX + b"x", "byte 4 says 24 images of 2 x 3 and the file goes on after them, at byte 160"),
        (
            struct.pack(">4I", 0x803, 2**31, 28, 28) + b"1234",
            "says 2147483648 images of 28 x 28 and the file ends after 0",
        ),
        (struct.pack(">4I", 0x803, 2**32 - 1, 2**32 - 1, 2**32 - 1), "the file ends after 0 of them, at byte 16"),
        (struct.pack(">4I", 0x803, 24, 0, 3), "byte 4 says 24 images of 0 x 3; give at least one"),
        (struct.pack(">4I", 0x803, 0, 2, 3), "byte 4 says 0 images of 2 x 3; give at least one"),
        (idx_bytes(IMAGES[:23]), f"b-labels-idx1-ubyte has 24 labels and /{IDX} has 23 images"),
    ],
)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_bad_idx_files_are_refused_with_the_byte(refused, tmp_path, content, words, suffix):
    write_idx(tmp_path, "b")
    (tmp_path / IDX).unlink()
    said = refused(IDX + suffix, gzip.compress(content) if suffix else content)
    assert words in said.replace(".gz:", ":").replace(".gz has", " has")


def test_test_images_have_to_fit_the_training_images(tmp_path):
    path = write_idx(tmp_path, "train")
    write_idx(tmp_path, "t10k", IMAGES[:, :1])
    with pytest.raises(ValueError, match="test inputs has 3 columns; give 6"):
        load_dataset(path)
    write_idx(tmp_path, "t10k", IMAGES[:4], [0, 1, 7, 2])
    with pytest.raises(ValueError, match="test label 7 in row 2 is not among the training labels"):
        load_dataset(path)


def test_images_that_memory_cannot_hold_are_refused(tmp_path, monkeypatch):
    path = write_idx(tmp_path, "train")
    monkeypatch.setattr(_kernels, "available_memory", lambda: 1000)
    with pytest.raises(MemoryError, match=r"24 x 6 values need 4608 bytes .* 1000 are available"):
        load_dataset(path)
    monkeypatch.setattr(_kernels, "available_memory", lambda: 200)
    with pytest.raises(MemoryError, match="the content has more than 100 bytes"):
        load_dataset(path)


@pytest.mark.parametrize("cut", [5, 100, -9, -1])
def test_cut_gzip_files_are_refused(refused, tmp_path, cut):
    write_idx(tmp_path, "b")
    for name, content in (
        ("a.csv.gz", csv_text().encode()),
        ("a.svm.gz", svm_text().encode()),
        (IDX + ".gz", GOOD_IDX),
    ):
        (tmp_path / IDX).unlink(missing_ok=True)
        assert "the gzip data are damaged or cut off" in refused(name, gzip.compress(content)[:cut])


def npz_bytes(save=np.savez_compressed, **arrays):
    file = io.BytesIO()
    save(file, **arrays)
    return file.getvalue()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_files_hold_x_and_y_or_four_parts(tmp_path, save, packed):
    def load(**arrays):
        save(tmp_path / "a.npz", **arrays)
        path = tmp_path / "a.npz"
        if packed:
            (tmp_path / "a.npz.gz").write_bytes(gzip.compress(path.read_bytes()))
            path = tmp_path / "a.npz.gz"
        return load_dataset(str(path), normalization="none")

    assert_same_rows(load(X=np.asfortranarray(X), y=Y, notes=np.array([None])), X, Y)
    assert_same_rows(load(x=X.astype(">f4"), Y=Y.astype(">i2")), X.astype(np.float32), Y)
    data = load(x_train=IMAGES, y_train=Y, x_test=IMAGES[:5], y_test=Y[:5])
    assert (data.X_train == IMAGES.reshape(24, 6)).all()
    assert (data.X_test == IMAGES[:5].reshape(5, 6)).all()
    assert (data.y_test == Y[:5]).all()


def test_an_npz_file_whose_names_are_long_is_refused_in_a_short_line(tmp_path):
    content = bytearray(npz_bytes(np.savez, X=np.zeros((500, 4)), y=np.zeros(500)))
    content[26:28] = (9000).to_bytes(2, "little")  # the length of the first name, where the array stands
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.npz: array 'X' cannot be read: File name in directory") as refused:
        load_dataset(str(tmp_path / "a.npz"))
    assert len(str(refused.value)) < 1000


def npz_with(header_of, body=b""):
    """An archive with y and an array whose header promises the shape and type of `header_of`."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, header_of)
        archive.writestr("X.npy", header.getvalue() + body)
        labels = io.BytesIO()
        np.save(labels, Y)
        archive.writestr("y.npy", labels.getvalue())
    return file.getvalue()


def header(shape, descr="<f8"):
    return {"descr": descr, "fortran_order": False, "shape": shape}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "/a.npz is damaged or no .npz file: "),
        (npz_bytes(X=X, y=Y)[:-30], "is damaged or no .npz file: "),
        (npz_bytes(X=X), "has the arrays 'X'; give X and y, or x_train"),
        (npz_bytes(), "has the arrays none; give"),
        (npz_bytes(X=X, x=X, y=Y), "has the arrays 'X', 'x', 'y'; give"),
        (npz_bytes(X=X, y=Y, x_train=X, y_train=Y, x_test=X, y_test=Y), "; give X and y, or"),
        (npz_bytes(X=X.astype(object), y=Y), "array 'X' cannot be read: dtype is object; give numbers"),
        (npz_bytes(X=X, y=Y.astype(object)), "array 'y' cannot be read: dtype is object; give numbers or text"),
        (npz_bytes(X=X + 1j, y=Y), "array 'X' cannot be read: dtype is complex128"),
        (npz_bytes(X=X.astype(str), y=Y), "array 'X' cannot be read: dtype is <U"),
        (npz_bytes(X=X[:, 0], y=Y), "array 'X' cannot be read: shape is (24,); give (n, d)"),
        (npz_bytes(X=X[:, :0], y=Y), "shape is (24, 0)"),
        (npz_bytes(X=X, y=np.array(3)), "array 'y' cannot be read: shape is ()"),
        (npz_bytes(X=X, y=Y[:5]), "labels have shape (5,); give one for each of the 24 inputs"),
        (npz_bytes(X=np.where(X[5, 1] == X, np.inf, X), y=Y), "inputs: the value in row 5, column 1 is inf"),
        (
            npz_with(header((24, 3)), X.tobytes()[:-1]),
            "array 'X' cannot be read: its header says shape (24, 3), 576 bytes, and it ends after 575",
        ),
        (npz_with(header((24, 3)), X.tobytes() + b"x"), "576 bytes, and it goes on after them"),
        (npz_with(header((24, 3), "|O"), b"cos\nsystem\n."), "dtype is object"),
        (npz_with(header((24, -3))), "shape is (24, -3)"),
        (npz_with(header((24, 3), [("a", "<f8")])), "dtype is [('a', '<f8')]"),
        (npz_bytes(np.savez, X=X, y=Y).replace(b"NUMPY", b"NUMPI"), "array 'X' cannot be read: "),
    ],
)
def test_bad_npz_files_are_refused_with_the_arrays_name(refused, content, words):
    assert words in refused("a.npz", content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (IDX, struct.pack(">4I", 0x803, 2**31, 28, 28) + b"1234"),
        (IDX + ".gz", gzip.compress(struct.pack(">4I", 0x803, 2**31, 28, 28) + b"1234")),
        ("a.npz", npz_with(header((2**24, 3)))),
    ],
)
def test_promises_of_a_header_cost_no_memory(refused, tmp_path, name, content):
    write_idx(tmp_path, "b")
    (tmp_path / IDX).unlink()
    tracemalloc.start()
    try:
        refused(name, content)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_a_small_npz_file_cannot_ask_for_a_large_array(refused):
    said = refused("a.npz", npz_with(header((2**40, 2**10))), MemoryError)
    assert "array 'X': 1099511627776 x 1024 values need" in said


@given(
    st.sampled_from(["a.csv", "a.svm", "a.npz", IDX]),
    st.booleans(),
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 2), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_damaged_files_load_or_are_refused_in_one_sentence(tmp_path_factory, name, packed, packed_first, changes):
    folder = tmp_path_factory.mktemp("damaged")
    write_idx(folder, "b")
    content = {"a.csv": csv_text().encode(), "a.svm": svm_text().encode(), "a.npz": npz_bytes(X=X, y=Y), IDX: GOOD_IDX}[
        name
    ]
    if packed and packed_first:
        content = damaged(gzip.compress(content, mtime=0), changes)
    elif packed:
        content = gzip.compress(damaged(content, changes))
    else:
        content = damaged(content, changes)
    (folder / IDX).unlink()
    path = folder / (name + ".gz" * packed)
    path.write_bytes(content)
    said, data = str(path), None
    try:
        data = load_dataset(str(path))
    except (ValueError, TypeError, MemoryError) as error:
        said = str(error)
    assert str(path) in said
    assert "\n" not in said
    if data is not None:
        assert np.isfinite(data.X_train).all()
        assert set(data.y_train) <= set(range(data.classes))
