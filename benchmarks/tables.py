#!/usr/bin/env python3
"""Writes the tables of README.md and docs/ that come from benchmarks/results/*.json.

    python benchmarks/tables.py            # after a JSON or the form of a table has changed
    python benchmarks/tables.py --check    # exit status 1 if a page shows something else than its JSON

A page has them between `<!-- benchmark: FILE.json TABLE -->` and `<!-- benchmark: end -->`. The program that a JSON's
`command` names has the tables of its JSON by name, in `TABLES`.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
BLOCK = re.compile(r"(<!-- benchmark: (\S+\.json) (\w+) -->\n)(.*?)(<!-- benchmark: end -->)", re.DOTALL)


@functools.cache
def content(file: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RESULTS / file).read_text())
    return found


def table(file: str, name: str) -> str:
    """One table of a JSON, as a block of a page. KeyError for a name that its program does not have."""
    program = importlib.import_module(Path(content(file)["command"][0]).stem)
    return f"```text\n{program.TABLES[name](content(file)).rstrip()}\n```\n"


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def shown() -> set[str]:
    """The JSON files that a page shows something of."""
    return {match[2] for page in pages() for match in BLOCK.finditer(page.read_text())}


def rewritten(text: str) -> str:
    return BLOCK.sub(lambda match: match[1] + table(match[2], match[3]) + match[5], text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    stale = [page for page in pages() if rewritten(page.read_text()) != page.read_text()]
    for page in stale:
        if not options.check:
            page.write_text(rewritten(page.read_text()))
        print(page.relative_to(ROOT))
    if options.check and stale:
        sys.exit("these pages differ from benchmarks/results; run python benchmarks/tables.py")


if __name__ == "__main__":
    main()
