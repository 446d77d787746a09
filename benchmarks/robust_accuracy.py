#!/usr/bin/env python3
"""Robust test accuracy under this library's attacks and a foreign library's, of our network and a dense ReLU network.

    python benchmarks/robust_accuracy.py --seeds 0,1,2

Both networks have two layers, the same width, scale and +-1 output weights; the first layer is trained on digits by
plain gradient descent against the same l2 PGD, for the same epochs, batches and falling rate. Ours is trained by
`sublinear.Trainer`, the dense one (threshold 0, so about half of its neurons fire at the start) by PyTorch. Of several
rates each takes the one with the best robust accuracy on a tenth of the training inputs, and then trains on all. The
foreign attacks are those of the Adversarial Robustness Toolbox (ART, on PyPI as adversarial-robustness-toolbox) on the
module that `to_torch` makes. Whatever an attack finds is judged by the network itself, and has to lie in the ball.
"""

from __future__ import annotations

import argparse
import json
import logging
import pathlib
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import sublinear as sl
from sublinear.info import machine, versions

Points = NDArray[np.float32]
Labels = NDArray[np.int64]
OURS, DENSE = "ours", "dense"
TOGETHER = "all attacks together"
SLACK = 1e-5  # of the radius: rounding of float32 differences


@dataclass(frozen=True)
class Attack:
    """`run` moves inputs; `beside` is the name of the own attack that it is compared with."""

    name: str
    run: Callable[[sl.TwoLayerNetwork, Points, Labels, int], Points]
    beside: str | None = None


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    numbers = lambda text: [float(part) for part in text.split(",") if part]  # noqa: E731
    integers = lambda text: [int(part) for part in text.split(",") if part]  # noqa: E731
    add = parser.add_argument
    add("--width", type=int, default=2048, metavar="M", help="neurons of each network (default 2048)")
    add("--epochs", type=int, default=40, metavar="N", help="of training (default 40)")
    add("--batch", type=int, default=64, metavar="B", help="minibatch size (default 64)")
    add(
        "--rates",
        type=numbers,
        default=[100.0, 200.0, 400.0, 800.0],
        metavar="R,...",
        help="learning rates at the start, to choose from (default 100,200,400,800)",
    )
    add("--radius", type=float, default=0.1, metavar="R", help="of the l2 ball (default 0.1)")
    add("--steps", type=int, default=10, metavar="N", help="of PGD in training (default 10)")
    add("--strong-steps", type=int, default=100, metavar="N", help="of the stronger attacks (default 100)")
    add("--restarts", type=int, default=5, metavar="N", help="of the stronger attacks (default 5)")
    add("--seeds", type=integers, default=[0], metavar="S,...", help="of split, weights and attacks (default 0)")
    add("--threads", type=int, default=2, metavar="T", help="for everybody (default 2)")
    add("--json", metavar="FILE", help="write everything there")
    return parser.parse_args()


def pgd_name(steps: int, starts: int) -> str:
    return f"PGD, {steps} steps" + (f", {starts} starts" if starts else "")


def pgd_settings(options: argparse.Namespace) -> list[tuple[int, int]]:
    """(steps, random starts; 0: from the input): as in training, with more steps, and with starts too."""
    return [(options.steps, 0), (options.strong_steps, 0), (options.strong_steps, options.restarts)]


def own_attacks(options: argparse.Namespace) -> list[Attack]:
    def attack(steps: int, starts: int) -> Attack:
        given = sl.PGD(options.radius, steps, random_start=starts > 0, restarts=max(starts, 1))

        def run(network: sl.TwoLayerNetwork, x: Points, y: Labels, seed: int) -> Points:
            return sl.attack_inputs(network, x, y, given, "cross-entropy", seed=seed, threads=options.threads)

        return Attack(f"own {pgd_name(steps, starts)}", run)

    return [attack(*settings) for settings in pgd_settings(options)]


