"""What has a model rank asked for, and what of it has come?

A `Pending` is one query: its parts are put together from frames as they come, and handed out in their order.
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import DteError, RankFailed
from dte_hpc.extract.answer import Answer
from dte_hpc.extract.part import Part, join
from dte_hpc.extract.wire import Kept, unpack_part
from dte_hpc.parallel.frames import Frame

MAX_PART_BYTES = 16 * 1024**3


class Pending:
    """One query that was asked. Made by `ExtractClient.ask` and `ExtractClient.ask_parts`.

    Parameters
    ----------
    number : int
        Of the query.
    held : bool
        Whether the answer is wanted whole; else its parts are taken one by one.
    wait : callable
        Lets frames in until what it is given says so.
    tell : callable
        Told the query and how many of its parts were taken.
    cancel : callable
        Told the query that is not wanted any more.
    """

    def __init__(
        self,
        number: int,
        *,
        held: bool,
        wait: Callable[[Callable[[], bool]], None],
        tell: Callable[[int, int], None],
        cancel: Callable[[int], None],
    ) -> None:
        self.number = number
        self._held = held
        self._wait = wait
        self._tell = tell
        self._cancel = cancel
        self._error: DteError | None = None
        self._building: dict[int, tuple[NDArray[np.uint8], int]] = {}
        self._kept = Kept()
        self._parts: dict[int, Part] = {}
        self._n_parts = 0
        self._n_come = 0
        self._n_taken = 0
        self._answer: Answer | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes: everything has, it was refused, or cancelled."""
        return self._error is not None or 0 < self._n_parts == self._n_come

    @property
    def is_ready(self) -> bool:
        """Whether `answer`, or the next of `parts`, would return at once."""
        return self.is_over if self._held else self._error is not None or self._next_is_here()

    def answer(self) -> Answer:
        """Return the whole answer; waits for it.

        Raises
        ------
        DteError
            As `extract.extract`.
        """
        if self._answer is None:
            self._wait(lambda: self.is_over)
            self._raise()
            self._answer = join([self._parts.pop(number) for number in range(self._n_parts)])
        return self._answer

    def parts(self) -> Iterator[Part]:
        """Yield the parts in their order, waiting for each; leaving the loop early cancels the query."""
        try:
            while not self._n_parts or self._n_taken < self._n_parts:
                self._wait(lambda: self._error is not None or self._next_is_here())
                self._raise()
                part = self._parts.pop(self._n_taken)
                self._n_taken += 1
                yield part
                if self._n_parts > 1:
                    self._tell(self.number, self._n_taken)
        finally:
            self.cancel()
            if self._n_taken < self._n_parts and self._error is None:
                self._parts.clear()
                self._tell(self.number, self._n_parts)

    def cancel(self) -> None:
        """Say that the rest is not wanted; nothing when all of it has come."""
        if not self.is_over:
            self.refuse(RankFailed("the query was cancelled by who asked"))
            self._cancel(self.number)

    def refuse(self, error: DteError) -> None:
        """Take in that the query is not answered, and let go of what has come of it."""
        self._error = error
        self._building.clear()
        self._kept = Kept()
        if not self._held:
            return
        self._parts.clear()

    def take_in(self, frame: Frame) -> None:
        """Take in some of a part."""
        _, size, first, *_ = frame.words
        if not 0 < size <= MAX_PART_BYTES:
            raise _out_of_turn(frame, f"announces a part of {size} bytes")
        data, done = self._building.pop(frame.source, (None, 0))
        n = frame.payload.size
        if first != done or done + n > size or (data is not None and data.size != size):
            raise _out_of_turn(frame, "sent a frame out of turn")
        if n == size:  # one frame: no copy
            self._come(unpack_part(frame.payload, self._kept))
            return
        data = np.empty(size, np.uint8) if data is None else data
        data[first : first + n] = frame.payload
        if first + n < size:
            self._building[frame.source] = data, first + n
        else:
            self._come(unpack_part(data, self._kept))

    def _come(self, part: Part) -> None:
        self._parts[part.number] = part
        self._n_parts = part.n_parts
        self._n_come += 1
        if self.is_over:
            self._kept = Kept()
        if self._held and part.n_parts > 1:
            self._tell(self.number, self._n_come)

    def _next_is_here(self) -> bool:
        return self._n_taken in self._parts or 0 < self._n_parts == self._n_taken

    def _raise(self) -> None:
        if self._error is not None and (self._held or not self._next_is_here()):
            raise self._error


def _out_of_turn(frame: Frame, what: str) -> RankFailed:
    return RankFailed(f"extraction rank {frame.source} {what}", rank=frame.source)
