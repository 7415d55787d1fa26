"""Which GRIB messages come out of a file or pipe, one after another?

Read in large pieces; a message that a piece cuts is completed by the next. Never more is held than a
message and a piece.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from dte_hpc.base.checksum import ByteLike
from dte_hpc.base.errors import InvalidMessage
from dte_hpc.codecs.layout import message_length

MARK = b"GRIB"
PIECE_BYTES = 16 * 1024 * 1024
MAX_MESSAGE_BYTES = 1 << 32


@contextmanager
def open_messages(path: str, piece_bytes: int = PIECE_BYTES) -> Iterator[Iterator[ByteLike]]:
    """Open a file of GRIB messages, ``-`` for standard input, and yield an iterator over them.

    Raises
    ------
    InvalidMessage
        When the file has none, or ends inside one; names the file.
    """
    if path == "-":
        yield _messages(sys.stdin.buffer, "standard input", piece_bytes)
        return
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - unbuffered: pieces are large
        yield _messages(file, path, piece_bytes)


def _messages(stream: BinaryIO, name: str, piece_bytes: int) -> Iterator[ByteLike]:
    held, n_messages = b"", 0
    while piece := stream.read(max(piece_bytes, len(held))):
        held += piece
        view, start = memoryview(held), held.find(MARK)
        while (stop := _end(view, start)) > 0:
            yield view[start:stop]
            n_messages += 1
            start = held.find(MARK, stop)
        held = held[start:] if start >= 0 else held[-len(MARK) + 1 :]
        if len(held) > MAX_MESSAGE_BYTES:
            raise InvalidMessage(f"{name} has a message of more than {MAX_MESSAGE_BYTES} bytes")
    if MARK in held:
        _refuse(held, f"message {n_messages + 1} of {name}")
    if n_messages == 0:
        raise InvalidMessage(f"{name} holds no GRIB message")


def _end(view: memoryview, start: int) -> int:
    """Return where the message that begins at a byte ends, 0 when it is not all there."""
    if start < 0:
        return 0
    try:
        return start + message_length(view, start)
    except InvalidMessage:
        return 0


def _refuse(held: bytes, what: str) -> None:
    try:
        message_length(memoryview(held), held.find(MARK))
    except InvalidMessage as error:
        raise InvalidMessage(f"{what}: {error}") from error
