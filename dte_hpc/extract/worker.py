"""How does one extraction rank do a piece of work?

It plans a query, or reads one piece of it and sends that to who asked. What goes wrong with a query is told
to who asked and to the leader, and hurts no other.
"""

import time
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import DteError, RankFailed
from dte_hpc.extract.account import Account
from dte_hpc.extract.pieces import PIECE_SECONDS, VALUE_BYTES, pieces, seconds_of_pieces
from dte_hpc.extract.protocol import FRAME_BYTES, Kind, Order, Outcome, Report
from dte_hpc.extract.query import Query
from dte_hpc.extract.request import request_of_text
from dte_hpc.extract.run import Options, plan, read_part
from dte_hpc.extract.store import Store
from dte_hpc.extract.together import digest_of
from dte_hpc.extract.wire import Kept, pack_part
from dte_hpc.parallel.agree import attempt, error_bytes
from dte_hpc.parallel.frames import HEADER_BYTES, Bytes, Frame, small_frame, write_header
from dte_hpc.parallel.mpi import Comm

LEAST_SECONDS = 0.002
"""Of a piece: below this a second rank's planning and messages cost more than they save."""

FEW_VALUES = 64
"""So few are one piece, whatever they are packed in: looking at what they cost would cost more."""


class Mail(Protocol):
    """What a worker needs of a `parallel.mailbox.Mailbox`."""

    def post(self, destination: int, frame: Bytes) -> None:
        """Send a frame; returns at once."""

    def poll(self) -> Frame | None:
        """Return the next frame that has arrived, or None."""

    def receive(self, what: str = "message") -> Frame:
        """Return the next frame, waiting for it."""

    def let_go(self) -> bool:
        """Forget the frames that are sent."""

    def drain(self) -> None:
        """Wait until everything posted has left."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Planned:
    """A query that this rank has planned."""

    query: Query
    account: Account
    bounds: NDArray[np.int64]
    digest: int


@dataclass(slots=True, kw_only=True, eq=False)
class _Task:
    """A query that this rank has been told of."""

    order: Order
    planned: _Planned | None = None
    kept: Kept = field(default_factory=Kept)


class Worker:
    """The reading side of one extraction rank.

    Parameters
    ----------
    comm : Comm
        Of the extraction ranks.
    mail : Mail
        Parts and refusals are posted here.
    store : Store
    options : Options
        Of every request.
    part_bytes : int
        The most of values in one part.
    """

    def __init__(self, comm: Comm, mail: Mail, store: Store, options: Options, *, part_bytes: int) -> None:
        self._comm = comm
        self._mail = mail
        self._store = store
        self._options = options
        self._part_bytes = part_bytes
        self._tasks: dict[int, _Task] = {}

    def plan(self, order: Order) -> Report | None:
        """Take a query in; if it is this rank's to plan, plan it, and answer it when it is one piece."""
        task = self._tasks[order.task] = _Task(order=order)
        if order.digest >= 0:
            return None
        begun = time.perf_counter()
        planned, error = attempt(self._comm, lambda: self._planned(order))
        if planned is None:
            return self._refused(order, error, begun)
        task.planned = planned
        if planned.bounds.size == 2:
            report = self.read(order.task, 0, begun)
            self.forget(order.task)
            return report
        return Report(
            task=order.task,
            outcome=Outcome.PLANNED,
            seconds=time.perf_counter() - begun,
            digest=planned.digest,
            costs=seconds_of_pieces(planned.query, planned.bounds),
        )

    def read(self, number: int, piece: int, begun: float | None = None) -> Report:
        """Read a piece of a query and send it to who asked."""
        begun = time.perf_counter() if begun is None else begun
        task = self._tasks.get(number)
        planned = None if task is None else task.planned or self._planned_alike(task)
        if task is None or planned is None:
            self.forget(number)
            return Report(
                task=number, outcome=Outcome.DECLINED, piece=piece, seconds=time.perf_counter() - begun
            )
        task.planned = planned
        data, error = attempt(self._comm, lambda: self._bytes_of(task, planned, piece))
        if data is None:
            return self._refused(task.order, error, begun, piece)
        n_frames = self._post(task.order, data)
        seconds = time.perf_counter() - begun
        return Report(task=number, outcome=Outcome.READ, piece=piece, seconds=seconds, n_frames=n_frames)

    def forget(self, number: int) -> None:
        """Let go of a query; nothing when it is not known."""
        self._tasks.pop(number, None)

    def _planned(self, order: Order) -> _Planned:
        limits = self._options.limits
        limits.refuse_over("request_bytes", len(order.text), "$")
        request = request_of_text(order.text.decode(errors="replace"))
        options = replace(self._options, limits=limits.of_parts() if order.in_parts else limits)
        query, account = plan(self._store, request, options)
        bounds = self._bounds(query)
        digest = digest_of(query) if bounds.size > 2 else 0
        return _Planned(query=query, account=account, bounds=bounds, digest=digest)

    def _bounds(self, query: Query) -> NDArray[np.int64]:
        """Return where a query is cut: small enough that all extraction ranks have some of it."""
        whole = query.read_start()[[0, -1]]
        if whole[-1] <= FEW_VALUES:
            return whole
        total = float(seconds_of_pieces(query, whole)[0])
        if total <= LEAST_SECONDS and VALUE_BYTES * whole[-1] <= self._part_bytes:
            return whole
        seconds = min(max(total / (2 * self._comm.size), LEAST_SECONDS), PIECE_SECONDS)
        return pieces(query, self._part_bytes, seconds)

    def _planned_alike(self, task: _Task) -> _Planned | None:
        """Return the plan if it is the same as that of who planned first; the store may have changed."""
        planned, _ = attempt(self._comm, lambda: self._planned(task.order))
        return planned if planned is not None and planned.digest == task.order.digest else None

    def _bytes_of(self, task: _Task, planned: _Planned, piece: int) -> Bytes:
        """Return a part as bytes, behind room for the header of a frame."""
        policy, known = self._options.policy, task.kept.knows
        part = read_part(planned.query, planned.bounds, piece, planned.account, policy, known)
        return pack_part(replace(part, rank=self._comm.rank), task.kept, room=HEADER_BYTES)

    def _post(self, order: Order, data: Bytes) -> int:
        """Send a part, in one frame without another copy if it is not too long; return in how many frames."""
        size = data.size - HEADER_BYTES
        if size <= FRAME_BYTES:
            write_header(data, Kind.PART, (order.query, size, 0), summed=True)
            self._mail.post(order.rank, data)
            return 1
        firsts = range(0, size, FRAME_BYTES)
        for first in firsts:
            buffer = data[first : first + HEADER_BYTES + FRAME_BYTES].copy()
            write_header(buffer, Kind.PART, (order.query, size, first), summed=True)
            self._mail.post(order.rank, buffer)
        return len(firsts)

    def _refused(self, order: Order, error: DteError | None, begun: float, piece: int = -1) -> Report:
        self.forget(order.task)
        why = error or RankFailed("a query failed")
        self._mail.post(order.rank, small_frame(Kind.REFUSED, (order.query,), error_bytes(why, order.rank)))
        seconds = time.perf_counter() - begun
        return Report(task=order.task, outcome=Outcome.FAILED, piece=piece, seconds=seconds, n_frames=1)


