"""How do bytes reach the disk, and come back?

Every system call that writes is a method of `Disk`, so that a test can make any of them fail. Writes
are whole or `StorageFailed`: a short write is continued, and what the kernel refuses (ENOSPC, EDQUOT,
EIO, EFBIG) is reported with the file's name. A descriptor whose write or sync failed is not used for
writing again by anybody here (the kernel marks failed pages clean: a second fsync says all is well;
Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020).

Files are opened relative to their directory, never through a symbolic link, and not inherited by other
programs. Python's buffered files are not used: one that is collected unclosed loses data in silence.
"""

import errno
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from dte_hpc.base.checksum import ByteLike
from dte_hpc.base.errors import CorruptData, StorageFailed
from dte_hpc.fdb.files.writeback import start_writing

_COMMON = os.O_CLOEXEC | os.O_NOFOLLOW
MAX_WRITE_BYTES = 1 << 30
MAX_BUFFERS = 1024


class Disk:
    """The system calls of writers.

    Parameters
    ----------
    permissions : int, optional
        Of new files, whatever the process's umask; a new directory may be entered by whoever may read it.
        None for what the umask leaves.
    """

    _permissions: int | None = None

    def __init__(self, *, permissions: int | None = None) -> None:
        self._permissions = permissions

    def write(self, fd: int, buffers: Sequence[ByteLike], name: str) -> int:
        """Append all bytes of some buffers, return in how many calls; StorageFailed if not all were taken."""
        pending = [_flat(buffer) for buffer in buffers if len(buffer)]
        n_pieces = 0
        try:
            while pending:
                n_pieces += 1
                taken = self._writev(fd, _first_bytes(pending))
                while pending and taken >= len(pending[0]):
                    taken -= len(pending.pop(0))
                if taken:
                    pending[0] = pending[0][taken:]
        except OSError as error:
            raise _refused("write to", name, error) from error
        return n_pieces

    def sync(self, fd: int, name: str) -> None:
        """Make a file's bytes durable."""
        try:
            self._fdatasync(fd)
        except OSError as error:
            raise _refused("sync of", name, error) from error

    def start_writing(self, fd: int, offset: int, length: int) -> None:
        """Let the disk begin to write some bytes, which promises nothing; no error comes from it."""
        start_writing(fd, offset, length)

    def sync_directory(self, fd: int, name: str) -> None:
        """Make the names in a directory durable."""
        try:
            self._fsync(fd)
        except OSError as error:
            raise _refused("sync of", name, error) from error

    def remove(self, directory: int, name: str) -> None:
        """Remove a file's name; FileNotFoundError if there is none, StorageFailed if it cannot be."""
        try:
            self._unlink(directory, name)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _refused("removal of", name, error) from error

    def make_directory(self, parent: int, name: str) -> None:
        """Make a directory; FileExistsError if the name is taken."""
        self._mkdir(parent, name)
        if self._permissions is not None:
            mode = self._permissions | (self._permissions & 0o444) >> 2
            os.chmod(name, mode, dir_fd=parent)

    def remove_directory(self, parent: int, name: str) -> None:
        """Remove an empty directory; OSError if it cannot be."""
        self._rmdir(parent, name)

    def link(self, directory: int, name: str, second: str) -> None:
        """Give a file a second name; FileExistsError if that is taken."""
        self._link(directory, name, second)

    def rename(self, parent: int, name: str, new: str) -> None:
        """Give something another name; StorageFailed if that cannot be."""
        try:
            self._rename(parent, name, new)
        except OSError as error:
            raise _refused("renaming of", name, error) from error

    def create(self, directory: int, name: str) -> int:
        """Return a descriptor of a new file, open for appending; StorageFailed if it cannot be made."""
        return self.open(directory, name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND)

    def open(self, directory: int, name: str, flags: int) -> int:
        """Return a descriptor of a file to write to."""
        try:
            fd = self._open(directory, name, flags | _COMMON)
        except OSError as error:
            raise _refused("opening of", name, error) from error
        if self._permissions is not None and flags & os.O_CREAT:
            with suppress(PermissionError):  # a toc that somebody else made
                os.fchmod(fd, self._permissions)
        return fd

    def _writev(self, fd: int, buffers: Sequence[memoryview]) -> int:
        return os.writev(fd, buffers)

    def _fdatasync(self, fd: int) -> None:
        os.fdatasync(fd)

    def _fsync(self, fd: int) -> None:
        os.fsync(fd)

    def _unlink(self, directory: int, name: str) -> None:
        os.unlink(name, dir_fd=directory)

    def _mkdir(self, parent: int, name: str) -> None:
        os.mkdir(name, dir_fd=parent)

    def _rmdir(self, parent: int, name: str) -> None:
        os.rmdir(name, dir_fd=parent)

    def _link(self, directory: int, name: str, second: str) -> None:
        os.link(name, second, src_dir_fd=directory, dst_dir_fd=directory)

    def _rename(self, parent: int, name: str, new: str) -> None:
        os.rename(name, new, src_dir_fd=parent, dst_dir_fd=parent)

    def _open(self, directory: int, name: str, flags: int) -> int:
        return os.open(name, flags, 0o666, dir_fd=directory)


