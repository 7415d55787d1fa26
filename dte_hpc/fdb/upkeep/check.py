"""Is everything in a store what was written?

`check` reads every byte of it: schema, toc, index segments, block offset tables and, unless told
otherwise, every message, masked ones included. What it finds is damage (something that was flushed is
not there, or not as it was), or a leftover (bytes no flush made visible: a writer was killed, or is at
work just now). It changes nothing.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

from dte_hpc.base.errors import CorruptData, InvalidKey, InvalidMessage
from dte_hpc.base.events import Event, RecordSkipped
from dte_hpc.base.key import Key
from dte_hpc.codecs.layout import split
from dte_hpc.fdb.files.database import Database
from dte_hpc.fdb.files.disk import open_file
from dte_hpc.fdb.files.owners import LOCK_NAMES, files_in
from dte_hpc.fdb.files.repack import Rows
from dte_hpc.fdb.files.table import FILE, Table
from dte_hpc.fdb.files.toc import MERGED, SEGMENT, TORN, Damage, Toc, TocRecord, absent_flushes
from dte_hpc.fdb.finding.listing import Listing
from dte_hpc.fdb.naming.schema import Schema
from dte_hpc.fdb.store import FDB

NOT_OF_A_WRITER = frozenset({"schema", "toc", *LOCK_NAMES})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is not as it should be.

    Attributes
    ----------
    where : str
        File, and byte where there is one.
    what : str
        What was found there.
    damage : bool
        True when something that was flushed is lost or changed; False for a leftover.
    """

    where: str
    what: str
    damage: bool


@dataclass(slots=True)
class Report:
    """What a check saw.

    Attributes
    ----------
    n_databases, n_fields, n_bytes : int
        Databases, fields (masked ones included) and bytes of messages looked at.
    findings : list of Finding
        In the order in which they were met.
    """

    n_databases: int = 0
    n_fields: int = 0
    n_bytes: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_damaged(self) -> bool:
        """Whether anything that was flushed is lost or changed."""
        return any(finding.damage for finding in self.findings)


def check(store: FDB, *, data: bool = True) -> Report:
    """Read a whole store and say what is wrong with it.

    Parameters
    ----------
    store : FDB
        Its unflushed fields are not looked at.
    data : bool
        Whether messages are compared with their checksums; where there are none (`engine: fdb5-toc`),
        whether they can be read, and whether those that begin as GRIB are whole.
    """
    report = Report()
    for known in store.databases():
        report.n_databases += 1
        look = _check_database if known.has_checksums else _check_unchecked
        report.findings += look(known, store.schema, report, data)
    return report


def _check_database(known: Database, configured: Schema, report: Report, data: bool) -> Iterator[Finding]:
    skipped: list[RecordSkipped] = []

    def listen(event: Event) -> None:
        if isinstance(event, RecordSkipped):
            skipped.append(event)

    database = known.anew(listen)
    schema, wrong = _schema(database, configured)
    yield from wrong
    table = database.table()
    records = database.every_record()
    yield from (Finding(where=e.where, what=e.reason, damage=e.reason != TORN) for e in skipped)
    yield from _toc_findings(database, records)
    used, unused = _used_bytes(database, table, records)
    yield from unused
    yield from _name_findings(database, table, schema)
    rows = table.fields(np.arange(table.n_rows, dtype=np.int64))
    report.n_fields += len(rows)
    report.n_bytes += int(table.number("length").sum())
    listing = Listing([(database, table)], np.zeros(len(rows), np.int32), rows, schema.order)
    yield from _field_findings(listing, table, rows, data)
    yield from _leftovers(database, used)


def _check_unchecked(known: Database, configured: Schema, report: Report, data: bool) -> Iterator[Finding]:
    """Yield what contradicts itself, and what cannot be read, where there are no checksums."""
    findings: list[Finding] = []

    def listen(event: Event) -> None:
        if isinstance(event, RecordSkipped):
            findings.append(Finding(where=event.where, what=event.reason, damage=True))

    database = known.anew(listen)
    schema, wrong = _schema(database, configured)
    table = database.table()
    yield from (*wrong, *findings)
    report.n_fields += table.n_rows
    report.n_bytes += int(table.number("length").sum())
    rows = np.arange(table.n_rows)
    listing = Listing([(database, table)], np.zeros(table.n_rows, np.int32), rows, schema.order)
    for number in rows.tolist() if data else ():
        try:
            message = listing.message(number)
            if message[:4] == b"GRIB":
                _ = list(split(message))
        except (CorruptData, InvalidMessage) as error:
            where = f"{listing.path(number)}, byte {int(listing.offset[number])}"
            yield Finding(where=where, what=str(error), damage=True)