def work(mail: Mail, leader: int, worker: Worker) -> int:
    """Do what the leader says until it says that it is the end; return how much that was.

    Queries to be planned and pieces to be read come in turn: of the former the small ones are answered at
    once, and wait for one piece at most.
    """
    n_done, has_planned = 0, False
    plans: deque[Frame] = deque()
    reads: deque[Frame] = deque()
    while True:
        frame = mail.poll() if plans or reads else mail.receive("request")
        mail.let_go()
        if frame is not None:
            if frame.source != leader:
                raise RankFailed(f"rank {frame.source} sent work; only rank {leader} may", rank=frame.source)
            match frame.kind:
                case Kind.PLAN if frame.words[3] < 0:
                    plans.append(frame)
                case Kind.PLAN:
                    worker.plan(Order.of_frame(frame))
                case Kind.READ:
                    reads.append(frame)
                case Kind.FORGET:
                    worker.forget(frame.words[0])
                case Kind.END:
                    mail.drain()
                    return n_done
                case _:
                    raise RankFailed(f"rank {leader} sent a frame of kind {frame.kind}", rank=leader)
            continue
        has_planned = bool(plans) and not (has_planned and reads)
        report = (
            worker.plan(Order.of_frame(plans.popleft()))
            if has_planned
            else worker.read(*reads.popleft().words[:2])
        )
        if report is not None:
            n_done += 1
            mail.post(leader, report.frame())
