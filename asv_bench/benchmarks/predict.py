"""Outputs of a wide network at new inputs, its fired neurons found by a scan or by an index over its weights."""

import sublinear as sl

from .common import POINTS, QUERIES, require_served, unit_normals


class Predict:
    param_names = ("index", "features")
    params = (("scan", "quantized-scan", "kd-tree", "ball-tree", "partition-tree"), (2, 8, 64))

    def setup(self, index, features):
        require_served(index, features + 2)  # an index holds a neuron's weights, its bias and its length
        self.index = None if index == "scan" else index
        self.network = sl.TwoLayerNetwork.random(features, POINTS, n_outputs=10, seed=0)
        self.inputs = unit_normals(QUERIES, features)
        self.network.decision_function(self.inputs, self.index, threads=1)  # builds the index

    def time_decision_function(self, index, features):
        self.network.decision_function(self.inputs, self.index, threads=1)

    def time_first_decision_function(self, index, features):
        self.network.copy().decision_function(self.inputs, self.index, threads=1)

    def track_inner_products_ratio(self, index, features):
        work = self.network.fired(self.inputs, self.index, threads=1).work
        return work.inner_products / (QUERIES * POINTS)

    track_inner_products_ratio.unit = "share of neurons x inputs"

    def track_bounds_ratio(self, index, features):
        work = self.network.fired(self.inputs, self.index, threads=1).work
        return work.bounds / (QUERIES * POINTS)

    track_bounds_ratio.unit = "share of neurons x inputs"
