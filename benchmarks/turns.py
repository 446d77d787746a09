"""What contestants that take turns in one run need between them."""

from __future__ import annotations

import time

REST = 0.1  # seconds: threads of the one before spin for a while before they sleep


def rest() -> None:
    """Waits without sleeping: waking a processor up takes milliseconds, which only short turns would notice."""
    until = time.perf_counter() + REST
    while time.perf_counter() < until:
        pass
