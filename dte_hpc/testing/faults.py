"""What if the file system refuses, the process is killed, or the power fails?

Each of these is a `Disk` whose system calls pass through one place: `FaultyDisk` fails by plan, `KillingDisk`
ends the process, `PowerDisk` remembers what was durable at every moment.
"""

import errno
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import TypeVar

from dte_hpc.fdb.files.disk import Disk

T = TypeVar("T")
KILLED = 77


class TracedDisk(Disk):
    """A disk all of whose system calls pass through `call`."""

    def call(self, name: str, do: Callable[[], T]) -> T:
        """Do a system call (write, fdatasync, fsync, unlink, open, mkdir, rmdir, link or rename)."""
        return do()

    def _writev(self, fd: int, buffers: Sequence[memoryview]) -> int:
        return self.call("write", partial(super()._writev, fd, buffers))

    def _fdatasync(self, fd: int) -> None:
        self.call("fdatasync", partial(super()._fdatasync, fd))

    def _fsync(self, fd: int) -> None:
        self.call("fsync", partial(super()._fsync, fd))

    def _unlink(self, directory: int, name: str) -> None:
        self.call("unlink", partial(super()._unlink, directory, name))

    def _open(self, directory: int, name: str, flags: int) -> int:
        return self.call("open", partial(super()._open, directory, name, flags))

    def _mkdir(self, parent: int, name: str) -> None:
        self.call("mkdir", partial(super()._mkdir, parent, name))

    def _rmdir(self, parent: int, name: str) -> None:
        self.call("rmdir", partial(super()._rmdir, parent, name))

    def _link(self, directory: int, name: str, second: str) -> None:
        self.call("link", partial(super()._link, directory, name, second))

    def _rename(self, parent: int, name: str, new: str) -> None:
        self.call("rename", partial(super()._rename, parent, name, new))


