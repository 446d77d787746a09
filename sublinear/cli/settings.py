"""Options of commands made of the fields of a settings class: a setting is described once."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from sublinear.experiments.study import read_study
from sublinear.experiments.texts import kind_of, parse_values, plural, read_settings, value_text

File = Annotated[
    Path | None,
    typer.Option("--settings", help="TOML file with settings by name; options given beside it win."),
]


def settings_options(cls: type, lists: bool = False, without: tuple[str, ...] = ()) -> Callable[..., Any]:
    """Gives a command an option for each setting of a dataclass, and `--settings FILE`.

    The first argument of the command is a function: it returns the table of what was given, with `lists` the `Study`,
    and raises what is wrong with it. `lists` are comma-separated, and their options have names in the plural too.
    """
    fields = [each for each in dataclasses.fields(cls) if "help" in each.metadata and each.name not in without]

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
        made = [_parameter(cls, each, lists) for each in fields]
        made.append(inspect.Parameter("settings", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=File))

        @functools.wraps(command)
        def called(**options: Any) -> Any:
            file = options.pop("settings")
            chosen = {each.name: options.pop(each.name) for each in fields}

            def given() -> dict[str, Any]:
                """In the file and beside it; raises what is wrong with either."""
                found = {} if file is None or lists else read_settings(file, cls, lists)
                for name, value in chosen.items():
                    if value is not None:
                        found[name] = parse_values(cls, name, value) if lists else value
                return found

            if lists:
                return command(lambda: read_study(file, given()), **options)
            return command(given, **options)

        del called.__wrapped__  # typer would look at the command itself
        parameters = [*made, *(each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own)]
        called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        called.__annotations__ = {each.name: each.annotation for each in parameters}
        return called

    return decorate


def _parameter(cls: type, each: dataclasses.Field[Any], lists: bool) -> inspect.Parameter:
    kind, _ = kind_of(cls, each.name)
    flag, flags = (f"--{name.replace('_', '-')}" for name in (each.name, plural(each.name)))
    default = "2" if each.name == "norm" else each.metadata["default"] or value_text(each.default)
    text = each.metadata["help"] + ("" if kind is bool and not lists else f" Default: {default}.")
    if lists or each.name == "norm":
        kind = str
    names = list(dict.fromkeys((flags, flag))) if lists else [flag]
    option = typer.Option(*names, help=text, show_default=False)
    annotation: Any = Annotated[kind | None, option]
    return inspect.Parameter(each.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
