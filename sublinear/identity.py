"""What a run was made of and by: hashes of content, and the record that results carry."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sublinear.info import build_info, machine, versions

if TYPE_CHECKING:
    from sublinear.network import TwoLayerNetwork

_SHOWN = 12  # digits of a hash in messages


def content_hash(*arrays: ArrayLike | None) -> str:
    """SHA-256 (64 hexadecimal digits) of the content of arrays: their number, dtypes, shapes and values.

    Neither layout in memory nor byte order matters, and nothing about where the arrays came from. Texts count by their
    characters, whatever width NumPy gives them. None is told from every array. TypeError for arrays of objects.
    """
    digest = hashlib.sha256()
    for given in arrays:
        if given is None:
            digest.update(b"none;")
            continue
        array = np.asarray(given)
        if array.dtype.kind == "U":
            text = json.dumps(array.ravel().tolist()).encode()
            digest.update(f"text {array.shape} {len(text)};".encode() + text)
        elif array.dtype.kind in "biuf":
            plain = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
            digest.update(f"{plain.dtype.str} {array.shape};".encode())
            digest.update(_bytes(plain))
        else:
            raise TypeError(f"an array has dtype {array.dtype}; its content has a hash if it holds numbers or text")
    return digest.hexdigest()


def _bytes(array: NDArray[Any]) -> memoryview:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def weights_hash(network: TwoLayerNetwork) -> str:
    """SHA-256 of the C-contiguous bytes of the weights: what results call "weights_sha256"."""
    return hashlib.sha256(_bytes(network.weights)).hexdigest()


def short_hash(sha256: str) -> str:
    """The first digits, for messages."""
    return sha256[:_SHOWN]


def as_settings(settings: Any) -> dict[str, Any]:
    """Every setting of a run by name, those left at their defaults too, ready for JSON: a dataclass or a mapping.

    Infinity is "inf"; tuples are lists; dataclasses inside (a `Strategy`) are tables.
    """
    table = dataclasses.asdict(settings) if dataclasses.is_dataclass(settings) else dict(settings)  # type: ignore[arg-type]
    plain: dict[str, Any] = _plain(table)
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, str) or not isinstance(value, Iterable):
        return str(value) if isinstance(value, float) and math.isinf(value) else value
    return [_plain(each) for each in value]


def provenance(command: str, settings: Any, threads: int | None = None) -> dict[str, Any]:
    """What every results file says of its run, whatever it measured.

    "date" (UTC, when it is called), "command" (what to type to do it again), "settings" (as `as_settings`), "versions"
    (with "git", the revision this library was built from), "build" (compiler, instruction sets: `build_info`)
    and "machine" (processor, instruction set in force, "threads" used: as given, or `default_threads()` for None).
    """
    where = machine()
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "command": command,
        "settings": as_settings(settings),
        "versions": versions(),
        "build": build_info(),
        "machine": {**where, "threads": threads or where["processors"]},
    }