class FaultyDisk(TracedDisk):
    """A disk that fails by plan.

    Parameters
    ----------
    failures : mapping of (call, number) to errno
        ``("fdatasync", 2)`` is the second fdatasync, ``("any", 2)`` the second call of all. It does
        nothing but fail.
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
        super().__init__()
        self.failures = dict(failures or {})
        self.room_bytes = room_bytes
        self.max_write_bytes = max_write_bytes
        self.calls: Counter[str] = Counter()

    def call(self, name: str, do: Callable[[], T]) -> T:
        """Count a call, and do it unless it is to fail."""
        self.calls[name] += 1
        for counted in ((name, self.calls[name]), ("any", self.calls.total())):
            number = self.failures.get(counted)
            if number is not None:
                raise OSError(number, os.strerror(number))
        return do()

    def _writev(self, fd: int, buffers: Sequence[memoryview]) -> int:
        length = sum(len(buffer) for buffer in buffers)
        if self.max_write_bytes is not None:
            length = min(length, self.max_write_bytes)
        if self.room_bytes is not None:
            length = min(length, self.room_bytes)
            if length == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.room_bytes -= length
        return super()._writev(fd, [memoryview(b"".join(buffers))[:length]])


class KillingDisk(TracedDisk):
    """A disk that ends the process at one of its calls, as if it had been killed; exit status `KILLED`.

    Parameters
    ----------
    nth : int
        Before which call (counted from 1); 0 for none.
    torn : float, optional
        If that call is a write, this share of its bytes is written first.

    Attributes
    ----------
    n_calls : int
        How many there were.
    """

    def __init__(self, nth: int = 0, *, torn: float = 0.0) -> None:
        self.nth, self.torn, self.n_calls = nth, torn, 0

    def call(self, name: str, do: Callable[[], T]) -> T:
        """Count a call, and do it unless the process ends here."""
        self.n_calls += 1
        if self.n_calls == self.nth:
            os._exit(KILLED)
        return do()

    def _writev(self, fd: int, buffers: Sequence[memoryview]) -> int:
        if self.torn and self.n_calls + 1 == self.nth:
            whole = b"".join(buffers)
            os.write(fd, whole[: max(1, int(len(whole) * self.torn))])
        return super()._writev(fd, buffers)


@dataclass(slots=True)
class Shadow:
    """What may be left of a directory tree when the power fails.

    Attributes
    ----------
    contents : dict
        Of each file what is durable, and what it has now (of a directory: nothing).
    entries : dict
        Of each directory its names since they were last durable: first those, last those it has now.
    root : int
        The top directory.
    """

    contents: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)
    entries: dict[int, list[dict[str, int]]] = field(default_factory=dict)
    root: int = 0

    def rebuild(self, target: Path, chance: Random | None = None, *, torn: bool = True) -> None:
        """Write a tree that the power failure may leave: the worst, or one by chance.

        Parameters
        ----------
        target : Path
            A directory that is not there yet.
        chance : Random, optional
            Decides of each file and directory how much of what is not durable is there all the same.
        torn : bool
            Whether that may be a part of what was written to a file.
        """
        self._rebuild(self.root, target, chance, torn)

    def _rebuild(self, number: int, target: Path, chance: Random | None, torn: bool) -> None:
        target.mkdir()
        states = self.entries[number]
        for name, child in (chance.choice(states) if chance else states[0]).items():
            if child in self.entries:
                self._rebuild(child, target / name, chance, torn)
                continue
            durable, now = self.contents[child]
            if chance and now.startswith(durable):
                sizes = [len(durable), len(now)]
                size = chance.choice([*sizes, chance.randint(*sizes)] if torn else sizes)
                durable = now[:size]
            (target / name).write_bytes(durable)


class PowerDisk(TracedDisk):
    """A disk that knows what is durable: files up to their last sync, names up to that of their directory.

    Parameters
    ----------
    top : Path
        The directory that is watched; what is in it at first is durable.

    Attributes
    ----------
    moments : list of (int, Shadow)
        Before each call: `n_acknowledged`, and what was durable.
    n_acknowledged : int
        Set by the test.
    """

    def __init__(self, top: Path) -> None:
        self.top = top
        self.n_acknowledged = 0
        self.moments: list[tuple[int, Shadow]] = []
        self._numbers: dict[int, int] = {}
        self._shadow = Shadow()
        self._see()
        for number, (_, now) in self._shadow.contents.items():
            self._shadow.contents[number] = now, now
        for states in self._shadow.entries.values():
            del states[:-1]

    def call(self, name: str, do: Callable[[], T]) -> T:
        """Remember what is durable, and do a call."""
        self.note()
        return do()

    def note(self) -> None:
        """Remember what is durable now."""
        self._see()
        self.moments.append((self.n_acknowledged, deepcopy(self._shadow)))

    def _fdatasync(self, fd: int) -> None:
        super()._fdatasync(fd)
        number = self._numbers[os.fstat(fd).st_ino]
        now = self._shadow.contents[number][1]
        self._shadow.contents[number] = now, now

    def _fsync(self, fd: int) -> None:
        super()._fsync(fd)
        number = self._numbers[os.fstat(fd).st_ino]
        del self._shadow.entries[number][:-1]

    def _see(self) -> None:
        """Take note of how the tree is now. A number is one file or directory; inodes are used again."""
        tree = {path: path.lstat().st_ino for path in (self.top, *self.top.rglob("*"))}
        for inode in set(self._numbers) - set(tree.values()):
            del self._numbers[inode]
        for inode in tree.values():
            if inode not in self._numbers:
                self._numbers[inode] = len(self._shadow.contents)
                self._shadow.contents[self._numbers[inode]] = b"", b""
        self._shadow.root = self._numbers[tree[self.top]]
        for path, inode in tree.items():
            number = self._numbers[inode]
            if path.is_dir():
                self._shadow.contents[number] = b"", b""
                names = {child.name: self._numbers[tree[child]] for child in path.iterdir()}
                states = self._shadow.entries.setdefault(number, [{}])
                if states[-1] != names:
                    states.append(names)
            else:
                self._shadow.contents[number] = self._shadow.contents[number][0], path.read_bytes()
