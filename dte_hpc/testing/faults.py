"""What if the file system refuses?

`FaultyDisk` is a `Disk` whose system calls fail when told to, and which counts them.
"""

import errno
import os
from collections import Counter
from collections.abc import Mapping, Sequence

from dte_hpc.fdb.disk import Disk


class FaultyDisk(Disk):
    """A disk that fails by plan.

    Parameters
    ----------
    failures : mapping of (call, number) to errno
        ``("fdatasync", 2)`` is the second fdatasync; calls are write, fdatasync, fsync and open. The
        call does nothing but fail.
    room_bytes : int, optional
        How many bytes may be written; then writes are short, then ENOSPC. It may be changed at any time.
    max_write_bytes : int, optional
        How many bytes one call takes: every longer write is short.

    Attributes
    ----------
    calls : Counter
        How often each call was made.
    """

    def __init__(
        self,
        failures: Mapping[tuple[str, int], int] | None = None,
        *,
        room_bytes: int | None = None,
        max_write_bytes: int | None = None,
    ) -> None:
        self.failures = dict(failures or {})
        self.room_bytes = room_bytes
        self.max_write_bytes = max_write_bytes
        self.calls: Counter[str] = Counter()

    def _count(self, call: str) -> None:
        self.calls[call] += 1
        number = self.failures.get((call, self.calls[call]))
        if number is not None:
            raise OSError(number, os.strerror(number))

    def _writev(self, fd: int, buffers: Sequence[memoryview]) -> int:
        self._count("write")
        length = sum(len(buffer) for buffer in buffers)
        if self.max_write_bytes is not None:
            length = min(length, self.max_write_bytes)
        if self.room_bytes is not None:
            length = min(length, self.room_bytes)
            if length == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.room_bytes -= length
        return super()._writev(fd, [memoryview(b"".join(buffers))[:length]])

    def _fdatasync(self, fd: int) -> None:
        self._count("fdatasync")
        super()._fdatasync(fd)

    def _fsync(self, fd: int) -> None:
        self._count("fsync")
        super()._fsync(fd)

    def _open(self, directory: int, name: str, flags: int) -> int:
        self._count("open")
        return super()._open(directory, name, flags)
