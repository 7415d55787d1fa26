"""What has been flushed to a database, and in which order?

The file ``toc`` is a row of slots of 128 bytes, little-endian, each written by one append and found at
a multiple of 128 (records whose size divides 4096 were never torn by SIGKILL in 600 kills on ext4, xfs
and tmpfs; 1000-byte ones were, in 43 to 58)::

    byte  0  4s  magic "DTEt"
          4  B   version, 1
          5  B   kind: 1 = a segment of an index file, 2 = merged, 3 = reclaimed
          6  H   bytes of the name
          8  I   sequence: 0, 1, 2 ... of this writer (the index file's name says which)
         12  I   fields in the segment
         16  Q   where the segment begins in the index file
         24  Q   bytes of the segment (without its block offset tables)
         32  Q   checksum of the segment
         40  Q   nanoseconds since 1970 at the flush
         48  64s name of the index file, padded with NUL
        112  I   merged, reclaimed: the first slot that this one stands for
        116  I   and the slot after the last
        120  Q   xxh3-64 of bytes 0 to 119

A record exists when its checksum is right: what is not here does not exist. Later in the file masks
earlier. A merged record's segment holds the rows of the segments in its slots once more, so that a reader
opens one instead of many; it stands where they stand (`dte_hpc.fdb.writing.merge`). A reclaimed record's
segment holds what purge or compact left of everything before its last slot, whose files may be gone;
without a segment (0 fields) nothing is left (`dte_hpc.fdb.upkeep.reclaim`).

After damage of any length and alignment the reader goes on at the next magic that begins a right record;
what lies between is reported, kept in mind, and looked at again when the file has grown (another
client's append may have become visible behind it first). The first bytes of a slot and then zeros up to
its end are no damage: a writer was killed in its append, or the disk was full, and nobody was promised
that flush. A slot of zeros alone is damage, because a lost sector looks like that.
"""

import errno
import os
import struct
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.checksum import checksum
from dte_hpc.base.errors import StorageFailed
from dte_hpc.fdb.files.disk import Disk, read_exactly

MAGIC = b"DTEt"
VERSION = 1
SEGMENT, MERGED, RECLAIMED = 1, 2, 3
SLOT_BYTES = 128
MAX_NAME_BYTES = 64
TORN = "a record is cut short: a writer was killed, or is at work, before its flush was done"
MAX_REMEMBERED_GAPS = 64
MAX_GAP_BYTES = 1 << 20
_RECORD = struct.Struct("<4sBBHIIQQQQ64sIIQ")
assert _RECORD.size == SLOT_BYTES  # noqa: S101
_SLOT = np.dtype(
    {
        "names": ["magic", "kind", "last", "own"],
        "formats": ["<u4", "u1", "<u4", "<u8"],
        "offsets": [0, 5, 116, 120],
        "itemsize": 128,
    }
)
_MAGIC_NUMBER = int.from_bytes(MAGIC, "little")


@dataclass(frozen=True, slots=True, kw_only=True)
class TocRecord:
    """One flush of one writer, or what stands in the place of many.

    Attributes
    ----------
    position : int
        Byte of the toc at which the record stands.
    index : str
        Name of the index file; empty for a reclaimed record that left nothing.
    sequence, n_fields : int
        Which flush of that writer, and how many fields its segment has.
    offset, length : int
        Where its segment lies in the index file.
    checksum : int
        Of the segment.
    time_ns : int
        Since 1970.
    kind : int
        SEGMENT, MERGED or RECLAIMED.
    start, stop : int
        Bytes of the toc whose records it stands for; its own for a SEGMENT. The order of masking.
    """

    position: int
    index: str
    sequence: int
    n_fields: int
    offset: int
    length: int
    checksum: int
    time_ns: int
    kind: int = SEGMENT
    start: int = 0
    stop: int = 0


