"""How does what is durable become visible?

By an index segment, then one toc record: a `Publisher` is one process's index file in one database. It
publishes the rows of this process's writer, or those of many together (`dte_hpc.fdb.writing.together`). Their
messages are durable before, and so are the names of their files::

    index write + fdatasync, directory fsync (when the index file is new), toc append + fdatasync

One that appends the last of some records merges them too (`dte_hpc.fdb.writing.merge`).
"""

import dataclasses
import errno
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from dte_hpc.base.errors import StorageFailed
from dte_hpc.base.events import ignore
from dte_hpc.fdb.files import toc
from dte_hpc.fdb.files.database import Database
from dte_hpc.fdb.files.disk import Disk, OpenFiles
from dte_hpc.fdb.files.owners import OwnFile
from dte_hpc.fdb.files.segment import Packed, checksum_of
from dte_hpc.fdb.places.paths import new_stem
from dte_hpc.fdb.writing.merge import completed, merged

_NOTHING = toc.TocRecord(
    position=0, index="", sequence=0, n_fields=0, offset=0, length=0, checksum=0, time_ns=0
)


class Publisher:
    """One process's index file in one database.

    Parameters
    ----------
    disk : Disk
        The system calls.
    directory : callable
        Returns a descriptor of the database's directory.
    root, name : Path, str
        The root, and the database in it.
    """

    def __init__(self, disk: Disk, directory: Callable[[], int], root: Path, name: str) -> None:
        self._disk = disk
        self._directory = directory
        self._root, self._name = root, name
        self._where = f"{root}/{name}"
        self._file: OwnFile | None = None
        self._sequence = 0
        self._name_is_new = False

    def open(self, stem: str) -> None:
        """Make the index file unless there is one; it is called `stem` unless that name is taken.

        Its name is durable after the next sync of the directory: `names_are_durable` tells of one.
        """
        if self._file is not None:
            return
        toc.create(self._disk, self._directory())
        self._file, self._sequence, self._name_is_new = self._create(stem), 0, True

    def names_are_durable(self) -> None:
        """Take note that the directory was synced."""
        self._name_is_new = False

    def publish(self, pack: Callable[[str], Packed]) -> int:
        """Make rows durable and then visible by one toc record; return how many there are.

        Parameters
        ----------
        pack : callable
            Returns them, told the name of the index file.

        Raises
        ------
        StorageFailed
            When the file system refuses. Nothing is visible, or, when the toc's own sync was refused,
            perhaps all.
        """
        self.open(new_stem())
        record = self._write(pack)
        self._sync_name()
        position = toc.append(self._disk, self._directory(), record, self._where)
        self._sequence += 1
        span = completed(position)
        if span is not None:
            self._merge(*span)
        return record.n_fields

    def stand_for(self, pack: Callable[[str], Packed] | None, kind: int, start: int, stop: int) -> None:
        """Make a merged or reclaimed record durable, which stands for some bytes of the toc.

        Without rows (None) nothing is left of what it stands for.

        Raises
        ------
        StorageFailed
            As `publish`.
        """
        if pack is None:
            record = _NOTHING
        else:
            self.open(new_stem())
            record = self._write(pack)
            self._sync_name()
        record = dataclasses.replace(record, kind=kind, start=start, stop=stop, sequence=0)
        toc.append(self._disk, self._directory(), record, self._where)

    def _merge(self, start: int, stop: int) -> None:
        """Merge the records of some bytes; they are visible as they are, so a failure is no loss."""
        with suppress(OSError):
            pack = merged(Database(self._root, self._name, OpenFiles(), ignore), start, stop)
            if pack is not None:
                self.stand_for(pack, toc.MERGED, start, stop)

    def drop(self) -> None:
        """Use the index file no more: the next flush begins another."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def discard(self) -> None:
        """Close the index file, and remove it when no record can name it."""
        if self._file is not None and not self._file.named:
            self._file.remove(self._directory())
        self.drop()

    def _create(self, stem: str) -> OwnFile:
        name = f"{stem}.index"
        try:
            return OwnFile.create(self._disk, self._directory(), name)
        except StorageFailed as failure:
            if failure.errno != errno.EEXIST:
                raise
        name = f"{new_stem()}.index"
        return OwnFile.create(self._disk, self._directory(), name)

    def _write(self, pack: Callable[[str], Packed]) -> toc.TocRecord:
        """Write a segment durably; return the record that will name it."""
        file = self._file
        assert file is not None  # noqa: S101 - open made it
        packed = pack(file.name)
        where = f"{self._where}/{file.name}"
        try:
            self._disk.write(file.fd, [packed.segment, packed.tables], where)
            self._disk.sync(file.fd, where)
        except BaseException:
            self.drop()
            raise
        offset, file.size = file.size, file.size + len(packed.segment) + len(packed.tables)
        file.named = True
        return toc.TocRecord(
            position=0,
            index=file.name,
            sequence=self._sequence,
            n_fields=packed.n_fields,
            offset=offset,
            length=len(packed.segment),
            checksum=checksum_of(packed.segment),
            time_ns=time.time_ns(),
        )

    def _sync_name(self) -> None:
        if not self._name_is_new:
            return
        try:
            self._disk.sync_directory(self._directory(), self._where)
        except BaseException:
            self.drop()
            raise
        self._name_is_new = False
