"""What does a message between ranks look like?

One MPI message is one frame: a header of 64 bytes, then the payload. Never a pickle.

===== ===== ============================================================================
bytes type  meaning
===== ===== ============================================================================
0-3   4s    magic ``dteM``
4     u8    version, 1
5     u8    kind; what it means is the business of the room that talks
6-7   u16   flags: bit 0, the payload's checksum is given
8-47  5 i64 words, whose meaning depends on the kind
48-55 u64   payload bytes
56-63 u64   xxh3-64 of the payload, 0 when not given
===== ===== ============================================================================

Little-endian. The payload begins at byte 64, so that values in it are aligned.
"""

import struct
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.checksum import ByteLike, checksum
from dte_hpc.base.errors import RankFailed

Bytes: TypeAlias = NDArray[np.uint8]

MAGIC = b"dteM"
VERSION = 1
N_WORDS = 5
HEADER = struct.Struct("<4sBBH5qQQ")
HEADER_BYTES = 64
_SUMMED = 1
if HEADER.size != HEADER_BYTES:
    raise AssertionError("the frame header is drawn as 64 bytes")


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A received message.

    Attributes
    ----------
    source : int
        Rank that sent it, in the mailbox's communicator.
    kind : int
    words : tuple of 5 int
    payload : ndarray of uint8
        A view of the buffer it was received into.
    """

    source: int
    kind: int
    words: tuple[int, ...]
    payload: Bytes

    def text(self) -> bytes:
        """Return the payload as bytes (a copy: for small payloads)."""
        return self.payload.tobytes()


def write_header(buffer: Bytes, kind: int, words: tuple[int, ...] = (), *, summed: bool = False) -> None:
    """Write the header at the front of a buffer whose payload is already in place from byte 64.

    Cost: nothing worth naming, plus one read of the payload when `summed`.
    """
    padded = (*words, *(0,) * (N_WORDS - len(words)))
    payload = buffer[HEADER_BYTES:]
    digest = checksum(payload) if summed else 0
    HEADER.pack_into(buffer.data, 0, MAGIC, VERSION, kind, _SUMMED * summed, *padded, payload.size, digest)


def small_frame(kind: int, words: tuple[int, ...] = (), payload: ByteLike = b"") -> Bytes:
    """Return a frame with a copy of a small payload."""
    content = np.frombuffer(payload, np.uint8)
    buffer = np.empty(HEADER_BYTES + content.size, np.uint8)
    buffer[HEADER_BYTES:] = content
    write_header(buffer, kind, words)
    return buffer


def read_frame(source: int, buffer: Bytes) -> Frame:
    """Return what a received buffer says; RankFailed names the rank whose bytes are not a whole frame."""
    if buffer.size < HEADER_BYTES:
        raise _refused(source, f"{buffer.size} bytes", f"a header of {HEADER_BYTES}")
    magic, version, kind, flags, *words, size, digest = HEADER.unpack_from(buffer.data)
    if magic != MAGIC or version != VERSION:
        raise _refused(source, f"magic {magic!r} and version {version}", f"{MAGIC!r} and {VERSION}")
    payload = buffer[HEADER_BYTES:]
    if payload.size != size:
        raise _refused(source, f"{payload.size} payload bytes", f"the {size} its header promises")
    if flags & _SUMMED and checksum(payload) != digest:
        raise _refused(source, f"checksum {checksum(payload):016x}", f"{digest:016x}: it was damaged")
    return Frame(source, kind, tuple(words), payload)


def _refused(source: int, found: str, expected: str) -> RankFailed:
    return RankFailed(f"a message from rank {source} has {found}; expected {expected}", rank=source)
