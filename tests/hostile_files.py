"""Reads mutated files of every kind: each is refused in words or still good; never a crash, a hang or much memory.

    python tests/hostile_files.py --count 100000

Each kind runs in a process of its own whose memory is limited to what it has at the start plus `--megabytes`, and in
which a file that takes longer than `--seconds` ends the process. What is refused must be refused by ValueError, naming
the file (data sets may also say by TypeError or MemoryError what they would need). Prints what was met for each kind;
the exit status is 1 if there was a problem, and the file at fault is kept. tests/test_hostile_files.py is the short
version.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import multiprocessing
import os
import random
import signal
import struct
import sys
import tempfile
import time
import tracemalloc
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import sublinear as sl
from mutations import changed_bytes, changed_json, changed_safetensors, sealed
from sublinear.compare import Settings, compare
from sublinear.experiments.sweep import sweep_cells
from sublinear.report import write_report
from sublinear.scaling import Sweep
from sublinear.trainer import DivergenceError
from sublinear.training_run import CHECKPOINT, HISTORY, NETWORK, TrainSettings, train


@dataclass
class Kind:
    """Good files of one kind, how they are changed, and who reads them (given the path)."""

    names: list[str]
    good: list[bytes]
    change: Callable[[bytes, random.Random], bytes]
    read: Callable[[Path], object]
    refusals: tuple[type[Exception], ...] = (ValueError,)
    share: float = 1.0  # of the mutations; slow ones get fewer


@dataclass
class Tally:
    files: int = 0
    refused: int = 0
    most_traced: int = 0  # bytes that Python and NumPy took for a file that was refused, beyond 16 times its size
    slowest: float = 0.0
    grown: int = 0  # bytes by which the process's peak grew
    problems: list[str] = field(default_factory=list)


def network_files(folder: Path) -> list[bytes]:
    paths = [folder / f"{k}" for k in range(3)]
    sl.TwoLayerNetwork.random(3, 8, seed=1).save(paths[0])
    sl.TwoLayerNetwork.random(4, 6, 3, init="gao", seed=2, dtype="float64").save(paths[1])
    sl.TwoLayerNetwork.random(1, 1, seed=3).save(paths[2])
    return [path.read_bytes() for path in paths]


def run_files(folder: Path) -> dict[str, bytes]:
    """The files of a training run that was stopped within an epoch, and of one that ended."""

    def stop(progress, before):
        if before == 1 and progress.step == 3:
            raise KeyboardInterrupt

    settings = {"dataset": "iris", "width": 16, "batch_size": 16, "steps": 1, "epochs": 3}
    (folder / "stopped").mkdir()
    (folder / "ended").mkdir()
    train(TrainSettings(**settings, patience=2), folder / "stopped", watch=stop)
    train(TrainSettings(**settings), folder / "ended")
    files = {name: (folder / "ended" / name).read_bytes() for name in (CHECKPOINT, NETWORK, HISTORY)}
    return files | {"stopped": (folder / "stopped" / CHECKPOINT).read_bytes()}


def result_files(folder: Path) -> list[bytes]:
    strategies = tuple(map(sl.Strategy.of, ("dense", "margin", "simhash:4x3")))
    comparison = compare(Settings("iris", width=32, epochs=2, steps=1, strategies=strategies)).as_dict()
    sweep = Sweep(strategies=("dense", "numpy"), widths=(16, 32), dataset="iris", iterations=2, steps=1)
    return [json.dumps(each).encode() for each in (comparison, *sweep_cells(sweep, folder)[:2])]


def change_json_file(content: bytes, rng: random.Random) -> bytes:
    if rng.random() < 0.15:
        return changed_bytes(content, rng)
    return changed_json(json.loads(content), rng).encode()


def resume(path: Path) -> object:
    """What `sublinear train --resume` makes of a checkpoint."""
    state = sl.Checkpoint.load(path)
    settings = TrainSettings(dataset="iris", width=16, batch_size=16, steps=1, epochs=3, patience=2)
    return train(settings, path.parent, resume=True) if state.steps_done <= 27 else None


def read_index(path: Path) -> object:
    index = sl.HalfSpaceIndex.load(path)
    if index.dimension <= 64:
        index.report(np.ones(index.dimension), 0.5)
        index.top(np.ones(index.dimension), 3)
        index.insert(np.ones((3, index.dimension)))
    return index


def dataset_files() -> tuple[list[str], list[bytes]]:
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((24, 3)).round(3), np.arange(24) % 2
    rows = ["a,b,c,label", *(",".join(map(str, (*row, label))) for row, label in zip(X, y, strict=True))]
    csv = "\n".join(rows).encode()
    svm = "\n".join(
        f"{label} " + " ".join(f"{j + 1}:{v}" for j, v in enumerate(row)) for row, label in zip(X, y, strict=True)
    ).encode()
    packed, plain = io.BytesIO(), io.BytesIO()
    np.savez_compressed(packed, X=X, y=y)
    np.savez(plain, X=X, y=y)
    files = [("a.csv", csv), ("a.svm", svm), ("a.npz", packed.getvalue()), ("b.npz", plain.getvalue())]
    files += [(name + ".gz", gzip.compress(content, mtime=0)) for name, content in files[:2]]
    return [name for name, _ in files], [content for _, content in files]


IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def idx_files() -> list[bytes]:
    images = struct.pack(">4I", 0x803, 24, 2, 3) + bytes(range(144))
    return [images, gzip.compress(images, mtime=0)]


def read_idx(path: Path) -> object:
    (path.parent / LABELS).write_bytes(struct.pack(">2I", 0x801, 24) + bytes(k % 2 for k in range(24)))
    return sl.load_dataset(str(path.parent / path.name))


def kinds(folder: Path) -> dict[str, Kind]:
    """Every kind of file the library reads; the good ones are made in `folder`."""
    runs, results = run_files(folder), result_files(folder)
    networks = [*network_files(folder), runs[NETWORK]]
    points = np.random.default_rng(0).standard_normal((40, 2))
    indexes = [cls(points.astype(dtype)).to_bytes() for cls in sl.INDEXES.values() for dtype in ("f4", "f8")]
    names, data = dataset_files()
    refused = (ValueError, TypeError, MemoryError)
    results.append(runs[HISTORY])
    result_names = ["results.json", "cell.json", "other.json", HISTORY]

    def page(path: Path) -> object:
        return write_report([path], path.with_suffix(".html"), path.with_suffix(".csv"))

    def seal(content: bytes, rng: random.Random) -> bytes:
        changed = changed_bytes(content, rng)
        return sealed(changed[: len(changed) // 8 * 8])

    return {
        "networks": Kind(["n"], networks, changed_safetensors, sl.TwoLayerNetwork.load, share=4),
        "checkpoints": Kind(
            ["c"], [runs[CHECKPOINT], runs["stopped"]], changed_safetensors, sl.Checkpoint.load, share=4
        ),
        "resumed checkpoints": Kind([CHECKPOINT], [runs["stopped"]], changed_safetensors, resume, share=0.2),
        "indexes": Kind(["i"], indexes, changed_bytes, read_index, share=3),
        "sealed indexes": Kind(["i"], indexes, seal, read_index, share=4),
        "results": Kind(result_names, results, change_json_file, lambda path: sl.load_results(path), share=3),
        "drawn results": Kind(result_names, results, change_json_file, page, share=0.08),
        "data sets": Kind(names, data, changed_bytes, lambda path: sl.load_dataset(str(path)), refused, share=2),
        "idx images": Kind([IMAGES, IMAGES + ".gz"], idx_files(), changed_bytes, read_idx, refused, share=1),
    }


def run(kind: Kind, count: int, seed: int, folder: Path, traced: bool = False) -> Tally:
    """Reads `count` mutations. With `traced` the memory of each refusal is measured."""
    tally, rng = Tally(), random.Random(seed)
    for number in range(count):
        which = rng.randrange(len(kind.good))
        name = kind.names[which % len(kind.names)]
        content = kind.change(kind.good[which], rng)
        place = folder / "read"
        place.mkdir(exist_ok=True)
        path = place / name
        path.write_bytes(content)
        (folder / "number").write_text(f"{number} {name}")
        signal.alarm(SECONDS)
        began = time.perf_counter()
        if traced:
            tracemalloc.start()
        try:
            kind.read(path)
        except kind.refusals as error:
            tally.refused += 1
            said = str(error)
            if str(path) not in said and str(place) not in said:
                tally.problems.append(f"mutation {number} of {name}: does not name the file: {said!r:.200}")
            if "\n" in said or len(said) > 1200:
                tally.problems.append(f"mutation {number} of {name}: not one sentence: {said!r:.200}")
        except DivergenceError:  # weights may be as large as they like; training says so
            tally.refused += 1
        except Exception as error:
            tally.problems.append(f"mutation {number} of {name}: {type(error).__name__}: {str(error)!r:.200}")
            (folder / f"problem-{number}-{name}").write_bytes(content)
        finally:
            if traced:
                tally.most_traced = max(tally.most_traced, tracemalloc.get_traced_memory()[1] - 16 * len(content))
                tracemalloc.stop()
            signal.alarm(0)
        tally.slowest = max(tally.slowest, time.perf_counter() - began)
        tally.files += 1
        for each in place.iterdir():
            each.unlink()
        if len(tally.problems) >= 20:
            break
    return tally


SECONDS = 20  # a file may take; the process ends by SIGALRM


def limited(name: str, count: int, seed: int, megabytes: int, folder: str, answer: multiprocessing.SimpleQueue) -> None:
    """One kind in this process, which may take so much more memory."""
    import resource  # of POSIX

    warnings.simplefilter("ignore")
    kind = kinds(Path(folder))[name]
    run(kind, 20, seed + 1, Path(folder))  # everything imported, every pool filled
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + (megabytes << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    tally = run(kind, count, seed, Path(folder))
    tally.grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10
    answer.put(tally)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=100_000, help="mutations in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--megabytes", type=int, default=256, help="more than at the start, for each process")
    parser.add_argument("--kinds", help="names, with commas between; default all")
    arguments = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="hostile-"))
    (work / "kinds").mkdir()
    shares = {name: kind.share for name, kind in kinds(work / "kinds").items()}
    if arguments.kinds:
        shares = {name: share for name, share in shares.items() if name in arguments.kinds.split(",")}
    context, failed, total = multiprocessing.get_context("spawn"), False, 0
    for name, share in shares.items():
        folder = work / name.replace(" ", "-")
        folder.mkdir()
        answer = context.SimpleQueue()
        count = max(1, round(arguments.count * share / sum(shares.values())))
        began = time.perf_counter()
        child = context.Process(
            target=limited, args=(name, count, arguments.seed, arguments.megabytes, str(folder), answer)
        )
        child.start()
        tally = None
        while child.is_alive() and tally is None:
            child.join(0.05)
            tally = answer.get() if not answer.empty() else None
        child.join()
        tally = tally or (answer.get() if not answer.empty() else None)
        if tally is None:
            failed = True
            print(f"{name}: ended with status {child.exitcode} at mutation {(folder / 'number').read_text()}; {folder}")
            continue
        total += tally.files
        print(
            f"{name}: {tally.files} files in {time.perf_counter() - began:.0f} s, {tally.refused} refused, slowest "
            f"{tally.slowest:.2f} s, peak memory grew by {tally.grown / 2**20:.1f} MB",
            flush=True,
        )
        for problem in tally.problems:
            failed = True
            print(f"  PROBLEM: {problem}; {folder}")
    print(f"{total} files, " + ("FAILED" if failed else "none of them did harm"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
