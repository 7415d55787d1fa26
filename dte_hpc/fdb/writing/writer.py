"""How does one writer put fields into one database?

A writer has its own data file and its own index file; the toc alone is shared. Messages go to the data
file when they are archived (small ones gathered into writes of a megabyte). A flush then makes them
durable and visible in this order, so that what is visible is always whole::

    data fdatasync, directory fsync (for new files), index write + fdatasync, toc append + fdatasync

All fields of one flush become visible by the one toc record, at once. A flush has three phases:
`Writer.prepare` (the data), a `dte_hpc.fdb.writing.publish.Publisher` (index and toc) and `Writer.done`.
`flush` is all three with this writer's own publisher; in `dte_hpc.fdb.writing.together` many writers
share one.

When the file system refuses something, `StorageFailed` is raised and nothing of the flush is visible,
or (when the toc's own sync was refused) perhaps all of it. No field is forgotten: the next flush tries
again. It never relies on a file whose sync failed: those fields are read back, compared with their
checksums, and written to a new file, which is synced before anything refers to it. A field that cannot
be read back is named by a `StorageFailed` (fact ``lost``), and the flush after that commits the rest.
"""

import errno
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.checksum import ByteLike, checksum
from dte_hpc.base.errors import CorruptData, DteError, StorageFailed, StorageLocked
from dte_hpc.codecs.layout import Layout
from dte_hpc.fdb.files.disk import Disk, OpenFile, open_directory, read_exactly, storage_failed
from dte_hpc.fdb.files.owners import OwnFile
from dte_hpc.fdb.files.segment import Packed
from dte_hpc.fdb.files.writeback import START_BYTES
from dte_hpc.fdb.places.paths import new_stem
from dte_hpc.fdb.upkeep.control import Control, is_locked
from dte_hpc.fdb.upkeep.maintenance import is_being_wiped
from dte_hpc.fdb.writing.pending import Rows
from dte_hpc.fdb.writing.publish import Publisher

DIRECT_BYTES = 32 * 1024
MAX_GATHERED = 1000
BUFFER_BYTES = 1024 * 1024
MAX_FLUSH_FIELDS = (1 << 32) - 1


@dataclass(slots=True)
class _Run:
    """Messages that lie one after another in a data file."""

    file: OwnFile
    start: int
    count: int
    stop: int


