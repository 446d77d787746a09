"""Whether a results file may be replaced: by the same run done again, never unasked by another one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sublinear.files import shortened
from sublinear.identity import short_hash

#: Of the machine, what figures follow from; free memory changes from minute to minute.
_MACHINE = ("cpu", "simd_level", "threads")
_SHOWN = 4  # differences in a message
_LONGEST = 40  # characters of a value in a message

_WAY_OUT = "give another folder with --out, or replace them with --overwrite"


def check_replaceable(path: Path, now: Mapping[str, Any], overwrite: bool) -> str | None:
    """The date of the results in `path` if the run `now` may replace them; None where there are none.

    `now` is what `provenance` gives, with "dataset" where it is known. The same run again, with the same settings, data
    content, versions, build and processor, may: it differs in its times alone. ValueError, naming what differs, for
    another one, and for a file that cannot be read, unless `overwrite`.
    """
    if not path.exists():
        return None
    before = _read(path)
    if overwrite:
        return str(before.get("date", "an unknown date"))
    if not before:
        raise ValueError(f"{path} is there and holds no results that this version reads; {_WAY_OUT}")
    now = json.loads(json.dumps(now))
    found = list(_differences(before, now))
    if found:
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise ValueError(
            f"{path} holds the results of another run, of {shortened(before.get('date', 'an unknown date'))}: "
            f"{', '.join(found[:_SHOWN])}{more}; {_WAY_OUT}"
        )
    return str(before["date"])


def _read(path: Path) -> dict[str, Any]:
    """Its table; an empty one for a file that is no results file. OSError for one that cannot be opened."""
    content = path.read_bytes()
    try:
        table = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return table if isinstance(table, dict) else {}


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(before.get("date"), str):
        yield "an earlier version wrote them"
    for part in ("settings", "versions", "build", "machine"):
        old, new = before.get(part), now[part]
        if not isinstance(old, dict):
            yield f"they have no {part}"
            continue
        for name in _MACHINE if part == "machine" else dict.fromkeys((*old, *new)):
            if part == "settings" and name == "dataset" and "dataset" in now:
                continue  # the content counts, not the name
            if old.get(name) != new.get(name):
                yield f"{name.replace('_', ' ')}{_shown(old.get(name))}, now{_shown(new.get(name))}"
    if "dataset" in now:
        data = before.get("dataset")
        contents = [data.get("sha256") if isinstance(data, dict) else None, now["dataset"]["sha256"]]
        if contents[0] != contents[1]:
            old, new = (_shown(short_hash(str(each))) for each in contents)
            yield f"content of the data sha256{old}, now{new}"


def _shown(value: Any) -> str:
    text = shortened(value)
    return f" {text}" if len(text) <= _LONGEST else " others"
