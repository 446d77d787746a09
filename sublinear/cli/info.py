"""`sublinear info`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from sublinear.cli.common import (
    app,
    one_sentence,
)
from sublinear.info import build_info, get_cmake_dir, get_include, machine
from sublinear.tables import info_lines
from sublinear.terminal import print_json, results_console


@app.command()
def info(
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Print version, instruction set in force, machine and where the C++ files are."""
    with one_sentence():
        content = {**build_info(), **machine(), "include": get_include(), "cmake": get_cmake_dir()}
    if as_json:
        print_json(json.dumps(content, indent=2))
    else:
        results_console().print(info_lines(content), soft_wrap=True)
