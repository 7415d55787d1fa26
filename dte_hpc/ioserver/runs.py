"""How is a rank's list of indices written down in few bytes, and its part put in place fast?

As runs of equally spaced indices: a block of rows is one run with stride 1, a cyclic share one run
with stride n. A list that has no such runs stays a list. Slices are copied as slices (memory speed),
lists are scattered.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import RankFailed
from dte_hpc.base.field import Values

SHORTEST_SLICE = 24
"""Points a run needs on average for slice copies to beat a scatter (about 150 ns a slice, 6 ns a point)."""

MAX_INDEX = 1 << 52
_HEAD = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Runs:
    """Indices ``starts[i] + stride * [0 .. counts[i])``, run after run.

    Attributes
    ----------
    stride : int
        At least 1.
    starts, counts : ndarray of int64, shape (n_runs,)
    """

    stride: int
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]

    @property
    def n_points(self) -> int:
        """How many indices there are."""
        return int(self.counts.sum())

    @property
    def first(self) -> int:
        """The least index; only for lists that are not empty."""
        return int(self.starts.min())

    @property
    def last(self) -> int:
        """The greatest index; only for lists that are not empty."""
        return int((self.starts + self.stride * (self.counts - 1)).max())

    def indices(self) -> NDArray[np.int64]:
        """Return the list, shape (n_points,)."""
        offsets = np.cumsum(self.counts) - self.counts
        steps = np.arange(self.n_points) - np.repeat(offsets, self.counts)
        return np.repeat(self.starts, self.counts) + self.stride * steps

    def to_bytes(self) -> NDArray[np.uint8]:
        """Return the wire form, int64: stride, n_runs, has_counts, starts and, unless all are 1, counts."""
        single = bool((self.counts == 1).all())
        head = np.array([self.stride, self.starts.size, not single], np.int64)
        body = [head, self.starts] if single else [head, self.starts, self.counts]
        return np.concatenate(body).view(np.uint8)

    @classmethod
    def from_bytes(cls, raw: NDArray[np.uint8], rank: int) -> "Runs":
        """Return what `to_bytes` wrote; RankFailed names the rank whose bytes are not that."""
        words = raw.view(np.int64) if raw.size % 8 == 0 else np.empty(0, np.int64)
        if words.size < _HEAD:
            raise RankFailed(f"model rank {rank} sent an index list of {raw.size} bytes", rank=rank)
        stride, n_runs, counted = words[:_HEAD].tolist()
        if stride < 1 or n_runs < 0 or words.size != _HEAD + n_runs * (2 if counted else 1):
            raise RankFailed(
                f"model rank {rank} sent an index list that says {n_runs} runs in {raw.size} bytes", rank=rank
            )
        starts = words[_HEAD : _HEAD + n_runs].copy()
        counts = words[_HEAD + n_runs :].copy() if counted else np.ones(n_runs, np.int64)
        if n_runs and (counts.min() < 1 or starts.min() < 0 or not _is_sane(stride, starts, counts)):
            raise RankFailed(f"model rank {rank} sent an index list with impossible numbers", rank=rank)
        return cls(stride=stride, starts=starts, counts=counts)


def _is_sane(stride: int, starts: NDArray[np.int64], counts: NDArray[np.int64]) -> bool:
    longest = int(counts.max())
    return int(starts.max()) + stride * longest <= MAX_INDEX and counts.size * longest <= MAX_INDEX


def compress(indices: NDArray[np.int64]) -> Runs:
    """Return a list of indices as the fewest runs of one stride: 1, or the step between the first two."""
    if indices.size == 0:
        return Runs(stride=1, starts=np.empty(0, np.int64), counts=np.empty(0, np.int64))
    steps = np.diff(indices)
    candidates = {1, max(1, int(steps[0]))} if steps.size else {1}
    stride = min(sorted(candidates), key=lambda s: np.count_nonzero(steps != s))
    edges = np.concatenate([[0], np.flatnonzero(steps != stride) + 1, [indices.size]])
    return Runs(stride=stride, starts=indices[edges[:-1]], counts=np.diff(edges))


class Placement:
    """Where the values of one rank's part go in the whole field."""

    __slots__ = ("_indices", "_slices", "is_whole", "n_points")

    def __init__(self, runs: Runs, global_size: int) -> None:
        self.n_points = runs.n_points
        self.is_whole = bool(
            runs.stride == 1 and runs.starts.tolist() == [0] and self.n_points == global_size
        )
        sliced = runs.starts.size * SHORTEST_SLICE <= self.n_points
        self._slices = _slices(runs) if sliced else None
        self._indices = None if sliced else runs.indices()

    @property
    def n_bytes(self) -> int:
        """Memory it takes, roughly for slices."""
        return int(self._indices.nbytes) if self._indices is not None else 300 * len(self._slices or ())

    def put(self, part: Values | NDArray[np.bool_], whole: Values | NDArray[np.bool_]) -> None:
        """Copy a part's values, shape (n_points,), to their places in the whole field."""
        if self._indices is not None:
            whole[self._indices] = part
            return
        for target, source in self._slices or ():
            whole[target] = part[source]


def _slices(runs: Runs) -> list[tuple[slice, slice]]:
    ends = np.cumsum(runs.counts)
    stops = runs.starts + runs.stride * (runs.counts - 1) + 1
    return [
        (slice(start, stop, runs.stride), slice(end - count, end))
        for start, stop, count, end in zip(
            runs.starts.tolist(), stops.tolist(), runs.counts.tolist(), ends.tolist(), strict=True
        )
    ]
