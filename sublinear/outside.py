"""Something written in Python that the core calls: what it raises, and what it answers wrongly, told by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sublinear.errors import PluginError


class Outside:
    """Something from outside, called `title` in messages."""

    def __init__(self, title: str) -> None:
        self._title = title

    def _call(
        self,
        call: str,
        function: Callable[..., Any],
        *arguments: Any,
        passing: tuple[type[Exception], ...] = (MemoryError,),
    ) -> Any:
        """What it returns. What it raises is a `PluginError`, but for what is `passing`."""
        try:
            return function(*arguments)
        except passing:
            raise
        except Exception as error:
            raise PluginError(f"{self._title} failed in {call}: {type(error).__name__}: {error}") from error

    def _wrong(self, call: str, why: object) -> PluginError:
        return PluginError(f"{self._title}, answer of {call}: {why}")
