"""Which points of some axes are in a shape, without an object a point?

A factor is a table: a row for each combination of values of the axes but the last, and of each row the ranges
on the last. Latitude and longitude of a grid count as one axis here, the grid's points. What a whole
request selects is all combinations of its factors' points, and is never written out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dte_hpc.extract.ranges import expand

Int64s = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Factor:
    """Points in some axes of a datacube.

    Attributes
    ----------
    axes : tuple of str
        In the order in which they were cut.
    is_on_ground : bool
        Whether the last two of them are latitude and longitude of a grid.
    rows : int64, shape (n_rows, n_axes - 1), or n_axes - 2 on the ground
        Positions on the axes before the last.
    row : int64, shape (n_ranges,)
        Which row each range is of; ascending.
    start, stop : int64, shape (n_ranges,)
        Positions on the last axis, or points of the grid; ascending and disjoint within a row.
    """

    axes: tuple[str, ...]
    is_on_ground: bool
    rows: Int64s
    row: Int64s
    start: Int64s
    stop: Int64s

    @property
    def n_points(self) -> int:
        """How many points."""
        return int(np.sum(self.stop - self.start))

    @property
    def nbytes(self) -> int:
        """Bytes that the table takes."""
        return sum(array.nbytes for array in (self.rows, self.row, self.start, self.stop))

    @property
    def is_one_range(self) -> bool:
        """Whether the points are one range of one axis."""
        return not self.rows.shape[1] and self.row.size == 1

    def columns(self) -> list[Int64s]:
        """Return the position of every point on each axis; of the ground, its point of the grid."""
        run, last = expand(self.start, self.stop)
        row = self.row[run]
        return [*(self.rows[row, at] for at in range(self.rows.shape[1])), last]

    def row_counts(self) -> Int64s:
        """Return how many points each row has."""
        counts = np.zeros(len(self.rows), np.int64)
        np.add.at(counts, self.row, self.stop - self.start)
        return counts
