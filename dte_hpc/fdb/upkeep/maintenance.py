"""How do those who remove or repair things in a database keep out of each other's way?

Only one maintenance is in a database at a time: it holds an `flock` of the database's directory, which
readers and writers know nothing of, and which ends with its process. Without such locks (Lustre mounted
with ``noflock``) there is no maintenance.

A wipe has to keep new writers out, too. It makes the file ``wiping.lock``, with the name of its host in
it, and then looks for writers; a writer makes its data file and then looks for that file. One that a
killed wipe left means nothing: nobody holds the directory, and the next maintenance removes it.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from dte_hpc.base.errors import StorageLocked
from dte_hpc.fdb.files.database import Database
from dte_hpc.fdb.files.disk import Disk, open_directory, storage_failed
from dte_hpc.fdb.files.owners import SETTLED_SECONDS, WIPING
from dte_hpc.fdb.places.paths import HOST


@contextmanager
def maintenance(database: Database) -> Iterator[int]:
    """Hold a database against other maintenance; the value is a descriptor of its directory.

    Raises
    ------
    StorageLocked
        If another is at work in it, or has just wiped it.
    StorageFailed
        If the file system has no locks.
    """
    try:
        directory = open_directory(database.root, database.name)
    except FileNotFoundError:
        raise _is_gone(database) from None
    try:
        _hold(directory, database)
        with suppress(FileNotFoundError):
            os.unlink(WIPING, dir_fd=directory)
        yield directory
    finally:
        with suppress(OSError):  # said, not left to close: a child forked meanwhile has the descriptor too
            fcntl.flock(directory, fcntl.LOCK_UN)
        os.close(directory)


def _hold(directory: int, database: Database) -> None:
    where = database.where
    try:
        fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StorageLocked(
            f"{where} is being purged, compacted or wiped by somebody else", where=where
        ) from None
    except OSError as error:
        sentence = (
            f"{where} cannot be held against others, as its file system has no flock (Lustre: -o flock)"
        )
        raise storage_failed(sentence, error) from error
    try:
        named = os.lstat(where)
    except FileNotFoundError:
        raise _is_gone(database) from None
    if not os.path.samestat(named, os.fstat(directory)):
        raise _is_gone(database)


def _is_gone(database: Database) -> StorageLocked:
    return StorageLocked(f"{database.where} was just wiped by somebody else", where=database.where)


def begin_wipe(disk: Disk, directory: int, where: str) -> None:
    """Keep new writers out of a database that is held; `end_wipe` lets them in again."""
    fd = disk.open(directory, WIPING, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    try:
        disk.write(fd, [HOST.encode()], f"{where}/{WIPING}")
    finally:
        os.close(fd)


def end_wipe(directory: int) -> None:
    """Let writers into a database again that was not wiped after all."""
    with suppress(OSError):
        os.unlink(WIPING, dir_fd=directory)


def is_being_wiped(where: str) -> bool:
    """Whether somebody may be wiping a database at the moment. Cost: one system call when nobody is."""
    path = f"{where}/{WIPING}"
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            host = file.read(100).decode("ascii", "replace")
            begun = os.fstat(file.fileno()).st_mtime
    except FileNotFoundError:
        return False
    if not HOST.startswith(host) and time.time() - begun < SETTLED_SECONDS:
        return True  # locks may not reach across hosts
    return _is_held(where)


def _is_held(where: str) -> bool:
    """Whether maintenance is at work in a directory."""
    try:
        directory = open_directory(where)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(directory, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(directory)
    return False
