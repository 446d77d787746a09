"""A folder for one run at a time: a lock that ends with the process that has it, however it ends."""

from __future__ import annotations

import errno
import os
import socket
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_NAME = ".sublinear-lock"
#: What systems answer where the lock is somebody else's, and where there are no locks.
_TAKEN = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK}
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}

#: Descriptors of the locks that this process has. A forked child closes its copies: a lock must not outlive its owner.
_held: set[int] = set()


def _let_go_in_child() -> None:
    for descriptor in _held:
        os.close(descriptor)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go_in_child)


@contextmanager
def locked_folder(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Holds the folder, which is there, against other runs, of this process too.

    BlockingIOError, with the process that has it, if it is in use. A file system without locks is warned of. The file
    that is locked is removed in the end; where a process was killed it stays, and keeps nobody out.
    """
    descriptor = _lock(Path(folder))
    try:
        yield
    finally:
        if descriptor in _held:  # not in a forked child
            _held.remove(descriptor)
            with suppress(OSError):  # some systems keep what is open
                (Path(folder) / _NAME).unlink()
            os.close(descriptor)


def _lock(folder: Path) -> int:
    path = folder / _NAME
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise OSError(error.errno, error.strerror, os.fspath(folder)) from None
        try:
            _try_lock(descriptor)
        except OSError as error:
            if error.errno in _TAKEN:
                owner = _owner(descriptor)
                os.close(descriptor)
                raise BlockingIOError(
                    f"{folder} is in use by another run{owner}; wait until it ends, or give another folder with --out"
                ) from None
            if error.errno not in _NO_LOCKS:
                os.close(descriptor)
                raise
            warnings.warn(
                f"the file system of {folder} has no locks; see to it that no other run uses it",
                RuntimeWarning,
                stacklevel=4,
            )
        # Whoever had the file may have removed it since it was opened here: then the lock is on nothing.
        with suppress(OSError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                break
        os.close(descriptor)
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode("utf-8", "replace"))
    _held.add(descriptor)
    return descriptor


def _try_lock(descriptor: int) -> None:
    """OSError, at once, where it is somebody else's."""
    if sys.platform == "win32":
        os.lseek(descriptor, 1 << 20, os.SEEK_SET)  # a byte past the text, which others may read
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _owner(descriptor: int) -> str:
    with suppress(OSError):
        os.lseek(descriptor, 0, os.SEEK_SET)
        text = os.read(descriptor, 300).decode("utf-8", "replace")
        return f" ({text})" if text.isprintable() and text else ""
    return ""
