"""How does a model rank send its fields to the IO ranks?

A part is copied once, into a send buffer, and leaves while the model computes on (Isend). Every byte on
its way or held by a server is covered by that server's credit, so neither side grows; the model waits
only when credit is used up. This module imports neither numba nor ecCodes.
"""

import atexit
from typing import NoReturn

import numpy as np

from dte_hpc.base.errors import DteError, InvalidConfig, InvalidPart, RankFailed
from dte_hpc.base.events import Listener, ignore
from dte_hpc.base.field import Metadata, Values
from dte_hpc.base.route import HASHED, Route
from dte_hpc.ioserver.credit import Credit
from dte_hpc.ioserver.naming import Placement, Slots, cut
from dte_hpc.ioserver.pipeline import ModelPlans
from dte_hpc.ioserver.protocol import DTYPES, TAG, Kind, Verb, call_frame, padded
from dte_hpc.ioserver.writer import Writer
from dte_hpc.parallel.agree import error_of
from dte_hpc.parallel.buffers import BufferPool, capacity_of
from dte_hpc.parallel.frames import HEADER_BYTES, Bytes, Frame, small_frame, write_header
from dte_hpc.parallel.guard import end_job
from dte_hpc.parallel.mailbox import Mailbox
from dte_hpc.parallel.roles import Role, World
from dte_hpc.parallel.waiting import wait_until

STALLED_AFTER_SECONDS = 0.25
"""A wait this long is told to the servers. Shorter ones are everyday, and a deadlock can wait to be found."""

MAX_ANSWER_BYTES = 128 * 1024


