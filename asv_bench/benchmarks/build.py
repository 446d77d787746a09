"""Half-space reporting: what it costs to build a structure and to keep it while points move."""

import numpy as np

import sublinear as sl

from .common import DIMENSIONS, INDEXES, POINTS, QUERIES, gaussian_points, require_served, unit_normals


class Build:
    param_names = ("index", "dimension")
    params = (INDEXES, DIMENSIONS)

    def setup(self, index, dimension):
        require_served(index, dimension)
        self.points = gaussian_points(POINTS, dimension)

    def time_build(self, index, dimension):
        sl.INDEXES[index](self.points)

    def track_bytes(self, index, dimension):
        return sl.INDEXES[index](self.points).nbytes

    track_bytes.unit = "bytes"


class Move:
    """A tenth of the points moves by a hundredth of their spread, as rows do in a training step."""

    param_names = ("index", "dimension")
    params = (INDEXES, DIMENSIONS)
    moves = 10

    def setup(self, index, dimension):
        require_served(index, dimension)
        points = gaussian_points(POINTS, dimension)
        self.index = sl.INDEXES[index](points)
        self.ids = np.arange(0, POINTS, 10, dtype=np.int64)
        self.here = points[self.ids]
        self.there = self.drifted(self.here, seed=2)

    def drifted(self, places, seed):
        return places + np.float32(0.01) * gaussian_points(*places.shape, seed=seed)

    def time_move(self, index, dimension):
        self.here, self.there = self.there, self.here  # to and fro: moving to where a point is may cost nothing
        self.index.move(self.ids, self.here)

    def track_inner_products_ratio_after_moves(self, index, dimension):
        """Do the bounds stay tight? The queries' work after ten moves, each from where the last one ended."""
        places = self.here
        for k in range(self.moves):
            places = self.drifted(places, seed=3 + k)
            self.index.move(self.ids, places)
        limits = np.full(QUERIES, 2.326)
        work = self.index.report_batch(unit_normals(QUERIES, dimension), limits, threads=1).work
        return work.inner_products / (QUERIES * POINTS)

    track_inner_products_ratio_after_moves.unit = "share of points x queries"
