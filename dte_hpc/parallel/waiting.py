"""How does a rank wait without burning a core?

It asks, and sleeps a little longer each time: 10 µs at first, 1 ms at most. MPI's own blocking calls
poll at full speed, which a neighbour rank on the same core pays for. Time spent waiting is told to
the listener as `Waited`.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from dte_hpc.base.events import Listener, Waited, ignore
from dte_hpc.parallel.mpi import Request

Found = TypeVar("Found")

FIRST_REST_SECONDS = 10e-6
LONGEST_REST_SECONDS = 1e-3
GROWTH = 1.5


class Pause:
    """A rest that grows while nothing happens and is short again when something does."""

    __slots__ = ("_rest_seconds",)

    def __init__(self) -> None:
        self._rest_seconds = FIRST_REST_SECONDS

    def rest(self) -> None:
        """Sleep, a little longer than the last time."""
        time.sleep(self._rest_seconds)
        self._rest_seconds = min(self._rest_seconds * GROWTH, LONGEST_REST_SECONDS)

    def reset(self) -> None:
        """Something happened: the next rest is short."""
        self._rest_seconds = FIRST_REST_SECONDS


def wait_until(
    look: Callable[[], Found | None],
    *,
    what: str,
    listener: Listener = ignore,
    on_rest: Callable[[float], None] | None = None,
) -> Found:
    """Return the first thing `look` finds (anything but None or False).

    Parameters
    ----------
    look : callable
        Asks once, without blocking.
    what : str
        What is waited for, in the `Waited` event: "credit", "message", "rank".
    on_rest : callable, optional
        Told the seconds waited so far, before each sleep.
    """
    found = look()
    if found:
        return found
    start, pause = time.perf_counter(), Pause()
    while not (found := look()):
        if on_rest is not None:
            on_rest(time.perf_counter() - start)
        pause.rest()
    listener(Waited(what=what, seconds=time.perf_counter() - start))
    return found


def finish(request: Request, *, listener: Listener = ignore) -> None:
    """Wait for one MPI request."""
    wait_until(request.Test, what="rank", listener=listener)
