"""What is installed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

import sublinear as sl


def test_the_version_is_that_of_the_headers():
    header = (Path(sl.get_include()) / "sublinear" / "version.hpp").read_text()
    assert re.search('VERSION_STRING "(.*)"', header)[1] == sl.__version__


def test_types_and_c_files_are_there_and_sources_are_not():
    package = files("sublinear")
    assert (package / "py.typed").is_file()
    for module in ("_certification", "_kernels", "_reporting", "_training"):
        assert (package / f"{module}.pyi").is_file()
        assert not (package / f"{module}.pyx").is_file()
    assert not [each.name for each in package.iterdir() if each.name.endswith(".hpp")]
    assert (Path(sl.get_cmake_dir()) / "sublinearConfig.cmake").is_file()
    assert list(Path(sl.get_cmake_dir()).parents[1].glob("*sublinear.a"))


@pytest.mark.parametrize("name", sl.__all__)
def test_every_public_name_is_documented(name):
    thing = getattr(sl, name)
    if callable(thing):
        assert thing.__doc__
        for member, value in vars(thing).items() if isinstance(thing, type) else ():
            if not member.startswith("_") and (callable(value) or isinstance(value, property)):
                assert value.__doc__, f"{name}.{member}"


def test_importing_is_light(tmp_path):
    script = (
        "import sys, sublinear; "
        "print([name for name in ('sklearn', 'scipy', 'rich', 'typer', 'safetensors') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_strategies_are_named_and_checked():
    assert sl.COMPARED_STRATEGIES == ("dense", "weights", "data", "dtree", "wtree", "margin")
    assert (*sl.COMPARED_STRATEGIES, "static") == sl.EXACT_STRATEGIES
    assert tuple(sl.STRATEGIES) == (*sl.EXACT_STRATEGIES, "simhash")
    for name, strategy in sl.STRATEGIES.items():
        assert strategy.name == strategy.label == name
        assert strategy.exact == (name in sl.EXACT_STRATEGIES)
        assert strategy.structure
    tree = sl.Strategy.of("data:kd-tree")
    assert (tree.index, tree.label) == ("kd-tree", "data:kd-tree")
    assert sl.Strategy.of(tree) is tree
    for bad, error in (("x", ValueError), ("dense:kd-tree", ValueError), ("data:x", ValueError), (3, TypeError)):
        with pytest.raises(error):
            sl.Strategy.of(bad)
    with pytest.raises(ValueError, match="max_bytes"):
        tree.replace(max_bytes=0)


def test_datasets_have_unit_rows_and_a_split_that_follows_the_seed():
    for name in sl.DATASETS:
        data = sl.load_dataset(name, seed=3)
        assert abs((data.X_train**2).sum(axis=1) - 1).max() < 1e-12
        assert set(data.y_train) == set(data.y_test) == set(range(data.classes))
        assert (data.X_train == sl.load_dataset(name, seed=3).X_train).all()
        assert (data.X_train != sl.load_dataset(name, seed=4).X_train).any()
    with pytest.raises(ValueError, match="mnist"):
        sl.load_dataset("mnist")


WITHOUT_POSIX = """
import multiprocessing.context, signal, sys
for module in ("grp", "pty", "pwd", "resource"):
    sys.modules[module] = None
for name in ("SIGALRM", "SIGKILL", "setitimer", "pthread_kill"):
    delattr(signal, name)
for kind in ("fork", "forkserver"):
    del multiprocessing.context._concrete_contexts[kind]
import pytest
raise SystemExit(pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", *sys.argv[1:]]))
"""


def test_tests_can_be_imported_without_posix(tmp_path):
    """As on Windows, where only those that are marked `posix` are left out."""
    folder = Path(__file__).parent
    names = re.compile(r"\b(signal|resource|pty|multiprocessing|kill_harness|hostile_files)\b")  # others need no look
    files = [str(each) for each in sorted(folder.glob("test_*.py")) if names.search(each.read_text())]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_POSIX, f"--rootdir={folder.parent}", *files],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
