"""Whose turn is it?

Users share the extraction ranks by seconds of work, as network packets share a line (weighted fair queueing,
Demers, Keshav and Shenker 1989): the next piece is the one that would end first if every user were served
at once, so that a small query waits for pieces under way and never for a big one's end. Among one user's
own queries the one with the least left to do comes first. Every second turn is that of the query with the
least left of all, if that is no more than a few usual pieces: where everybody has used up his share, what
takes milliseconds need not wait for what takes minutes, and costs it little.
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


USUAL_SECONDS, LEARNED = 0.02, 0.05
"""What a piece takes before any was seen, and the weight of the newest in what it is then thought to take."""

FEW_PIECES = 4

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
        self._usual_seconds = USUAL_SECONDS

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
            self._usual_seconds += LEARNED * (work.next_seconds() - self._usual_seconds)
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
        """Return the work that has least left, if that is no more than a few usual pieces."""
        least = ((theirs, _least_left(filter(can, theirs.works))) for theirs in self._users.values())
        found = [
            (theirs, work)
            for theirs, work in least
            if work is not None and work.left_seconds() < FEW_PIECES * self._usual_seconds
        ]
        return min(found, key=lambda one: one[1].left_seconds(), default=None)

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
