"""How do frames go from rank to rank?

Sends return at once (Isend; the mailbox keeps the frame until MPI is done with it), receives go
straight into a buffer of the right size, several at a time: a sender that is busy computing holds up
nobody else. Frames from one rank are handed out in the order it sent them.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import RankFailed
from dte_hpc.base.events import Listener, ignore
from dte_hpc.parallel.buffers import BufferPool
from dte_hpc.parallel.frames import Frame, read_frame
from dte_hpc.parallel.mpi import ANY_SOURCE, BYTE, Comm, Request, Status
from dte_hpc.parallel.waiting import wait_until

Bytes = NDArray[np.uint8]
DEFAULT_LIMIT_BYTES = 64 * 1024 * 1024


class Mailbox:
    """One end of the talk between ranks of a communicator.

    Parameters
    ----------
    comm : Comm
        Held, not duplicated: two mailboxes on it need different tags.
    tag : int
        Of all messages sent and received here.
    limit_bytes : int
        A larger message is refused with RankFailed before any memory is taken for it.
    pool : BufferPool, optional
        Where receive buffers come from.
    """

    def __init__(
        self,
        comm: Comm,
        *,
        tag: int,
        limit_bytes: int = DEFAULT_LIMIT_BYTES,
        pool: BufferPool | None = None,
        listener: Listener = ignore,
    ) -> None:
        self.comm = comm
        self.tag = tag
        self.limit_bytes = limit_bytes
        self.pool = pool if pool is not None else BufferPool(limit_bytes)
        self._listener = listener
        self._status = Status()
        self._sending: dict[int, deque[tuple[Request, Bytes]]] = {}
        self._arriving: dict[int, deque[tuple[Request, Bytes]]] = {}

    def post(self, destination: int, frame: Bytes) -> None:
        """Send a frame; it must not be changed afterwards. Returns at once."""
        request = self.comm.Isend([frame, BYTE], destination, self.tag)
        self._sending.setdefault(destination, deque()).append((request, frame))
        self.let_go()

    def let_go(self) -> bool:
        """Forget the frames that are sent; whether none is left. Also lets MPI make progress."""
        idle = True
        for queue in self._sending.values():
            while queue and queue[0][0].Test():
                queue.popleft()
            idle = idle and not queue
        return idle

    def poll(self) -> Frame | None:
        """Return the next frame that has arrived, or None."""
        self._start_receiving()
        for source in list(self._arriving):
            queue = self._arriving.pop(source)
            request, buffer = queue[0]
            if not request.Test():
                self._arriving[source] = queue
                continue
            queue.popleft()
            if queue:  # to the back, so that one busy sender does not keep the others waiting
                self._arriving[source] = queue
            return read_frame(source, buffer)
        return None

    def receive(self, what: str = "message") -> Frame:
        """Return the next frame, waiting for it without burning a core."""

        def look() -> Frame | None:
            self.let_go()
            return self.poll()

        return wait_until(look, what=what, listener=self._listener)

    def drain(self) -> None:
        """Wait until everything posted has left."""
        wait_until(self.let_go, what="rank", listener=self._listener)

    def _start_receiving(self) -> None:
        while (message := self.comm.Improbe(ANY_SOURCE, self.tag, self._status)) is not None:
            source, n_bytes = self._status.Get_source(), self._status.Get_count(BYTE)
            if n_bytes > self.limit_bytes:
                raise RankFailed(
                    f"rank {source} sends a message of {n_bytes} bytes; expected at most {self.limit_bytes}",
                    rank=source,
                    n_bytes=n_bytes,
                )
            buffer = self.pool.take(n_bytes)
            request = message.Irecv([buffer, BYTE])
            self._arriving.setdefault(source, deque()).append((request, buffer))
