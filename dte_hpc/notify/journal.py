"""What became available, and when?

A text file beside the store, ``journal.jsonl``: one record a line, appended after the data it speaks of
can be read by a fresh process. A record is JSON whose last member is the checksum of the line without
it::

    {"seq":1,"time":"2026-11-24T10:30:00.000000Z","request":{"class":["od"],"step":["6"]},"xxh3":"5f2c..."}
    |------------------------------------ checksummed, plus "}" ---------------------|--- 27 bytes ------|

- ``seq`` counts from 1 and never repeats; ``request`` names exactly the fields and can be used as it is.
- A record is written by one `write` to a file opened for appending, under a lock of its own (fcntl), and
  synced before `append` returns. Several processes may append.
- A crash leaves a torn last line. The next record begins on a new line; readers skip what does not match
  its checksum and tell the listener, and a line without its end is not there yet.
"""

import datetime
import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from dte_hpc.base.checksum import checksum
from dte_hpc.base.errors import CorruptData, InvalidRequest, StorageFailed
from dte_hpc.base.events import Listener, RecordSkipped, ignore
from dte_hpc.base.request import Request

JOURNAL = "journal.jsonl"
MAX_LINE_BYTES = 1024 * 1024
_TAIL_BYTES = 64 * 1024
_SUM = b',"xxh3":"%016x"}\n'
_SUM_BYTES = len(_SUM % 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One notification.

    Attributes
    ----------
    sequence : int
        Counts from 1.
    time : str
        When it was written, UTC, ISO 8601.
    request : Request
        Asks the store for exactly what became available.
    """

    sequence: int
    time: str
    request: Request


def append(root: str | Path, request: Request) -> Record:
    """Record that what a request names is available; return when the record is durable.

    Parameters
    ----------
    root : path
        Directory of the store; it must exist.

    Raises
    ------
    InvalidRequest
        When the request takes more than a line may hold.
    StorageFailed
        When the file cannot be locked, written or synced; the record may then be missing or torn.
    """
    path = Path(root) / JOURNAL
    try:
        is_new = not path.exists()
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        with os.fdopen(os.open(path, flags, 0o666), "r+b", buffering=0) as file:
            fcntl.lockf(file, fcntl.LOCK_EX)
            record = _append(file, request)
            os.fdatasync(file)
        if is_new:
            _sync_directory(path.parent)
    except OSError as error:
        if isinstance(error, StorageFailed):
            raise
        raise StorageFailed(f"{path} cannot be appended to: {error}", path=str(path)) from error
    return record


def read(root: str | Path, from_sequence: int = 1, *, listener: Listener = ignore) -> Iterator[Record]:
    """Yield the records of a store from a sequence number on, oldest first; none when nothing was recorded.

    Each damaged line is skipped and told to the listener as `RecordSkipped`.
    """
    path = Path(root) / JOURNAL
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, line in enumerate(_whole_lines(file), 1):
            try:
                record = parse(line)
            except CorruptData as error:
                listener(RecordSkipped(where=f"{path}, line {number}", reason=str(error)))
                continue
            if record.sequence >= from_sequence:
                yield record


def parse(line: bytes) -> Record:
    """Return the record of a line (with its end); CorruptData when it is not whole."""
    body, end = line[:-_SUM_BYTES] + b"}", line[-_SUM_BYTES:]
    if len(line) > MAX_LINE_BYTES or end != _SUM % checksum(body):
        raise CorruptData(f"a line of {len(line)} bytes does not match its checksum")
    told = json.loads(body)
    return Record(sequence=told["seq"], time=told["time"], request=Request(told["request"]))


def _append(file: BinaryIO, request: Request) -> Record:
    sequence, is_torn = _end_of(file)
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    record = Record(sequence=sequence + 1, time=now, request=request)
    line = line_of(record)
    text = b"\n" + line if is_torn else line
    if file.write(text) != len(text):
        raise StorageFailed(f"{JOURNAL} took only part of a record of {len(text)} bytes: is the disk full?")
    return record


def line_of(record: Record) -> bytes:
    """Return the line of a record; InvalidRequest when it is longer than one may be."""
    told = {
        "seq": record.sequence,
        "time": record.time,
        "request": {keyword: list(values) for keyword, values in record.request.items()},
    }
    body = json.dumps(told, separators=(",", ":")).encode()
    line = body[:-1] + _SUM % checksum(body)
    if len(line) > MAX_LINE_BYTES:
        raise InvalidRequest(f"a notification takes {len(line)} bytes; expected at most {MAX_LINE_BYTES}")
    return line


def _end_of(file: BinaryIO) -> tuple[int, bool]:
    """Return the last sequence number given out, and whether the file ends within a line."""
    size = file.seek(0, os.SEEK_END)
    start = max(0, size - _TAIL_BYTES)
    file.seek(start)
    tail = file.read(size - start)
    last = _last_sequence(tail.splitlines(keepends=True)[1 if start else 0 :])
    if last == 0 and start:
        file.seek(0)
        last = _last_sequence(_lines(file))
    return last, bool(tail) and not tail.endswith(b"\n")


def _last_sequence(lines: Iterable[bytes]) -> int:
    """Return the last number in some lines; a damaged line after a whole one had the number after it."""
    last = 0
    for line in lines:
        try:
            last = parse(line).sequence
        except CorruptData:
            last += 1 if last and line.strip() else 0
    return last


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(MAX_LINE_BYTES + 1):
        yield line


def _whole_lines(file: BinaryIO) -> Iterator[bytes]:
    for line in _lines(file):
        if line.strip() and (line.endswith(b"\n") or len(line) > MAX_LINE_BYTES):
            yield line


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
