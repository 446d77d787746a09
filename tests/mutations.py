"""Files as somebody would make them who means harm, or a disk that fails: changes of good ones."""

from __future__ import annotations

import copy
import json
import random
import struct
from typing import Any

#: Numbers that lengths, offsets and dimensions are put to.
SIZES = (0, 1, 2**15, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**62, 2**63 - 1, 2**64 - 1)

#: What takes the place of a value in JSON. The last one nests as deep as parsers recurse.
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 3, 2**31, 10**12, 2**63, 10**400, 1e-300, 1e308, 0.5, -0.0),
    *(
        float("nan"),
        float("inf"),
        "",
        "x",
        "nan",
        "../../etc",
        "\n\0\x1b[31m",
        "x" * 5000,
        [],
        {},
        [[]],
        [None],
        [1, "x"],
    ),
    *({"": 1}, {"dense": {}}, [1e999] * 50),
)
DEEP = "[" * 100_000 + "]" * 100_000


def damaged(content: bytes, changes: list[tuple[int, int, int]]) -> bytes:
    """Bytes changed, dropped or inserted at places that are functions of the numbers drawn."""
    changed = bytearray(content)
    for place, kind, byte in changes:
        k = place % (len(changed) + 1)
        if kind == 0:
            changed[k : k + 1] = bytes([byte])
        elif kind == 1:
            del changed[k : k + 1 + byte]
        else:
            changed[k:k] = bytes([byte]) * (1 + byte % 9)
    return bytes(changed)


def changed_bytes(content: bytes, rng: random.Random) -> bytes:
    """One to four changes: of bits, bytes, numbers and digits, pieces dropped, repeated or swapped, the end cut off."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        # Headers are where harm is done: half of the places are near the beginning.
        k = rng.randrange(min(len(changed), 256) if rng.random() < 0.5 else len(changed)) if changed else 0
        kind = rng.randrange(9)
        if not changed:
            changed = bytearray(rng.randbytes(rng.randrange(64)))
        elif kind == 0:
            changed[k] ^= 1 << rng.randrange(8)
        elif kind == 1:
            changed[k] = rng.randrange(256)
        elif kind == 2:
            number = struct.pack("<Q" if rng.random() < 0.5 else ">Q", rng.choice(SIZES))
            size = rng.choice((2, 4, 8))
            changed[k : k + size] = number[:size] if rng.random() < 0.5 else number[-size:]
        elif kind == 3:
            changed[k : k + 1] = rng.choice(
                (b"9", b"-", b"e", b"[", b"{", b'"', b",", b"99999999999", b"nan", b"1e999")
            )
        elif kind == 4:
            del changed[k : k + rng.choice((1, 8, 100))]
        elif kind == 5:
            changed[k:k] = changed[k : k + rng.choice((1, 8, 500))] * rng.choice((1, 1, 3))
        elif kind == 6:
            del changed[k:]
        elif kind == 7:
            changed[k:k] = rng.randbytes(rng.choice((1, 8, 64)))
        else:
            j = rng.randrange(len(changed))
            changed[k : k + 16], changed[j : j + 16] = changed[j : j + 16], changed[k : k + 16]
    return bytes(changed)


def changed_json(content: Any, rng: random.Random) -> str:
    """The JSON text of `content` with one to three values anywhere in it replaced, dropped or repeated."""
    content = copy.deepcopy(content)
    for _ in range(rng.choice((1, 1, 2, 3))):
        place = content
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = rng.choice(keys)
            if isinstance(place[key], (dict, list)) and place[key] and rng.random() < 0.8:
                place = place[key]
                continue
            kind = rng.randrange(8)
            if kind == 0:
                del place[key]
            elif kind == 1 and isinstance(place, list):
                place.append(copy.deepcopy(place[key]))
            elif kind == 1:
                place[rng.choice(("x", "", "error", "format"))] = copy.deepcopy(place[key])
            else:
                place[key] = copy.deepcopy(rng.choice(VALUES))
            break
    text = json.dumps(content)
    return text.replace(": 0.5", f": {DEEP}", 1) if rng.random() < 0.01 else text


def sealed(content: bytes) -> bytes:
    """A flat file with its checksum made right (cpp/src/kernels/flat_file.cpp), so that its insides are met."""
    if len(content) < 24 or len(content) % 8:
        return content
    total = 0xCBF29CE484222325
    for (word,) in struct.iter_unpack("<Q", content[:-8]):
        total = (total ^ word) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
        total ^= total >> 29
    return content[:-8] + struct.pack("<Q", total)


def packed_safetensors(header: str, body: bytes) -> bytes:
    """A safetensors file with this header."""
    text = header.encode()
    return struct.pack("<Q", len(text)) + text + body


def changed_safetensors(content: bytes, rng: random.Random) -> bytes:
    """The header's JSON changed (also the JSON inside its metadata) with a right length, or any bytes of the file."""
    if rng.random() < 0.4:
        return changed_bytes(content, rng)
    (length,) = struct.unpack("<Q", content[:8])
    header, body = json.loads(content[8 : 8 + length]), content[8 + length :]
    names = [name for name, text in header["__metadata__"].items() if text.startswith("{")]
    if rng.random() < 0.6:
        name = rng.choice(names)
        header["__metadata__"][name] = changed_json(json.loads(header["__metadata__"][name]), rng)
        return packed_safetensors(json.dumps(header), body)
    if rng.random() < 0.3:  # numbers that are not numbers
        body = bytearray(body)
        k = rng.randrange(0, len(body) - 3, 4)
        body[k : k + 4] = struct.pack("<f", rng.choice((float("nan"), float("inf"), 1e38, 0.0)))
        return packed_safetensors(json.dumps(header), bytes(body))
    return packed_safetensors(changed_json(header, rng), body)
