"""Lists of ids per query."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sublinear.work import Work

if TYPE_CHECKING:
    import scipy.sparse


@dataclass(frozen=True, eq=False)
class Reported:
    """Ids reported for several queries, in compressed-sparse-row form.

    The ids of query q are ``ids[indptr[q]:indptr[q + 1]]``, int64, ascending unless ``sort=False``; ``reported[q]`` is
    that slice.
    `columns` is one more than the largest id there can be; `work` is what the call did.
    """

    indptr: NDArray[np.int64]
    ids: NDArray[np.int64]
    work: Work
    columns: int

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def __getitem__(self, query: int) -> NDArray[np.int64]:
        if not -len(self) <= query < len(self):
            raise IndexError(f"query {query} of {len(self)}")
        query %= len(self)
        return self.ids[self.indptr[query] : self.indptr[query + 1]]

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        return (self[query] for query in range(len(self)))

    def to_scipy(self) -> scipy.sparse.csr_array:
        """A sparse matrix (queries, columns) of ones at the reported places. Needs SciPy."""
        import scipy.sparse

        ones = np.ones(len(self.ids), np.int8)
        return scipy.sparse.csr_array((ones, self.ids, self.indptr), shape=(len(self), self.columns))


@dataclass(frozen=True, eq=False)
class Top:
    """The points with the largest inner products, per query.

    Row q of `ids` (Q, k) int64 and `products` (Q, k) goes by falling product, equal products by ascending id. Where
    fewer than k points have a product that is a number, the row ends in id -1 and product nan.
    """

    ids: NDArray[np.int64]
    products: NDArray[Any]
    work: Work
