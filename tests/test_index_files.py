"""Indexes as files, bytes, pickles and copies; and files that are not what they say."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import sublinear as sl

each_class = pytest.mark.parametrize("index_class", list(sl.INDEXES.values()), ids=list(sl.INDEXES))
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def worn(index_class, dtype):
    """An index with a history: erased, moved and waiting points, ids that are gone."""
    rng = np.random.default_rng(0)
    index = index_class(rng.standard_normal((4000, 2)).astype(dtype))
    index.erase(np.arange(100, 900))
    index.insert(rng.standard_normal((1500, 2)))
    index.move(np.arange(1000, 1200), rng.standard_normal((200, 2)))
    index.insert(rng.standard_normal((17, 2)))
    return index


@each_class
@each_dtype
def test_what_comes_back_answers_alike_and_goes_on_alike(index_class, dtype, tmp_path):
    index = worn(index_class, dtype)
    index.save(tmp_path / "points.index")
    normals = np.random.default_rng(1).standard_normal((30, 2))
    expected = index.report_batch(normals, 1.0)
    new = np.random.default_rng(2).standard_normal((600, 2))
    copies = [
        sl.HalfSpaceIndex.load(tmp_path / "points.index"),
        index_class.load(str(tmp_path / "points.index")),
        pickle.loads(pickle.dumps(index)),
        copy.copy(index),
        copy.deepcopy(index),
    ]
    for each in copies:
        assert type(each) is index_class
        assert repr(each) == repr(index)
        reported = each.report_batch(normals, 1.0)
        assert np.array_equal(reported.ids, expected.ids)
        assert reported.work == expected.work
        assert reported.columns == expected.columns
        with pytest.raises(ValueError, match="id 100 was erased"):
            each.erase([100])
        assert each.insert(new)[0] == 5517
    assert len(index) == 4717  # copies are copies


@each_class
def test_leaf_size_and_empty_indexes_come_back(index_class):
    empty = pickle.loads(pickle.dumps(index_class(np.zeros((0, 2)))))
    assert len(empty) == 0
    assert empty.insert([[1, 2]]).tolist() == [0]
    if "Tree" in index_class.__name__:
        assert "leaf_size=64" in repr(pickle.loads(pickle.dumps(index_class(np.zeros((5, 2)), leaf_size=64))))


@each_class
def test_damaged_files_are_refused(index_class, tmp_path):
    content = index_class(np.random.default_rng(0).standard_normal((50, 2))).to_bytes()
    path = tmp_path / "points.index"
    for bad, words in (
        (b"", "does not begin as one"),
        (b"PK\x03\x04" + content, "does not begin as one"),
        (content[:-8], "cut short or changed"),
        (content[: len(content) // 2], "cut short or changed"),
        (content + b"12345678", "cut short or changed"),
        (content[:8] + b"\x02" + content[9:], "version 2, this library reads version 1"),
        (content[:200] + bytes([content[200] ^ 1]) + content[201:], "cut short or changed"),
    ):
        path.write_bytes(bad)
        with pytest.raises(ValueError, match=words):
            sl.HalfSpaceIndex.load(path)
    with pytest.raises(FileNotFoundError):
        sl.HalfSpaceIndex.load(tmp_path / "none.index")


def test_a_file_of_another_class_says_which(tmp_path):
    sl.KDTree(np.zeros((3, 2))).save(tmp_path / "tree.index")
    with pytest.raises(ValueError, match="holds an index called 'kd-tree'; load it with KDTree"):
        sl.BallTree.load(tmp_path / "tree.index")


@each_class
def test_any_changed_byte_is_noticed(index_class):
    content = index_class(np.random.default_rng(0).standard_normal((20, 2))).to_bytes()
    rng = np.random.default_rng(1)
    for at in rng.integers(0, len(content), 200):
        changed = bytearray(content)
        changed[at] ^= 1 << rng.integers(8)
        with pytest.raises(ValueError, match="not a usable index file"):
            sl.HalfSpaceIndex.from_bytes(bytes(changed))


def test_an_unwritable_place_leaves_what_was_there(tmp_path):
    index = sl.KDTree(np.zeros((3, 2)))
    with pytest.raises(OSError, match="none"):
        index.save(tmp_path / "none" / "points.index")
    index.save(tmp_path / "points.index")
    index.insert([[1, 1]])
    index.save(tmp_path / "points.index")
    assert len(sl.KDTree.load(tmp_path / "points.index")) == 4
    assert [each.name for each in tmp_path.iterdir()] == ["points.index"]
