"""How do model ranks ask extraction ranks for points?

A request goes as JSON to the first extraction rank, which has all of them work on it (`lead`, `worker`); the
answer comes back in parts (`asking`), straight from who read them. Many queries may be under way at once.

Importing this starts MPI, but neither numba nor ecCodes, since model ranks do.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from dte_hpc.base.errors import InvalidRequest, RankFailed
from dte_hpc.base.events import Listener, ignore
from dte_hpc.extract.answer import Answer
from dte_hpc.extract.as_feature import plain_request
from dte_hpc.extract.asking import Pending
from dte_hpc.extract.part import Part
from dte_hpc.extract.protocol import FRAME_BYTES, MAX_REQUEST_BYTES, TAG, Kind
from dte_hpc.extract.serving import Serving
from dte_hpc.extract.store import Store
from dte_hpc.parallel.agree import error_of
from dte_hpc.parallel.frames import HEADER_BYTES, Frame, small_frame
from dte_hpc.parallel.mailbox import Mailbox
from dte_hpc.parallel.roles import Role, World
from dte_hpc.parallel.waiting import wait_until

_LONGEST_FRAME_BYTES = max(FRAME_BYTES, MAX_REQUEST_BYTES) + HEADER_BYTES


class ExtractClient:
    """What a model rank asks the extraction ranks with.

    ::

        answer = client.extract(request)                      # waits

        asked = [client.ask(request) for request in requests] # all at once
        answers = [one.answer() for one in asked]

        for part in client.parts(request):                    # never holds the whole
            ...

    Parameters
    ----------
    world : World
        Of this rank.

    Raises
    ------
    InvalidRequest
        When the job has no extraction rank.

    Notes
    -----
    One thread at a time. A model rank that asks for many users gives each a number: they share the
    extraction ranks evenly.
    """

    def __init__(self, world: World, *, listener: Listener = ignore) -> None:
        readers = world.ranks_of(Role.EXTRACT)
        if not readers:
            raise InvalidRequest("the job has no extraction rank; expected at least one")
        self._readers = readers
        self._mail = Mailbox(world.world, tag=TAG, limit_bytes=FRAME_BYTES + HEADER_BYTES, listener=listener)
        self._listener = listener
        self._open = True
        self._pending: dict[int, Pending] = {}
        self._n_asked = 0
        self._n_frames = 0
        self._n_expected: int | None = None

    def extract(self, request: Mapping[str, Any], *, user: int = 0) -> Answer:
        """Return the points a request asks for; waits for them.

        Raises
        ------
        DteError
            As `extract.extract`; RankFailed after `close`.
        """
        return self.ask(request, user=user).answer()

    def parts(self, request: Mapping[str, Any], *, user: int = 0) -> Iterator[Part]:
        """Yield the points a request asks for part by part, in the order of the answer's values.

        Memory: as many parts as may be on their way (`Serving.parts_per_query`), and the coordinates of at
        most 64 MiB of points an extraction rank.

        Raises
        ------
        DteError
            As `extract.extract`, but there is no limit on values.
        """
        return self.ask_parts(request, user=user).parts()

    def ask(self, request: Mapping[str, Any], *, user: int = 0) -> Pending:
        """Ask for the points of a request; returns at once. `Pending.answer` waits for them."""
        return self._asked(request, user, held=True)

    def ask_parts(self, request: Mapping[str, Any], *, user: int = 0) -> Pending:
        """Ask for the points of a request in parts; returns at once. `Pending.parts` yields them."""
        return self._asked(request, user, held=False)

    def wait_any(self, asked: Sequence[Pending]) -> Pending:
        """Return one of some queries that is ready (`Pending.is_ready`); waits for it."""
        self._wait(lambda: any(pending.is_ready for pending in asked))
        return next(pending for pending in asked if pending.is_ready)

    def progress(self) -> None:
        """Take in what has come, without waiting."""
        while (frame := self._mail.poll()) is not None:
            self._take_in(frame)
        self._mail.let_go()

    def close(self) -> None:
        """Say goodbye, which cancels what is not over: the extraction ranks end when every model rank has."""
        if not self._open:
            return
        self._open = False
        for pending in list(self._pending.values()):
            pending.cancel()
        self._mail.post(self._readers[0], small_frame(Kind.GOODBYE))
        self._wait(lambda: self._n_frames == self._n_expected)
        self._mail.drain()

    def __enter__(self) -> "ExtractClient":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _asked(self, request: Mapping[str, Any], user: int, *, held: bool) -> Pending:
        if not self._open:
            raise RankFailed("this rank has said goodbye to the extraction ranks; expected an open client")
        text = _text_of(request)
        number = self._n_asked
        self._n_asked += 1
        pending = Pending(number, held=held, wait=self._wait, tell=self._taken, cancel=self._cancel)
        self._pending[number] = pending
        words = (number, user, int(not held), len(self._pending))
        self._mail.post(self._readers[0], small_frame(Kind.ASK, words, text))
        return pending

    def _taken(self, number: int, n_parts: int) -> None:
        self._mail.post(self._readers[0], small_frame(Kind.TAKEN, (number, n_parts)))

    def _cancel(self, number: int) -> None:
        if self._pending.pop(number, None) is not None:
            self._mail.post(self._readers[0], small_frame(Kind.CANCEL, (number,)))

    def _wait(self, until: Callable[[], bool]) -> None:
        def look() -> bool:
            self.progress()
            return until()

        wait_until(look, what="answer", listener=self._listener)

    def _take_in(self, frame: Frame) -> None:
        if frame.source not in self._readers or frame.kind not in (Kind.PART, Kind.REFUSED, Kind.FAREWELL):
            raise RankFailed(
                f"rank {frame.source} sent a frame of kind {frame.kind}; expected some of an answer",
                rank=frame.source,
            )
        if frame.kind == Kind.FAREWELL:
            self._n_expected = frame.words[0]
            return
        self._n_frames += 1
        pending = self._pending.get(frame.words[0])
        if pending is None:  # cancelled, or refused meanwhile by another rank
            return
        if frame.kind == Kind.REFUSED:
            pending.refuse(error_of(frame.text()))
        else:
            pending.take_in(frame)
        if pending.is_over:
            del self._pending[frame.words[0]]


def _text_of(request: Mapping[str, Any]) -> bytes:
    try:
        text = json.dumps(plain_request(request), allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise InvalidRequest(f"$: the request is not JSON: {error}", place="$") from error
    if len(text) > MAX_REQUEST_BYTES:
        raise InvalidRequest(
            f"$: the request is {len(text)} bytes of JSON; expected at most {MAX_REQUEST_BYTES}"
        )
    return text


def serve_extract(
    world: World, store: Store, listener: Listener = ignore, *, serving: Serving | None = None
) -> int:
    """Answer requests until every model rank has said goodbye.

    Collective over the extraction ranks. Returns how many queries there were on the first of them, how many
    pieces of work it did on another.
    """
    from dte_hpc.extract.batches import ReadPolicy
    from dte_hpc.extract.inside import Inside
    from dte_hpc.extract.lead import Leader
    from dte_hpc.extract.read import warm
    from dte_hpc.extract.run import Options
    from dte_hpc.extract.worker import Worker, work

    serving = serving or Serving()
    options = Options(limits=serving.limits, policy=ReadPolicy(gap_bytes=serving.gap_bytes))
    mail = Mailbox(world.world, tag=TAG, limit_bytes=_LONGEST_FRAME_BYTES, listener=listener)
    readers = world.ranks_of(Role.EXTRACT)
    inside = Inside(readers[0])
    own = mail if world.comm.rank else inside
    worker = Worker(world.comm, own, store, options, part_bytes=serving.part_bytes)
    warm()
    if world.comm.rank:
        return work(mail, readers[0], worker)
    leader = Leader(mail, readers, world.ranks_of(Role.MODEL), inside, serving, listener)
    thread = threading.Thread(target=work, args=(inside, readers[0], worker), name="extract", daemon=True)
    thread.start()
    leader.run()
    thread.join()
    return leader.n_queries
