"""Mutated files of every kind are refused in words or still good; tests/hostile_files.py reads many more of them."""

from __future__ import annotations

import json
import random
import warnings

import pytest

import sublinear as sl
from hostile_files import kinds, run
from mutations import DEEP, packed_safetensors, sealed

COUNTS = {
    "networks": 300,
    "checkpoints": 300,
    "resumed checkpoints": 12,
    "indexes": 100,
    "sealed indexes": 400,
    "results": 300,
    "drawn results": 6,
    "data sets": 200,
    "idx images": 60,
}


@pytest.fixture(scope="module")
def all_kinds(tmp_path_factory):
    return kinds(tmp_path_factory.mktemp("good"))


@pytest.mark.parametrize("name", COUNTS)
def test_mutated_files_are_refused_in_words_and_cost_no_memory(all_kinds, tmp_path, name):
    assert set(COUNTS) == set(all_kinds)
    kind = all_kinds[name]
    with warnings.catch_warnings():  # what is drawn of odd numbers is matplotlib's
        warnings.simplefilter("ignore")
        run(kind, 1, 1, tmp_path)  # imports are not measured
        traced = name not in ("drawn results", "resumed checkpoints")
        tally = run(kind, COUNTS[name], 2, tmp_path, traced)
    assert tally.problems == []
    assert tally.files == COUNTS[name]
    assert tally.refused > 0
    # Beyond a multiple of the file's size: parsers, buffers of gzip and of messages.
    assert tally.most_traced < 2 << 20


@pytest.mark.parametrize("name", ["networks", "checkpoints", "results"])
def test_json_that_nests_without_end_is_refused(all_kinds, tmp_path, name):
    path = tmp_path / "deep.json"
    if name == "results":
        path.write_text(DEEP)
    else:
        header = {"__metadata__": {"format": FORMATS[name][0], FORMATS[name][1]: DEEP}}
        for array in ("weights", "biases", "output_weights"):
            header[array] = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
        path.write_bytes(packed_safetensors(json.dumps(header), b""))
    with pytest.raises(ValueError, match=r"deep\.json"):
        all_kinds[name].read(path)


FORMATS = {"networks": ("sublinear-two-layer-network-1", "scalars"), "checkpoints": ("sublinear-checkpoint-1", "state")}


def test_names_in_an_index_file_are_shown_as_text(tmp_path):
    content = bytearray(sl.KDTree([[0.0, 1.0]]).to_bytes())
    size = int.from_bytes(content[16:20], "little")
    content[32 : 32 + size] = b"\xff\n\x1b"[:3].ljust(size, b"\x80")
    content[24:32] = (2**61).to_bytes(8, "little")
    path = tmp_path / "points.index"
    path.write_bytes(sealed(bytes(content)))
    with pytest.raises(
        ValueError, match=r"points\.index: this is not a usable .* ends inside the array \?\?\?"
    ) as told:
        sl.HalfSpaceIndex.load(path)
    assert str(told.value).isprintable()


def test_mutations_are_functions_of_their_seed(all_kinds):
    for kind in all_kinds.values():
        first, second, other = (kind.change(kind.good[0], random.Random(seed)) for seed in (1, 1, 2))
        assert first == second
        assert first != other or first != kind.good[0]