def _flat(buffer: Any) -> memoryview:
    return memoryview(buffer).cast("B")


def _first_bytes(pending: list[memoryview]) -> list[memoryview]:
    """Return as many buffers as one call may take, at most a gigabyte."""
    if len(pending[0]) > MAX_WRITE_BYTES:
        return [pending[0][:MAX_WRITE_BYTES]]
    return pending[:MAX_BUFFERS]


def _refused(what: str, name: str, error: OSError) -> StorageFailed:
    return storage_failed(f"the {what} {name} failed", error)


def storage_failed(sentence: str, error: OSError) -> StorageFailed:
    """Return the error that says what the file system refused and why, with the same ``errno``."""
    failure = StorageFailed(f"{sentence}: {os.strerror(error.errno or 0)}", number=error.errno)
    failure.errno = error.errno
    return failure


def open_directory(root: str | Path, name: str | None = None) -> int:
    """Return a descriptor of a root directory, or of a directory in it, which must not be a symbolic link."""
    parent = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    if name is None:
        return parent
    try:
        return os.open(name, os.O_RDONLY | os.O_DIRECTORY | _COMMON, dir_fd=parent)
    finally:
        os.close(parent)


def read_exactly(fd: int, length: int, offset: int, name: str) -> bytes:
    """Return `length` bytes from `offset` of a file; CorruptData if it ends too early."""
    data = _pread(fd, length, offset, name)
    while len(data) < length:
        more = _pread(fd, length - len(data), offset + len(data), name)
        if not more:
            raise CorruptData(
                f"{name} ends at byte {offset + len(data)}; expected {length} bytes from {offset}", where=name
            )
        data += more
    return data


def _pread(fd: int, length: int, offset: int, name: str) -> bytes:
    try:
        return os.pread(fd, length, offset)
    except OSError as error:
        raise unreadable(name, error) from error


def unreadable(where: str, error: OSError) -> OSError:
    """Return the error for a file that cannot be read: CorruptData, unless this process lacks descriptors."""
    if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
        return error
    return CorruptData(f"{where} cannot be read: {os.strerror(error.errno or 0)}", where=where)


class OpenFile:
    """A file open for reading, closed when nobody refers to it any more."""

    __slots__ = ("fd",)

    def __init__(self, directory: int, name: str) -> None:
        self.fd = -1
        self.fd = os.open(name, os.O_RDONLY | _COMMON, dir_fd=directory)

    def __del__(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)


class OpenFiles:
    """The most recently read files of a store, kept open. Safe to use from several threads.

    Parameters
    ----------
    limit : int
        How many stay open when nobody else refers to them.
    """

    def __init__(self, limit: int = 128) -> None:
        self._limit = limit
        self._files: OrderedDict[tuple[Path, str, str], OpenFile] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, root: Path, directory: str, name: str) -> OpenFile:
        """Return a file of a database, open; CorruptData if it is not there."""
        place = (root, directory, name)
        with self._lock:
            found = self._files.get(place)
            if found is None:
                found = self._files[place] = _open_existing(root, directory, name)
            self._files.move_to_end(place)
            if len(self._files) > self._limit:
                self._files.popitem(last=False)
            return found

    def forget(self, root: Path, directory: str) -> None:
        """Close the files of a database."""
        with self._lock:
            for place in [place for place in self._files if place[:2] == (root, directory)]:
                del self._files[place]


def _open_existing(root: Path, directory: str, name: str) -> OpenFile:
    """Open a file that an index names: that it is gone is damage."""
    try:
        return open_file(root, directory, name)
    except FileNotFoundError as error:
        raise unreadable(f"{root}/{directory}/{name}", error) from error


def open_file(root: Path, directory: str, name: str) -> OpenFile:
    """Return one of a database's own files, open.

    Raises
    ------
    FileNotFoundError
        If there is none.
    CorruptData
        For a symbolic link, or what cannot be read.
    """
    try:
        parent = open_directory(root, directory)
        try:
            return OpenFile(parent, name)
        finally:
            os.close(parent)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise unreadable(f"{root}/{directory}/{name}", error) from error
