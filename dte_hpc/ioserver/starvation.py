"""Will ranks that wait for credit ever get it?

A model rank waits for credit until a field that holds one of its parts is complete. When ranks write
fields in different orders, each may wait for the other's part, and none will come. That is decided
here, from what is known and not by a timeout: a slow disk is no deadlock.

A server knows who waits (a rank tells all servers for which one it waits, and in which episode of
waiting), and which ranks each of its unfinished fields lacks. A rank that waits in a collective call is
waiting too, and no credit helps it. Whoever waits at another server may or may not be helped there: the
server *assumes* not, and server 0 compares the reports of all. The argument that a verdict is never
wrong: messages from one rank arrive in order, so when its waiting is known here, all its parts are.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dte_hpc.base.errors import RankFailed

Waiting = tuple[int, int]
"""A model rank and its episode of waiting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """A field some parts of which have come.

    Attributes
    ----------
    name : str
    here, lacking : frozenset of int
        Model ranks whose part has come, and whose has not.
    """

    name: str
    here: frozenset[int]
    lacking: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a server suspects.

    Attributes
    ----------
    dead : frozenset of Waiting
        Ranks that get no more credit here, if those in `assumed` get none elsewhere.
    assumed : frozenset of Waiting
    sentence : str
        What to say if it is so.
    """

    dead: frozenset[Waiting] = frozenset()
    assumed: frozenset[Waiting] = frozenset()
    sentence: str = ""

    def to_bytes(self) -> bytes:
        """Return the report as JSON."""
        told = {"dead": sorted(self.dead), "assumed": sorted(self.assumed), "sentence": self.sentence}
        return json.dumps(told).encode()

    @classmethod
    def from_bytes(cls, text: bytes) -> "Report":
        """Return what `to_bytes` wrote."""
        told = json.loads(text)
        dead, assumed = (frozenset((int(r), int(e)) for r, e in told[name]) for name in ("dead", "assumed"))
        return cls(dead=dead, assumed=assumed, sentence=str(told["sentence"]))


def suspect(
    here: Mapping[int, int],
    elsewhere: Mapping[int, int],
    calling: Iterable[int],
    fields: Iterable[Unfinished],
) -> Report:
    """Return which ranks waiting for this server's credit will never get any.

    Parameters
    ----------
    here, elsewhere : mapping of model rank to episode
        Who waits for this server's credit, and for another's.
    calling : iterable of int
        Who waits in a collective call.
    fields : iterable of Unfinished
        Of this server.
    """
    fields, calling = list(fields), set(calling)
    stuck = set(here)
    blocked = stuck | set(elsewhere) | calling
    while helped := _helped(stuck, blocked, fields):
        stuck -= helped
        blocked -= helped
    if not stuck:
        return Report()
    needed = frozenset().union(*(field.lacking for field in fields if field.here & stuck))
    assumed = frozenset((rank, elsewhere[rank]) for rank in needed if rank in elsewhere)
    return Report(
        dead=frozenset((rank, here[rank]) for rank in stuck),
        assumed=assumed,
        sentence=_sentence(stuck, blocked, fields),
    )


def _helped(stuck: set[int], blocked: set[int], fields: list[Unfinished]) -> set[int]:
    """Return the ranks that get credit because a field of theirs lacks nobody who is blocked."""
    return {rank for field in fields if not field.lacking & blocked for rank in field.here & stuck}


def _sentence(stuck: set[int], blocked: set[int], fields: list[Unfinished]) -> str:
    theirs = [field for field in fields if field.here & stuck and field.lacking & blocked]
    shown = "; ".join(f"{f.name} lacks model ranks {sorted(f.lacking)}" for f in theirs[:3])
    more = f" and {len(theirs) - 3} more" if len(theirs) > 3 else ""
    return (
        f"model ranks {sorted(stuck)} have used all their credit on fields that cannot be completed, because "
        f"the ranks they lack wait too: {shown}{more}"
    )


class Judge:
    """Server 0's comparison of all servers' reports."""

    def __init__(self) -> None:
        self._reports: dict[int, Report] = {}

    def hear(self, server: int, report: Report) -> None:
        """Take a server's latest report in place of its earlier one; RankFailed when it proves a deadlock."""
        self._reports[server] = report
        valid = {s: r for s, r in self._reports.items() if r.dead}
        while valid:
            dead = frozenset().union(*(r.dead for r in valid.values()))
            kept = {s: r for s, r in valid.items() if r.assumed <= dead}
            if len(kept) == len(valid):
                raise starved(" ".join(valid[s].sentence for s in sorted(valid)))
            valid = kept


def starved(sentence: str) -> RankFailed:
    """Return the error for a proven deadlock."""
    return RankFailed(
        f"{sentence}. Write every field on all ranks that hold points of it and in the same order, or give "
        "the servers a larger budget"
    )
