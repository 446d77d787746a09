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
