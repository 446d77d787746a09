"""Conversions of what callers give: exact, or refused in words."""

from __future__ import annotations

import numpy as np
import pytest

import sublinear as sl
from sublinear import arrays


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_are_kept(dtype):
    given = np.array([[1, 2], [3, 4]], dtype)
    assert arrays.as_floats(given, 2, "x") is given


@pytest.mark.parametrize("given", [[[1, 2]], np.array([[1, 2]], np.int8), np.array([[1, 2]], np.float16)])
def test_lists_integers_and_half_floats_become_float64(given):
    found = arrays.as_floats(given, 2, "x")
    assert found.dtype == np.float64
    assert found.tolist() == [[1, 2]]


def test_integers_have_to_be_exact():
    arrays.as_floats([2**53], 1, "x")
    arrays.as_floats([2**24], 1, "x", np.float32)
    with pytest.raises(TypeError, match="float64 cannot hold exactly"):
        arrays.as_floats([2**53 + 1], 1, "x")
    with pytest.raises(TypeError, match="float32 cannot hold exactly"):
        arrays.as_floats([2**24 + 1], 1, "x", np.float32)


def test_wide_floats_are_rounded_to_nearest_and_overflow_is_named():
    assert arrays.as_floats([0.1], 1, "x", np.float32)[0] == np.float32(0.1)
    with pytest.raises(
        ValueError, match=r"x: the value in position 1 is 1e\+300; every value must be finite in float32"
    ):
        arrays.as_floats([0.1, 1e300], 1, "x", np.float32)


@pytest.mark.parametrize("given", [[1j], [None], ["a"], [True], np.array([1], np.longdouble), [object()]])
def test_what_is_no_real_number_is_a_type_error(given):
    with pytest.raises(TypeError, match="x has dtype"):
        arrays.as_floats(given, 1, "x")


def test_shape_is_checked():
    with pytest.raises(ValueError, match=r"x has 1 dimensions and shape \(2,\); give 2"):
        arrays.as_floats([1.0, 2.0], 2, "x")
    with pytest.raises(ValueError, match="rows differ in length"):
        arrays.as_floats([[1.0], [2.0, 3.0]], 2, "x")
    with pytest.raises(ValueError, match="points has 3 columns; give 2"):
        arrays.as_points(np.ones((4, 3)), "points", 2)
    with pytest.raises(ValueError, match="no columns"):
        arrays.as_points(np.ones((4, 0)), "points")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_have_to_be_finite_and_the_place_is_named(bad):
    given = np.zeros((3, 4))
    given[1, 2] = bad
    with pytest.raises(ValueError, match=f"row 1, column 2 is {bad}"):
        arrays.as_floats(given, 2, "x")


def test_any_layout_is_read(tmp_path):
    values = np.arange(24.0).reshape(4, 6)
    read_only = values.copy()
    read_only.flags.writeable = False
    np.save(tmp_path / "x.npy", values)
    for given in (
        values,
        np.asfortranarray(values),
        np.repeat(values, 2, axis=1)[:, ::2],
        values[::-1][::-1],
        read_only,
        np.load(tmp_path / "x.npy", mmap_mode="r"),
        values.astype(values.dtype.newbyteorder()),
    ):
        found = arrays.as_floats(given, 2, "x")
        assert found.flags.c_contiguous
        assert np.array_equal(found, values)
    assert arrays.as_floats(read_only, 2, "x") is read_only


def test_ids_are_integers():
    assert arrays.as_ids([]).dtype == np.int64
    assert arrays.as_ids(np.array([3], np.uint8)).tolist() == [3]
    with pytest.raises(TypeError, match="ids has dtype float64"):
        arrays.as_ids([1.0])
    with pytest.raises(ValueError, match="2 dimensions"):
        arrays.as_ids([[1]])
    with pytest.raises(ValueError, match="2\\^63"):
        arrays.as_ids(np.array([2**63], np.uint64))


def test_thresholds_may_be_infinite_but_not_nan():
    assert arrays.as_thresholds(-np.inf, 2).tolist() == [-np.inf, -np.inf]
    assert arrays.as_thresholds([1, np.inf], 2).tolist() == [1, np.inf]
    with pytest.raises(ValueError, match="threshold 1 is nan"):
        arrays.as_thresholds([1, np.nan], 2)
    with pytest.raises(ValueError, match="one for each of the 2 queries"):
        arrays.as_thresholds([1, 2, 3], 2)
    with pytest.raises(TypeError, match="dtype"):
        arrays.as_thresholds(["a"], 1)


def test_numbers_and_integers():
    assert arrays.as_number(np.float32(0.5), "rate", 0) == 0.5
    assert arrays.as_integer(np.int32(3), "n") == 3
    for bad in (True, "1", None, 1j, [1]):
        with pytest.raises(TypeError, match="rate is"):
            arrays.as_number(bad, "rate")
    for bad in (-1, np.nan, np.inf):
        with pytest.raises(ValueError, match="give a finite number >= 0"):
            arrays.as_number(bad, "rate", 0)
    for bad in (1.0, True, "1"):
        with pytest.raises(TypeError, match="give an integer"):
            arrays.as_integer(bad, "n")
    with pytest.raises(ValueError, match="n is 0; give an integer >= 1"):
        arrays.as_integer(0, "n", 1)
    with pytest.raises(ValueError, match="below 2\\^64"):
        arrays.as_seed(2**64)
    assert arrays.as_threads(None) == sl.default_threads()
    with pytest.raises(ValueError, match="threads is 0"):
        arrays.as_threads(0)


@pytest.mark.parametrize("dtype", ["float16", "int32", "nonsense", object, 7])
def test_precisions_are_float32_and_float64(dtype):
    assert arrays.float_dtype("float32") == np.float32
    with pytest.raises(TypeError, match="give float32 or float64"):
        arrays.float_dtype(dtype)
