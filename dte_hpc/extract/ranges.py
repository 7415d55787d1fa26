"""Which points of a field, as index ranges?

A range is ``[start, stop)`` in the grid's own index order. A set of them is two arrays, whatever the number
of points: a country on a grid of millions of points is a few hundred numbers.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.grids.spans import expand as expand
from dte_hpc.grids.spans import runs

Int64s = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ranges:
    """Sorted, disjoint index ranges, merged where they touch.

    Attributes
    ----------
    start, stop : int64, shape (n_ranges,)
        ``start[i] < stop[i] < start[i + 1]``. Made by `of`, `of_indices` or the set operations, which
        bring any input into this form; read-only.
    n_points : int
        How many indices are in the ranges.
    """

    start: Int64s
    stop: Int64s
    n_points: int = field(init=False)

    def __post_init__(self) -> None:
        if self.start.shape != self.stop.shape or self.start.ndim != 1:
            raise InvalidRequest(
                f"index ranges have starts of shape {self.start.shape} and stops of shape {self.stop.shape}; "
                "expected two arrays of one length"
            )
        if np.any(self.stop <= self.start) or np.any(self.start[1:] <= self.stop[:-1]):
            raise InvalidRequest("index ranges overlap, touch, are empty or out of order; expected Ranges.of")
        self.start.flags.writeable = False
        self.stop.flags.writeable = False
        object.__setattr__(self, "n_points", int((self.stop - self.start).sum()))

    def __len__(self) -> int:
        return int(self.start.size)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Ranges):
            return NotImplemented
        return np.array_equal(self.start, other.start) and np.array_equal(self.stop, other.stop)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Ranges({len(self)} ranges, {self.n_points} points)"

    @classmethod
    def of(cls, start: ArrayLike, stop: ArrayLike) -> "Ranges":
        """Return the ranges for starts and stops in any order, which may overlap, touch or be empty."""
        starts, stops = np.asarray(start, np.int64), np.asarray(stop, np.int64)
        kept = stops > starts
        starts, stops = merged(starts[kept], stops[kept])
        return cls(start=starts, stop=stops)

    @classmethod
    def of_indices(cls, indices: ArrayLike) -> "Ranges":
        """Return the ranges that hold exactly these indices, in any order, repeats counted once."""
        start, stop = runs(np.asarray(indices, np.int64))
        return cls(start=start, stop=stop)

    def indices(self) -> Int64s:
        """Return every index, ascending: int64, shape (n_points,)."""
        return expand(self.start, self.stop)[1]

    def contains(self, indices: ArrayLike) -> NDArray[np.bool_]:
        """Return which indices are in the ranges: bool, of the shape of ``indices``."""
        asked = np.asarray(indices, np.int64)
        if not len(self):
            return np.zeros(asked.shape, np.bool_)
        at = np.searchsorted(self.start, asked, side="right") - 1
        found: NDArray[np.bool_] = (at >= 0) & (asked < self.stop[at])
        return found

    def union(self, other: "Ranges") -> "Ranges":
        """Return what is in either."""
        return Ranges.of(np.concatenate([self.start, other.start]), np.concatenate([self.stop, other.stop]))

    def intersection(self, other: "Ranges") -> "Ranges":
        """Return what is in both."""
        pieces = self._cut(other)
        kept = self.contains(pieces[:-1]) & other.contains(pieces[:-1])
        return Ranges.of(pieces[:-1][kept], pieces[1:][kept])

    def difference(self, other: "Ranges") -> "Ranges":
        """Return what is in this and not in the other."""
        pieces = self._cut(other)
        kept = self.contains(pieces[:-1]) & ~other.contains(pieces[:-1])
        return Ranges.of(pieces[:-1][kept], pieces[1:][kept])

    def _cut(self, other: "Ranges") -> Int64s:
        return np.unique(np.concatenate([self.start, self.stop, other.start, other.stop]))


def merged(start: Int64s, stop: Int64s) -> tuple[Int64s, Int64s]:
    """Return non-empty ranges sorted, and merged where they overlap or touch."""
    if not start.size:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    order = np.argsort(start, kind="stable")
    start, reach = start[order], np.maximum.accumulate(stop[order])
    first = np.concatenate([[True], start[1:] > reach[:-1]])
    return start[first], reach[np.concatenate([first[1:], [True]])]
