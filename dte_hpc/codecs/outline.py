"""What does a message look like without its data?

`outline` reads the sections of a message that lies elsewhere, all but the packed values (and, of GRIB2,
the bitmap), and returns bytes of the message's length, most others zero: what `read_layout` and
`gridname.grid_of` say of them is what they say of the message. Pages nobody wrote to take no memory.
"""

import struct
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import InvalidMessage

FIRST_BYTES = 2048
AHEAD_BYTES = 256
MAX_SECTION_BYTES = 1 << 26
_GRIB2_START, _END_BYTES = 16, 4
_SECTION = struct.Struct(">IB")
_BITMAP, _DATA = 6, 7
_KEPT = {_BITMAP: 6, _DATA: 5}
"""Bytes of the sections of GRIB2 that are not read as a whole."""
Read = Callable[[int, int], bytes]


def outline(read: Read, length: int) -> NDArray[np.uint8]:
    """Return a message of some bytes without its data.

    Parameters
    ----------
    read : callable
        From offset and length to the bytes there, all of them.
    length : int
        Of the message.

    Returns
    -------
    uint8, shape (length,)

    Raises
    ------
    InvalidMessage
        If the bytes do not begin as a GRIB message.

    Notes
    -----
    Two reads for a message with a header of at most 2 KiB, and one more for each section beyond.
    """
    message = _Message(read, length)
    head = message.head
    if len(head) < _GRIB2_START or head[:4] != b"GRIB" or head[7] not in (1, 2):
        raise InvalidMessage(f"the message begins with {head[:8]!r}; expected 'GRIB', and edition 1 or 2")
    own = _sections2(message) if head[7] == 2 else _sections1(message)
    message.bytes_at(own - _END_BYTES, _END_BYTES)
    return message.data


class _Message:
    """A message of which pieces are read: `head`, its beginning, and what is asked for."""

    def __init__(self, read: Read, length: int) -> None:
        self.data = np.zeros(length, np.uint8)
        self._read = read
        self._taken = (0, 0)
        self.take(0, FIRST_BYTES)
        self.head = self.data[:FIRST_BYTES].tobytes()

    def take(self, offset: int, length: int) -> None:
        """Fill in some bytes, as far as they are in the message and not among those taken last."""
        stop = min(offset + length, len(self.data))
        start = max(offset, self._taken[1]) if self._taken[0] <= offset <= self._taken[1] else offset
        if stop > start:
            self.data[start:stop] = np.frombuffer(self._read(start, stop - start), np.uint8)
            self._taken = (self._taken[0] if start == self._taken[1] else start, stop)

    def bytes_at(self, offset: int, length: int) -> bytes:
        """Return bytes that are there, read if need be; InvalidMessage if the message ends before them."""
        if offset < 0 or offset + length > len(self.data):
            raise InvalidMessage(f"the message ends at byte {len(self.data)}, inside a section")
        if not self._taken[0] <= offset <= offset + length <= self._taken[1]:
            self.take(offset, max(length, AHEAD_BYTES))
        return self.data[offset : offset + length].tobytes()


def _sections2(message: _Message) -> int:
    """Read the sections of a GRIB2 message; return its own length, which padding may follow."""
    head = message.head
    own, at = int.from_bytes(head[8:16], "big"), _GRIB2_START
    end = min(own, len(message.data)) - _END_BYTES
    while at < end:
        begin = head[at : at + 5]
        length, number = _SECTION.unpack(begin if len(begin) == 5 else message.bytes_at(at, 5))
        if length < 5 or number > _DATA:
            raise InvalidMessage(f"section {number} at byte {at} has {length} bytes; expected at least 5")
        wanted = min(length, _KEPT.get(number, length))
        if wanted > MAX_SECTION_BYTES:
            raise InvalidMessage(f"section {number} has {length} bytes; expected at most {MAX_SECTION_BYTES}")
        if at + wanted > len(head):
            message.bytes_at(at, wanted)
        at += length
    return own


def _sections1(message: _Message) -> int:
    """Read the sections of a GRIB1 message; return its own length (see `dte_hpc.codecs.layout`)."""
    own = int.from_bytes(message.bytes_at(4, 3), "big")
    at, flags = 8, message.bytes_at(15, 1)[0]
    for present in (0x100, 0x80, 0x40):
        if present == 0x100 or flags & present:
            length = int.from_bytes(message.bytes_at(at, 3), "big")
            message.bytes_at(at, max(3, length))
            at += max(3, length)
    short = int.from_bytes(message.bytes_at(at, 11)[:3], "big")
    if own & 0x800000 and short < 120:
        own = (own & 0x7FFFFF) * 120 - short + 4
    return own
