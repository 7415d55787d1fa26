"""How is one database made, opened and read again and again?

A `Database` is a directory with `schema`, `toc`, and the files of its writers. Any number of processes
may make the same one at the same moment: the directory by mkdir, the schema by a hard link from a
finished temporary file. A crash in between leaves a directory that reads as empty and can be written to.

Reading again costs one fstat when nothing was flushed; otherwise the toc's tail and the new segments
are read. Damage is reported to the listener as `RecordSkipped`, once, and passed over.
"""

import os
import re
from contextlib import suppress
from pathlib import Path

from dte_hpc.base.checksum import checksum
from dte_hpc.base.errors import CorruptData, InvalidConfig, StorageFailed
from dte_hpc.base.events import Listener, RecordSkipped
from dte_hpc.fdb.files.disk import (
    Disk,
    OpenFile,
    OpenFiles,
    open_directory,
    open_file,
    read_exactly,
    storage_failed,
)
from dte_hpc.fdb.files.segment import Segment
from dte_hpc.fdb.files.table import Table
from dte_hpc.fdb.files.toc import RECLAIMED, SEGMENT, Toc, TocRecord, current, effective
from dte_hpc.fdb.finding.matching import Wanted
from dte_hpc.fdb.naming.grammar import MAX_SCHEMA_BYTES
from dte_hpc.fdb.naming.schema import Schema, schema_of
from dte_hpc.fdb.places.foreign import NAME_IT, is_foreign, refuse_foreign
from dte_hpc.fdb.places.paths import new_stem
from dte_hpc.fdb.places.roots import StoreRoots

MAX_SEGMENT_BYTES = 1 << 36
MAX_RETRIES = 10  # of a reader that purges overtake
_MARK = "# xxh3-64 of the above: "
_MARKED = re.compile(rf"(.*)^{_MARK}([0-9a-f]{{16}})\n\Z", re.DOTALL | re.MULTILINE)
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-]*\.(index|data)")


