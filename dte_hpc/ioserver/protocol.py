"""Which messages pass between a model rank and a server?

All are frames (`parallel.frames`); a frame's kind, words and payload:

========= ================= ===================================================== =======================
kind      from, to          words                                                 payload
========= ================= ===================================================== =======================
PART      model, a server   slot, template bytes, varying bytes, dtype            both, pad, values
CALL      model, all        verb, sequence, text bytes, is troubled               text, pad, raw or error
STALLED   model, all        server it waits for, episode, credit bytes received   -
RESUMED   model, all        episode                                               -
DONE      server, model     sequence, credit limit bytes                          -
REFUSED   server, model     sequence                                              the error, JSON
CREDIT    server, model     bytes                                                 -
SUSPECTS  server, server 0  -                                                     a report, JSON
========= ================= ===================================================== =======================

Texts are JSON with sorted keywords, padded with spaces to a multiple of 8 bytes where bytes follow. A
PART costs its sender credit (`parallel.buffers.capacity_of` its whole size) until the field it belongs
to has been processed. A CALL is collective: every model rank sends the same to every server and waits
for each server's answer, so at most one per rank is on its way.
"""

from enum import IntEnum

import numpy as np

from dte_hpc.base.errors import DteError
from dte_hpc.parallel.agree import error_bytes
from dte_hpc.parallel.frames import HEADER_BYTES, Bytes, write_header

TAG = 17
MAX_TEXT_BYTES = 64 * 1024
DTYPES = (np.dtype("<f4"), np.dtype("<f8"))
ALIGNMENT = 8


class Kind(IntEnum):
    """What a frame is."""

    PART = 1
    CALL = 2
    STALLED = 3
    RESUMED = 4
    DONE = 5
    REFUSED = 6
    CREDIT = 7
    SUSPECTS = 8


class Verb(IntEnum):
    """What all model ranks ask of all servers together."""

    OPEN = 1
    WRITE_DOMAIN = 2
    WRITE_MASK = 3
    FLUSH = 4
    NOTIFY = 5
    CLOSE = 6


def padded(n_bytes: int) -> int:
    """Return the bytes a text takes when something follows it."""
    return -(-n_bytes // ALIGNMENT) * ALIGNMENT


def call_frame(
    verb: Verb, sequence: int, text: bytes, raw: Bytes | None = None, trouble: DteError | None = None
) -> Bytes:
    """Return a CALL frame with a copy of `raw`, or with the error the rank found in its own arguments."""
    if trouble is not None:
        raw = np.frombuffer(error_bytes(trouble), np.uint8)
    start = HEADER_BYTES + padded(len(text))
    frame = np.empty(start + (0 if raw is None else raw.size), np.uint8)
    frame[HEADER_BYTES:start] = np.frombuffer(text.ljust(start - HEADER_BYTES), np.uint8)
    if raw is not None:
        frame[start:] = raw
    write_header(frame, Kind.CALL, (verb, sequence, len(text), trouble is not None), summed=True)
    return frame
