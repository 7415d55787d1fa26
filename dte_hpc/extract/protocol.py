"""What do model ranks and extraction ranks say to each other?

One message is one frame (`parallel.frames`) under the tag `TAG`. The first extraction rank leads: it knows
every query, and gives out work; all of them send what they read straight to who asked.

======== ================== ==================================================== ===================
kind     from, to           words                                                payload
======== ================== ==================================================== ===================
ASK      model, leader      query, user, 1 when taken in parts, queries of       the request, JSON
                            this rank that are open (this one too)
TAKEN    model, leader      query, parts taken so far                            -
CANCEL   model, leader      query                                                -
GOODBYE  model, leader      -                                                    -
PART     reader, model      query, bytes of the part, first byte                 some of it (`wire`)
REFUSED  reader or leader,  query                                                the error, JSON
         model
FAREWELL leader, model      frames sent to that rank by all extraction ranks     -
PLAN     leader, reader     task, model rank, query, digest or -1, 1 when in     the request, JSON
                            parts
READ     leader, reader     task, number of the piece                            -
FORGET   leader, reader     task                                                 -
END      leader, reader     -                                                    -
DID      reader, leader     task, outcome, piece, nanoseconds, frames sent       `report`
======== ================== ==================================================== ===================

A query's number is its model rank's own, a task's the leader's; neither is used twice.
"""

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from dte_hpc.parallel.frames import Bytes, Frame, small_frame

TAG = 18
FRAME_BYTES = 8 * 1024 * 1024
MAX_REQUEST_BYTES = 64 * 1024 * 1024
_DIGEST = np.dtype("<i8")


class Kind(IntEnum):
    """What a frame is."""

    ASK = 1
    TAKEN = 2
    CANCEL = 3
    GOODBYE = 4
    PART = 5
    REFUSED = 6
    FAREWELL = 7
    PLAN = 8
    READ = 9
    FORGET = 10
    END = 11
    DID = 12


class Outcome(IntEnum):
    """How a piece of work ended.

    PLANNED: it is known what is to be read. READ: a piece was read and sent. FAILED: who asked has been told
    why. DECLINED: this rank finds other fields than the one that planned the query.
    """

    PLANNED = 1
    READ = 2
    FAILED = 3
    DECLINED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a reader tells the leader when a piece of work has ended.

    Attributes
    ----------
    task : int
    outcome : Outcome
    piece : int
        Which was read; -1 for none.
    seconds : float
        That it took.
    n_frames : int
        Sent to who asked.
    digest : int
        Of the plan (PLANNED).
    costs : float64, shape (n_pieces,)
        Seconds that each piece will about take (PLANNED).
    """

    task: int
    outcome: Outcome
    piece: int = -1
    seconds: float = 0.0
    n_frames: int = 0
    digest: int = -1
    costs: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    def frame(self) -> Bytes:
        """Return the report as a frame: the payload is the digest (i64), then the costs (f64)."""
        words = (self.task, self.outcome, self.piece, int(self.seconds * 1e9), self.n_frames)
        payload = np.array([self.digest], _DIGEST).tobytes() + self.costs.astype("<f8").tobytes()
        return small_frame(Kind.DID, words, payload)

    @classmethod
    def of_frame(cls, frame: Frame) -> "Report":
        """Return the report that a frame is."""
        task, outcome, piece, nanoseconds, n_frames = frame.words
        return cls(
            task=task,
            outcome=Outcome(outcome),
            piece=piece,
            seconds=nanoseconds / 1e9,
            n_frames=n_frames,
            digest=int(frame.payload[:8].view(_DIGEST)[0]),
            costs=frame.payload[8:].view("<f8").copy(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A query that a reader is to plan.

    Attributes
    ----------
    task, rank, query : int
        The leader's number, the model rank that asked, and its number.
    digest : int
        That the plan must have; -1 for any, and then the query is also read when it is one piece.
    in_parts : bool
        Whether the answer is never held whole.
    text : bytes
        The request.
    """

    task: int
    rank: int
    query: int
    digest: int
    in_parts: bool
    text: bytes

    def frame(self) -> Bytes:
        """Return the order as a frame."""
        words = (self.task, self.rank, self.query, self.digest, int(self.in_parts))
        return small_frame(Kind.PLAN, words, self.text)

    @classmethod
    def of_frame(cls, frame: Frame) -> "Order":
        """Return the order that a frame is."""
        task, rank, query, digest, in_parts = frame.words
        return cls(
            task=task, rank=rank, query=query, digest=digest, in_parts=bool(in_parts), text=frame.text()
        )