def foreign_attacks(options: argparse.Namespace) -> list[Attack]:
    """Attacks on cross-entropy, as our own are, then two on other measures. ImportError where ART is missing."""
    import torch
    from art.attacks import evasion
    from art.estimators.classification import PyTorchClassifier

    logging.getLogger("art").setLevel(logging.ERROR)  # it warns that our inputs have no box
    strong, restarts = options.strong_steps, options.restarts
    strongest = f"own {pgd_name(strong, restarts)}"

    def attack(name: str, beside: str, kind: Any, **settings: Any) -> Attack:
        def run(network: sl.TwoLayerNetwork, x: Points, y: Labels, seed: int) -> Points:
            np.random.seed(seed)  # noqa: NPY002  (ART draws from here)
            victim = PyTorchClassifier(
                network.to_torch(),
                loss=torch.nn.CrossEntropyLoss(),
                input_shape=x.shape[1:],
                nb_classes=network.n_outputs,
                device_type="cpu",
            )
            return kind(victim, batch_size=len(x), verbose=False, **settings).generate(x, y)  # type: ignore[no-any-return]

        return Attack(f"ART {name}", run, beside)

    ball: dict[str, Any] = {"norm": 2, "eps": options.radius}
    attacks = [
        attack(
            pgd_name(steps, starts),
            f"own {pgd_name(steps, starts)}",
            evasion.ProjectedGradientDescentPyTorch,
            eps_step=2.5 * options.radius / steps,
            max_iter=steps,
            num_random_init=starts,
            **ball,
        )
        for steps, starts in pgd_settings(options)
    ]
    auto: dict[str, Any] = {"eps_step": 2 * options.radius, "max_iter": strong, "nb_random_init": restarts, **ball}
    kind = evasion.AutoProjectedGradientDescent
    attacks.append(attack("AutoPGD, the same", strongest, kind, loss_type="cross_entropy", **auto))
    attacks.append(attack("AutoPGD, logit ratios", strongest, kind, loss_type="difference_logits_ratio", **auto))
    attacks.append(attack("DeepFool", strongest, evasion.DeepFool, max_iter=50, nb_grads=10))
    return attacks


def judge(
    network: sl.TwoLayerNetwork, x: Points, y: Labels, attacks: list[Attack], radius: float, seed: int
) -> dict[str, float]:
    """Accuracy on clean inputs, under each attack, and the share of inputs that withstand all of them."""
    correct = {"clean": network.decision_function(x).argmax(1) == y}
    for attack in attacks:
        show(f"seed {seed}: {attack.name}")
        attacked = attack.run(network, x, y, seed)
        outside = np.linalg.norm(attacked - x, axis=1) > radius * (1 + SLACK)
        correct[attack.name] = network.decision_function(np.where(outside[:, None], x, attacked)).argmax(1) == y
    correct[TOGETHER] = np.all(list(correct.values()), axis=0)
    return {name: float(each.mean()) for name, each in correct.items()}


def train_ours(x: Points, y: Labels, rate: float, seed: int, options: argparse.Namespace) -> sl.TwoLayerNetwork:
    network = sl.TwoLayerNetwork.random(x.shape[1], options.width, int(y.max()) + 1, seed=seed)
    trainer = sl.Trainer(
        network,
        attack=sl.PGD(options.radius, options.steps),
        loss="cross-entropy",
        learning_rate=sl.LinearRate(rate, 0, options.epochs),
        batch_size=options.batch,
        threads=options.threads,
        seed=seed,
    )
    trainer.fit(x, y, options.epochs)
    return network


def train_dense(x: Points, y: Labels, rate: float, seed: int, options: argparse.Namespace) -> sl.TwoLayerNetwork:
    """Trained in PyTorch; ValueError where the weights overflow."""
    from dense_torch import TorchPeer
    from problem import Problem

    problem = Problem(x, y, options.width, int(y.max()) + 1, radius=options.radius, steps=options.steps, seed=seed)
    problem.threshold = np.float32(0)
    peer = TorchPeer(problem, "eager", options.threads)
    schedule = sl.LinearRate(rate, 0, options.epochs)
    for epoch in range(options.epochs):
        batches = problem.batches(options.batch, epoch)
        for number, batch in enumerate(batches):
            step = epoch * len(batches) + number
            peer.step(x[batch], problem.targets[batch], schedule(step, len(batches)))
    return sl.TwoLayerNetwork(peer.weights, problem.signs, scale=float(problem.scale))


Training = Callable[[Points, Labels, float, int, argparse.Namespace], sl.TwoLayerNetwork]


