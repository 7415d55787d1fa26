"""Who does what, among the extraction ranks?

The leader, the first of them, takes every query, gives the planning of it to the rank with the least to do,
and its pieces to whoever is free, in the order that `fairness` says. A thread beside it works as the other
ranks do (`inside`). A query has few parts on their way that are not taken yet (`Serving`): nobody who is slow
to take them fills a memory.
"""

import re
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import DteError, InvalidRequest, RankFailed
from dte_hpc.base.events import Listener, ignore
from dte_hpc.extract.fairness import Turns
from dte_hpc.extract.inside import Inside
from dte_hpc.extract.protocol import Kind, Order, Outcome, Report
from dte_hpc.extract.serving import Serving
from dte_hpc.parallel.agree import error_bytes
from dte_hpc.parallel.frames import Bytes, Frame, read_frame, small_frame
from dte_hpc.parallel.mailbox import Mailbox
from dte_hpc.parallel.waiting import wait_until

PLAN_SECONDS = 0.003
"""What the first piece of work on a query is thought to take, before others like it have been seen."""

LEARNED = 0.2
"""The weight of the newest in what the first piece of work is thought to take."""

MOST_KINDS = 1000

LARGEST_READ_BYTES = 4096
"""Of a request that the leader looks into, to see what it is like."""

READS_AHEAD, PLANS_AHEAD = 2, 2
"""Pieces a rank has: one it reads, and one that waits there, so that it never waits for the leader. What is
to be planned waits behind one piece alone."""

MANY_OTHERS = 8
"""With so many other ranks the leading one does nothing but lead."""

User = tuple[int, int]
_FEATURE = re.compile(rb'"feature": {[^}]{0,4000}?"type": "(\w{1,32})"')


@dataclass(slots=True, kw_only=True, eq=False)
class Task:
    """A query, as the leader sees it."""

    number: int
    rank: int
    query: int
    user: User
    in_parts: bool
    text: bytes
    kind: str
    costs: NDArray[np.float64]
    left: NDArray[np.float64]
    digest: int = -1
    planned: bool = False
    next_piece: int = 0
    declined: list[int] = field(default_factory=list)
    told: set[int] = field(default_factory=set)
    strange_to: set[int] = field(default_factory=set)
    running: int = 0
    n_read: int = 0
    n_taken: int = 0
    plan_seconds: float = 0.0
    late_seconds: float = 0.0
    n_learned: int = 0
    excess: float = 0.0
    seconds: float = 0.0
    over: bool = False
    wanted: bool = True

    def become_planned(self, report: Report) -> None:
        """Take in what a rank has found that is to be read."""
        self.planned = True
        self.digest, self.plan_seconds, self.costs = report.digest, report.seconds, report.costs
        self.left = np.append(np.cumsum(report.costs[::-1])[::-1], 0.0)

    def piece(self) -> int:
        """Return which piece is next; the number of pieces when all are given out."""
        return self.declined[0] if self.declined else self.next_piece

    def take_piece(self) -> int:
        """Return which piece is next, and give it out."""
        piece = self.piece()
        if self.declined:
            self.declined.pop(0)
        else:
            self.next_piece += 1
        return piece

    def next_seconds(self) -> float:
        """Return about how long the next piece takes."""
        return self.excess + float(self.costs[min(self.piece(), self.costs.size - 1)])

    def left_seconds(self) -> float:
        """Return about how long all that is left takes."""
        n_left = self.costs.size - self.next_piece
        return self.excess * n_left + float(self.left[min(self.next_piece, self.left.size - 1)])

    def learn(self, piece: int, seconds: float) -> None:
        """Take in how long a piece took: on a slow disk, or a busy node, the others take as much longer.

        As much in seconds, not as many times: a piece thought to take microseconds tells little of others.
        """
        self.n_learned += 1
        self.late_seconds += seconds - float(self.costs[piece])
        self.excess = max(0.0, self.late_seconds / self.n_learned)

    @property
    def n_on_their_way(self) -> int:
        """How many parts are being read, or have been sent and not been taken."""
        return self.n_read + self.running - self.n_taken


