"""Adversarial training on digits: what the second epoch of each strategy costs, structures built and lists warm."""

import sublinear as sl

from .common import STRATEGIES, WIDTH, unit_digits


def trainer_after_one_epoch(strategy):
    inputs, labels = unit_digits()
    network = sl.TwoLayerNetwork.random(inputs.shape[1], WIDTH, n_outputs=10, seed=0)
    attack = sl.PGD(radius=0.05, steps=10)
    trainer = sl.Trainer(
        network,
        strategy=strategy,
        attack=attack,
        loss="cross-entropy",
        learning_rate=100.0,
        batch_size=64,
        threads=1,
        seed=0,
    )
    trainer.fit(inputs, labels, epochs=1)
    return trainer, inputs, labels


class Epoch:
    param_names = ("strategy",)
    params = (STRATEGIES,)
    number = 1  # every call trains on: repeating one epoch would measure another state
    warmup_time = 0
    timeout = 600

    def setup(self, strategy):
        self.trainer, self.inputs, self.labels = trainer_after_one_epoch(strategy)

    def time_epoch(self, strategy):
        self.trainer.fit(self.inputs, self.labels, epochs=1)

    def track_inner_products(self, strategy):
        return self.trainer.fit(self.inputs, self.labels, epochs=1).work[0].inner_products

    track_inner_products.unit = "inner products"

    def track_candidates(self, strategy):
        return self.trainer.fit(self.inputs, self.labels, epochs=1).work[0].candidates / len(self.inputs)

    track_candidates.unit = "neurons per input"

    def track_bytes(self, strategy):
        return self.trainer.nbytes

    track_bytes.unit = "bytes"