def pack(record: TocRecord) -> bytes:
    """Return the slot of a record; its position is where it will be written."""
    name = record.index.encode("ascii")
    if len(name) > MAX_NAME_BYTES:
        raise ValueError(f"the name {record.index} has {len(name)} bytes; expected at most {MAX_NAME_BYTES}")
    stands_for = (0, 0) if record.kind == SEGMENT else (record.start // SLOT_BYTES, record.stop // SLOT_BYTES)
    body = _RECORD.pack(
        MAGIC,
        VERSION,
        record.kind,
        len(name),
        record.sequence,
        record.n_fields,
        record.offset,
        record.length,
        record.checksum,
        record.time_ns,
        name,
        *stands_for,
        0,
    )[:-8]
    return body + checksum(body).to_bytes(8, "little")


def effective(records: Iterable[TocRecord], refused: Collection[tuple[str, int]] = ()) -> list[TocRecord]:
    """Return the records whose segments together are the database, in the order of masking.

    Every slot is stood for once: by the last reclaimed record, then by the widest merged one, else by
    itself.

    Parameters
    ----------
    records : iterable of TocRecord
        All of them.
    refused : collection of (index file, byte)
        Segments of merged and reclaimed records that cannot be read.
    """
    usable = current(r for r in records if r.kind == SEGMENT or (r.index, r.offset) not in refused)
    chosen: list[TocRecord] = []
    stop = 0
    for record in sorted(usable, key=lambda r: (r.start, -r.stop)):
        if record.start >= stop:
            chosen.append(record)
            stop = record.stop
    return [record for record in chosen if record.n_fields]


def current(records: Iterable[TocRecord]) -> list[TocRecord]:
    """Return the last reclaimed record and what came after the records that it stands for."""
    known = list(records)
    last = max((r for r in known if r.kind == RECLAIMED), key=lambda r: (r.stop, r.position), default=None)
    if last is None:
        return known
    return [last, *(r for r in known if r.kind != RECLAIMED and r.start >= last.stop)]


def append(disk: Disk, directory: int, record: TocRecord, where: str) -> int:
    """Append a record durably with one write; return the byte at which it stands.

    If the file does not end at a slot, because a writer was cut short, the write begins with the bytes
    that fill its slot. What a nearly full disk took in pieces is looked at again. A descriptor is opened
    for each record and closed after it.
    """
    name = f"{where}/toc"
    fd = disk.open(directory, "toc", os.O_RDWR | os.O_APPEND)
    try:
        padding, slot = bytes(-os.fstat(fd).st_size % SLOT_BYTES), pack(record)
        n_pieces = disk.write(fd, [padding + slot], name)
        position = os.lseek(fd, 0, os.SEEK_CUR) - SLOT_BYTES
        if n_pieces > 1 and os.pread(fd, SLOT_BYTES, position) != slot:
            raise StorageFailed(f"{name} took a record in pieces, and one of another writer between them")
        disk.sync(fd, name)
    finally:
        os.close(fd)
    return position


def create(disk: Disk, directory: int) -> None:
    """Make the toc if there is none; its name is durable after the next sync of the directory."""
    os.close(disk.open(directory, "toc", os.O_CREAT | os.O_WRONLY | os.O_APPEND))


def unpack(buffer: bytes, at: int, position: int) -> TocRecord | None:
    """Return the record at an offset of a buffer, or None if there is none; `position` is its byte."""
    if buffer[at : at + 4] != MAGIC or len(buffer) - at < SLOT_BYTES:
        return None
    body = buffer[at : at + SLOT_BYTES - 8]
    _, version, kind, n_name, sequence, n_fields, offset, length, digest, time_ns, name, first, last, own = (
        _RECORD.unpack_from(buffer, at)
    )
    if own != checksum(body) or version != VERSION or n_name > MAX_NAME_BYTES:
        return None
    if kind == SEGMENT:
        start, stop = position, position + SLOT_BYTES
    elif kind in (MERGED, RECLAIMED) and first <= last and last * SLOT_BYTES <= position:
        start, stop = first * SLOT_BYTES, last * SLOT_BYTES
    else:
        return None
    return TocRecord(
        position=position,
        index=name[:n_name].decode("ascii", "replace"),
        sequence=sequence,
        n_fields=n_fields,
        offset=offset,
        length=length,
        checksum=digest,
        time_ns=time_ns,
        kind=kind,
        start=start,
        stop=stop,
    )


def scan(buffer: bytes, base: int) -> Iterator[TocRecord | tuple[int, int]]:
    """Yield the records of a piece of a toc that begins at byte `base`, and (start, stop) of the gaps.

    The last gap, if any, reaches to the end of the buffer and may be a record that is being written.
    """
    at = bad = 0
    while at < len(buffer):
        record = unpack(buffer, at, base + at)
        if record is None:
            found = buffer.find(MAGIC, at + 1)
            at = found if found >= 0 else len(buffer)
            continue
        if at > bad:
            yield base + bad, base + at
        yield record
        at = bad = at + SLOT_BYTES
    if at > bad:
        yield base + bad, base + len(buffer)


def scan_needed(buffer: bytes, base: int) -> list[TocRecord] | None:
    """Return the records of a piece of a toc, but those that others stand for; None if it is damaged.

    Cost: some passes over arrays, and 3 µs for each record returned: 4,000 flushes of which 63 merged
    records stand for all but the last take 0.3 ms instead of 12.
    """
    if len(buffer) % SLOT_BYTES or len(buffer) == 0:
        return None
    slots = np.frombuffer(buffer, _SLOT)
    if (slots["magic"] != _MAGIC_NUMBER).any() or len(np.unique(slots["own"])) < len(slots):
        return None
    single = (slots["kind"] == SEGMENT) & (slots["last"] == 0)  # two signs: one alone may be damaged
    wide = _unpacked(buffer, base, np.flatnonzero(~single))
    if wide is None:
        return None
    stand_for = effective(wide)
    at = np.flatnonzero(single)
    after = np.searchsorted([r.start for r in stand_for], base + at * SLOT_BYTES, side="right") - 1
    stops = np.array([0, *(r.stop for r in stand_for)])
    reclaimed = max((r.stop for r in wide if r.kind == RECLAIMED), default=0)
    needed = base + at * SLOT_BYTES >= np.maximum(stops[after + 1], reclaimed)
    records = _unpacked(buffer, base, at[needed])
    return None if records is None else sorted([*wide, *records], key=lambda r: r.position)


def _unpacked(buffer: bytes, base: int, slots: NDArray[np.int64]) -> list[TocRecord] | None:
    """Return the records in some slots of a buffer, None if one is not right."""
    records = [unpack(buffer, at, base + at) for at in (slots * SLOT_BYTES).tolist()]
    right = [record for record in records if record is not None]
    return right if len(right) == len(records) else None


def is_torn(data: bytes, at: int) -> bool:
    """Whether bytes of the toc from `at` on, in which no record is, are what killed writers leave."""
    slots = range(at // SLOT_BYTES * SLOT_BYTES, at + len(data), SLOT_BYTES)
    pieces = (data[max(0, slot - at) : slot + SLOT_BYTES - at] for slot in slots)
    return all(_is_begun(piece) or (len(piece) < SLOT_BYTES and not any(piece)) for piece in pieces)


def _is_begun(piece: bytes) -> bool:
    """Whether some bytes are the first ones of a slot, and zeros."""
    begun = piece.rstrip(b"\0")
    header = MAGIC + bytes([VERSION])
    if not begun or begun[: len(header)] != header[: len(begun)]:
        return False
    if len(begun) > 5 and begun[5] not in (SEGMENT, MERGED, RECLAIMED):
        return False
    own = checksum(piece[: SLOT_BYTES - 8]).to_bytes(8, "little")
    return own.startswith(begun[SLOT_BYTES - 8 :])


def absent_flushes(records: Collection[TocRecord]) -> dict[str, list[int]]:
    """Return of each index file the flushes without a record, though one of a later flush is there.

    Parameters
    ----------
    records : collection of TocRecord
        All that count. What came before the last slot that one of them stands for is not looked at.
    """
    stop = max((record.stop for record in records if record.kind != SEGMENT), default=0)
    seen: dict[str, set[int]] = {}
    for record in records:
        if record.kind == SEGMENT and record.position >= stop:
            seen.setdefault(record.index, set()).add(record.sequence)
    absent = {
        index: sorted(set(range(min(known) if stop else 0, max(known))) - known)
        for index, known in seen.items()
    }
    return {index: flushes for index, flushes in absent.items() if flushes}


class Damage(NamedTuple):
    """Bytes of a toc that are not a record in its place; `TORN` is the one harmless reason."""

    start: int
    stop: int
    reason: str


class Toc:
    """A toc being read, again and again.

    Parameters
    ----------
    where : str
        The database, for errors.
    every : bool
        Whether the first reading gives the records that others stand for too.

    Attributes
    ----------
    records : list of TocRecord
        In file order.
    size : int
        Bytes read up to now.
    gaps : list of (start, stop)
        Bytes that hold no record.
    torn : set of (start, stop)
        Those of them in which a writer was killed, or is at work.
    """

    def __init__(self, where: str, *, every: bool = False) -> None:
        self.where = where
        self._every = every
        self.records: list[TocRecord] = []
        self.gaps: list[tuple[int, int]] = []
        self.torn: set[tuple[int, int]] = set()
        self.size = 0
        self._begin = b""
        self._reported: set[int] = set()
        self._known: set[tuple[str, int]] = set()
        self._last: dict[str, tuple[int, int]] = {}

    def read(self, fd: int) -> tuple[list[TocRecord], list[Damage]]:
        """Read what is new; return the new records, and the damage not returned before.

        Cost: two small calls when nothing is new; otherwise one read of the tail and of each earlier gap.
        """
        size, begin = os.fstat(fd).st_size, os.pread(fd, SLOT_BYTES, 0)
        is_another = not begin.startswith(self._begin)
        if size == self.size and not is_another:
            return [], []
        self._begin = begin
        if size < self.size or is_another:
            self.records, self.gaps, self.size = [], [], 0
            self._known, self._last = set(), {}
        old, self.gaps, self.torn = self.gaps, [], set()
        records: list[TocRecord] = []
        written, holes = _written(fd, self.size, size)
        self.gaps += holes
        for start, stop in _joined([*old, *written]):
            piece = read_exactly(fd, stop - start, start, f"{self.where}/toc")
            needed = None if self._every or self.size else scan_needed(piece, start)
            for found in scan(piece, start) if needed is None else needed:
                if isinstance(found, TocRecord):
                    records.append(found)
                else:
                    self._add_gap(found, piece[found[0] - start : found[1] - start])
        self.gaps.sort()
        self.size = size
        damage = [
            Damage(*gap, TORN if gap in self.torn else "no record is there")
            for gap in self.gaps
            if not _may_grow(gap, size)
        ]
        records = [record for record in records if self._is_in_place(record, damage)]
        self.records = sorted([*self.records, *records], key=lambda record: record.position)
        fresh = [found for found in damage if found.start not in self._reported]
        self._reported.update(found.start for found in fresh)
        self._forget()
        return records, fresh

    def _add_gap(self, gap: tuple[int, int], data: bytes) -> None:
        self.gaps.append(gap)
        if is_torn(data, gap[0]):
            self.torn.add(gap)

    def _is_in_place(self, record: TocRecord, damage: list[Damage]) -> bool:
        """Whether a record is no copy of another one; what its place says of damage is added to that."""
        if record.kind != SEGMENT:
            return True
        stop = record.position + SLOT_BYTES
        if (record.index, record.offset) in self._known:
            damage.append(Damage(record.position, stop, f"a copy of another record of {record.index}"))
            return False
        self._known.add((record.index, record.offset))
        position, flush = self._last.get(record.index, (-1, -1))
        if record.position > position:
            self._last[record.index] = record.position, max(flush, record.sequence)
            if record.sequence < flush:
                reason = f"flush {record.sequence} of {record.index} stands behind flush {flush}"
                damage.append(Damage(record.position, stop, reason))
        return True

    @property
    def tail(self) -> tuple[int, int] | None:
        """The last gap, when it may be the beginning of a record (and was not reported for that reason)."""
        return self.gaps[-1] if self.gaps and _may_grow(self.gaps[-1], self.size) else None

    def _forget(self) -> None:
        """Keep only as many gaps as are cheap to look at again."""
        self.gaps = [gap for gap in self.gaps if gap[1] - gap[0] <= MAX_GAP_BYTES][-MAX_REMEMBERED_GAPS:]


def _written(fd: int, start: int, stop: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return which of some bytes were ever written, and the holes: a file may seem larger than any memory."""
    written: list[tuple[int, int]] = []
    holes: list[tuple[int, int]] = []
    at = start
    while stop - at > MAX_GAP_BYTES:
        try:
            begin = min(stop, os.lseek(fd, at, os.SEEK_DATA))
        except OSError as error:
            if error.errno != errno.ENXIO:  # a file system that cannot tell
                break
            begin = stop
        end = min(stop, os.lseek(fd, begin, os.SEEK_HOLE)) if begin < stop else stop
        holes += [(at, begin)] if begin > at else []
        written += [(begin, end)] if end > begin else []
        at = end
    return [*written, (at, stop)] if at < stop else written, holes


def _may_grow(gap: tuple[int, int], size: int) -> bool:
    """Whether a gap is the beginning of a record that somebody may still be writing."""
    return gap[1] == size and gap[1] - gap[0] < SLOT_BYTES


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans with neighbours that touch made one, so that a record over their border is seen."""
    joined: list[tuple[int, int]] = []
    for start, stop in spans:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], stop)
        elif stop > start:
            joined.append((start, stop))
    return joined
