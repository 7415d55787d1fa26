"""Does a rank do all that it is given, and keep nobody waiting?"""

from collections import deque

from dte_hpc.extract.inside import Inside
from dte_hpc.extract.protocol import Kind, Order, Outcome, Report
from dte_hpc.extract.worker import work
from dte_hpc.parallel.frames import read_frame, small_frame

LEADER = 3


class Recording:
    """A worker that reads nothing, and whose leader has a new query to plan after each it has planned."""

    def __init__(self, inside, n_plans):
        self.inside, self.n_plans, self.done = inside, n_plans, []

    def plan(self, order):
        self.done.append("plan")
        if len(self.done) < self.n_plans:
            self.inside.give(order_of(order.task + 1).frame())
        return Report(task=order.task, outcome=Outcome.PLANNED)

    def read(self, task, piece):
        self.done.append("read")
        return Report(task=task, outcome=Outcome.READ, piece=piece)

    def forget(self, task):
        self.done.append("forget")


def order_of(task):
    return Order(task=task, rank=0, query=task, digest=-1, in_parts=False, text=b"{}")


def test_pieces_are_read_however_many_queries_come():
    inside = Inside(LEADER)
    worker = Recording(inside, 40)
    for task in (1, 2):
        inside.give(order_of(task).frame())
    for piece in range(3):
        inside.give(small_frame(Kind.READ, (7, piece)))
    ends = deque([small_frame(Kind.FORGET, (7,)), small_frame(Kind.END)])
    plan = worker.plan

    def then_end(order):
        report = plan(order)
        while len(worker.done) >= worker.n_plans and ends:
            inside.give(ends.popleft())
        return report

    worker.plan = then_end
    assert work(inside, LEADER, worker) == len([word for word in worker.done if word != "forget"])
    assert worker.done[:6] == ["plan", "read"] * 3
    assert worker.done[-1] == "forget"


def test_frames_go_both_ways_inside_a_rank():
    inside = Inside(LEADER)
    assert inside.poll() is None
    inside.give(small_frame(Kind.READ, (7, 5)))
    assert inside.receive().words[:2] == (7, 5)
    assert inside.take() is None
    report = Report(task=1, outcome=Outcome.READ, piece=2, seconds=0.5, n_frames=3)
    inside.post(LEADER, report.frame())
    rank, frame = inside.take()
    told = Report.of_frame(read_frame(rank, frame))
    assert (rank, told.task, told.outcome, told.piece, told.n_frames) == (LEADER, 1, Outcome.READ, 2, 3)
    assert told.seconds == 0.5
