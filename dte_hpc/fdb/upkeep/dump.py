"""What is written in a database's toc, record by record?

Everything: records that others stand for, what damage left, and of each segment the values and the data
files it names. For people who want to know what happened; no reading of fields needs it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from dte_hpc.base.errors import CorruptData, InvalidRequest
from dte_hpc.fdb.files.database import Database
from dte_hpc.fdb.files.disk import open_file
from dte_hpc.fdb.files.segment import Segment
from dte_hpc.fdb.files.table import FILE
from dte_hpc.fdb.files.toc import MERGED, RECLAIMED, SEGMENT, SLOT_BYTES, Toc, TocRecord, effective
from dte_hpc.fdb.naming.cubes import in_order

KINDS = {SEGMENT: "TOC_SEGMENT", MERGED: "TOC_MERGED", RECLAIMED: "TOC_RECLAIMED"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DumpedRecord:
    """One record of a toc, or a stretch of bytes that is none.

    Attributes
    ----------
    start, stop : int
        Its bytes of the toc.
    record : TocRecord or None
        None for bytes that hold no record.
    counts : bool
        Whether readers use it: no other record stands for it, and its segment is whole.
    axes : dict of keyword to values
        That its fields have.
    files : tuple of str
        The data files they lie in.
    damage : str
        Why its segment cannot be read; empty when it can.
    """

    start: int
    stop: int
    record: TocRecord | None = None
    counts: bool = False
    axes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    damage: str = ""

    @property
    def kind(self) -> str:
        """What it is called."""
        return KINDS[self.record.kind] if self.record else "GAP"


def dump(database: Database) -> list[DumpedRecord]:
    """Return what a database's toc holds, in file order; nothing when it has none yet.

    Raises
    ------
    CorruptData
        If the toc cannot be read at all.
    InvalidRequest
        If ECMWF's FDB wrote it.
    """
    if not database.has_checksums:
        raise InvalidRequest(f"{database.where} was written by ECMWF's FDB; its fdb-dump-toc shows its toc")
    toc = Toc(database.where, every=True)
    try:
        file = open_file(database.root, database.name, "toc")
        toc.read(file.fd)
    except FileNotFoundError:
        return []
    segments = {record: _segment_of(database, record) for record in toc.records}
    refused = {(r.index, r.offset) for r, found in segments.items() if isinstance(found, CorruptData)}
    used = set(effective(toc.records, refused))
    dumped = [DumpedRecord(start=start, stop=stop) for start, stop in toc.gaps]
    dumped += [_dumped(record, found, record in used) for record, found in segments.items()]
    return sorted(dumped, key=lambda entry: entry.start)


def _segment_of(database: Database, record: TocRecord) -> Segment | CorruptData | None:
    if record.n_fields == 0:
        return None
    try:
        return database.read_segment(record)
    except CorruptData as error:
        return error


def _dumped(record: TocRecord, found: Segment | CorruptData | None, counts: bool) -> DumpedRecord:
    damage = str(found) if isinstance(found, CorruptData) else ""
    segment = found if isinstance(found, Segment) else None
    return DumpedRecord(
        start=record.position,
        stop=record.position + SLOT_BYTES,
        record=record,
        counts=counts and not damage,
        axes=dict(_axes(segment)) if segment else {},
        files=tuple(_words(segment, FILE, record.index.removesuffix("index") + "data")) if segment else (),
        damage=damage,
    )


def _axes(segment: Segment) -> Iterator[tuple[str, tuple[str, ...]]]:
    for keyword in segment.keywords:
        yield keyword, in_order(word for word in _words(segment, keyword, "") if word)


def _words(segment: Segment, column: str, empty: str) -> list[str]:
    """Return the words of a column; `empty` stands for the empty one."""
    found = segment.words(column)
    return [word or empty for word in found[0]] if found else []
