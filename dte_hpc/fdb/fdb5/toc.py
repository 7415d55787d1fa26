"""What does one record of an FDB 5 toc say?

A record is a C struct, little-endian, then an eckit Stream (`stream`), then padding up to a multiple of
1024 bytes. There is no magic and no checksum::

    byte 0   B   tag: "t" init, "i" index, "c" clear, "s" sub-toc
         1   3s  0
         4   I   version of the serialisation, 1 to 3
         8   I   version of the FDB that wrote it, 4 bytes of padding
        16   qq  seconds since 1970, microseconds
        32   iI  process, user
        40   64s name of the host, padded with NUL
       104   Q   bytes of the record, header and padding included
       112       the payload, at most 1 MiB

    "t"  key of the database (`Stream.pairs`), whether this is a sub-toc (from version 2 on)
    "i"  index file, byte of its B-tree there, type of the B-tree,
         how many data files; number and name of each; then
         version 3:    {"size": n, "axes": `Stream.lists`} {"key": key, "type": type, "time": seconds}
         version 1, 2: `Stream.lists`, key, its values joined by ":", type
    "c"  file, byte: of an index or (0) a sub-toc that is masked; file "*" masks all before this record
    "s"  file of a sub-toc, an absolute path where it belongs to another database

(ECMWF, https://github.com/ecmwf/fdb, `src/fdb5/toc/TocRecord.h`, `TocHandler.cc`, `TocIndex.cc`,
`database/Index.cc`, `IndexAxis.cc`, `UriStore.cc`, 5.22; checked with stores written by 5.25.)

An append cut short leaves bytes that are no record, and what was appended after them begins at any
byte. So a record is looked for by the first eight bytes of its header, and is taken when header and
payload make sense and no other record begins before the payload ends.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from dte_hpc.base.errors import CorruptData
from dte_hpc.fdb.fdb5.stream import Stream

HEADER = struct.Struct("<B3sII4xqqiI64sQ")
HEADER_BYTES = 112
assert HEADER.size == HEADER_BYTES  # noqa: S101
MAX_RECORD_BYTES = HEADER_BYTES + (1 << 20) + 1024
INIT, INDEX, CLEAR, SUB_TOC = b"tics"
_BEGINS = re.compile(rb"[tics]\0\0\0[\1-\3]\0\0\0")
_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Init:
    """The database's key."""

    key: dict[str, str]


@dataclass(frozen=True, slots=True)
class Index:
    """One flushed index.

    Attributes
    ----------
    file, offset
        Where its B-tree begins.
    kind : str
        Of the B-tree.
    files : dict of int to str
        Data files by the number its entries call them: relative to the database, absolute, or a URI.
    axes : dict of str to list of str
        All values of each keyword of its fields.
    key : dict of str to str
        What its fields have in common beside the database's key.
    time : int
        Second since 1970 at which it was flushed.
    """

    file: str
    offset: int
    kind: str
    files: dict[int, str]
    axes: dict[str, list[str]]
    key: dict[str, str]
    time: int


@dataclass(frozen=True, slots=True)
class Clear:
    """A mask over an index, a sub-toc (byte 0), or all before it (file ``*``)."""

    file: str
    offset: int


@dataclass(frozen=True, slots=True)
class SubToc:
    """Another toc, to be read in place of this record."""

    path: str


Record = Init | Index | Clear | SubToc


def scan(buffer: bytes, base: int) -> Iterator[Record | tuple[int, int]]:
    """Yield the records of a piece of a toc that begins at byte `base`, and (start, stop) of the gaps.

    The last gap, if any, reaches to the end of the buffer and may be a record that is being written.
    """
    at = bad = 0
    while at < len(buffer):
        record, stop = _record(buffer, at)
        if record is None:
            at = _next_header(buffer, at + 1, len(buffer))
            continue
        if at > bad:
            yield base + bad, base + at
        yield record
        at = bad = stop
    if at > bad:
        yield base + bad, base + len(buffer)


def begins_record(buffer: bytes) -> bool:
    """Whether bytes are the beginning of a record whose other bytes are not there."""
    if len(buffer) < HEADER_BYTES:
        return _BEGINS.match(buffer) is not None or not buffer.strip(b"\0")
    return _size_in_header(buffer, 0) > len(buffer)


def _record(buffer: bytes, at: int) -> tuple[Record | None, int]:
    """Return the record at a place, None for none, and where it ends.

    Where another record begins inside it, its append was cut short, or its size is wrong: it counts if
    its payload ends before that.
    """
    size = _size_in_header(buffer, at)
    if not size or at + size > len(buffer):
        return None, 0
    stop = _next_header(buffer, at + HEADER_BYTES, at + size)
    return _decoded(buffer, at, stop), stop


def _size_in_header(buffer: bytes, at: int) -> int:
    """Return the bytes a record says it has, 0 when its header is none."""
    if len(buffer) - at < HEADER_BYTES or not _BEGINS.match(buffer, at):
        return 0
    _, _, _, _, seconds, microseconds, _, _, host, size = HEADER.unpack_from(buffer, at)
    if not 0 <= microseconds < _MICROSECONDS or seconds < 0 or not HEADER_BYTES < size <= MAX_RECORD_BYTES:
        return 0
    name, _, padding = host.partition(b"\0")
    return int(size) if name.isascii() and not padding.strip(b"\0") else 0


def _next_header(buffer: bytes, start: int, stop: int) -> int:
    """Return where the next record may begin, `stop` when none does before that."""
    for found in _BEGINS.finditer(buffer, start, stop + 7):
        if _size_in_header(buffer, found.start()):
            return found.start()
    return stop


def _decoded(buffer: bytes, at: int, stop: int) -> Record | None:
    """Return what a record says, None when it makes no sense."""
    tag, version = buffer[at], buffer[at + 4]
    payload = Stream(buffer, at + HEADER_BYTES, stop)
    try:
        if tag == INDEX:
            return _index(payload, version, int.from_bytes(buffer[at + 16 : at + 24], "little"))
        if tag == INIT:
            return Init(payload.pairs())
        if tag == CLEAR:
            return Clear(payload.text().rpartition("/")[2], payload.number())
        return SubToc(payload.text())
    except CorruptData:
        return None


def _index(payload: Stream, version: int, time: int) -> Index:
    file, offset, kind = payload.text(), payload.number(), payload.text()
    files = {payload.number(): payload.text() for _ in range(payload.count())}
    if version >= 3:
        axes = _object(payload)[1]
        key = _object(payload)[0]
    else:
        axes, key = payload.lists(), payload.pairs()
    if not axes or not key:
        raise CorruptData("an index record has no axes or no key")
    return Index(file, offset & 0xFFFFFFFF, kind, files, axes, key, time)


def _object(payload: Stream) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Return the key and the axes of an object, whichever it has."""
    key: dict[str, str] = {}
    axes: dict[str, list[str]] = {}
    n_axes = 0
    payload.start_object()
    while not payload.end_object():
        name = payload.text()
        if name == "size":
            n_axes = payload.count()
        elif name == "axes":
            axes = payload.some_lists(n_axes)
        elif name == "key":
            key = payload.pairs()
        elif name == "type":
            payload.text()
        else:
            payload.number()
    return key, axes
