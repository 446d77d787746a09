"""Networks as PyTorch modules: the same function and gradients, and back with every bit."""

from __future__ import annotations

import io
import pickle

import numpy as np
import pytest
import torch
from torch.nn import Linear, ReLU, Sequential, Tanh

import oracle
import sublinear as sl
from sublinear.identity import weights_hash

each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])
each_init = pytest.mark.parametrize("init", ["ntk", "gao"])  # shifted and jump
each_outputs = pytest.mark.parametrize("outputs", [1, 3])


def drawn(init, outputs, dtype, seed=2):
    """A network with biases, and inputs at which no neuron's firing is left to rounding."""
    net = sl.TwoLayerNetwork.random(7, 200, outputs, init=init, seed=seed, bias="gaussian", dtype=dtype)
    x = np.random.default_rng(seed).standard_normal((40, 7)).astype(dtype)
    z = x.astype(float) @ net.weights.T.astype(float) + net.biases
    assert np.abs(z - net.threshold).min() > {"float32": 1e-5, "float64": 1e-12}[dtype]
    return net, x


@each_dtype
@each_init
@each_outputs
def test_the_module_is_the_same_function(dtype, init, outputs):
    net, x = drawn(init, outputs, dtype)
    f = net.to_torch()(torch.from_numpy(x)).detach().numpy()
    assert f.dtype == dtype
    assert f.shape == (40, outputs)
    tolerance = {"float32": 1e-5, "float64": 1e-13}[dtype]  # sums of 200 terms of about 1, times 40 roundings
    np.testing.assert_allclose(f, net.decision_function(x).reshape(40, outputs), rtol=tolerance, atol=tolerance)


def test_neurons_on_the_threshold_fire(integer_network):
    net, x = integer_network
    assert net.fired(x).to_scipy().toarray()[:, 0].tolist() == [1, 0, 1]
    assert np.array_equal(net.to_torch()(torch.from_numpy(x)).detach().numpy(), net.decision_function(x))


@each_dtype
@each_init
def test_a_missing_feature_gives_nan_and_not_a_number(init, dtype):
    net, x = drawn(init, 2, dtype)
    whole = net.to_torch()(torch.from_numpy(x)).detach().numpy()
    x[1, 2] = x[3] = np.nan
    f = net.to_torch()(torch.from_numpy(x)).detach().numpy()
    assert np.isnan(f[[1, 3]]).all()
    assert np.array_equal(f[[0, 2]], whole[[0, 2]])


