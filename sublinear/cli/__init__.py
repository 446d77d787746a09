"""The command line: one file a command. Adding one: its file, and its name in the import below."""

from sublinear.cli import (  # noqa: F401  (each adds itself to the program)
    compare,
    evaluate,
    info,
    report,
    scaling,
    theory,
    train,
)
from sublinear.cli.common import app


def main() -> None:
    """The program `sublinear`."""
    app(prog_name="sublinear")
