"""Whose turn is it?

Users share the extraction ranks by seconds of work, as network packets share a line (weighted fair queueing,
Demers, Keshav and Shenker 1989): the next piece is the one that would end first if every user were served
at once, so that a small query waits for pieces under way and never for a big one's end. Among one user's
own queries the one with the least left to do comes first. Every second turn is that of the query with the
least left of all, if that is little: where everybody has used up his share, what takes milliseconds need not
wait for what takes minutes, and costs it next to nothing.
"""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

LATEST_SECONDS = 0.5
"""Of work that a user may be owed, or may owe. One who was slow to take parts would else hold up the others
later, and one whose query met a cold disk, or was the first of its kind, would wait for a minute."""


class Piecewise(Protocol):
    """Work that is done piece by piece."""

    def next_seconds(self) -> float:
        """Return about how long the next piece takes."""

    def left_seconds(self) -> float:
        """Return about how long all that is left takes."""


SHORT_SECONDS = 0.02
"""What is left of a query that may go before its user's turn."""

Work = TypeVar("Work", bound=Piecewise)


@dataclass(slots=True)
class _User(Generic[Work]):
    """One user's works, and the virtual time until which he has been served."""

    served_until: float = 0.0
    works: list[Work] = field(default_factory=list)


class Turns(Generic[Work]):
    """The works of all users, and whose turn it is."""

    def __init__(self) -> None:
        self._users: dict[Hashable, _User[Work]] = {}
        self._now = 0.0
        self._n_turns = 0

    def add(self, user: Hashable, work: Work) -> None:
        """Take a work in."""
        theirs = self._users.setdefault(user, _User(self._now))
        if not theirs.works:
            theirs.served_until = max(theirs.served_until, self._now)
        theirs.works.append(work)

    def remove(self, user: Hashable, work: Work) -> None:
        """Forget a work that is done, or not wanted any more."""
        theirs = self._users[user]
        theirs.works.remove(work)
        if not theirs.works and theirs.served_until <= self._now:
            del self._users[user]

    def pick(self, can: Callable[[Work], bool]) -> Work | None:
        """Return the work whose piece is next, of those that can go on; charge its user for it."""
        short = self._short(can) if self._n_turns % 2 else None
        found, fair = short or self._fair(can), short is None
        if found is None:
            return None
        self._n_turns += 1
        theirs, work = found
        start = self._start_of(theirs, work)
        if fair:
            self._now = max(self._now, start)
        theirs.served_until = start + work.next_seconds()
        self._forget_idle()
        return work

    def _fair(self, can: Callable[[Work], bool]) -> tuple[_User[Work], Work] | None:
        """Return the work whose next piece would end first."""
        best: tuple[float, _User[Work], Work] | None = None
        for theirs in self._users.values():
            work = _least_left(filter(can, theirs.works))
            if work is None:
                continue
            end = self._start_of(theirs, work) + work.next_seconds()
            if best is None or end < best[0]:
                best = end, theirs, work
        return None if best is None else best[1:]

    def _short(self, can: Callable[[Work], bool]) -> tuple[_User[Work], Work] | None:
        """Return the work that has least left, if that is little."""
        best: tuple[float, _User[Work], Work] | None = None
        for theirs in self._users.values():
            work = _least_left(filter(can, theirs.works))
            left = SHORT_SECONDS if work is None else work.left_seconds()
            if work is not None and left < (SHORT_SECONDS if best is None else best[0]):
                best = left, theirs, work
        return None if best is None else best[1:]

    def _start_of(self, user: _User[Work], work: Work) -> float:
        """Return when a user's next piece begins in virtual time, which is not far from now."""
        most = LATEST_SECONDS + work.next_seconds()
        return min(max(user.served_until, self._now - most), self._now + most)

    def correct(self, user: Hashable, seconds: float) -> None:
        """Charge a user for what a piece took more than it was thought to."""
        if user in self._users:
            theirs = self._users[user]
            theirs.served_until = max(theirs.served_until + seconds, 0.0)

    def _forget_idle(self) -> None:
        """Forget users without work whose past counts no more."""
        idle = [
            u for u, theirs in self._users.items() if not theirs.works and theirs.served_until <= self._now
        ]
        for user in idle:
            del self._users[user]


def _least_left(works: Iterable[Work]) -> Work | None:
    return min(works, key=lambda work: work.left_seconds(), default=None)
