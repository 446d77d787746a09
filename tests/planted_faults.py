"""Plants the faults of planted_faults.toml, one at a time, and sees that the session named for each catches it.

    python tests/planted_faults.py            # all of them: an hour on two cores
    python tests/planted_faults.py race leak  # some, by name

Needs nox and Python 3.11. Works in the clone it lies in, which must have no changes of its own, and puts back what it
changed. Exit status 1 if a fault gets through. CONTRIBUTING.md has a table of what the last run found.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import tomllib

ROOT = Path(__file__).resolve().parent.parent
FAULTS = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())


def caught(name: str, fault: dict[str, str]) -> bool:
    """Plants a fault, runs its session and puts the file back; whether the session failed for the reason expected."""
    path = ROOT / fault["file"]
    text = path.read_text()
    if text.count(fault["before"]) != 1:
        sys.exit(f"{name}: {fault['file']} does not hold {fault['before']!r} once; the fault has to go elsewhere")
    began = time.monotonic()
    try:
        path.write_text(text.replace(fault["before"], fault["after"]))
        command = [sys.executable, "-m", "nox", "-s", fault["session"]]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    finally:
        path.write_text(text)
    printed = done.stdout + done.stderr
    found = done.returncode != 0 and re.search(fault["said"], printed) is not None
    verdict = "caught" if found else f"NOT CAUGHT\n{printed[-3000:]}\n"
    print(f"{name}: {verdict} by {fault['session']}, {time.monotonic() - began:.0f} s", flush=True)
    return found


def main() -> None:
    chosen = sys.argv[1:] or list(FAULTS)
    unknown = [name for name in chosen if name not in FAULTS]
    if unknown:
        sys.exit(f"there is no fault {', '.join(unknown)}; there are {', '.join(FAULTS)}")
    status = ["git", "status", "--porcelain", "--untracked-files=no"]
    if subprocess.run(status, cwd=ROOT, check=True, capture_output=True, text=True).stdout:
        sys.exit("the clone has changes; commit them or put them aside first")
    found = [caught(name, FAULTS[name]) for name in chosen]
    print(f"{sum(found)} of {len(found)} faults were caught")
    sys.exit(0 if all(found) else 1)


if __name__ == "__main__":
    main()
