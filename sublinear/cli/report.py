"""`sublinear report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sublinear.cli.common import (
    app,
    one_sentence,
)
from sublinear.report import write_report
from sublinear.terminal import results_console, written


@app.command("report")
def report_command(
    folders: Annotated[list[Path], typer.Argument(help="Folders that compare, scaling, theory and train wrote.")],
    out: Annotated[Path | None, typer.Option(help="HTML file; default report.html in the first folder.")] = None,
    csv: Annotated[Path | None, typer.Option(help="CSV file; default beside the HTML file.")] = None,
) -> None:
    """Write a report of results: one HTML file that opens anywhere, and a CSV file.

    It shows everything found in the folders and below them.
    """
    with one_sentence():
        where = folders[0] if folders[0].is_dir() else folders[0].parent
        html = out or where / "report.html"
        table = csv or html.with_suffix(".csv")
        count = write_report(folders, html, table)
    console = results_console()
    console.print(f"{count} results")
    written(html)
    written(table)
