"""Files are written as `open` would write them, but whole; a folder in use is refused."""

from __future__ import annotations

import errno
import os
import re
import signal
import stat
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import sublinear as sl
from sublinear.experiments.sweep import sweep_cells
from sublinear.files import remove_leftovers, write_whole
from sublinear.locks import locked_folder
from sublinear.scaling import Sweep
from sublinear.training_run import CHECKPOINT, HISTORY, NETWORK, TrainSettings, train

SMALL = TrainSettings(dataset="iris", width=16, batch_size=64, epochs=1, steps=1)


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


@contextmanager
def umask(mask):
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def another_user():
    """Where the tests are root, for whom nothing is forbidden, as nobody."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def network():
    return sl.TwoLayerNetwork.random(3, 8, seed=0)


#: Everything that writes a file for a user.
WRITERS = {
    "network": lambda path: network().save(path),
    "index": lambda path: sl.BruteForce(np.eye(3)).save(path),
    "checkpoint": lambda path: sl.Checkpoint(network(), 0).save(path),
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.posix
def test_mode_and_links_are_kept(tmp_path, name):
    write = WRITERS[name]
    path, link = tmp_path / "file", tmp_path / "link"
    with umask(0o027):
        write(path)
    assert mode(path) == 0o640
    path.chmod(0o600)
    link.symlink_to("file")
    write(str(link))
    assert mode(path) == 0o600
    assert link.is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["file", "link"]


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.posix
def test_errors_name_the_path_that_was_given(tmp_path, name):
    write = WRITERS[name]
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "round").symlink_to("round")
    for where, number in [
        ("missing/x", errno.ENOENT),
        ("folder", errno.EISDIR),
        ("file/x", errno.ENOTDIR),
        ("round", errno.ELOOP),
        ("n" * 256, errno.ENAMETOOLONG),
    ]:
        with pytest.raises(OSError, match=re.escape(os.strerror(number))) as told:
            write(tmp_path / where)
        assert (told.value.errno, told.value.filename) == (number, str(tmp_path / where))
    write(tmp_path / ("n" * 255))
    undecodable = tmp_path / os.fsdecode(b"\xff")
    write(undecodable)
    assert undecodable.is_file()
    assert len(os.listdir(tmp_path)) == 5


@pytest.mark.posix
def test_what_may_not_be_written_is_not_replaced(tmp_path):
    tmp_path.chmod(0o777)
    for each in tmp_path.parents[:3]:
        each.chmod(0o755)
    path = tmp_path / "file"
    with another_user():
        write_whole(path, b"before")
        path.chmod(0o400)
        with pytest.raises(PermissionError) as told:
            write_whole(path, b"after")
        assert told.value.filename == str(path)
    assert path.read_bytes() == b"before"
    assert mode(path) == 0o400
    owner = path.stat().st_uid
    path.chmod(0o644)
    write_whole(path, b"after")
    assert path.stat().st_uid == owner
    tmp_path.chmod(0o755)
    if os.geteuid() == 0:
        with another_user(), pytest.raises(PermissionError, match="new"):
            write_whole(tmp_path / "new", b"x")
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.posix
def test_pipes_and_devices_are_written_to(tmp_path):
    write_whole("/dev/null", b"gone")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    with pytest.raises(OSError, match="No space left") as told:
        write_whole("/dev/full", b"x")
    assert told.value.filename == "/dev/full"
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_whole(pipe, b"content")
    reader.join()
    assert read == [b"content"]
    assert stat.S_ISFIFO(os.stat(pipe).st_mode)


def leftover(path, number=1):
    """The name of what a killed process leaves beside `path`, after FNV-1a of its name."""
    value = 14695981039346656037
    for byte in os.fsencode(Path(path).name):
        value = (value ^ byte) * 1099511628211 % 2**64
    return Path(path).with_name(f".sublinear-{value:016x}-{number:016x}.part")


def test_what_killed_processes_left_is_removed_with_the_next_run(tmp_path):
    for name in (CHECKPOINT, NETWORK, HISTORY):
        leftover(tmp_path / name).write_bytes(b"half")
    other = leftover(tmp_path / "notes")
    other.write_bytes(b"of somebody who is writing")
    train(SMALL, tmp_path)
    assert sorted(os.listdir(tmp_path)) == sorted([CHECKPOINT, NETWORK, HISTORY, other.name])
    remove_leftovers(tmp_path / "notes")
    assert not other.exists()


HOLD = """
import os, signal, sys
from sublinear.locks import locked_folder
with locked_folder(sys.argv[1]):
    if len(sys.argv) == 2:
        print(-1, flush=True)
    elif os.fork() == 0:
        print(os.getpid(), flush=True)  # the child itself: by now it has let go of the lock
        signal.pause()
    sys.stdin.read()
