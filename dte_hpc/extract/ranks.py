"""How do model ranks ask extraction ranks for points?

A request goes as JSON to the first extraction rank, all of them answer it together, and the answer comes
back as bytes in parts. One message between ranks is one frame (`parallel.frames`):

======== =============================== ================================= ==========================
kind     from, to                        words                             payload
======== =============================== ================================= ==========================
ASK      model, first extraction rank    -                                 the request, JSON
GOODBYE  model, first extraction rank    -                                 -
PART     first extraction rank, model    bytes of the answer, first byte   some of the answer (`wire`)
REFUSED  first extraction rank, model    -                                 the error, JSON
======== =============================== ================================= ==========================

Between requests all of them wait without burning a core. An error of a request goes to who asked; the
ranks go on. Importing this starts MPI, but neither numba nor ecCodes, since model ranks do.
"""

import contextlib
import json
from collections.abc import Mapping
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import DteError, InvalidRequest, RankFailed
from dte_hpc.base.events import Listener, ignore
from dte_hpc.extract.answer import Answer
from dte_hpc.extract.limits import Limits
from dte_hpc.extract.request import request_of_text
from dte_hpc.extract.store import Store
from dte_hpc.extract.wire import pack_answer, unpack_answer
from dte_hpc.parallel.agree import error_bytes, error_of
from dte_hpc.parallel.frames import HEADER_BYTES, Frame, small_frame, write_header
from dte_hpc.parallel.mailbox import Mailbox
from dte_hpc.parallel.roles import Role, World
from dte_hpc.parallel.waiting import finish

TAG = 18
PART_BYTES = 16 * 1024 * 1024
MAX_ANSWER_BYTES = 16 * 1024**3
_GO_ON = np.array([1], np.int64)
_END = np.array([0], np.int64)


class Kind(IntEnum):
    """What a frame is."""

    ASK = 1
    GOODBYE = 2
    PART = 3
    REFUSED = 4


class ExtractClient:
    """What a model rank asks the extraction ranks with.

    Parameters
    ----------
    world : World
        Of this rank.

    Raises
    ------
    InvalidRequest
        When the job has no extraction rank.
    """

    def __init__(self, world: World, *, listener: Listener = ignore) -> None:
        readers = world.ranks_of(Role.EXTRACT)
        if not readers:
            raise InvalidRequest("the job has no extraction rank; expected at least one")
        self._first = readers[0]
        self._mail = Mailbox(world.world, tag=TAG, limit_bytes=PART_BYTES + HEADER_BYTES, listener=listener)
        self._open = True

    def extract(self, request: Mapping[str, Any]) -> Answer:
        """Return the points a request asks for; waits for them.

        Raises
        ------
        DteError
            As `extract.extract`; RankFailed after `close`.
        """
        if not self._open:
            raise RankFailed("this rank has said goodbye to the extraction ranks; expected an open client")
        try:
            text = json.dumps(request, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise InvalidRequest(f"$: the request is not JSON: {error}", place="$") from error
        if len(text) > PART_BYTES:
            raise InvalidRequest(
                f"$: the request is {len(text)} bytes of JSON; expected at most {PART_BYTES}"
            )
        self._mail.post(self._first, small_frame(Kind.ASK, (), text))
        return self._received()

    def close(self) -> None:
        """Say goodbye: the extraction ranks end when every model rank has."""
        if self._open:
            self._open = False
            self._mail.post(self._first, small_frame(Kind.GOODBYE))
            self._mail.drain()

    def __enter__(self) -> "ExtractClient":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _received(self) -> Answer:
        frame = self._mail.receive("answer")
        data = np.empty(_size_of(frame), np.uint8)
        done = 0
        while True:
            first = frame.words[1]
            if frame.kind != Kind.PART or first != done or done + frame.payload.size > data.size:
                raise RankFailed(
                    f"extraction rank {frame.source} sent a frame out of turn", rank=frame.source
                )
            data[first : first + frame.payload.size] = frame.payload
            done += frame.payload.size
            if done == data.size:
                return unpack_answer(data)
            frame = self._mail.receive("answer")


def _size_of(frame: Frame) -> int:
    """Return the bytes of the answer that a first frame announces; raise the error that it is."""
    if frame.kind == Kind.REFUSED:
        raise error_of(frame.text())
    if frame.kind != Kind.PART or not 0 < frame.words[0] <= MAX_ANSWER_BYTES:
        raise RankFailed(
            f"extraction rank {frame.source} announces {frame.words[0]} bytes; "
            f"expected at most {MAX_ANSWER_BYTES}",
            rank=frame.source,
        )
    return frame.words[0]


def serve_extract(
    world: World, store: Store, listener: Listener = ignore, *, limits: Limits | None = None
) -> int:
    """Answer requests until every model rank has said goodbye; return how many there were.

    Collective over the extraction ranks.
    """
    from dte_hpc.extract.read import warm
    from dte_hpc.extract.run import Options
    from dte_hpc.extract.together import extract_together

    options = Options(limits=limits or Limits())
    warm()
    if world.comm.rank == 0:
        return _lead(world, store, listener, options)
    n_answered, command = 0, np.empty(1, np.int64)
    while True:
        finish(world.comm.Ibcast(command, 0), listener=listener)
        if command[0] == _END[0]:
            return n_answered
        with contextlib.suppress(DteError):  # rank 0 has the same one, and tells who asked
            extract_together(world.comm, store, None, options)
        n_answered += 1


def _lead(world: World, store: Store, listener: Listener, options: Any) -> int:
    mail = Mailbox(world.world, tag=TAG, limit_bytes=PART_BYTES + HEADER_BYTES, listener=listener)
    waiting = set(world.ranks_of(Role.MODEL))
    n_answered = 0
    while waiting:
        frame = mail.receive("request")
        if frame.kind == Kind.GOODBYE:
            waiting.discard(frame.source)
        elif frame.kind == Kind.ASK:
            _answer(world, store, mail, frame, options)
            n_answered += 1
        else:
            raise RankFailed(f"rank {frame.source} sent a frame of kind {frame.kind}", rank=frame.source)
    finish(world.comm.Ibcast(_END.copy(), 0))
    mail.drain()
    return n_answered


def _answer(world: World, store: Store, mail: Mailbox, frame: Frame, options: Any) -> None:
    """Answer one request together with the other extraction ranks."""
    from dte_hpc.extract.together import extract_together

    try:
        request = request_of_text(frame.text().decode(errors="replace"))
        finish(world.comm.Ibcast(_GO_ON.copy(), 0))
        answer = extract_together(world.comm, store, request, options)
    except DteError as error:
        mail.post(frame.source, small_frame(Kind.REFUSED, (), error_bytes(error, frame.source)))
        return
    _post_parts(mail, frame.source, pack_answer(answer))


def _post_parts(mail: Mailbox, destination: int, data: NDArray[np.uint8]) -> None:
    for first in range(0, data.size, PART_BYTES):
        part = data[first : first + PART_BYTES]
        buffer = np.empty(HEADER_BYTES + part.size, np.uint8)
        buffer[HEADER_BYTES:] = part
        write_header(buffer, Kind.PART, (data.size, first), summed=True)
        mail.post(destination, buffer)
