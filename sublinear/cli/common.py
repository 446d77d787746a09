"""What the commands share: the program itself, errors and folders."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from sublinear import __version__
from sublinear.datasets import describe_datasets
from sublinear.optimizers import OPTIMIZERS
from sublinear.terminal import notice
from sublinear.trainer import DivergenceError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Train wide two-layer networks adversarially in the neurons that fire, exactly.",
)

# Options that several commands have.
_NORMALIZATION = "Of inputs: none, or steps of standard, minmax, unit, slice joined by +; default: the set's own."
Dataset = Annotated[str, typer.Option(help=describe_datasets())]
Normalization = Annotated[str | None, typer.Option(help=_NORMALIZATION)]
Width = Annotated[int, typer.Option(help="Number of neurons.")]
BatchSize = Annotated[int, typer.Option(help="Inputs a step.")]
Radius = Annotated[float, typer.Option(help="Radius of the attack's ball.")]
Steps = Annotated[int, typer.Option(help="Steps of the attack.")]
Norm = Annotated[str, typer.Option(help="Norm of the ball: 2 or inf.")]
FallingRate = Annotated[float, typer.Option(help="Rate at the start; falls to 0.")]
OptimizerText = Annotated[
    str, typer.Option("--optimizer", help=f"{', '.join(OPTIMIZERS)}; choices as in momentum:momentum=0.8,lazy=false.")
]
Threads = Annotated[int, typer.Option(help="Threads; 0 = as many as this process may use.")]
Seed = Annotated[int, typer.Option(help="Of split, network and order.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the results of another run in --out.")]
Dtype = Annotated[str, typer.Option(help="float32 or float64.")]


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"sublinear {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    pass


def refuse(problem: object) -> typer.Exit:
    """Says what is wrong; to be raised."""
    notice(problem, "error:")
    return typer.Exit(2)


@contextmanager
def one_sentence(interrupted: str = "interrupted; nothing was written") -> Iterator[None]:
    """What a user got wrong, and what the machine refuses, is one sentence on standard error and exit status 2; so is
    a warning, without ending anything."""
    try:
        with warnings.catch_warnings(), _shown_log():
            warnings.showwarning = lambda message, *_, **__: notice(message, "warning:")
            yield
    except (ValueError, TypeError, MemoryError, DivergenceError, OSError, ImportError) as error:
        raise refuse(error) from None
    except KeyboardInterrupt:
        notice(interrupted)
        raise typer.Exit(130) from None


class _Notices(logging.Handler):
    """Each of them once: the data of a sweep is read for every cell."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.told: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text not in self.told:
            self.told.add(text)
            notice(text, "warning:" if record.levelno >= logging.WARNING else "")


@contextmanager
def _shown_log() -> Iterator[None]:
    """What the library says of its data is shown on standard error."""
    log, handler = logging.getLogger("sublinear"), _Notices()
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


def prepare(folder: Path) -> Path:
    """The folder, there and writable, before any work starts."""
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"--out is {folder}, which is a file; give a folder")
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"{folder} is not writable; give another folder with --out")
    return folder


def thread_count(threads: int) -> int | None:
    """The number as the library takes it; 0 on the command line is `default_threads()`."""
    if threads < 0:
        raise ValueError(f"threads is {threads}; give a positive number, or 0 for as many as this process may use")
    return threads or None


def numbers(text: str, option: str, kind: Callable[[str], Any] = int) -> tuple[Any, ...]:
    """The numbers of a comma-separated option."""
    try:
        return tuple(kind(each) for each in text.split(",") if each.strip())
    except ValueError:
        raise ValueError(f"{option} is {text!r}; give numbers, comma-separated") from None
