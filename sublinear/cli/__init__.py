"""The command line: one file a command. Adding one: its file, and its name in the import below."""

import sys

from sublinear.cli import (  # noqa: F401  (each adds itself to the program)
    compare,
    evaluate,
    info,
    report,
    scaling,
    sweep,
    theory,
    train,
)
from sublinear.cli.common import app
from sublinear.terminal import forget_output, notice


def main() -> None:
    """The program `sublinear`."""
    try:
        app(prog_name="sublinear")
    except OSError as error:  # what concerns files is said by the commands
        notice(f"standard output cannot be written: {error.strerror}; what goes to files is there", "error:")
        forget_output()
        sys.exit(2)
