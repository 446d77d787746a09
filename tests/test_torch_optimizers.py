"""Optimizers beside those of torch.optim, on the same gradients."""

import numpy as np
import pytest
import torch

import sublinear as sl


def torch_steps(make, start, gradients, fires):
    w = torch.nn.Parameter(torch.tensor(start))
    optimizer = make(torch.optim, [w])
    for gradient, fired in zip(gradients, fires, strict=True):
        w.grad = torch.tensor(gradient)
        if isinstance(optimizer, torch.optim.SparseAdam):
            rows = torch.zeros((1, int(fired)), dtype=torch.long)
            w.grad = torch.sparse_coo_tensor(rows, w.grad[: int(fired)], w.shape, check_invariants=True)
        optimizer.step()
    return w.detach().numpy()


@pytest.mark.parametrize(
    ("text", "make"),
    [
        ("momentum:momentum=0.8,lazy=false", lambda o, p: o.SGD(p, 0.1, momentum=0.8)),
        ("momentum:weight_decay=0.05,lazy=false", lambda o, p: o.SGD(p, 0.1, momentum=0.9, weight_decay=0.05)),
        ("momentum:weight_decay=0.05", lambda o, p: o.SGD(p, 0.1, momentum=0.9, weight_decay=0.05)),
        ("nesterov", lambda o, p: o.SGD(p, 0.1, momentum=0.9, nesterov=True)),
        ("nesterov:weight_decay=0.05", lambda o, p: o.SGD(p, 0.1, momentum=0.9, nesterov=True, weight_decay=0.05)),
        ("adam:lazy=false", lambda o, p: o.Adam(p, 0.1)),
        ("adam:weight_decay=0.1,lazy=false", lambda o, p: o.Adam(p, 0.1, weight_decay=0.1)),
        ("adamw:lazy=false", lambda o, p: o.AdamW(p, 0.1, weight_decay=0.01)),
        ("adam:epsilon=1e-15", lambda o, p: o.SparseAdam(p, 0.1, eps=1e-15)),
    ],
)
def test_steps_on_the_same_gradients_are_those_of_torch(text, make):
    # One neuron with a large bias and the absolute loss: where it fires, its gradient is x. The
    # last component, which no gradient moves, keeps it from firing in half of the steps.
    rng = np.random.default_rng(1)
    X = rng.standard_normal((40, 6))
    fires = rng.random(len(X)) < 0.5
    fires[0] = fires[-1] = True
    X[:, -1] = np.where(fires, 0.0, -1e9)
    start = np.array([[1.0, -2.0, 0.5, 3.0, -1.0, 50.0]])
    net = sl.TwoLayerNetwork(start, np.ones((1, 1)), np.array([1e6]), 0.0, 1.0, "shifted")
    made = sl.Trainer(net, loss="absolute", learning_rate=0.1, optimizer=text)
    y = np.full(1, -1e9)
    gradients = []
    for x, fired in zip(X, fires, strict=True):
        made.fit(x[None], y, 1)
        gradients.append(np.where(fired, x, 0.0)[None])
    expected = torch_steps(make, start, gradients, fires)
    assert not np.allclose(expected, start)
    np.testing.assert_allclose(net.weights, expected, rtol=1e-10)


@pytest.mark.parametrize("average", [0.9, 1.0])
def test_averages_are_those_of_torch(average):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((60, 6)), np.arange(60) % 3
    net = sl.TwoLayerNetwork.random(6, 200, n_outputs=3, seed=0, dtype="float64")
    made = sl.Trainer(net, attack=sl.PGD(0.1), batch_size=4, optimizer="adam", learning_rate=0.01, average=average)
    module = torch.nn.Linear(6, 200, bias=False, dtype=torch.float64)
    kind = torch.optim.swa_utils
    averaged = kind.AveragedModel(module, multi_avg_fn=kind.get_ema_multi_avg_fn(average) if average < 1 else None)

    def update(progress):
        module.weight.data.copy_(torch.tensor(net.weights.copy()))
        averaged.update_parameters(module)

    made.fit(X, y, epochs=2, callbacks=[update])
    np.testing.assert_allclose(made.averaged().weights, averaged.module.weight.detach().numpy(), rtol=1e-12, atol=1e-14)
    assert not np.allclose(made.averaged().weights, net.weights, atol=1e-3)
