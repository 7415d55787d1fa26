"""How do the leading extraction rank and its own worker talk?

The worker reads in a thread, so that the leader answers while it does; all of MPI stays with the leader's
thread. What they say to each other are the same frames that other ranks get. The worker sees the mailbox it
would have on a rank of its own, and the leader posts what comes out of it.
"""

import queue
from collections import deque

from dte_hpc.parallel.frames import Bytes, Frame, read_frame


class Inside:
    """A mailbox without MPI between two threads of one rank.

    Parameters
    ----------
    rank : int
        Of both, in the world.
    """

    def __init__(self, rank: int) -> None:
        self._rank = rank
        self._in: queue.SimpleQueue[Bytes] = queue.SimpleQueue()
        self._out: deque[tuple[int, Bytes]] = deque()

    def give(self, frame: Bytes) -> None:
        """Send a frame to the worker; the leader's thread."""
        self._in.put(frame)

    def take(self) -> tuple[int, Bytes] | None:
        """Return where the worker's next frame goes, and the frame; None without one. The leader's thread."""
        return self._out.popleft() if self._out else None

    def post(self, destination: int, frame: Bytes) -> None:
        """Have a frame sent. The worker's thread."""
        self._out.append((destination, frame))

    def poll(self) -> Frame | None:
        """Return the next frame for the worker, or None."""
        try:
            return read_frame(self._rank, self._in.get_nowait())
        except queue.Empty:
            return None

    def receive(self, _what: str = "message") -> Frame:
        """Return the next frame for the worker; waits for it."""
        return read_frame(self._rank, self._in.get())

    def let_go(self) -> bool:
        """Say that nothing of the worker's own is being sent: the leader does that."""
        return True

    def drain(self) -> None:
        """Wait for nothing: the leader does that."""
