"""How many bytes may each model rank have on a server, and how many has it?

A server's budget holds, beside what it knows of domains and masks, one assembled field and as much again
for what a plan makes of it; the rest is credit. Credit is shared out by the size of the parts, so that
every rank can be the same number of fields ahead. A part costs the memory its buffer takes, and the
credit comes back when its field has been processed.
"""

from collections.abc import Iterable, Mapping

from dte_hpc.base.errors import InvalidConfig, RankFailed
from dte_hpc.parallel.buffers import capacity_of
from dte_hpc.parallel.frames import HEADER_BYTES

LARGEST_VALUE_BYTES = 8
TYPICAL_TEXT_BYTES = 512
WHOLE_FIELDS = 2
"""Whole fields in memory at once beside the parts: the assembled one, and what a plan makes of it."""

RETURN_FRACTION = 8
"""Credit is sent back when it is this fraction of a rank's limit, or the server has nothing to do."""


def cost_of_part(n_values: int, text_bytes: int = TYPICAL_TEXT_BYTES) -> int:
    """Return the credit a part of doubles costs."""
    return capacity_of(HEADER_BYTES + text_bytes + LARGEST_VALUE_BYTES * n_values)


def share_out(
    budget_bytes: int, fixed_bytes: int, global_sizes: Iterable[int], shares: Mapping[int, Iterable[int]]
) -> dict[int, int]:
    """Return each model rank's credit limit in bytes.

    Parameters
    ----------
    budget_bytes, fixed_bytes : int
        All a server may use, and what it uses already.
    global_sizes : iterable of int
        Points of each domain.
    shares : mapping of model rank to iterable of int
        Points the rank holds of each domain.

    Raises
    ------
    InvalidConfig
        When some rank could not send even one part; names the budget that is needed.
    """
    whole = WHOLE_FIELDS * capacity_of(LARGEST_VALUE_BYTES * max(global_sizes, default=0))
    costs = {rank: [cost_of_part(n) for n in sizes if n] for rank, sizes in shares.items()}
    total = sum(map(sum, costs.values()))
    left = budget_bytes - fixed_bytes - whole
    needed = fixed_bytes + whole + total
    if left < total:
        raise InvalidConfig(
            f"an IO rank's budget of {budget_bytes} bytes cannot hold one part from each model rank and the "
            f"whole field made of them; expected at least {needed} bytes",
            budget_bytes=budget_bytes,
            needed_bytes=needed,
        )
    return {rank: left * sum(own) // total if total else 0 for rank, own in costs.items()}


class Ledger:
    """A server's account of what every model rank has on it."""

    def __init__(self, ranks: Iterable[int]) -> None:
        self.limits = dict.fromkeys(ranks, 0)
        self._held = dict.fromkeys(self.limits, 0)
        self._owed = dict.fromkeys(self.limits, 0)
        self._sent = dict.fromkeys(self.limits, 0)

    def charge(self, rank: int, n_bytes: int) -> None:
        """Take credit for a message that has come; RankFailed when the rank had not that much."""
        self._held[rank] += n_bytes
        if self._held[rank] + self._owed[rank] > self.limits[rank]:
            raise RankFailed(
                f"model rank {rank} has {self._held[rank]} bytes on a server; expected at most "
                f"{self.limits[rank] - self._owed[rank]}, its credit",
                rank=rank,
            )

    def release(self, rank: int, n_bytes: int) -> bool:
        """Give credit back; whether so much is now owed that it should be sent."""
        self._held[rank] -= n_bytes
        self._owed[rank] += n_bytes
        return self._owed[rank] * RETURN_FRACTION >= self.limits[rank]

    def settle(self, rank: int) -> int:
        """Return the bytes owed to a rank, which are now taken as sent."""
        owed = self._owed[rank]
        self._owed[rank] = 0
        self._sent[rank] += owed
        return owed

    def sent_bytes(self, rank: int) -> int:
        """Return all the credit ever sent back to a rank."""
        return self._sent[rank]

    def owing(self) -> list[int]:
        """Return the ranks that are owed credit."""
        return [rank for rank, owed in self._owed.items() if owed]


class Credit:
    """A model rank's account with one server."""

    __slots__ = ("limit_bytes", "received_bytes", "used_bytes")

    def __init__(self) -> None:
        self.limit_bytes = 0
        self.used_bytes = 0
        self.received_bytes = 0

    def allows(self, n_bytes: int) -> bool:
        """Whether a message of this cost may be sent now."""
        return self.used_bytes + n_bytes <= self.limit_bytes

    def spend(self, n_bytes: int) -> None:
        """A message of this cost is on its way."""
        self.used_bytes += n_bytes

    def take_back(self, n_bytes: int) -> None:
        """The server has returned credit."""
        self.used_bytes -= n_bytes
        self.received_bytes += n_bytes
