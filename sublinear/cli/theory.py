"""`sublinear theory`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from sublinear.cli.common import (
    Overwrite,
    Steps,
    Threads,
    app,
    numbers,
    one_sentence,
    prepare,
    thread_count,
)
from sublinear.files import write_whole
from sublinear.identity import provenance
from sublinear.locks import locked_folder
from sublinear.progress import progress
from sublinear.reruns import check_replaceable
from sublinear.tables import claim_sources, theory_note, theory_table
from sublinear.terminal import print_json, results_console, written
from sublinear.theory import TheorySettings, by_place, theory


@contextmanager
def grid_progress() -> Iterator[Callable[[dict[str, Any], int, int], None]]:
    """How far the grid is, over its places."""
    with progress("starting") as tell:

        def watch(at: dict[str, Any], number: int, count: int) -> None:
            place = ", ".join(f"{name} {value:g}" for name, value in at.items())
            tell(f"m {at['m']} ({number} of {count})", number - 1, count, f"{number} of {count}: {place}")

        yield watch


def _listed(values: tuple[Any, ...]) -> str:
    return ",".join(map(str, values))


@app.command("theory")
def theory_command(
    widths: Annotated[str, typer.Option(help="Numbers of neurons.")] = _listed(TheorySettings.widths),
    inputs: Annotated[str, typer.Option(help="Numbers of training inputs.")] = _listed(TheorySettings.inputs),
    features: Annotated[str, typer.Option(help="Dimensions.")] = _listed(TheorySettings.features),
    radii: Annotated[str, typer.Option(help="Radii of the attack; 0 is clean.")] = _listed(TheorySettings.radii),
    init: Annotated[str, typer.Option(help="Initialisation, with its loss and rate.")] = TheorySettings.init,
    independent: Annotated[bool, typer.Option("--independent", help="Neurons are not drawn in pairs.")] = False,
    kappa: Annotated[float | None, typer.Option(help="Threshold; default sqrt(0.4 log m).")] = TheorySettings.kappa,
    iterations: Annotated[int, typer.Option(help="Training steps, full batch.")] = TheorySettings.iterations,
    steps: Steps = TheorySettings.steps,
    strategies: Annotated[str, typer.Option(help="Exact ones.")] = _listed(TheorySettings.strategies),
    dataset: Annotated[str, typer.Option(help="A generator with two classes.")] = TheorySettings.dataset,
    seeds: Annotated[int, typer.Option(help="Of network and data, so many.")] = TheorySettings.seeds,
    threads: Threads = 0,
    out: Annotated[Path, typer.Option(help="Folder for theory.json.")] = Path("sublinear-theory"),
    overwrite: Overwrite = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Print what the papers claim beside what is measured.

    Lists are comma-separated; every combination is measured. Done again, the same
    run replaces its results; those of another run are refused before anything is
    measured.
    """
    with one_sentence():
        settings = TheorySettings(
            widths=numbers(widths, "--widths"),
            inputs=numbers(inputs, "--inputs"),
            features=numbers(features, "--features"),
            radii=numbers(radii, "--radii", float),
            init=init,
            coupled=not independent,
            kappa=kappa,
            iterations=iterations,
            steps=steps,
            strategies=tuple(name.strip() for name in strategies.split(",") if name.strip()),
            dataset=dataset,
            seeds=seeds,
            threads=thread_count(threads),
        )
        folder = prepare(out)
        path = folder / "theory.json"
        with locked_folder(folder):
            told = provenance(settings.command(), settings, settings.threads)
            replaced = check_replaceable(path, told, overwrite)
            with grid_progress() as watch:
                content = theory(settings, watch)
            text = json.dumps(content, indent=1)
            write_whole(path, text.encode() + b"\n")
    if as_json:
        print_json(text)
        return
    console = results_console()
    sources = claim_sources(content["claims"])
    for place, claims in by_place(content["claims"]).items():
        console.print(place, soft_wrap=True)
        console.print(theory_table(claims, sources))
    console.print(theory_note(seeds, settings.coupled))
    console.print("; ".join(f"[{number}] {source}" for number, source in enumerate(sources, 1)))
    written(path)
    if replaced is not None:
        console.print(f"In place of the results of {replaced}.", soft_wrap=True)