def tuned(
    train: Training, x: Points, y: Labels, seed: int, options: argparse.Namespace
) -> tuple[sl.TwoLayerNetwork, float, dict[str, float]]:
    """A network, its rate, and the robust accuracy of each rate on held-out training inputs; 0 where it diverged."""
    from sklearn.model_selection import train_test_split

    held_out: dict[str, float] = {}
    fitted, validation, labels, validation_labels = train_test_split(x, y, test_size=0.1, stratify=y, random_state=seed)
    for rate in options.rates if len(options.rates) > 1 else []:
        show(f"seed {seed}: rate {rate:g}")
        try:
            network = train(fitted, labels, rate, seed, options)
        except (ValueError, sl.DivergenceError):
            held_out[f"{rate:g}"] = 0.0
            continue
        attack = sl.PGD(options.radius, options.steps)
        found = sl.evaluate(network, validation, validation_labels, "cross-entropy", attack, threads=options.threads)
        held_out[f"{rate:g}"] = found.robust_accuracy or 0.0
    best = max(options.rates, key=lambda rate: held_out.get(f"{rate:g}", 0.0))
    show(f"seed {seed}: training")
    return train(x, y, best, seed, options), best, held_out


def run_seed(seed: int, attacks: list[Attack], options: argparse.Namespace) -> dict[str, dict[str, Any]]:
    data = sl.load_dataset("digits", seed)
    x, x_test = data.X_train.astype(np.float32), data.X_test.astype(np.float32)
    result = {}
    for name, train in ((OURS, train_ours), (DENSE, train_dense)):
        network, rate, held_out = tuned(train, x, data.y_train, seed, options)
        accuracy = judge(network, x_test, data.y_test, attacks, options.radius, seed)
        fired = len(network.fired(x_test).ids) / (len(x_test) * network.width)
        result[name] = {"rate": rate, "held_out": held_out, "fired_share": fired, "accuracy": accuracy}
    return result


def report(seeds: list[dict[str, dict[str, Any]]], attacks: list[Attack], options: argparse.Namespace) -> None:
    from rich.console import Console
    from rich.table import Table

    def figures(network: str, attack: str) -> list[float]:
        return [100 * seed[network]["accuracy"][attack] for seed in seeds]

    beside = {attack.name: attack.beside for attack in attacks}
    console = Console(width=None if sys.stdout.isatty() else 80, highlight=False)
    console.print(
        f"digits, width {options.width}, {options.epochs} epochs, l2 radius {options.radius:g}: test accuracy %",
        style="bold",
    )
    table = Table(box=None, pad_edge=False)
    table.add_column("attack")
    for name in (OURS, DENSE):
        for header in (name, "range", "more"):
            table.add_column(header, justify="right")
    for attack in seeds[0][OURS]["accuracy"]:
        cells = [attack]
        for name in (OURS, DENSE):
            found, own = figures(name, attack), beside.get(attack)
            more = statistics.mean(figures(name, own)) - statistics.mean(found) if own else None
            cells += [f"{statistics.mean(found):.1f}", f"{min(found):.1f}-{max(found):.1f}"]
            cells.append("" if more is None else f"{more:+.1f}")
        table.add_row(*cells)
    console.print(table)
    console.print(f"{len(seeds)} seeds, mean and range; more: points that an attack finds beyond own PGD")
    for name in (OURS, DENSE):
        rates = ", ".join(f"{seed[name]['rate']:g}" for seed in seeds)
        share = statistics.mean(seed[name]["fired_share"] for seed in seeds)
        console.print(f"{name}: first rate {rates}; {share:.0%} of the neurons fire")
    for attack in (attacks[0].name, TOGETHER):
        points = statistics.mean(figures(OURS, attack)) - statistics.mean(figures(DENSE, attack))
        console.print(f"ours less dense, {attack}: {points:+.1f} points")


def show(line: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)


def main() -> None:
    options = arguments()
    try:
        import torch
    except ImportError:
        sys.exit("this benchmark needs PyTorch; pip install torch")
    torch.set_num_threads(options.threads)
    attacks = own_attacks(options)
    try:
        attacks += foreign_attacks(options)
    except ImportError as missing:
        print(f"ART's attacks: left out ({missing})", file=sys.stderr)
    seeds = []
    for seed in options.seeds:
        seeds.append(run_seed(seed, attacks, options))
        show("")
        if options.json:  # a run that is cut off keeps the seeds it has finished
            content = {
                "command": sys.argv,
                "versions": versions(),
                "machine": machine(),
                "seeds": dict(zip(map(str, options.seeds), seeds, strict=False)),
            }
            pathlib.Path(options.json).write_text(json.dumps(content, indent=1))
    report(seeds, attacks, options)


if __name__ == "__main__":
    main()
