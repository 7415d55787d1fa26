"""Have all model ranks made the same collective call?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dte_hpc.base.errors import RankFailed
from dte_hpc.ioserver.protocol import MAX_TEXT_BYTES, Verb, padded
from dte_hpc.parallel.agree import error_of
from dte_hpc.parallel.frames import Bytes, Frame


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """What one model rank asks for.

    Attributes
    ----------
    verb : Verb
    sequence : int
        How many calls the rank made before.
    text : bytes
        The same on every rank.
    raw : ndarray of uint8
        The rank's own.
    is_troubled : bool
        Whether the rank found its own arguments wrong; `raw` is then the error.
    """

    verb: Verb
    sequence: int
    text: bytes
    raw: Bytes
    is_troubled: bool = False

    @classmethod
    def of_frame(cls, frame: Frame) -> "Call":
        """Return what a CALL frame says."""
        code, sequence, size, troubled, _ = frame.words
        if not 0 <= size <= min(MAX_TEXT_BYTES, frame.payload.size) or code not in set(Verb):
            raise RankFailed(f"rank {frame.source} of the job makes call {code} with a text of {size} bytes")
        text = frame.payload[:size].tobytes()
        return cls(Verb(code), sequence, text, frame.payload[padded(size) :], bool(troubled))

    def __str__(self) -> str:
        return f"{self.verb.name.lower()}({self.text.decode(errors='replace')[:120]})"


class Calls:
    """The calls that have come, until they are all there."""

    def __init__(self, ranks: Iterable[int]) -> None:
        self._ranks = tuple(ranks)
        self._calls: dict[int, Call] = {}

    def add(self, rank: int, call: Call) -> bool:
        """Take a rank's call; whether all ranks have called."""
        if rank in self._calls:
            raise RankFailed(f"model rank {rank} calls {call} before {self._calls[rank]} was answered")
        self._calls[rank] = call
        return len(self._calls) == len(self._ranks)

    def waiting(self) -> frozenset[int]:
        """Return the ranks that wait for the others to call."""
        return frozenset(self._calls)

    def take(self) -> dict[int, Call]:
        """Return everybody's call, and forget them. See `refuse_difference`."""
        calls, self._calls = self._calls, {}
        return calls


def refuse_difference(calls: Mapping[int, Call]) -> Call:
    """Return the call all ranks made.

    Raises the error of the lowest rank that found something wrong with its arguments, or RankFailed
    naming two ranks that made different calls.
    """
    for _, call in sorted(calls.items()):
        if call.is_troubled:
            raise error_of(call.raw.tobytes())
    leader = min(calls)
    first = calls[leader]
    for rank, call in sorted(calls.items()):
        if (call.verb, call.text, call.sequence) != (first.verb, first.text, first.sequence):
            raise RankFailed(
                f"model rank {rank} calls {call} where model rank {leader} calls {first}; expected the same "
                "collective call, with the same arguments, on all model ranks",
                ranks=(leader, rank),
            )
    return first