class Database:
    """One database of a store.

    Parameters
    ----------
    root : Path
        The root directory.
    name : str
        The database's directory.
    files : OpenFiles
        Through which index and data files are read.
    listener : Listener
        Told of damage.
    stores : StoreRoots, optional
        Where the data files are, when they are not beside the toc.

    Attributes
    ----------
    has_checksums : bool
        Whether every message has a checksum, with which it is compared when it is read.
    """

    has_checksums = True

    def __init__(
        self,
        root: Path,
        name: str,
        files: OpenFiles,
        listener: Listener,
        stores: StoreRoots | None = None,
    ) -> None:
        self.root = root
        self.name = name
        self._stores = stores
        self._places: dict[str, Path] = {}
        self.where = f"{root}/{name}"
        self._files = files
        self._listener = listener
        self._damaged: set[tuple[str, int]] = set()
        self._told: set[tuple[str, str]] = set()
        self._schema: Schema | None = None
        self._data_root: Path | None = None
        self._n_retries = 0
        self._forget(-1)

    def _forget(self, inode: int) -> None:
        self.toc = Toc(self.where)
        self._table = Table(())
        self._refused: set[tuple[str, int]] = set()
        self._schema = None
        self._seen = (inode, -1, 0)
        self._places.clear()
        for root in (self.root, *(self._stores.roots if self._stores else ())):
            self._files.forget(root, self.name)

    def schema(self) -> Schema | None:
        """Return the database's own schema, None before it has one.

        Raises
        ------
        CorruptData
            If the file is not what was written.
        """
        if self._schema is None:
            if self._seen[0] < 0:
                self._forget(self._look()[0])  # so that the first look of `table` does not forget it
            with suppress(FileNotFoundError):
                self._schema = _read_schema(self.root, self.name)
        return self._schema

    def table(self) -> Table:
        """Return a snapshot of everything flushed up to now, by anybody."""
        seen, self._n_retries = self._look(), MAX_RETRIES
        while seen != self._seen:
            if seen[0] != self._seen[0]:
                self._forget(seen[0])
            with suppress(_Purged):
                if seen[1]:
                    self._read_toc()
                elif seen[0] == 0 and self._has_lost_its_toc():
                    self._skipped(f"{self.where}/toc", "there is none, but there are index files")
                self._seen = seen
                break
            self._forget(-1)
            self._n_retries -= 1
            seen = self._look()
        return self._table

    @property
    def data_root(self) -> Path:
        """The root in which new data files are made."""
        if self._stores is None:
            return self.root
        if self._data_root is None:
            self._data_root = self._stores.writing(self.name)
        return self._data_root

    @property
    def folders(self) -> tuple[str, ...]:
        """The directories that hold the database's files, the one with the toc first."""
        stores = [f"{root}/{self.name}" for root in self._stores.roots] if self._stores else []
        return (self.where, *filter(_is_there, stores))

    def anew(self, listener: Listener) -> "Database":
        """Return the same database as if it had just been opened: nothing of it was read or reported."""
        return type(self)(self.root, self.name, OpenFiles(), listener, self._stores)

    def every_record(self) -> list[TocRecord]:
        """Return all records that count, those included that others stand for, newly read."""
        toc = Toc(self.where, every=True)
        if self.toc_bytes():
            self._new_records(toc)
        return current(toc.records)

    def table_for(self, wanted: Wanted) -> Table:
        """Return a snapshot of at least the fields that answer a request."""
        return self.table()

    def toc_bytes(self) -> int:
        """Return the size of the toc, 0 when there is none."""
        return self._look()[1]

    def exists(self) -> bool:
        """Whether a writer made this directory, or began to: it has a schema or a toc."""
        return any(_is_there(f"{self.where}/{name}") for name in ("schema", "toc"))

    def file(self, name: str) -> OpenFile:
        """Return one of the database's index or data files; CorruptData for a name that is not one's."""
        if not _FILE_NAME.fullmatch(name):
            raise CorruptData(
                f"{self.where} names {name!r}, which is no file of a database", where=self.where
            )
        return self._files.get(self._root_of(name), self.name, name)

    def path(self, name: str) -> str:
        """Return the path of one of the database's files."""
        return f"{self._root_of(name)}/{self.name}/{name}"

    def _root_of(self, name: str) -> Path:
        """Return the root that has a file: a data file's is found by looking, once."""
        if self._stores is None or not name.endswith(".data"):
            return self.root
        if name not in self._places:
            roots = [root for root in self._stores.roots if _is_there(f"{root}/{self.name}/{name}")]
            if not roots:
                return self.root
            self._places[name] = roots[0]
        return self._places[name]

    def _look(self) -> tuple[int, int, int]:
        """Return inode, size and time of the last change of the toc, zeros when there is none."""
        try:
            status = os.lstat(f"{self.where}/toc")
        except (FileNotFoundError, NotADirectoryError):
            return 0, 0, 0
        return status.st_ino, status.st_size, status.st_ctime_ns

    def _has_lost_its_toc(self) -> bool:
        """Whether there is no toc, though a writer made an index file: that makes the toc before."""
        with suppress(FileNotFoundError, NotADirectoryError):
            has_index = any(name.endswith(".index") for name in os.listdir(self.where))  # noqa: PTH208
            return has_index and self._look()[0] == 0
        return False

    def _read_toc(self) -> None:
        n_before = len(self.toc.records)
        last = self.toc.records[-1].position if n_before else -1
        records = self._new_records(self.toc)
        if n_before and any(record.kind == RECLAIMED for record in records):
            self.toc, n_before = Toc(self.where), 0  # it may cut merged records, whose own are needed again
            records = self._new_records(self.toc)
        grew = n_before and len(self.toc.records) == n_before + len(records)
        if grew and all(r.kind != RECLAIMED and r.position > last for r in records):
            new = [record for record in records if record.kind == SEGMENT]
            if new:
                self._table = Table([*self._table.segments, *self._segments(new)], self._table)
        elif self.toc.records or not grew:
            self._table = Table(self._segments(effective(self.toc.records, self._refused)))

    def _new_records(self, toc: Toc) -> list[TocRecord]:
        try:
            file = open_file(self.root, self.name, "toc")
            records, damage = toc.read(file.fd)
        except FileNotFoundError:  # wiped after it was looked at
            return []
        except CorruptData as error:
            self._skipped(f"{self.where}/toc", str(error))
            return []
        for start, stop, reason in damage:
            if not self.stands_for(toc.records, start, stop):
                foreign = start == 0 and is_foreign(file.fd)
                self._skipped(f"{self.where}/toc, bytes {start} to {stop}", NAME_IT if foreign else reason)
        return records

    def stands_for(self, records: list[TocRecord], start: int, stop: int) -> TocRecord | None:
        """Return a merged or reclaimed record, not known to be damaged, that holds what some bytes did."""
        wide = (r for r in records if r.kind != SEGMENT and r.start <= start and stop <= r.stop)
        usable = (r for r in wide if (r.index, r.offset) not in self._refused)
        return max(usable, key=lambda r: r.kind, default=None)

    def read_segment(self, record: TocRecord) -> Segment:
        """Return the segment of a toc record; CorruptData if it is not what was flushed."""
        where = f"{self.where}/{record.index}, byte {record.offset}"
        if not 0 < record.length <= MAX_SEGMENT_BYTES:
            raise CorruptData(f"the segment in {where} has {record.length} bytes", where=where)
        file = self.file(record.index)
        data = read_exactly(file.fd, record.length, record.offset, where)
        segment = Segment(data, record.checksum, where, record.time_ns // 1_000_000_000)
        if segment.n_fields != record.n_fields:
            raise CorruptData(f"the segment in {where} has {segment.n_fields} fields", where=where)
        return segment

    def read_table(self, index: str, offset: int, length: int) -> bytes:
        """Return the bytes of a block offset table."""
        return read_exactly(self.file(index).fd, length, offset, f"{self.where}/{index}, byte {offset}")

    def is_damaged(self, record: TocRecord) -> bool:
        """Whether the record's segment was needed, and could not be read."""
        return (record.index, record.offset) in self._damaged

    def _segments(self, records: list[TocRecord]) -> list[tuple[Segment, str, int]]:
        """Return the segments of effective records; if one that stands for others is damaged, theirs."""
        known = {(index, offset): segment for segment, index, offset in self._table.segments}
        segments = []
        seen, counting = None, set[TocRecord]()
        for record in records:
            place = (record.index, record.offset)
            try:
                segment = known.get(place) or self.read_segment(record)
                segments.append((segment, record.index, record.offset))
            except CorruptData as error:
                if (now := self._look()) != seen:
                    seen, counting = now, self._counting()
                if self._n_retries > 0 and record not in counting:
                    raise _Purged from error
                if place not in self._damaged:
                    self._damaged.add(place)
                    self._skipped(f"{self.where}/{record.index}, byte {record.offset}", str(error))
                if record.kind != SEGMENT:
                    return self._segments(self._without(place))
        return segments

    def _counting(self) -> set[TocRecord]:
        """Return the records that count now, newly read, if damaged ones that stand for others do not."""
        toc = Toc(self.where, every=True)
        records = self._new_records(toc)
        return set(current(r for r in records if (r.index, r.offset) not in self._refused))

    def _without(self, place: tuple[str, int]) -> list[TocRecord]:
        """Return the effective records when one that stands for others cannot be read."""
        self._refused.add(place)
        self.toc = Toc(self.where, every=True)
        self._new_records(self.toc)
        return effective(self.toc.records, self._refused)

    def _skipped(self, where: str, reason: str) -> None:
        if (where, reason) not in self._told:
            self._told.add((where, reason))
            self._listener(RecordSkipped(where=where, reason=reason))


class _Purged(Exception):
    """What was to be read is not needed any more."""


def create_database(disk: Disk, root: Path, name: str, schema: Schema) -> None:
    """Make a database if there is none; its name and schema are durable on return.

    Raises
    ------
    StorageFailed
        If the file system refuses.
    """
    try:
        _make_root(disk, root)
        parent = open_directory(root)
    except OSError as error:
        raise _refused(str(root), error) from error
    try:
        with suppress(FileExistsError):
            disk.make_directory(parent, name)
        directory = open_directory(root, name)
        try:
            refuse_foreign(directory, f"{root}/{name}")
            _write_schema(disk, directory, f"{root}/{name}", schema)
        finally:
            os.close(directory)
        disk.sync_directory(parent, str(root))
    except StorageFailed:
        raise
    except OSError as error:
        raise _refused(f"{root}/{name}", error) from error
    finally:
        os.close(parent)


def create_folder(disk: Disk, root: Path, name: str) -> None:
    """Make the directory of a database's data files, if there is none; its name is durable on return.

    Raises
    ------
    StorageFailed
        If the file system refuses.
    """
    try:
        _make_root(disk, root)
        parent = open_directory(root)
        try:
            with suppress(FileExistsError):
                disk.make_directory(parent, name)
            disk.sync_directory(parent, str(root))
        finally:
            os.close(parent)
    except StorageFailed:
        raise
    except OSError as error:
        raise _refused(f"{root}/{name}", error) from error


def _make_root(disk: Disk, root: Path) -> None:
    """Make the root and what is above it, as far as they are not there, durably."""
    absent = [path for path in (root, *root.parents) if not path.exists()]
    root.mkdir(parents=True, exist_ok=True)
    for path in absent:
        parent = open_directory(path.parent)
        try:
            disk.sync_directory(parent, str(path.parent))
        finally:
            os.close(parent)


def _refused(where: str, error: OSError) -> StorageFailed:
    return storage_failed(f"the database {where} cannot be made or opened", error)


def _write_schema(disk: Disk, directory: int, where: str, schema: Schema) -> None:
    """Link a finished copy of the schema into place, unless there is one."""
    with suppress(FileNotFoundError):
        os.stat("schema", dir_fd=directory, follow_symlinks=False)
        return
    text = schema.text if schema.text.endswith("\n") else schema.text + "\n"
    data = f"{text}{_MARK}{checksum(text.encode()):016x}\n".encode()
    temporary = f"schema.{new_stem()}.tmp"
    fd = disk.create(directory, temporary)
    try:
        disk.write(fd, [data], f"{where}/{temporary}")
        disk.sync(fd, f"{where}/{temporary}")
        with suppress(FileExistsError):
            disk.link(directory, temporary, "schema")
    finally:
        os.close(fd)
        with suppress(OSError):
            disk.remove(directory, temporary)
    disk.sync_directory(directory, where)


def _read_schema(root: Path, name: str) -> Schema:
    where = f"{root}/{name}"
    file = open_file(root, name, "schema")
    data = read_exactly(file.fd, min(os.fstat(file.fd).st_size, MAX_SCHEMA_BYTES), 0, f"{where}/schema")
    try:
        text = data.decode("utf-8")
        marked = _MARKED.fullmatch(text)
        if marked and checksum(marked[1].encode()) != int(marked[2], 16):
            raise CorruptData(f"{where}/schema does not match its checksum", where=where)
        return schema_of(marked[1] if marked else text)
    except (UnicodeDecodeError, InvalidConfig) as error:
        raise CorruptData(f"{where}/schema is not a schema: {error}", where=where) from error


def _is_there(path: str) -> bool:
    """Whether a path exists; where this may not be looked at (PermissionError), nothing is said of it."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True
