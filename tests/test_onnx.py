"""Networks as ONNX files: another runtime computes the same function."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest

import sublinear as sl
from sublinear import exchange


def run(path, x):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["f"], {"x": x})[0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("init", ["ntk", "gao"])  # shifted and jump
@pytest.mark.parametrize("outputs", [1, 3])
def test_the_runtime_computes_the_same_function(tmp_path, dtype, init, outputs):
    net = sl.TwoLayerNetwork.random(7, 200, outputs, init=init, seed=2, bias="gaussian", dtype=dtype)
    x = np.random.default_rng(2).standard_normal((40, 7)).astype(dtype)
    z = x.astype(float) @ net.weights.T.astype(float) + net.biases
    assert np.abs(z - net.threshold).min() > {"float32": 1e-5, "float64": 1e-12}[dtype], "rounding would decide"
    net.to_onnx(tmp_path / "net.onnx")
    # Sums of 200 terms of about 1, times 40 roundings. Runtimes like to keep scalars in float32: 1e-13 shows it.
    tolerance = {"float32": 1e-5, "float64": 1e-13}[dtype]
    for rows in (x, x[:1], x[:0]):
        f = run(tmp_path / "net.onnx", rows)
        assert f.dtype == dtype
        wanted = net.decision_function(rows).reshape(len(rows), outputs)
        assert f.shape == wanted.shape
        np.testing.assert_allclose(f, wanted, rtol=tolerance, atol=tolerance)


def test_the_record_goes_with_it(tmp_path):
    net = sl.TwoLayerNetwork.random(4, 20, 3)
    net.record = sl.NetworkRecord(sl.load_dataset("iris").record, sl.FGSM(0.1))
    net.to_onnx(tmp_path / "net.onnx")
    told = {each.key: each.value for each in onnx.load(tmp_path / "net.onnx").metadata_props}
    assert set(told) == {"threshold", "scale", "activation", "record"}
    assert told["record"] == net.record.to_json()


def test_neurons_on_the_threshold_fire(tmp_path, integer_network):
    net, x = integer_network
    net.to_onnx(tmp_path / "net.onnx")
    assert np.array_equal(run(tmp_path / "net.onnx", x), net.decision_function(x))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("init", ["ntk", "gao"])  # shifted and jump
def test_a_missing_feature_gives_nan_and_not_a_number(tmp_path, init, dtype):
    net = sl.TwoLayerNetwork.random(5, 64, 2, init=init, seed=2, dtype=dtype)
    net.to_onnx(tmp_path / "net.onnx")
    x = np.random.default_rng(3).standard_normal((4, 5)).astype(dtype)
    whole = run(tmp_path / "net.onnx", x)
    x[1, 2] = x[3] = np.nan
    f = run(tmp_path / "net.onnx", x)
    assert np.isnan(f[[1, 3]]).all()
    assert np.array_equal(f[[0, 2]], whole[[0, 2]])
    with pytest.raises(ValueError, match="row 1, column 2 is nan"):
        net.decision_function(x)


@pytest.mark.parametrize("opset", [12, 17])
def test_files_say_what_they_hold(tmp_path, opset):
    net = sl.TwoLayerNetwork.random(3, 16, 2, seed=1, dtype="float64")
    path = tmp_path / "net.onnx"
    net.to_onnx(path, opset=opset)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert [each.version for each in model.opset_import] == [opset]
    metadata = {each.key: each.value for each in model.metadata_props}
    assert metadata == {"threshold": repr(net.threshold), "scale": repr(net.scale), "activation": "shifted"}
    arrays = {each.name: onnx.numpy_helper.to_array(each) for each in model.graph.initializer}
    for name in ("weights", "biases", "output_weights", "threshold", "scale"):
        assert np.array_equal(arrays[name], getattr(net, name)), name
    x = np.eye(3)
    np.testing.assert_allclose(run(path, x), net.decision_function(x), rtol=1e-13, atol=1e-13)
    assert list(tmp_path.iterdir()) == [path], "no temporary file is left"


@pytest.mark.parametrize(
    ("opset", "error", "words"),
    [
        (11, ValueError, "opset is 11; give 12 to "),
        (onnx.defs.onnx_opset_version() + 1, ValueError, "the newest of the installed onnx"),
        (17.0, TypeError, "opset is 17.0; give an integer"),
    ],
)
def test_unknown_operator_sets_are_refused(tmp_path, opset, error, words):
    with pytest.raises(error, match=words):
        sl.TwoLayerNetwork.random(3, 4).to_onnx(tmp_path / "net.onnx", opset=opset)
    assert not list(tmp_path.iterdir())


def test_networks_above_the_limit_are_refused_and_leave_the_file_before(tmp_path, monkeypatch):
    path = tmp_path / "net.onnx"
    path.write_bytes(b"before")
    monkeypatch.setattr(exchange, "_ONNX_BYTES", 10_000)
    with pytest.raises(ValueError, match=r"the network has 10800 bytes and an ONNX file holds at most 10000; save"):
        sl.TwoLayerNetwork.random(7, 300).to_onnx(path)
    assert path.read_bytes() == b"before"
