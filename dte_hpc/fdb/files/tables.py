"""Where do the compressed blocks of one field begin?

A block offset table follows its segment in the index file, little-endian, and is read alone, with one
pread, when a point of that one field is wanted::

    byte 0  Q  bit at which the first reference sample interval begins
         8  Q  smallest distance between neighbours, in bits
        16  I  intervals
        20  B  bytes of each further number: 0, 1, 2, 4 or 8
        21  3s 0
        24  Q  xxh3-64 of all other bytes
        32  distance - smallest, for each interval but the first
"""

import struct
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.checksum import checksum
from dte_hpc.base.errors import CorruptData

_HEADER = struct.Struct("<QQIB3sQ")
HEADER_BYTES = 32
assert _HEADER.size == HEADER_BYTES  # noqa: S101


def narrowest_width(largest: int) -> int:
    """Return the bytes of the narrowest type for unsigned numbers up to the largest: 0, 1, 2, 4 or 8."""
    return 0 if largest == 0 else next((width for width in (1, 2, 4) if largest < 1 << 8 * width), 8)


def pack_table(offsets: NDArray[np.uint64]) -> bytes:
    """Return the table of some non-decreasing bit offsets; no bytes for no offsets."""
    if len(offsets) == 0:
        return b""
    steps = np.diff(offsets.astype(np.uint64))
    low = int(steps.min()) if len(steps) else 0
    spread = int(steps.max()) - low if len(steps) else 0
    width = narrowest_width(spread)
    body = (steps - np.uint64(low)).astype(f"<u{width}").tobytes() if width else b""
    head = _HEADER.pack(int(offsets[0]), low, len(offsets), width, b"", 0)[:24]
    return head + checksum(head + body).to_bytes(8, "little") + body


def unpack_table(data: bytes, where: str) -> NDArray[np.uint64]:
    """Return the bit offsets of a table; CorruptData names `where` when the bytes are not one."""
    return unpack_tables([data], lambda _: where)[0]


def unpack_tables(rows: Sequence[bytes], where: Callable[[int], str]) -> list[NDArray[np.uint64]]:
    """Return the bit offsets of many tables, worked out together when they are of one form.

    Parameters
    ----------
    where : callable
        Returns the name of the place of a row, for `CorruptData`.
    """
    forms = {_form(row, number, where) for number, row in enumerate(rows)}
    if len(forms) != 1:
        return [unpack_tables([row], where)[0] for row in rows]
    ((count, width),) = forms
    table = np.frombuffer(b"".join(rows), np.uint8).reshape(len(rows), -1)
    edges = table[:, :16].copy().view("<u8")
    offsets = np.empty((len(rows), count), np.uint64)
    offsets[:, :1] = edges[:, :1]
    if width:
        np.add(edges[:, 1:], table[:, HEADER_BYTES:].view(f"<u{width}"), out=offsets[:, 1:])
    else:
        offsets[:, 1:] = edges[:, 1:]
    return list(np.cumsum(offsets, axis=1, out=offsets))


def _form(data: bytes, number: int, where: Callable[[int], str]) -> tuple[int, int]:
    """Return intervals and bytes of each number of a table; CorruptData when the bytes are not one."""
    if len(data) < HEADER_BYTES:
        raise _damaged("is shorter than its header", where(number))
    _, _, count, width, _, digest = _HEADER.unpack_from(data)
    if digest != checksum(data[:24] + data[HEADER_BYTES:]):
        raise _damaged("does not match its checksum", where(number))
    if width not in (0, 1, 2, 4, 8) or count == 0 or len(data) != HEADER_BYTES + width * (count - 1):
        raise _damaged("contradicts itself", where(number))
    return count, width


def _damaged(what: str, where: str) -> CorruptData:
    return CorruptData(f"the block offset table in {where} {what}", where=where)
