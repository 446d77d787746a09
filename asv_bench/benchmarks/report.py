"""Half-space reporting: what a batch of queries costs, per structure, dimension and share of points reported."""

import numpy as np

import sublinear as sl

from .common import (
    DIMENSIONS,
    INDEXES,
    ONE_PERCENT,
    POINTS,
    QUERIES,
    gaussian_points,
    require_served,
    unit_normals,
)

THRESHOLDS = {"1e-4": 3.719, "1e-2": ONE_PERCENT}  # share of standard normal numbers -> quantile


class Report:
    """Queries over Gaussian points; the brute force on the same axes is what a structure has to beat."""

    param_names = ("index", "dimension", "share")
    params = (INDEXES, DIMENSIONS, tuple(THRESHOLDS))

    def setup(self, index, dimension, share):
        require_served(index, dimension)
        self.index = sl.INDEXES[index](gaussian_points(POINTS, dimension))
        self.normals = unit_normals(QUERIES, dimension)
        self.limits = np.full(QUERIES, THRESHOLDS[share])

    def time_report(self, index, dimension, share):
        self.index.report_batch(self.normals, self.limits, threads=1)

    def time_count(self, index, dimension, share):
        self.index.count_batch(self.normals, self.limits, threads=1)

    def track_inner_products_ratio(self, index, dimension, share):
        work = self.index.report_batch(self.normals, self.limits, threads=1).work
        return work.inner_products / (QUERIES * POINTS)

    track_inner_products_ratio.unit = "share of points x queries"

    def track_bounds_ratio(self, index, dimension, share):
        work = self.index.report_batch(self.normals, self.limits, threads=1).work
        return work.bounds / (QUERIES * POINTS)

    track_bounds_ratio.unit = "share of points x queries"
