"""`sublinear report`."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from sublinear.cli.common import (
    app,
    one_sentence,
)
from sublinear.experiments.study import read_study
from sublinear.experiments.texts import parse_names
from sublinear.report import write_report
from sublinear.report.figures import saving_figures
from sublinear.report.latex import write_latex
from sublinear.terminal import results_console, written


@app.command("report")
def report_command(
    folders: Annotated[list[Path], typer.Argument(help="Folders that compare, scaling, theory and train wrote.")],
    out: Annotated[Path | None, typer.Option(help="HTML file; default report.html in the first folder.")] = None,
    csv: Annotated[Path | None, typer.Option(help="CSV file; default beside the HTML file.")] = None,
    settings: Annotated[
        Path | None, typer.Option(help="TOML file of a sweep: a section for each of its questions.")
    ] = None,
    figures: Annotated[Path | None, typer.Option(help="Folder for the figures as files, for papers.")] = None,
    formats: Annotated[str, typer.Option("--format", help="Of these files: pdf, svg, png.")] = "pdf",
    latex: Annotated[Path | None, typer.Option(help="Folder for tables of sweeps in LaTeX (booktabs).")] = None,
) -> None:
    """Write a report of results: one HTML file that opens anywhere, and a CSV file.

    It shows everything found in the folders and below them.
    """
    with one_sentence():
        where = folders[0] if folders[0].is_dir() else folders[0].parent
        html = out or where / "report.html"
        table = csv or html.with_suffix(".csv")
        study = None if settings is None else read_study(settings)
        saving = nullcontext() if figures is None else saving_figures(figures, parse_names(formats))
        with saving as files:
            count = write_report(folders, html, table, study)
        tables = [] if latex is None else write_latex(folders, latex, study)
    console = results_console()
    console.print(f"{count} results")
    for path in (html, table, *([] if files is None else files.paths), *tables):
        written(path)
