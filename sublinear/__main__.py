"""`python -m sublinear` is the program `sublinear`."""

from sublinear.cli import main

main()