def _schema(database: Database, configured: Schema) -> tuple[Schema, list[Finding]]:
    where = f"{database.where}/schema"
    try:
        own = database.schema()
    except (CorruptData, OSError) as error:
        return configured, [Finding(where=where, what=str(error), damage=True)]
    if own is None:
        return configured, [
            Finding(where=where, what="there is none: a writer was killed here", damage=False)
        ]
    return own, []


def _toc_findings(database: Database, records: list[TocRecord]) -> Iterator[Finding]:
    """Yield what is wrong in the toc and no reader needs, and flushes of a writer that have no record."""
    toc, damage = _read_toc(database)
    for start, stop, reason in damage:
        standing = database.stands_for(toc.records, start, stop)
        if standing is not None and standing.kind == MERGED:
            what = f"{reason}; a merged segment stands for it, no field is lost"
            yield Finding(where=f"{database.where}/toc, bytes {start} to {stop}", what=what, damage=False)
    if toc.tail is not None:
        what = TORN if toc.tail in toc.torn else "the last bytes are no record, nor the beginning of one"
        yield Finding(
            where=f"{database.where}/toc, bytes {toc.tail[0]} to {toc.tail[1]}",
            what=what,
            damage=toc.tail not in toc.torn,
        )
    for index, flushes in absent_flushes(records).items():
        numbers = ", ".join(map(str, flushes[:10]))
        yield Finding(
            where=f"{database.where}/toc", what=f"no record of flush {numbers} of {index}", damage=True
        )


def _read_toc(database: Database) -> tuple[Toc, list[Damage]]:
    """Return the toc with every record, and all that is wrong in it."""
    toc = Toc(database.where, every=True)
    with suppress(FileNotFoundError, CorruptData):  # what cannot be opened is reported by a table
        file = open_file(database.root, database.name, "toc")
        return toc, toc.read(file.fd)[1]
    return toc, []


def _name_findings(database: Database, table: Table, schema: Schema) -> Iterator[Finding]:
    """Yield segments whose keys do not belong into the directory they are in."""
    for row, (segment, _, _) in zip(table.starts.tolist(), table.segments, strict=False):
        pairs = {k: table.words_of(k).list[int(table.codes(k)[row])] for k in segment.keywords}
        key = Key({keyword: value for keyword, value in pairs.items() if value})
        try:
            route, values = schema.split(key)
            name = route.directory(values)
        except InvalidKey as error:
            yield Finding(where=segment.where, what=str(error), damage=True)
            continue
        if name != database.name:
            yield Finding(where=segment.where, what=f"the key {key} belongs into {name}", damage=True)


def _field_findings(listing: Listing, table: Table, rows: Rows, data: bool) -> Iterator[Finding]:
    has_table = table.number("table")[rows] > 0
    for number in range(len(listing)) if data else np.flatnonzero(has_table).tolist():
        try:
            if data:
                listing.message(number)
            if has_table[number]:
                listing.block_offsets(number)
        except CorruptData as error:
            where = f"{listing.path(number)}, byte {int(listing.offset[number])}"
            yield Finding(where=where, what=str(error), damage=True)


def _leftovers(database: Database, used: dict[str, int]) -> Iterator[Finding]:
    """Yield files, and ends of files, that no toc record refers to."""
    for file in (file for folder in database.folders for file in files_in(folder)):
        if file.name in NOT_OF_A_WRITER:
            continue
        if file.size > used.get(file.name, 0):
            what = f"{file.size - used.get(file.name, 0)} of {file.size} bytes belong to no flush"
            yield Finding(where=file.path, what=what, damage=False)
        elif file.name not in used:
            yield Finding(where=file.path, what="belongs to no flush", damage=False)


def _used_bytes(
    database: Database, table: Table, records: list[TocRecord]
) -> tuple[dict[str, int], list[Finding]]:
    """Return for each file how many of its bytes are referred to, and damage to what others stand for."""
    used: dict[str, int] = {}
    findings = []
    counted = {(index, offset): segment for segment, index, offset in table.segments}
    for record in records:
        segment = counted.get((record.index, record.offset))
        try:
            segment = segment or (database.read_segment(record) if record.n_fields else None)
        except CorruptData as error:
            if record.kind == SEGMENT and not database.is_damaged(record):
                what = f"{error}; a merged segment stands for it, no field is lost"
                findings.append(Finding(where=f"{database.where}/{record.index}", what=what, damage=False))
        size = record.length if segment is None else segment.length + segment.table_bytes
        used[record.index] = used.get(record.index, 0) + size
    if table.n_rows:
        lengths = np.bincount(table.codes(FILE), weights=table.number("length").astype(np.float64))
        for name, n_bytes in zip(table.words_of(FILE).list, lengths.tolist(), strict=False):
            if name and n_bytes:
                used[name] = used.get(name, 0) + int(n_bytes)
    return used, findings
