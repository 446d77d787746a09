"""`sublinear info`."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console

from sublinear.cli.common import (
    app,
    one_sentence,
)
from sublinear.info import build_info, get_cmake_dir, get_include, machine
from sublinear.tables import info_table


@app.command()
def info(
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Print version, instruction set in force, machine and where the C++ files are."""
    with one_sentence():
        content = {**build_info(), **machine(), "include": get_include(), "cmake": get_cmake_dir()}
    if as_json:
        typer.echo(json.dumps(content, indent=2))
    else:
        Console(highlight=False).print(info_table(content))
