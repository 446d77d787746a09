"""Options after the name of a data set: "teacher:n=2000,d=16"."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

from sublinear.datasets.samples import Samples

_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def option_names(loader: Callable[..., Samples]) -> list[str]:
    """The options of a data set: the parameters of its function that have defaults."""
    parameters = inspect.signature(loader).parameters.values()
    return [each.name for each in parameters if each.default is not inspect.Parameter.empty]


def call_with_options(name: str, loader: Callable[..., Samples], text: str | None, seed: int) -> Samples:
    """Calls a data set's function with the options in `text` ("n=2000,d=16"; None for none) and, if it takes a seed
    and none is given, with `seed`. ValueError for options that are unknown, given twice or of another type."""
    given = options_of(name, loader, text)
    if "seed" in inspect.signature(loader).parameters:
        given.setdefault("seed", seed)
    try:
        return loader(**given)
    except ValueError as error:
        raise ValueError(f"dataset {name!r}: {error}") from error


def options_of(name: str, loader: Callable[..., Samples], text: str | None) -> dict[str, Any]:
    """The values of the options in `text`. ValueError as `call_with_options`."""
    parameters = inspect.signature(loader).parameters
    known = {option: parameters[option] for option in option_names(loader)}
    given: dict[str, Any] = {}
    for part in [] if text is None else text.split(","):
        option, equals, value = (each.strip() for each in part.partition("="))
        if not equals:
            raise ValueError(f"dataset {name!r}: {part!r} is no option; give NAME=VALUE, separated by commas")
        if option not in known:
            list_of_known = f"known are {', '.join(known)}" if known else "it takes none"
            raise ValueError(f"dataset {name!r} has no option {option!r}; {list_of_known}")
        if option in given:
            raise ValueError(f"dataset {name!r}: option {option!r} is given twice; give it once")
        if isinstance(known[option].default, str):
            given[option] = value
            continue
        wanted = _INTEGER if isinstance(known[option].default, int) else _NUMBER
        if not wanted.fullmatch(value):
            kind = "an integer" if wanted is _INTEGER else "a number"
            raise ValueError(f"dataset {name!r}: option {option!r} is {value!r}; give {kind}")
        given[option] = int(value) if wanted is _INTEGER else float(value)
    return given
