"""Exceptions that are the library's own."""

from __future__ import annotations


class PluginError(RuntimeError):
    """An index or strategy from outside the library failed, or broke what it promises.

    The message names it, the call and the property. What it raised itself is the `__cause__`.
    """
