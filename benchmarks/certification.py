"""How much of digits is certified by each relaxation, and how long an input takes: the tables of docs/certification.md.

Trains networks of width 2048 against PGD and certifies all 450 test inputs, on one thread.
"""

from __future__ import annotations

import time

import sublinear as sl


def trained(data: sl.Dataset, radius: float, norm: float | str) -> sl.TwoLayerNetwork:
    """As `sublinear compare` trains."""
    network = sl.TwoLayerNetwork.random(data.X_train.shape[1], 2048, 10, seed=0)
    trainer = sl.Trainer(
        network,
        attack=sl.PGD(radius, 10, norm=norm),
        loss="cross-entropy",
        learning_rate=sl.LinearRate(200.0, 0.0, 12),
        batch_size=64,
    )
    trainer.fit(data.X_train, data.y_train, epochs=12)
    return network


def table(
    data: sl.Dataset, norm: float | str, cases: list[tuple[float, float]], efforts: list[tuple[str, int]]
) -> None:
    """One row for each training radius and radius."""
    names = [name if not branches else f"{name} + {branches} branches" for name, branches in efforts]
    print("| trained at | radius | " + " | ".join(names) + " | not broken | open | ms an input |")
    print("|---" * (len(names) + 5) + "|")
    for trained_at, radius in cases:
        network = trained(data, trained_at, norm)
        row = []
        for relaxation, branches in efforts:
            begin = time.perf_counter()
            found = sl.certify(
                network, data.X_test, data.y_test, radius, norm, relaxation=relaxation, branches=branches, threads=1
            )
            took = 1000 * (time.perf_counter() - begin) / len(data.X_test)
            row.append(f"{found.certified_accuracy:.3f}")
        row += [f"{found.unbroken_accuracy:.3f}", f"{int(found.open.sum())}", f"{took:.2f}"]
        print(f"| {trained_at:g} | {radius:g} | " + " | ".join(row) + " |")


if __name__ == "__main__":
    digits = sl.load_dataset("digits", 0)
    two = [(0.1, 0.05), (0.1, 0.1), (0.05, 0.1)]
    table(digits, 2, two, [("interval", 0), ("linear", 0), ("quadratic", 0), ("quadratic", 20)])
    print()
    table(digits, "inf", [(0.01, 0.005), (0.01, 0.01)], [("interval", 0), ("linear", 0), ("linear", 200)])
