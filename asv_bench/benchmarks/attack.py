"""The adversary: what it costs to attack every digit, a network trained for an epoch."""

import sublinear as sl

from .common import trained_network, unit_digits

ATTACKS = {"fgsm": sl.FGSM, "pgd": sl.PGD}
NORMS = {"l2": 2, "linf": "inf"}


class Attack:
    param_names = ("attack", "norm", "radius")
    params = (tuple(ATTACKS), tuple(NORMS), (0.01, 0.05))
    loss = "cross-entropy"

    def setup(self, attack, norm, radius):
        self.network = trained_network()
        self.inputs, self.labels = unit_digits()
        self.attack = ATTACKS[attack](radius, norm=NORMS[norm])

    def time_attack_inputs(self, attack, norm, radius):
        sl.attack_inputs(self.network, self.inputs, self.labels, self.attack, self.loss, threads=1)

    def time_evaluate(self, attack, norm, radius):
        sl.evaluate(self.network, self.inputs, self.labels, self.loss, self.attack, threads=1)

    def standing_epoch(self):
        """Work of a second epoch at rate 0: the rows stand still, their lists are known, what is left is the attack."""
        trainer = sl.Trainer(self.network, "margin", self.attack, self.loss, learning_rate=0, threads=1)
        return trainer.fit(self.inputs, self.labels, epochs=2).work[1]

    def track_inner_products(self, attack, norm, radius):
        return self.standing_epoch().inner_products / len(self.inputs)

    track_inner_products.unit = "inner products per input"

    def track_rows_read(self, attack, norm, radius):
        work = self.standing_epoch()
        return (work.inner_products - work.quantized) / len(self.inputs)

    track_rows_read.unit = "rows per input"

    def track_bounds(self, attack, norm, radius):
        return self.standing_epoch().bounds / len(self.inputs)

    track_bounds.unit = "bounds per input"