class Leader:
    """All queries, and what each extraction rank is doing.

    Parameters
    ----------
    mail : Mailbox
    readers, models : tuple of int
        World ranks of the extraction ranks, of which the first is the leader's own, and of the model ranks.
    inside : Inside
        To the worker beside the leader.
    serving : Serving
    listener : callable, optional
        Told what was waited for.
    """

    def __init__(
        self,
        mail: Mailbox,
        readers: tuple[int, ...],
        models: tuple[int, ...],
        inside: Inside,
        serving: Serving,
        listener: Listener = ignore,
    ) -> None:
        self._mail = mail
        self._own, self._all = readers[0], readers
        self._inside = inside
        self._readers = readers[1:] if len(readers) > MANY_OTHERS else (*readers[1:], readers[0])
        self._serving = serving
        self._listener = listener
        self._tasks: dict[int, Task] = {}
        self._by_query: dict[tuple[int, int], Task] = {}
        self._turns: Turns[Task] = Turns()
        self._reads, self._plans = Counter(dict.fromkeys(readers, 0)), Counter(dict.fromkeys(readers, 0))
        self._on_their_way: Counter[int] = Counter()
        self._n_frames: Counter[int] = Counter()
        self._expected: dict[str, float] = {}
        self._models = set(models)
        self._leaving: set[int] = set()
        self.n_queries = 0

    def run(self) -> None:
        """Serve until every model rank has said goodbye, and knows of everything that was sent to it."""
        while self._models:
            while (frame := self._next()) is not None:
                self._handle(frame)
            self._give_out()
            self._see_off()
            if self._models:
                self._handle(wait_until(self._next, what="request", listener=self._listener))
        for reader in self._all:
            self._post(reader, small_frame(Kind.END))
        self._mail.drain()

    def _next(self) -> Frame | None:
        """Return a frame that has come, and send what the worker beside has posted."""
        while (item := self._inside.take()) is not None:
            destination, frame = item
            if destination == self._own:
                return read_frame(self._own, frame)
            self._mail.post(destination, frame)
        self._mail.let_go()
        return self._mail.poll()

    def _post(self, reader: int, frame: Bytes) -> None:
        if reader == self._own:
            self._inside.give(frame)
        else:
            self._mail.post(reader, frame)

    def _handle(self, frame: Frame) -> None:
        match frame.kind:
            case Kind.ASK if frame.source in self._models:
                self._ask(frame)
            case Kind.TAKEN:
                self._taken(frame.source, *frame.words[:2])
            case Kind.CANCEL:
                self._cancel(self._by_query.get((frame.source, frame.words[0])))
            case Kind.GOODBYE:
                for task in [task for task in self._tasks.values() if task.rank == frame.source]:
                    self._cancel(task)
                self._leaving.add(frame.source)
            case Kind.DID if frame.source in self._readers:
                self._did(frame.source, Report.of_frame(frame))
            case _:
                raise RankFailed(
                    f"rank {frame.source} sent the leading extraction rank a frame of kind {frame.kind}, "
                    "which is not its to send",
                    rank=frame.source,
                )

    def _ask(self, frame: Frame) -> None:
        query, user, in_parts, n_open, *_ = frame.words
        rank, allowed = frame.source, self._serving.queries_per_rank
        if n_open > allowed:
            error = InvalidRequest(
                f"rank {rank} of the job has {n_open} queries open; expected at most {allowed}: "
                "take an answer first",
                found=n_open,
                limit=allowed,
            )
            self._refuse(rank, query, error)
            return
        text = frame.text()
        kind = _kind_of(text)
        expected = np.full(1, self._expected.get(kind, PLAN_SECONDS))
        task = Task(
            number=self.n_queries,
            rank=rank,
            query=query,
            user=(rank, user),
            in_parts=bool(in_parts),
            text=text,
            kind=kind,
            costs=expected,
            left=expected,
        )
        self.n_queries += 1
        self._tasks[task.number] = self._by_query[rank, query] = task
        self._turns.add(task.user, task)

    def _refuse(self, rank: int, query: int, error: DteError) -> None:
        self._n_frames[rank] += 1
        self._mail.post(rank, small_frame(Kind.REFUSED, (query,), error_bytes(error, rank)))

    def _give_out(self) -> None:
        """Give work to the ranks, to who has least first, until they have enough or there is none."""
        while any(self._given(reader) for reader in sorted(self._readers, key=self._load_of)):
            pass

    def _load_of(self, reader: int) -> int:
        return self._reads[reader] + self._plans[reader]

    def _given(self, reader: int) -> bool:
        """Give a rank a piece of work; whether there was one."""
        task = self._turns.pick(lambda task: self._can(task, reader))
        if task is None:
            return False
        if self._begin(task, reader):
            self._post(reader, self._order(task).frame())
        if task.planned:
            self._post(reader, small_frame(Kind.READ, (task.number, task.take_piece())))
        return True

    def _begin(self, task: Task, reader: int) -> bool:
        """Note that a rank begins with a piece; whether it has to be told of the query before."""
        (self._reads if task.planned else self._plans)[reader] += 1
        task.running += 1
        self._on_their_way[task.rank] += 1
        unknown = reader not in task.told
        if task.planned:
            task.told.add(reader)
        return unknown

    def _order(self, task: Task) -> Order:
        return Order(
            task=task.number,
            rank=task.rank,
            query=task.query,
            digest=task.digest,
            in_parts=task.in_parts,
            text=task.text,
        )

    def _can(self, task: Task, reader: int) -> bool:
        """Whether a rank may do the next piece of a query now."""
        if not task.planned:
            return not task.running and self._plans[reader] < PLANS_AHEAD
        if task.piece() >= task.costs.size or self._reads[reader] >= READS_AHEAD:
            return False
        held, serving = task.n_on_their_way, self._serving
        if held and (
            held >= serving.parts_per_query or self._on_their_way[task.rank] >= serving.parts_per_rank
        ):
            return False
        return reader in task.told or self._pays(task, reader)

    def _pays(self, task: Task, reader: int) -> bool:
        """Whether a rank that has not planned a query should do so to help with it."""
        return reader not in task.strange_to and task.left_seconds() > 2 * task.plan_seconds

    def _did(self, reader: int, report: Report) -> None:
        task = self._tasks[report.task]
        (self._reads if task.planned else self._plans)[reader] -= 1
        task.running -= 1
        task.seconds += report.seconds
        self._n_frames[task.rank] += report.n_frames
        if not task.planned and (task.kind in self._expected or len(self._expected) < MOST_KINDS):
            known = self._expected.get(task.kind, report.seconds)
            self._expected[task.kind] = known + LEARNED * (report.seconds - known)
        charged = task.excess + float(task.costs[max(report.piece, 0)])
        self._turns.correct(task.user, report.seconds - charged)
        if report.outcome == Outcome.READ:
            task.n_read += 1
            task.learn(report.piece, report.seconds)
        else:
            self._on_their_way[task.rank] -= 1
        match report.outcome:
            case Outcome.PLANNED:
                task.become_planned(report)
                task.told.add(reader)
            case Outcome.DECLINED:
                task.strange_to.add(reader)
                task.told.discard(reader)
                task.declined.append(report.piece)
            case Outcome.FAILED:
                self._stop(task)
        self._settle(task)

    def _settle(self, task: Task) -> None:
        """See what is to be done after a piece: go on, stop for lack of time, or end."""
        try:
            if not task.over:
                self._serving.limits.refuse_slow(task.seconds, task.n_read, task.costs.size, "parts")
        except InvalidRequest as error:
            self._refuse(task.rank, task.query, error)
            self._stop(task)
        if task.n_read == task.costs.size:
            self._stop(task)
        self._end_if_idle(task)

    def _cancel(self, task: Task | None) -> None:
        """Give no more of a query out; it is forgotten when what is under way has been told of."""
        if task is not None:
            task.wanted = False
            self._stop(task)
            self._end_if_idle(task)

    def _stop(self, task: Task) -> None:
        if not task.over:
            task.over = True
            self._turns.remove(task.user, task)

    def _end_if_idle(self, task: Task) -> None:
        """Forget a query of which nothing more is given out and nothing is under way."""
        if not task.over or task.running:
            return
        if self._tasks.pop(task.number, None) is not None:
            for reader in task.told:
                self._post(reader, small_frame(Kind.FORGET, (task.number,)))
        n_parts = task.costs.size
        if not task.wanted or n_parts == 1 or task.n_read < n_parts or task.n_taken >= n_parts:
            self._close(task)

    def _close(self, task: Task) -> None:
        """What a query held of its rank's share is free again."""
        if self._by_query.pop((task.rank, task.query), None) is not None:
            self._on_their_way[task.rank] -= task.n_read - task.n_taken

    def _taken(self, rank: int, query: int, n_parts: int) -> None:
        task = self._by_query.get((rank, query))
        if task is not None and task.n_taken < n_parts <= task.costs.size:
            self._on_their_way[rank] -= n_parts - task.n_taken
            task.n_taken = n_parts
            self._end_if_idle(task)

    def _see_off(self) -> None:
        """Tell who has said goodbye, and to whom nothing is under way, how much was sent to him."""
        busy = {task.rank for task in self._tasks.values()}
        for rank in self._leaving - busy:
            self._mail.post(rank, small_frame(Kind.FAREWELL, (self._n_frames[rank],)))
            self._leaving.discard(rank)
            self._models.discard(rank)


def _kind_of(text: bytes) -> str:
    """Return what a request is like: the first piece of work on those of one kind takes about as long."""
    if len(text) > LARGEST_READ_BYTES:
        return f"of 2^{len(text).bit_length()} bytes"
    found = _FEATURE.search(text)
    return f"{found[1].decode() if found else ''} of 2^{len(text).bit_length()} bytes"
