"""The command line: one file a command. Adding one: its file, and its name in the import below."""

from sublinear.cli import compare, evaluate, info, report, scaling, train  # noqa: F401  (each adds itself to the program)
from sublinear.cli.common import app


def main() -> None:
    """The program `sublinear`."""
    app(prog_name="sublinear")
