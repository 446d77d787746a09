"""Half-space reporting: what it costs to change a structure, and whether it stays as good as a new one."""

import numpy as np

import sublinear as sl

from .common import DIMENSIONS, INDEXES, POINTS, gaussian_points, inner_products_ratio, require_served

CHANGED = POINTS // 10
ROUNDS = 10


class Move:
    """A tenth of the points moves by a hundredth of their spread, as rows do in a training step."""

    param_names = ("index", "dimension")
    params = (INDEXES, DIMENSIONS)

    def setup(self, index, dimension):
        require_served(index, dimension)
        points = gaussian_points(POINTS, dimension)
        self.index = sl.INDEXES[index](points)
        self.ids = np.arange(0, POINTS, POINTS // CHANGED, dtype=np.int64)
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
        for k in range(ROUNDS):
            places = self.drifted(places, seed=3 + k)
            self.index.move(self.ids, places)
        return inner_products_ratio(self.index, dimension)

    track_inner_products_ratio_after_moves.unit = "share of points x queries"


class InsertErase:
    """A tenth of the points comes, and as many go."""

    param_names = ("index", "dimension")
    params = (INDEXES, (2, 8, 64))
    number = 1  # the index grows or shrinks: a second call would measure another state
    warmup_time = 0

    def setup(self, index, dimension):
        require_served(index, dimension)
        self.index = sl.INDEXES[index](gaussian_points(POINTS, dimension))
        self.points = gaussian_points(CHANGED, dimension, seed=2)
        self.ids = np.arange(0, POINTS, POINTS // CHANGED, dtype=np.int64)

    def time_insert(self, index, dimension):
        self.index.insert(self.points)

    def time_erase(self, index, dimension):
        self.index.erase(self.ids)

    def replace_all(self, dimension):
        """Every point goes and another comes, the oldest first."""
        for k in range(ROUNDS):
            self.index.erase(np.arange(k * CHANGED, (k + 1) * CHANGED))
            self.index.insert(gaussian_points(CHANGED, dimension, seed=3 + k))

    def track_inner_products_ratio_after_replacement(self, index, dimension):
        """Is a structure of points that came later as good as one built of them?"""
        self.replace_all(dimension)
        return inner_products_ratio(self.index, dimension)

    track_inner_products_ratio_after_replacement.unit = "share of points x queries"

    def track_bytes_after_replacement(self, index, dimension):
        """Is what erased points held given back?"""
        self.replace_all(dimension)
        return self.index.nbytes

    track_bytes_after_replacement.unit = "bytes"
