"""Settings as text: on the command line and in files, single or as lists."""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from sublinear.files import shortened

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_PLURALS = {"radius": "radii", "bias": "biases", "loss": "losses"}

#: Commas between options of one value ("teacher:n=2000,d=16") stand before a name and "=".
_SEPARATOR = re.compile(r",(?!\s*[A-Za-z_]+=)")
_RANGE = re.compile(r"(\d+)-(\d+)")
_NONE = "default"


def plural(name: str) -> str:
    """What a list of values of a setting is called: "radii", "strategies"."""
    if name in _PLURALS:
        return _PLURALS[name]
    if name.endswith("y"):
        return name[:-1] + "ies"
    return name if name.endswith("s") else name + "s"


def names_of(cls: type) -> dict[str, str]:
    """The settings of a dataclass by every name they have: as they are called, and in the plural."""
    names = [each.name for each in dataclasses.fields(cls)]
    return {plural(name): name for name in names} | {name: name for name in names}


def kind_of(cls: type, name: str) -> tuple[type, bool]:
    """What a value of a setting is (int, float, bool or str), and whether it may be None."""
    hint = get_type_hints(cls)[name]
    if get_origin(hint) is tuple:
        return tuple, False
    kinds = [each for each in get_args(hint) if each is not NoneType]
    if kinds and NoneType in get_args(hint):
        return kinds[0], True
    return (hint if hint in (int, float, bool) else str), False


def parse_values(cls: type, name: str, text: str) -> tuple[Any, ...]:
    """The values of a comma-separated text; of whole numbers also ranges, "0-9"; "default" is None.

    ValueError for what is no value of this setting.
    """
    found: list[Any] = []
    for part in (each.strip() for each in _SEPARATOR.split(text)):
        between = _RANGE.fullmatch(part)
        if between and kind_of(cls, name)[0] is int:
            found += range(int(between[1]), int(between[2]) + 1)
        elif part:
            found.append(_parse_value(cls, name, part))
    if not found:
        raise ValueError(f"{plural(name)} is {text!r}; give at least one value")
    return tuple(found)


def parse_names(text: str) -> tuple[str, ...]:
    """Names, comma-separated; commas may stand between the options of one."""
    return tuple(each.strip() for each in _SEPARATOR.split(text) if each.strip())


def _parse_value(cls: type, name: str, text: str) -> Any:
    kind, optional = kind_of(cls, name)
    if optional and text == _NONE:
        return None
    if name == "norm":
        return text
    try:
        return {"true": True, "false": False}[text.lower()] if kind is bool else kind(text)
    except (KeyError, ValueError):
        wanted = {int: "a whole number", float: "a number", bool: "true or false"}[kind]
        raise ValueError(f"{name} is {text!r}; give {wanted}") from None


def value_text(value: Any) -> str:
    """A value as `parse_values` reads it."""
    return _NONE if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def values_text(values: Iterable[Any]) -> str:
    """Values as `parse_values` reads them; whole numbers in a row are a range."""
    values = list(values)
    whole = all(isinstance(value, int) and not isinstance(value, bool) for value in values)
    if whole and len(values) > 2 and values == list(range(values[0], values[0] + len(values))):
        return f"{values[0]}-{values[-1]}"
    return ",".join(map(value_text, values))


def read_settings(path: Path, cls: type, lists: bool) -> dict[str, Any]:
    """The settings in a TOML file by name: single values, or with `lists` tuples of one or more.

    Names may be in the plural and have dashes. With `lists` text is read as on the command line. ValueError, with the
    file, for one that is no TOML, for unknown names, names that are there twice, and values of another kind.
    """
    return settings_in(read_toml(path), path, cls, lists)


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file; ValueError, with the file, for one that is none."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path} is no TOML file: {shortened(error)}") from None


def settings_in(content: Mapping[str, Any], path: Path, cls: type, lists: bool) -> dict[str, Any]:
    """The settings in a table of a file. Values and errors as `read_settings` has them."""
    names = names_of(cls)
    found: dict[str, Any] = {}
    for key, value in content.items():
        name = names.get(key.replace("-", "_"))
        if name is None:
            raise ValueError(f"{path} has {shortened(key)!r}, which is no setting; known are {', '.join(names)}")
        if name in found:
            raise ValueError(f"{path} has {name} twice, as {key} too; give it once")
        try:
            found[name] = _listed(cls, name, value) if lists else _single(cls, name, value)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}: {error}") from None
    return found


def _listed(cls: type, name: str, value: Any) -> tuple[Any, ...]:
    if isinstance(value, str):
        return parse_values(cls, name, value)
    values = value if isinstance(value, list) else [value]
    if not values:
        raise ValueError(f"{name} is empty; give at least one value")
    return tuple(None if each == _NONE else _single(cls, name, each) for each in values)


def _single(cls: type, name: str, value: Any) -> Any:
    kind, _ = kind_of(cls, name)
    if kind is tuple:
        return parse_names(value) if isinstance(value, str) else tuple(value)
    fits = isinstance(value, (int, float) if kind is float else kind) and (kind is bool) == isinstance(value, bool)
    if not fits and not (name == "norm" and value == "inf"):
        wanted = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}[kind]
        raise TypeError(f"{name} is {shortened(value)!r}; give {wanted}")
    return value
