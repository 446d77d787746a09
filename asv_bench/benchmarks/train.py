"""Adversarial training on digits: what each strategy costs to build, and its second epoch, when lists are warm."""

from .common import STRATEGIES, digits_trainer, require_strategy, unit_digits


class BuildStrategy:
    param_names = ("strategy",)
    params = (STRATEGIES,)

    def setup(self, strategy):
        require_strategy(strategy)
        self.inputs, self.labels = unit_digits()

    def time_build(self, strategy):
        digits_trainer(strategy).fit(self.inputs, self.labels, epochs=0)

    def track_bytes(self, strategy):
        trainer = digits_trainer(strategy)
        trainer.fit(self.inputs, self.labels, epochs=0)
        return trainer.nbytes

    track_bytes.unit = "bytes"


class Epoch:
    param_names = ("strategy",)
    params = (STRATEGIES,)
    number = 1  # every call trains on: repeating one epoch would measure another state
    warmup_time = 0

    def setup(self, strategy):
        require_strategy(strategy)
        self.inputs, self.labels = unit_digits()
        self.trainer = digits_trainer(strategy)
        self.trainer.fit(self.inputs, self.labels)

    def time_epoch(self, strategy):
        self.trainer.fit(self.inputs, self.labels)

    def track_inner_products(self, strategy):
        return self.trainer.fit(self.inputs, self.labels).work[0].inner_products

    track_inner_products.unit = "inner products"

    def track_rows_read(self, strategy):
        work = self.trainer.fit(self.inputs, self.labels).work[0]
        return work.inner_products - work.quantized

    track_rows_read.unit = "rows"

    def track_candidates(self, strategy):
        return self.trainer.fit(self.inputs, self.labels).work[0].candidates / len(self.inputs)

    track_candidates.unit = "neurons per input"

    def track_bytes(self, strategy):
        return self.trainer.nbytes

    track_bytes.unit = "bytes"


class EpochMemory:
    """Peak memory of the process; what the reference takes (interpreter, packages, inputs) is in both."""

    param_names = ("strategy",)
    params = (STRATEGIES,)

    def setup(self, strategy):
        require_strategy(strategy)
        self.inputs, self.labels = unit_digits()

    def peakmem_epoch(self, strategy):
        digits_trainer(strategy).fit(self.inputs, self.labels)

    def peakmem_reference(self, strategy):
        pass
