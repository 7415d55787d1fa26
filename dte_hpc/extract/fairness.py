"""Whose turn is it?

Users share the extraction ranks by seconds of work, as network packets share a line (weighted fair queueing,
Demers, Keshav and Shenker 1989): the next piece is the one that would end first if every user were served
at once, so that a small query waits for pieces under way and never for a big one's end. Among one user's
own queries the one with the least left to do comes first.
"""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

LATEST_SECONDS = 0.5
"""Of work that a user who was slow to take parts is owed; more would let him hold up the others later."""


class Piecewise(Protocol):
    """Work that is done piece by piece."""

    def next_seconds(self) -> float:
        """Return about how long the next piece takes."""

    def left_seconds(self) -> float:
        """Return about how long all that is left takes."""


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
        best: tuple[float, _User[Work], Work] | None = None
        for user in self._users.values():
            work = _least_left(filter(can, user.works))
            if work is None:
                continue
            end = self._start_of(user, work) + work.next_seconds()
            if best is None or end < best[0]:
                best = end, user, work
        if best is None:
            return None
        end, user, work = best
        self._now = max(self._now, self._start_of(user, work))
        user.served_until = end
        self._forget_idle()
        return work

    def _start_of(self, user: _User[Work], work: Work) -> float:
        """Return when a user's next piece begins in virtual time: who did not want his turns loses them."""
        return max(user.served_until, self._now - LATEST_SECONDS - work.next_seconds())

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
