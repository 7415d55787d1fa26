"""Which files are in a database, and is the writer that made them still at work?

The name of a data or index file tells who made it: time, host, process, count. In this process its own
files are known. A process of this host (since it was booted, and in this container) that is gone can write
no more. Every writer also holds a shared
`flock` on its data file, which nobody waits for: where the file system has such locks, whoever gets the
exclusive one knows that the writer is gone. A file of another host that was touched in the last day
counts as at work in any case, because locks may not reach across hosts.
"""

import fcntl
import os
import re
import time
import weakref
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from dte_hpc.fdb.files.disk import Disk
from dte_hpc.fdb.places.paths import HOST
from dte_hpc.fdb.upkeep.control import LOCKS

Kind = Literal["data", "index", "toc", "schema", "lock", "temporary", "unknown"]
SETTLED_SECONDS = 86400.0
_STEM = re.compile(r"\d{8}\.\d{6}\.([A-Za-z0-9-]+)\.(\d+)\.\d+")
WIPING = "wiping.lock"
LOCK_NAMES = frozenset((*(name for _, name in LOCKS), WIPING))
_own: "weakref.WeakValueDictionary[str, OwnFile]" = weakref.WeakValueDictionary()


@dataclass(slots=True, eq=False, weakref_slot=True)
class OwnFile:
    """A file this process makes; one that nobody refers to any more is closed.

    Attributes
    ----------
    fd : int
        -1 when it is closed.
    size, started, synced : int
        Bytes written, bytes that the disk was told to write, and bytes known to be durable.
    named : bool
        Whether a toc record may name it.
    failed : bool
        Whether a sync or write of it failed: it is not used for writing again.
    """

    fd: int
    name: str
    size: int = 0
    started: int = 0
    synced: int = 0
    named: bool = False
    failed: bool = False

    @classmethod
    def create(cls, disk: Disk, directory: int, name: str) -> "OwnFile":
        """Make a file. It is known before it is there: no other thread takes it for a dead writer's."""
        file = cls(-1, name)
        _own.setdefault(name, file)
        file.fd = disk.create(directory, name)
        with suppress(OSError):  # not every file system has locks
            fcntl.flock(file.fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return file

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Close it; again: nothing."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            with suppress(OSError):
                os.close(fd)

    def remove(self, directory: int) -> None:
        """Close it and remove it, which nothing refers to."""
        self.close()
        with suppress(OSError):
            os.unlink(self.name, dir_fd=directory)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file in a database's directory.

    Attributes
    ----------
    directory, name : str
        Where it is.
    kind : str
        What it is, by its name.
    size : int
        Bytes.
    """

    directory: str
    name: str
    kind: Kind
    size: int

    @property
    def path(self) -> str:
        """The whole path."""
        return f"{self.directory}/{self.name}"

    @property
    def writer(self) -> str:
        """The host and process that made it, as ``host:process``; empty when the name does not tell."""
        found = _STEM.match(self.name)
        return f"{found[1]}:{found[2]}" if found else ""


def files_in(directory: str) -> list[StoredFile]:
    """Return the files of a database's directory, by name; none when it is not there."""
    try:
        with os.scandir(directory) as entries:
            found = [(e.name, e.stat(follow_symlinks=False).st_size) for e in entries]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [
        StoredFile(directory=directory, name=name, kind=_kind(name), size=size)
        for name, size in sorted(found)
    ]


def is_at_work(file: StoredFile) -> bool:
    """Whether the writer of a file may still write to it, or refer to it."""
    found = _STEM.match(file.name.removeprefix("schema."))
    if found is None:
        return False
    host, process = found[1], int(found[2])
    if host == HOST and process == os.getpid():
        return file.name in _own
    if host == HOST and not _is_alive(process):
        return False
    return host == HOST or _is_recent(file) or _is_held(file)


def _kind(name: str) -> Kind:
    if name in ("toc", "schema"):
        return "toc" if name == "toc" else "schema"
    if name in LOCK_NAMES:
        return "lock"
    if name.startswith("schema.") and name.endswith(".tmp"):
        return "temporary"
    found = _STEM.match(name)
    suffix = name[found.end() :] if found else ""
    if suffix == ".data":
        return "data"
    return "index" if suffix == ".index" else "unknown"


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_recent(file: StoredFile) -> bool:
    try:
        return time.time() - os.lstat(file.path).st_mtime < SETTLED_SECONDS
    except FileNotFoundError:
        return False


def _is_held(file: StoredFile) -> bool:
    try:
        fd = os.open(file.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(fd)
    return False
