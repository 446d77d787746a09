"""What can be asked for by name: the library's own entries, those registered here, and those of installed packages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from typing import Any, TypeVar

from sublinear.errors import PluginError

_Entry = TypeVar("_Entry")


class Registry(Mapping[str, _Entry]):
    """Entries by name, in the order in which tables show them; read-only, but for the functions that register.

    Installed packages offer entries by entry points of `group`: their names are known without importing them, and each
    is loaded and given to `register(name, factory)` when it is first asked for. An own or registered entry of that name
    comes first.
    """

    def __init__(self, own: Mapping[str, _Entry], group: str, register: Callable[[str, Any], object]) -> None:
        self._entries = dict(own)
        self._own = frozenset(own)
        self._group = group
        self._register = register
        self._offered: dict[str, metadata.EntryPoint] | None = None

    def add(self, name: str, entry: _Entry) -> None:
        """Adds a registered entry."""
        self._entries[name] = entry

    def remove(self, name: str) -> None:
        """Forgets a registered entry; ValueError for any other."""
        if name in self._own or name not in self._entries:
            raise ValueError(f"{name!r} was not registered; registered are {self.registered()}")
        del self._entries[name]

    def registered(self) -> list[str]:
        """The names of the entries that are registered here."""
        return [name for name in self._entries if name not in self._own]

    def __getitem__(self, name: str) -> _Entry:
        if name not in self._entries:
            self._load(name)
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries or name in self._points()

    def __iter__(self) -> Iterator[str]:
        return iter(list(dict.fromkeys([*self._entries, *self._points()])))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __repr__(self) -> str:
        return f"Registry({', '.join(self)})"

    def _points(self) -> dict[str, metadata.EntryPoint]:
        if self._offered is None:
            self._offered = {point.name: point for point in metadata.entry_points(group=self._group)}
        return self._offered

    def _load(self, name: str) -> None:
        point = self._points().get(name)
        if point is None:
            raise KeyError(name)
        try:
            factory = point.load()
            if name not in self._entries:  # the package may have registered it itself
                self._register(name, factory)
        except Exception as error:
            package = f" of {point.dist.name}" if point.dist is not None else ""
            raise PluginError(
                f"the entry point {name!r} in {self._group!r}{package} cannot be used: {type(error).__name__}: {error}"
            ) from error
