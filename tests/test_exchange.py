"""What is said where the libraries that networks are exchanged with are missing."""

from __future__ import annotations

import sys

import pytest

import sublinear as sl


@pytest.mark.parametrize(
    ("library", "exchange"),
    [
        ("torch", lambda net, path: net.to_torch()),
        ("torch", lambda net, path: sl.TwoLayerNetwork.from_torch(net)),
        ("onnx", lambda net, path: net.to_onnx(path)),
    ],
)
def test_a_missing_library_is_named_with_the_extra_that_brings_it(monkeypatch, tmp_path, library, exchange):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match=rf"needs {library}; pip install 'sublinear\[{library}\]'"):
        exchange(sl.TwoLayerNetwork.random(3, 4), tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())
