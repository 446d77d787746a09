"""Libraries written in C++ that bring indexes and strategies."""

from __future__ import annotations

import os

from sublinear import _reporting, _training
from sublinear.indexes import INDEXES, add_registered_class
from sublinear.strategies import STRATEGIES, add_registered


def load_plugin(path: str | os.PathLike[str]) -> list[str]:
    """Loads a shared library written with `sublinear/plugin.hpp`; returns the names of what it brings.

    Its indexes are then in `INDEXES` and its strategies in `STRATEGIES`, until the process ends. Loading it again
    changes nothing. Runs its code: load only what you would run. docs/extending.md has an example.

    Raises ValueError, before anything is registered, for a file that cannot be loaded or is no plug-in, for one that
    was built for another version of the headers, and for names that are taken.
    """
    where = os.fsencode(os.path.abspath(path))
    indexes, strategies = _training.load_plugin(where)
    _reporting.load_plugin(where)  # each module contains the C++ library
    for name, exact in indexes:
        if name not in INDEXES.registered():
            add_registered_class(name, exact, "")
    for name, structure, source, exact in strategies:
        if name not in STRATEGIES.registered():
            add_registered(name, structure, source, exact)
    return [*(name for name, _ in indexes), *(name for name, *_ in strategies)]
