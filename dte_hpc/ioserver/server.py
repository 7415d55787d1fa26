"""How does an IO rank talk to the model ranks?

One thread: receive what has come, let `session` do it, send credit back. While nothing comes it sends
what credit it owes, and looks whether ranks that wait for credit will ever get it (`starvation`).
"""

import time
from collections.abc import Callable

from dte_hpc.base.errors import DteError, InvalidConfig, RankFailed
from dte_hpc.base.events import Listener, Waited, ignore
from dte_hpc.ioserver.calls import Call, Calls
from dte_hpc.ioserver.credit import Ledger
from dte_hpc.ioserver.naming import N_SLOTS
from dte_hpc.ioserver.pipeline import Pipeline
from dte_hpc.ioserver.protocol import DTYPES, MAX_TEXT_BYTES, TAG, Kind, Verb, padded
from dte_hpc.ioserver.session import ServerReport, Session, Template
from dte_hpc.ioserver.starvation import Judge, Report, starved, suspect
from dte_hpc.parallel.agree import error_bytes
from dte_hpc.parallel.buffers import capacity_of
from dte_hpc.parallel.frames import HEADER_BYTES, Frame, small_frame
from dte_hpc.parallel.mailbox import Mailbox
from dte_hpc.parallel.roles import Role, World
from dte_hpc.parallel.waiting import Pause

DEFAULT_BUDGET_BYTES = 1 << 30


def serve(
    world: World,
    pipeline_factory: Callable[[], Pipeline],
    *,
    budget_bytes: int = DEFAULT_BUDGET_BYTES,
    listener: Listener = ignore,
) -> ServerReport:
    """Take fields from the model ranks until all of them have closed. Collective over the IO ranks.

    Parameters
    ----------
    world : World
        In which this rank has the role IO.
    pipeline_factory : callable
        Makes this rank's pipeline; its `close` is called when the model ranks close.
    budget_bytes : int
        Memory for parts, assembled fields, domains and masks of this rank.

    Raises
    ------
    InvalidPart, InvalidGrid, InvalidMessage, StorageFailed, ...
        What a part or the pipeline did wrong; the caller's `parallel.guard` then ends the job. What goes
        wrong in a collective call is raised on the model ranks instead.
    RankFailed
        When the model ranks wait for each other for ever, or a rank breaks the protocol.
    """
    if world.role is not Role.IO or not world.ranks_of(Role.MODEL):
        n_model = len(world.ranks_of(Role.MODEL))
        raise InvalidConfig(
            f"rank {world.world.rank} is a {world.role.name} rank in a job with {n_model} model ranks; "
            "to serve, expected an IO rank and at least one model rank"
        )
    return Server(world, pipeline_factory(), budget_bytes, listener).run()