@each_init
def test_gradients_are_the_formulas(init):
    net, x = drawn(init, 3, "float64")
    module, inputs = net.to_torch(), torch.from_numpy(x).requires_grad_(True)
    g = np.random.default_rng(0).standard_normal((40, 3))
    module(inputs).backward(torch.from_numpy(g))
    fired = oracle.Network.of(net).fired(x)
    coefficients = net.scale * fired * (g @ net.output_weights.T)
    np.testing.assert_allclose(inputs.grad.numpy(), coefficients @ net.weights, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(module.weights.grad.numpy(), coefficients.T @ x, rtol=1e-12, atol=1e-12)
    assert [name for name, _ in module.named_parameters()] == ["weights"]
    # f is linear as long as no neuron changes sides, so differences of it are exact but for rounding.
    step = 1e-7 * np.random.default_rng(1).standard_normal(x.shape)
    assert np.array_equal(net.fired(x + step).ids, net.fired(x - step).ids)
    difference = ((net.decision_function(x + step) - net.decision_function(x - step)) * g).sum(1) / 2
    np.testing.assert_allclose((inputs.grad.numpy() * step).sum(1), difference, atol=1e-13)


@each_dtype
@each_init
@each_outputs
def test_the_way_there_and_back_keeps_every_bit(dtype, init, outputs):
    net, x = drawn(init, outputs, dtype)
    module = net.to_torch()
    saved = io.BytesIO()
    torch.save(module.state_dict(), saved)
    saved.seek(0)
    restored = sl.TwoLayerNetwork.random(7, 200, outputs, init=init, seed=9, dtype=dtype).to_torch()
    restored.load_state_dict(torch.load(saved))
    for each in (module, pickle.loads(pickle.dumps(module)), restored):
        found = sl.TwoLayerNetwork.from_torch(each)
        for name in ("weights", "biases", "output_weights"):
            assert getattr(found, name).tobytes() == getattr(net, name).tobytes(), name
        assert (found.threshold, found.scale, found.activation) == (net.threshold, net.scale, net.activation)
        assert np.array_equal(found.decision_function(x), net.decision_function(x))


def test_the_record_goes_there_and_back():
    data = sl.load_dataset("iris")
    net = sl.TwoLayerNetwork.random(data.n_features, 8, data.classes)
    assert sl.TwoLayerNetwork.from_torch(net.to_torch()).record is None
    net.record = sl.NetworkRecord(data.record, sl.PGD(0.1), {"command": "mine"}, weights_hash(net))
    module = net.to_torch()
    for each in (module, pickle.loads(pickle.dumps(module))):
        assert sl.TwoLayerNetwork.from_torch(each).record.to_json() == net.record.to_json()
    with torch.no_grad():
        module.weights.mul_(2)
    changed = sl.TwoLayerNetwork.from_torch(module)
    assert changed.record.weights_sha256 == weights_hash(net) != weights_hash(changed)  # which evaluate tells of


def test_module_and_network_share_no_memory():
    net, _ = drawn("ntk", 2, "float32")
    before, module = net.weights.copy(), net.to_torch()
    found = sl.TwoLayerNetwork.from_torch(module)
    with torch.no_grad():
        module.weights.zero_()
        module.output_weights.zero_()
    assert np.array_equal(net.weights, before)
    assert np.array_equal(found.weights, before)
    assert net.output_weights.all()


@each_dtype
def test_class_logits_make_cross_entropy_the_logistic_loss(dtype):
    net, x = drawn("ntk", 1, dtype)
    y = np.where(np.arange(40) % 3 == 0, 1, -1)
    logits = net.to_torch(class_logits=True)(torch.from_numpy(x))
    assert logits.shape == (40, 2)
    loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy((y + 1) // 2)).item()
    assert loss == pytest.approx(sl.evaluate(net, x, y, "logistic").clean_loss, rel=1e-5)
    several, x = drawn("ntk", 3, dtype)
    inputs = torch.from_numpy(x)
    assert torch.equal(several.to_torch(class_logits=True)(inputs), several.to_torch()(inputs))
    assert sl.TwoLayerNetwork.from_torch(net.to_torch(class_logits=True)).n_outputs == 1


@each_outputs
@pytest.mark.parametrize("hidden_bias", [True, False])
@pytest.mark.parametrize("output_bias", [True, False])
def test_relu_networks_are_taken(outputs, hidden_bias, output_bias):
    generator = torch.manual_seed(3)
    module = Sequential(Linear(5, 60, hidden_bias), ReLU(), Linear(60, outputs, output_bias)).double()
    if output_bias:
        torch.nn.init.zeros_(module[2].bias)
    net = sl.TwoLayerNetwork.from_torch(module)
    assert (net.threshold, net.scale, net.activation, net.dtype) == (0, 1, "shifted", np.float64)
    x = torch.randn(30, 5, dtype=torch.float64, generator=generator)
    wanted = module(x).detach().numpy()
    np.testing.assert_allclose(net.decision_function(x.numpy()).reshape(30, outputs), wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("module", "error", "words"),
    [
        (Linear(3, 2), TypeError, "module is a Linear; give what to_torch made"),
        (sl.TwoLayerNetwork.random(3, 4), TypeError, "module is a TwoLayerNetwork; give"),
        (Sequential(Linear(3, 4), Tanh(), Linear(4, 1, False)), TypeError, r"Sequential\(Linear, Tanh, Linear\); give"),
        (Sequential(Linear(3, 4), ReLU()), TypeError, r"Sequential\(Linear, ReLU\); give"),
        (Sequential(Linear(3, 4), ReLU(), Linear(4, 1)), ValueError, r"bias that is not 0.*give Linear\(.*bias=False"),
        (Sequential(Linear(3, 4), ReLU(), Linear(5, 1, False)), ValueError, "output_weights has 5 rows"),
        (Sequential(Linear(3, 4), ReLU(), Linear(4, 1, False)).half(), TypeError, "torch.float16; give float32"),
        (Sequential(Linear(3, 4), ReLU(), Linear(4, 1, False).double()), TypeError, "float32 and torch.float64"),
        (sl.TwoLayerNetwork.random(3, 4).to_torch().bfloat16(), TypeError, "weights has dtype torch.bfloat16"),
    ],
)
def test_other_modules_are_refused(module, error, words):
    with pytest.raises(error, match=words):
        sl.TwoLayerNetwork.from_torch(module)


def test_an_attack_by_autograd_finds_what_our_own_finds():
    data = sl.load_dataset("digits")
    radius, steps = 0.1, 10
    net = sl.TwoLayerNetwork.random(data.n_features, 256, data.classes, seed=0)
    rate = sl.LinearRate(200, 0, 3)
    trainer = sl.Trainer(net, attack=sl.PGD(radius, steps), learning_rate=rate, batch_size=64, threads=1)
    trainer.fit(data.X_train, data.y_train, 3)
    module, x, y = net.to_torch(), torch.from_numpy(data.X_test).float(), torch.from_numpy(data.y_test)
    moved = torch.zeros_like(x)
    for _ in range(steps):
        attacked = (x + moved).requires_grad_(True)
        loss = torch.nn.functional.cross_entropy(module(attacked), y, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, attacked)
        moved = moved + 2.5 * radius / steps * torch.nn.functional.normalize(gradient)
        moved = moved * (radius / moved.norm(dim=1, keepdim=True)).clamp(max=1)
    accuracy = (module(x + moved).argmax(1) == y).double().mean().item()
    own = sl.evaluate(net, data.X_test, data.y_test, "cross-entropy", sl.PGD(radius, steps))
    assert own.robust_accuracy == pytest.approx(accuracy, abs=0.01)
    assert own.robust_accuracy < own.clean_accuracy - 0.1, "the attack is no test if it finds nothing"
