"""Exceptions that are the library's own."""

from __future__ import annotations


class PluginError(RuntimeError):
    """Something from outside the library (an index, strategy, loss, attack, optimizer) failed, or broke its promises.

    The message names it, the call and the property. What it raised itself is the `__cause__`.
    """


class ConformanceError(AssertionError):
    """Something does not keep a promise. The message names the promise and the smallest case found that breaks it."""