"""


@contextmanager
def holder(folder, *more):
    """Another process that has the folder."""
    command = [sys.executable, "-c", HOLD, str(folder), *more]
    # Not in the source tree, whose package is not the installed one.
    process = subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield process, int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(60)
        process.stdout.close()


def test_a_folder_in_use_is_refused_by_name_and_free_once_its_owner_ends(tmp_path):
    with holder(tmp_path) as (process, _):
        with pytest.raises(BlockingIOError, match=rf"in use by another run \(process {process.pid} on .*--out"):
            train(SMALL, tmp_path)
        sweep = Sweep(dataset="iris", widths=(16,), strategies=("dense",), iterations=1, steps=1)
        with pytest.raises(BlockingIOError, match="in use"):
            sweep_cells(sweep, tmp_path)
        for name in ("compare", "theory", "train", "scaling"):
            command = [sys.executable, "-m", "sublinear", name, "--out", str(tmp_path)]
            done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
            assert done.returncode == 2
            assert done.stderr.startswith(f"error: {tmp_path} is in use by another run")
            assert len(done.stderr.splitlines()) == 1
        process.kill()
    assert os.listdir(tmp_path) == [".sublinear-lock"]  # and keeps nobody out
    train(SMALL, tmp_path)
    assert sorted(os.listdir(tmp_path)) == sorted([CHECKPOINT, NETWORK, HISTORY])


@pytest.mark.posix
def test_a_forked_child_does_not_keep_the_folder_of_its_parent(tmp_path):
    with holder(tmp_path, "fork") as (process, child):
        process.kill()
        process.wait(60)
        assert child > 0
        os.kill(child, 0)  # it is still there
        try:
            with locked_folder(tmp_path):
                pass
        finally:
            os.kill(child, signal.SIGKILL)


def test_one_process_has_a_folder_once(tmp_path):
    again = locked_folder(tmp_path)
    with locked_folder(tmp_path), pytest.raises(BlockingIOError, match=rf"process {os.getpid()} on"):
        again.__enter__()
    with locked_folder(tmp_path):
        pass
    assert os.listdir(tmp_path) == []


def test_a_file_system_without_locks_is_warned_of(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("sublinear.locks._try_lock", refuse)
    with pytest.warns(RuntimeWarning, match="has no locks"), locked_folder(tmp_path):
        pass


def test_out_that_is_a_file_and_resume_without_a_run_are_one_sentence(tmp_path):
    (tmp_path / "file").touch()

    def error(*arguments):
        command = [sys.executable, "-m", "sublinear", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 2
        return done.stderr

    assert error("compare", "--out", "file") == "error: --out is file, which is a file; give a folder\n"
    missing = "to go on with; start one without --resume, or give its folder with --out\n"
    assert error("train", "--resume", "--out", "new") == f"error: there is no training run in new {missing}"
    assert error("train", "--resume", "--out", "file") == f"error: there is no training run in file {missing}"
    assert os.listdir(tmp_path) == ["file"]
