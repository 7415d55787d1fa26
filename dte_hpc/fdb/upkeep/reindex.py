"""How is an index rebuilt from its data files?

A data file is plain messages, one after another, and a GRIB message says what it is. `reindex` looks at the
bytes of data files that no readable index refers to, takes every whole GRIB message there whose key belongs
to the database, and publishes those whose key is not stored already, with their block offsets. Nothing is
copied or removed. What the toc says of lost segments stays damage until a purge despite it.

Not found again: messages that are not GRIB (only the index knew their keys), earlier fields of a key that
is stored (which came first is no longer known), and whatever writers at work have not flushed yet. Fields
that a killed writer had archived and not flushed are found, too, when they are whole.
"""

import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dte_hpc.base.checksum import checksum
from dte_hpc.base.errors import DteError
from dte_hpc.base.events import ignore
from dte_hpc.base.key import Key
from dte_hpc.codecs.layout import split
from dte_hpc.fdb.files.database import Database
from dte_hpc.fdb.files.disk import Disk, open_directory
from dte_hpc.fdb.files.owners import StoredFile, files_in, is_at_work
from dte_hpc.fdb.files.segment import Packed
from dte_hpc.fdb.files.table import FILE, Table
from dte_hpc.fdb.finding.matching import newest_rows
from dte_hpc.fdb.naming.schema import Schema
from dte_hpc.fdb.upkeep.maintenance import maintenance
from dte_hpc.fdb.writing.facts import block_offsets_of, grid_of, layout_of
from dte_hpc.fdb.writing.pending import Rows
from dte_hpc.fdb.writing.publish import Publisher

MAGIC = b"GRIB"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReindexPlan:
    """What a reindex of one database finds.

    Attributes
    ----------
    where, key : str, Key
        The database.
    n_fields, n_bytes : int
        Fields that become visible again, and bytes of their messages.
    n_known : int
        Messages found whose key is stored already; they stay hidden.
    unread_bytes : int
        Bytes no index refers to that are no whole GRIB message of the database either.
    """

    where: str
    key: Key
    n_fields: int
    n_bytes: int
    n_known: int
    unread_bytes: int


def reindex(disk: Disk, database: Database, key: Key, schema: Schema, *, doit: bool) -> ReindexPlan:
    """Say which fields can be found again, and index them.

    Raises
    ------
    StorageLocked
        If other maintenance is at work in the database.
    StorageFailed
        If the file system refuses.
    """
    with maintenance(database) as directory:
        fresh = database.anew(ignore)
        idle = [
            file
            for folder in database.folders
            for file in files_in(folder)
            if file.kind == "data" and not is_at_work(file)
        ]
        found = _Found(fresh.table())
        for file in idle:
            found.look_into(file, schema, database.name)
        if doit and len(found.rows):
            publisher = Publisher(disk, lambda: directory, database.root, database.name)
            try:
                publisher.publish(found.packed)
            finally:
                publisher.drop()
    return ReindexPlan(
        where=database.where,
        key=key,
        n_fields=len(found.rows),
        n_bytes=sum(found.rows.lengths),
        n_known=found.n_known,
        unread_bytes=found.unread_bytes,
    )


class _Found:
    """Messages that no index refers to."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._stored = set(_keys(table))
        self._at: dict[frozenset[tuple[str, str]], int] = {}
        self._runs: list[tuple[str, int, int]] = []
        self.rows = Rows()
        self.n_known = self.unread_bytes = 0

    def packed(self, index: str) -> Packed:
        """Return the rows for an index file."""
        return Packed(len(self.rows), *self.rows.segment(index, self._runs))

    def look_into(self, file: StoredFile, schema: Schema, name: str) -> None:
        """Take the messages of one data file."""
        if file.size == 0:
            return
        directory = open_directory(file.directory)
        try:
            fd = os.open(file.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
        finally:
            os.close(directory)
        try:
            with mmap.mmap(fd, file.size, prot=mmap.PROT_READ) as data:
                for start, stop in _holes(self._table, file):
                    self._look_between(data, start, stop, file.name, schema, name)
        finally:
            os.close(fd)

    def _look_between(
        self, data: mmap.mmap, start: int, stop: int, file: str, schema: Schema, name: str
    ) -> None:
        at = start
        while at < stop:
            begin = data.find(MAGIC, at, stop)
            if begin < 0:
                break
            message = _message(data, begin, stop)
            if message is None or not self._take(message, begin, file, schema, name):
                at = begin + len(MAGIC)
                continue
            self.unread_bytes += begin - start
            at = start = begin + len(message)
        self.unread_bytes += stop - start

    def _take(self, message: bytes, begin: int, file: str, schema: Schema, name: str) -> bool:
        """Take one message if its key is of this database; whether it is."""
        from dte_hpc.codecs.decode import mars_key

        try:
            route, values = schema.split(mars_key(message))
        except DteError:
            return False
        if route.directory(values) != name:
            return False
        key = frozenset(zip(route.names, values, strict=True))
        if key in self._stored:
            self.n_known += 1
            return True
        self._stored.add(key)
        layout = layout_of(message)
        grid = grid_of(message) if layout is not None else ""
        offsets = block_offsets_of(message, layout)
        self.rows.add(route.names, values, len(message), checksum(message), layout, grid, offsets)
        self._runs.append((file, begin, 1))
        return True


def _keys(table: Table) -> Iterator[frozenset[tuple[str, str]]]:
    """Yield the keys that are stored."""
    rows = newest_rows(table, np.arange(table.n_rows, dtype=np.int64))
    columns = {k: (table.codes(k)[rows].tolist(), table.words_of(k).list) for k in table.keywords}
    for number in range(len(rows)):
        pairs = ((k, words[codes[number]]) for k, (codes, words) in columns.items())
        yield frozenset((k, value) for k, value in pairs if value)


def _holes(table: Table, file: StoredFile) -> list[tuple[int, int]]:
    """Return the bytes of a data file that no row refers to."""
    number = table.words_of(FILE).numbers.get(file.name) if table.n_rows else None
    if number is None:
        return [(0, file.size)]
    rows = np.flatnonzero(table.codes(FILE) == number)
    starts, lengths = (
        table.number("offset")[rows].astype(np.int64),
        table.number("length")[rows].astype(np.int64),
    )
    order = np.argsort(starts)
    ends = np.maximum.accumulate(np.concatenate(([0], (starts + lengths)[order])))
    begins = np.concatenate((starts[order], [file.size]))
    return [(int(a), int(b)) for a, b in zip(ends, begins, strict=True) if b > a]


def _message(data: mmap.mmap, begin: int, stop: int) -> bytes | None:
    """Return the whole GRIB message that begins at a byte, None if there is none."""
    try:
        message = next(split(memoryview(data)[begin:stop]), None)
    except DteError:
        return None
    return None if message is None else bytes(message)
