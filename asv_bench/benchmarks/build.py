"""Half-space reporting: what it costs to build a structure, and what it holds."""

import sublinear as sl

from .common import DIMENSIONS, INDEXES, POINTS, gaussian_points, require_served


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


class BuildMemory:
    """Peak memory of the process; what the reference takes (interpreter, packages, points) is in both."""

    param_names = ("index", "dimension")
    params = (INDEXES, (2, 16))

    def setup(self, index, dimension):
        require_served(index, dimension)
        self.points = gaussian_points(POINTS, dimension)

    def peakmem_build(self, index, dimension):
        sl.INDEXES[index](self.points)

    def peakmem_reference(self, index, dimension):
        pass