class IOClient(Writer):
    """The IO ranks, as one model rank sees them. See `Writer` for the verbs.

    ::

        with IOClient(world) as client:
            client.write_domain("atmosphere", my_indices, global_size=421120, grid="O320")
            for step in range(24):
                client.write_field({**metadata, "step": step, "domain": "atmosphere"}, values)
            client.flush()

    Parameters
    ----------
    world : World
        In which this rank has the role MODEL. One client at a time.
    listener : callable, optional
        Told what was waited for.
    checked : bool
        Whether parts carry a checksum (xxh3-64), which the IO rank verifies.
    plans : ModelPlans, optional
        Decide what is sent; without them all is.
    """

    def __init__(
        self,
        world: World,
        *,
        listener: Listener = ignore,
        checked: bool = True,
        plans: ModelPlans | None = None,
    ) -> None:
        if world.role is not Role.MODEL or not world.ranks_of(Role.IO):
            raise InvalidConfig(
                f"rank {world.world.rank} is a {world.role.name} rank in a job with "
                f"{len(world.ranks_of(Role.IO))} IO ranks; expected a MODEL rank and at least one IO rank"
            )
        super().__init__(world.comm.rank, plans)
        self._servers = world.ranks_of(Role.IO)
        self._placement = Placement(len(self._servers))
        self._index_of = {place: index for index, place in enumerate(self._servers)}
        self._pool = BufferPool(0)
        self._mail = Mailbox(world.world, tag=TAG, limit_bytes=MAX_ANSWER_BYTES)
        self._credits = [Credit() for _ in self._servers]
        self._slots = [Slots() for _ in self._servers]
        self._answers: dict[int, Frame] = {}
        self._n_calls = 0
        self._episode = 0
        self._listener = listener
        self._checked = checked

    def open(self) -> "IOClient":
        """Collective: meet the IO ranks. Returns the client."""
        if not self._is_open:
            atexit.register(self._end_unclosed)
        super().open()
        return self

    def close(self) -> None:
        """Collective: flush and part from the IO ranks, which end when all have closed. Again: nothing."""
        if self._is_open:
            atexit.unregister(self._end_unclosed)
            super().close()
            self._mail.drain()

    def progress(self) -> None:
        """Let MPI move what is on its way; for models that compute for long and whose MPI needs calls."""
        self._mail.let_go()
        while (frame := self._mail.poll()) is not None:
            self._hear(frame)

    @property
    def held_bytes(self) -> int:
        """Memory of this rank in parts that have not left yet, and in buffers kept for the next ones."""
        return self._pool.lent_bytes + self._pool.kept_bytes

    def _hand_over(self, metadata: Metadata, values: Values, route: Route = HASHED) -> None:
        template, varying = cut(metadata)
        server = self._placement.server_of(template, str(metadata.get("domain")), route)
        cost_at_most = capacity_of(HEADER_BYTES + padded(len(template) + len(varying)) + values.nbytes)
        self._wait_for_credit(server, cost_at_most, metadata)
        slot, is_new = self._slots[server].place(template)
        buffer = self._fill(slot, template if is_new else b"", varying, values)
        self._credits[server].spend(capacity_of(buffer.size))
        self._mail.post(self._servers[server], buffer)
        self.progress()

    def _fill(self, slot: int, template: bytes, varying: bytes, values: Values) -> Bytes:
        text = template + varying
        start = HEADER_BYTES + padded(len(text))
        buffer = self._pool.take(start + values.nbytes)
        buffer[HEADER_BYTES : HEADER_BYTES + len(text)] = np.frombuffer(text, np.uint8)
        buffer[HEADER_BYTES + len(text) : start] = 0
        buffer[start:].view(values.dtype)[:] = values
        words = (slot, len(template), len(varying), DTYPES.index(values.dtype))
        write_header(buffer, Kind.PART, words, summed=self._checked)
        return buffer

    def _wait_for_credit(self, server: int, cost: int, metadata: Metadata) -> None:
        credit = self._credits[server]
        if cost > credit.limit_bytes:
            raise InvalidPart(
                f"field {metadata}: the part of model rank {self._rank} takes {cost} bytes; expected at most "
                f"{credit.limit_bytes}, its credit: give the IO ranks a budget about "
                f"{-(-cost // max(1, credit.limit_bytes))} times larger",
                metadata=metadata,
                ranks=(self._rank,),
            )
        waiting = _Waiting(self, server)

        def look() -> bool:
            self.progress()
            return credit.allows(cost)

        wait_until(look, what="credit", listener=self._listener, on_rest=waiting.tell)
        waiting.end()

    def _call(
        self, verb: Verb, text: bytes, raw: Bytes | None = None, trouble: DteError | None = None
    ) -> None:
        if verb not in (Verb.OPEN, Verb.CLOSE):
            self._refuse_unopened(verb.name.lower())
        self._answers.clear()
        for place in self._servers:
            self._mail.post(place, call_frame(verb, self._n_calls, text, raw, trouble))

        def look() -> bool:
            self.progress()
            return len(self._answers) == len(self._servers)

        wait_until(look, what="rank", listener=self._listener)
        self._n_calls += 1
        for index in sorted(self._answers):
            if self._answers[index].kind == Kind.REFUSED:
                raise error_of(self._answers[index].text())

    def _hear(self, frame: Frame) -> None:
        server = self._index_of.get(frame.source)
        if server is not None and frame.kind == Kind.CREDIT:
            self._credits[server].take_back(frame.words[0])
        elif server is not None and frame.kind in (Kind.DONE, Kind.REFUSED):
            self._take_answer(server, frame)
        else:
            raise RankFailed(
                f"rank {frame.source} of the job sends a model rank a message of kind {frame.kind}"
            )

    def _take_answer(self, server: int, frame: Frame) -> None:
        if frame.words[0] != self._n_calls:
            raise RankFailed(
                f"IO rank {server} answers call {frame.words[0]} of model rank {self._rank}; "
                f"expected {self._n_calls}"
            )
        self._credits[server].limit_bytes = frame.words[1]
        self._pool.limit_bytes = sum(credit.limit_bytes for credit in self._credits)
        self._answers[server] = frame

    def _give_up(self, error: BaseException) -> NoReturn:
        if isinstance(error, SystemExit) and not error.code:
            self._end_unclosed()
        end_job(error)

    def _end_unclosed(self) -> NoReturn:
        end_job(
            RankFailed(
                f"model rank {self._rank} ends with its IO client open; expected close(), or a with block"
            )
        )


class _Waiting:
    """One wait for credit: all servers are told when it grows long, and again after too little came."""

    def __init__(self, client: IOClient, server: int) -> None:
        self._client = client
        self._server = server
        self._told_at_seconds = 0.0
        self._told_bytes = -1

    def tell(self, waited_seconds: float) -> None:
        received = self._client._credits[self._server].received_bytes
        if waited_seconds - self._told_at_seconds < STALLED_AFTER_SECONDS or received == self._told_bytes:
            return
        self._told_at_seconds, self._told_bytes = waited_seconds, received
        self._client._episode += 1
        self._post(Kind.STALLED, (self._server, self._client._episode, received))

    def end(self) -> None:
        if self._told_bytes >= 0:
            self._post(Kind.RESUMED, (self._client._episode,))

    def _post(self, kind: Kind, words: tuple[int, ...]) -> None:
        for place in self._client._servers:
            self._client._mail.post(place, small_frame(kind, words))