class Writer:
    """One writer of one database.

    Parameters
    ----------
    disk : Disk
        The system calls.
    root, name : Path, str
        The root, and the directory of the database in it.
    opening : callable
        Called with this writer before it opens files, so that others may be parked.
    make : callable
        Makes the database, unless it is there.
    data_root : Path, optional
        The root of its data files, when it is another; `make` makes their directory too.

    Attributes
    ----------
    where : str
        Path of the database.
    """

    def __init__(
        self,
        disk: Disk,
        root: Path,
        name: str,
        opening: "Callable[[Writer], None]",
        make: Callable[[], None],
        data_root: Path | None = None,
    ) -> None:
        self._disk = disk
        self._root = root
        self._name = name
        self.where = f"{root}/{name}"
        self._data_root = data_root or root
        self._fd = self._data_fd = -1
        self._opening, self._make = opening, make
        self.buffer_bytes = BUFFER_BYTES
        self._rows = Rows()
        self._runs: list[_Run] = []
        self._gathered: list[bytes] = []
        self._gathered_bytes = 0
        self._data: OwnFile | None = None
        self._new_names = True
        self._found: set[str] = set()
        self.publisher = Publisher(disk, self._directory, root, name)

    @property
    def n_pending(self) -> int:
        """Fields archived and not yet flushed."""
        return len(self._rows)

    @property
    def pending_bytes(self) -> int:
        """Bytes of their messages."""
        return sum(self._rows.lengths)

    def add(
        self,
        names: tuple[str, ...],
        values: tuple[str, ...],
        message: ByteLike,
        layout: Layout | None,
        grid: str,
        offsets: NDArray[np.uint64] | None,
    ) -> None:
        """Take one message. If StorageFailed is raised this one was not taken, and all earlier ones stay."""
        length = len(message)
        if length >= DIRECT_BYTES:
            self._drain()
            self._write([message], length, 1)
        else:
            if self._gathered_bytes + length > self.buffer_bytes or len(self._gathered) == MAX_GATHERED:
                self._drain()
            self._gathered.append(bytes(message))
            self._gathered_bytes += length
        self._rows.add(names, values, length, checksum(message), layout, grid, offsets)

    def add_many(
        self,
        names: Sequence[tuple[str, ...]],
        values: Sequence[tuple[str, ...]],
        messages: Sequence[ByteLike],
        buffers: Sequence[ByteLike],
        layouts: Sequence[Layout | None],
        grids: Sequence[str],
    ) -> None:
        """Take several messages. If StorageFailed is raised none was taken, and all earlier ones stay.

        `buffers` hold the bytes of all messages, in fewer pieces.
        """
        lengths = list(map(len, messages))
        self._drain()
        self._write(buffers, sum(lengths), len(messages))
        self._rows.extend(names, values, lengths, map(checksum, messages), layouts, grids)

    def flush(self) -> int:
        """Make all fields taken so far durable and visible; return how many there were."""
        try:
            if self.prepare(own_index=True) == 0:
                return 0
            n_fields = self.publisher.publish(self.packed)
        except StorageFailed as error:
            if error.errno == errno.ENOENT:
                self.give_up_if_wiped(error)
            raise
        self.done()
        return n_fields

    def prepare(self, *, own_index: bool) -> int:
        """Make the messages taken so far, and the names of their files, durable; return how many there are.

        Parameters
        ----------
        own_index : bool
            Whether this writer's own publisher will publish them: its file is then made before the
            directory is synced, which so is done once.
        """
        if len(self._rows) == 0:
            return 0
        self._drain()
        self._salvage()
        for file in dict.fromkeys(run.file for run in self._runs):
            self._sync(file)
        if own_index:
            self.open_index()
        self._sync_names(own_index=own_index)
        for run in self._runs:
            run.file.named = True
        return len(self._rows)

    def open_index(self) -> None:
        """Make the publisher's file unless there is one; it is called as the newest data file."""
        stem = self._runs[-1].file.name.removesuffix(".data") if self._runs else new_stem()
        self.publisher.open(stem)

    def packed(self, index: str) -> Packed:
        """Return the rows of what `prepare` made durable, for an index file."""
        runs = [(run.file.name, run.start, run.count) for run in self._runs]
        return Packed(len(self._rows), *self._rows.segment(index, runs))

    def refuse_absent(self, names: Iterable[str]) -> None:
        """StorageFailed unless data files that other ranks wrote are where this process sees them."""
        for name in names:
            if name not in self._found:
                try:
                    os.stat(name, dir_fd=self._data_directory(), follow_symlinks=False)
                except OSError as error:
                    sentence = (
                        f"{self.where} has no file {name} that another rank wrote; expected a store that "
                        "all IO ranks share, or collective-flush: false"
                    )
                    raise storage_failed(sentence, error) from error
                self._found.add(name)

    def done(self) -> None:
        """Forget what `prepare` made durable: it was published."""
        for file in dict.fromkeys(run.file for run in self._runs):
            if file is not self._data:
                file.close()
        self._rows, self._runs = Rows(), []

    def close(self, *, keep_files: bool = False) -> None:
        """Close the files; what was not flushed is not kept.

        Files that no toc record can name are removed, but not with `keep_files`: after a fork they are
        the parent's.
        """
        for file in dict.fromkeys(f for f in (self._data, *(run.file for run in self._runs)) if f):
            if file.named or keep_files:
                file.close()
            else:
                file.remove(self._data_directory())
        self.publisher.drop() if keep_files else self.publisher.discard()
        self._data = None
        self._rows, self._runs = Rows(), []
        self._gathered, self._gathered_bytes = [], 0
        self._close_directory()

    def __del__(self) -> None:
        self._close_directory()

    def park(self) -> None:
        """Close all descriptors without a flush; data files are synced first and not written to again."""
        self._drain()
        for file in dict.fromkeys(run.file for run in self._runs):
            self._sync(file)
        for file in [run.file for run in self._runs] + [f for f in (self._data,) if f]:
            file.close()
        self._data = None
        self.publisher.drop()
        self._close_directory()

    def _directory(self) -> int:
        if self._fd < 0:
            self._opening(self)
            self._make()
            try:
                self._fd = open_directory(self._root, self._name)
                if self._data_root != self._root:
                    self._data_fd = open_directory(self._data_root, self._name)
            except OSError as error:
                self._close_directory()
                raise storage_failed(f"the database {self.where} cannot be opened", error) from error
        return self._fd

    def _data_directory(self) -> int:
        """Return a descriptor of the directory of data files."""
        directory = self._directory()
        return directory if self._data_fd < 0 else self._data_fd

    def _close_directory(self) -> None:
        open_fds = [fd for fd in (self._fd, self._data_fd) if fd >= 0]
        self._fd = self._data_fd = -1
        for fd in open_fds:
            os.close(fd)

    def _drain(self) -> None:
        """Write the gathered small messages; on failure they stay gathered."""
        if self._gathered:
            self._write(self._gathered, self._gathered_bytes, len(self._gathered))
            self._gathered, self._gathered_bytes = [], 0

    def _write(self, messages: Sequence[ByteLike], length: int, count: int) -> None:
        file = self._data = self._data or self._new_data()
        try:
            self._disk.write(file.fd, messages, f"{self.where}/{file.name}")
        except BaseException:
            self._data = None
            if all(run.file is not file for run in self._runs):
                file.close() if file.named else file.remove(self._data_directory())
            raise
        start, file.size = file.size, file.size + length
        if file.size - file.started >= START_BYTES:
            self._disk.start_writing(file.fd, file.started, file.size - file.started)
            file.started = file.size
        last = self._runs[-1] if self._runs else None
        if last is not None and last.file is file and last.stop == start:
            last.count, last.stop = last.count + count, file.size
        else:
            self._runs.append(_Run(file, start, count, file.size))

    def _new_data(self) -> OwnFile:
        """Make a data file, then look whether the database may be written to; a wipe does it vice versa."""
        if not self._is_in_place():
            self._close_directory()
            self.publisher.drop()
        file = self._create(f"{new_stem()}.data")
        locked = is_locked(self.where, Control.ARCHIVE) or is_being_wiped(self.where)
        if locked or not self._is_in_place():
            file.remove(self._data_directory())
            raise StorageLocked(f"{self.where} is locked for archiving, or is being wiped", where=self.where)
        return file

    def _is_in_place(self) -> bool:
        """Whether the open directory is the one of that name: a wipe renames it."""
        try:
            named = os.lstat(self.where)
        except FileNotFoundError:
            return False
        return named.st_ino == os.fstat(self._directory()).st_ino

    def _create(self, name: str) -> OwnFile:
        file = OwnFile.create(self._disk, self._data_directory(), name)
        self._new_names = True
        return file

    def _sync(self, file: OwnFile) -> None:
        if file.failed or file.synced == file.size:
            return
        try:
            self._disk.sync(file.fd, f"{self.where}/{file.name}")
        except BaseException:
            self._distrust(file)
            raise
        file.synced = file.size

    def _distrust(self, file: OwnFile) -> None:
        """Use a file no more for writing, nor rely on what was written to it since its last commit."""
        file.failed = True
        if self._data is file:
            self._data = None
        file.close()

    def _sync_names(self, *, own_index: bool) -> None:
        if not self._new_names:
            return
        try:
            self._disk.sync_directory(self._directory(), self.where)
            if self._data_fd >= 0:
                self._disk.sync_directory(self._data_fd, f"{self._data_root}/{self._name}")
        except BaseException:
            for file in dict.fromkeys(run.file for run in self._runs):
                self._distrust(file)
            if own_index:
                self.publisher.drop()
            raise
        self._new_names = False
        self.publisher.names_are_durable()

    def _salvage(self) -> None:
        """Copy the messages of files whose sync failed into a new file, each compared with its checksum."""
        if not any(run.file.failed for run in self._runs):
            return
        waiting, self._runs, self._data = self._runs, [], None
        lost: list[int] = []
        row = 0
        try:
            while waiting:
                run = waiting[0]
                if not run.file.failed:
                    self._runs.append(waiting.pop(0))
                    row += run.count
                    continue
                row = self._salvage_one(run, row, lost)
                if run.count == 0:
                    waiting.pop(0)
        finally:
            self._runs += waiting
            self._forget(lost)

    def _salvage_one(self, run: _Run, row: int, lost: list[int]) -> int:
        """Copy the first message of a run; return the row after it."""
        length = self._rows.lengths[row]
        try:
            source = OpenFile(self._data_directory(), run.file.name)
            message = read_exactly(source.fd, length, run.start, f"{self.where}/{run.file.name}")
        except (OSError, CorruptData):
            message = b""
        if len(message) == length and checksum(message) == self._rows.checksums[row]:
            self._write([message], length, 1)
        else:
            lost.append(row)
        run.start, run.count = run.start + length, run.count - 1
        return row + 1

    def give_up_if_wiped(self, error: DteError) -> None:
        """Forget what was written into a directory that was wiped regardless of this writer, and say so."""
        if self._is_in_place():
            return
        keys = [dict(zip(*key, strict=True)) for key in zip(self._rows.names, self._rows.values, strict=True)]
        self.close(keep_files=True)
        raise StorageFailed(
            f"{self.where} was wiped while it was written to; {len(keys)} fields are lost, "
            f"the first {keys[0]}",
            lost=keys,
        ) from error

    def _forget(self, lost: list[int]) -> None:
        if not lost:
            return
        keys = [dict(zip(self._rows.names[n], self._rows.values[n], strict=True)) for n in lost]
        self._rows.drop(lost)
        raise StorageFailed(
            f"{len(lost)} fields in {self.where} could not be read back after a failed sync and are lost, "
            f"the first {keys[0]}; {len(self._rows)} others are kept",
            lost=keys,
        )