class Server:
    """The loop of one IO rank; see `serve`."""

    def __init__(self, world: World, pipeline: Pipeline, budget_bytes: int, listener: Listener) -> None:
        self._world = world
        self._index = world.comm.rank
        self._clients = world.ranks_of(Role.MODEL)
        self._rank_of = {place: rank for rank, place in enumerate(self._clients)}
        self._listener = listener
        self._session = Session(
            pipeline,
            range(len(self._clients)),
            budget_bytes=budget_bytes,
            notifies=self._index == 0,
            listener=listener,
        )
        self._mail = Mailbox(world.world, tag=TAG, limit_bytes=budget_bytes, pool=self._session.pool)
        self._ledger = Ledger(range(len(self._clients)))
        self._calls = Calls(range(len(self._clients)))
        self._slots: list[list[Template | None]] = [[None] * N_SLOTS for _ in self._clients]
        self._waiting_here: dict[int, int] = {}
        self._waiting_elsewhere: dict[int, int] = {}
        self._judge = Judge()
        self._report = Report()
        self._has_news = False
        self._is_closed = False

    def run(self) -> ServerReport:
        """Serve until all model ranks have closed."""
        pause, idle_since = Pause(), time.perf_counter()
        while not self._is_closed:
            if self._handle_next():
                idle_since = self._end_of_idleness(idle_since)
                pause.reset()
                continue
            self._use_idleness()
            pause.rest()
        self._leave_together()
        return self._session.report()

    def _handle_next(self) -> bool:
        frame = self._mail.poll()
        if frame is None:
            return False
        self._has_news = True
        if frame.kind == Kind.SUSPECTS and frame.source in self._world.ranks_of(Role.IO):
            self._judge.hear(frame.source, Report.from_bytes(frame.text()))
            return True
        rank = self._rank_of.get(frame.source, -1)
        handlers: dict[int, Callable[[int, Frame], None]] = {
            Kind.PART: self._take_part,
            Kind.CALL: self._take_call,
            Kind.STALLED: self._take_stalled,
            Kind.RESUMED: self._take_resumed,
        }
        handle = handlers.get(frame.kind)
        if rank == -1 or handle is None:
            raise RankFailed(
                f"rank {frame.source} of the job sends an IO rank a message of kind {frame.kind}"
            )
        handle(rank, frame)
        return True

    def _take_part(self, rank: int, frame: Frame) -> None:
        cost = capacity_of(HEADER_BYTES + frame.payload.size)
        self._ledger.charge(rank, cost)
        slot, n_template, n_varying, code, _ = frame.words
        start = padded(n_template + n_varying)
        self._refuse_odd_part(rank, frame, start)
        texts = frame.payload[: n_template + n_varying].tobytes()
        if n_template:
            self._slots[rank][slot] = self._session.template(texts[:n_template])
        template = self._slots[rank][slot]
        if template is None:
            raise RankFailed(f"model rank {rank} refers to metadata {slot}, which it never sent", rank=rank)
        values = frame.payload[start:].view(DTYPES[code])
        self._session.take(rank, template, texts[n_template:], values, cost)
        del frame, values
        self._return_credit()

    def _refuse_odd_part(self, rank: int, frame: Frame, start: int) -> None:
        slot, n_template, n_varying, code, _ = frame.words
        fits = 0 <= slot < N_SLOTS and 0 <= code < len(DTYPES) and min(n_template, n_varying) >= 0
        whole = fits and (frame.payload.size - start) % DTYPES[code].itemsize == 0
        if not whole or start > min(frame.payload.size, 2 * MAX_TEXT_BYTES):
            raise RankFailed(f"model rank {rank} sends a part that says {frame.words}", rank=rank)

    def _take_call(self, rank: int, frame: Frame) -> None:
        if self._calls.add(rank, Call.of_frame(frame)):
            calls = self._calls.take()
            self._answer(calls)

    def _answer(self, calls: dict[int, Call]) -> None:
        refusal = b""
        try:
            self._session.carry_out(calls)
        except DteError as error:
            refusal = error_bytes(error, spokesman=self._clients[0])
        self._ledger.limits = self._session.limits
        self._return_credit()
        for rank, call in calls.items():
            limit = self._ledger.limits[rank]
            kind = Kind.REFUSED if refusal else Kind.DONE
            self._mail.post(self._clients[rank], small_frame(kind, (call.sequence, limit), refusal))
        self._is_closed = all(call.verb is Verb.CLOSE for call in calls.values())

    def _take_stalled(self, rank: int, frame: Frame) -> None:
        server, episode, received_bytes, *_ = frame.words
        self._take_resumed(rank, frame)
        if server != self._index:
            self._waiting_elsewhere[rank] = episode
            return
        self._send_credit(rank)
        # When credit is on its way the rank goes on, or tells us again that it is not enough.
        if received_bytes == self._ledger.sent_bytes(rank):
            self._waiting_here[rank] = episode

    def _take_resumed(self, rank: int, _frame: Frame) -> None:
        self._waiting_here.pop(rank, None)
        self._waiting_elsewhere.pop(rank, None)

    def _return_credit(self) -> None:
        for rank, cost in self._session.released():
            if self._ledger.release(rank, cost):
                self._send_credit(rank)

    def _send_credit(self, rank: int) -> None:
        owed = self._ledger.settle(rank)
        if owed:
            self._waiting_here.pop(rank, None)
            self._mail.post(self._clients[rank], small_frame(Kind.CREDIT, (owed,)))

    def _use_idleness(self) -> None:
        self._mail.let_go()
        if not self._has_news:
            return
        self._has_news = False
        for rank in self._ledger.owing():
            self._send_credit(rank)
        self._look_for_starvation()

    def _look_for_starvation(self) -> None:
        report = Report()
        if self._waiting_here:
            unfinished = (field.unfinished() for field in self._session.pending)
            report = suspect(self._waiting_here, self._waiting_elsewhere, self._calls.waiting(), unfinished)
        if report.dead and not report.assumed:
            raise starved(report.sentence)
        if report == self._report:
            return
        self._report = report
        first = self._world.ranks_of(Role.IO)[0]
        if self._index == 0:
            self._judge.hear(first, report)
        else:
            self._mail.post(first, small_frame(Kind.SUSPECTS, (), report.to_bytes()))

    def _end_of_idleness(self, since: float) -> float:
        now = time.perf_counter()
        if now - since > 0.001:
            self._listener(Waited(what="message", seconds=now - since))
        return time.perf_counter()

    def _leave_together(self) -> None:
        """Stay until the last answers are out and no other IO rank can still report to this one."""
        self._mail.drain()
        together, pause = self._world.comm.Ibarrier(), Pause()
        while not together.Test():
            self._mail.poll()
            pause.rest()
