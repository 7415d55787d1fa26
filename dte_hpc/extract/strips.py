"""Which points of a grid lie on these pieces of its rows?

A strip is a closed interval of longitude on one row of a grid; every shape is cut into strips, and here
strips become index ranges. Longitudes are of any turn. A point counts as inside when it is within `TOLERANCE`
of a strip.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.extract.ranges import Int64s, Ranges, merged
from dte_hpc.grids import RowGrid
from dte_hpc.grids.spans import TOLERANCE as TOLERANCE
from dte_hpc.grids.spans import expand, spans_of

Float64s = NDArray[np.float64]

MAX_STRIPS = 1 << 25


class Rows(Protocol):
    """Circles of latitude on which there are points: of a row grid, or of points wherever they lie."""

    @property
    def latitudes(self) -> Float64s:
        """Degrees, strictly decreasing."""

    @property
    def n_rows(self) -> int:
        """How many there are."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Strips:
    """Closed intervals of longitude on rows.

    Attributes
    ----------
    row : int64, shape (n,)
        From the north.
    west, east : float64, shape (n,)
        Degrees; ``east - west`` of 360 or more is the whole row, of less than 0 nothing.
    """

    row: Int64s
    west: Float64s
    east: Float64s


def rows_between(rows: Rows, south: float, north: float) -> Int64s:
    """Return the rows whose latitudes lie in a closed interval."""
    southward = -rows.latitudes
    first = np.searchsorted(southward, -north - TOLERANCE)
    stop = np.searchsorted(southward, -south + TOLERANCE, side="right")
    return np.arange(int(first), int(stop))


def expand_strips(first: Int64s, stop: Int64s) -> tuple[Int64s, Int64s]:
    """Return `ranges.expand`; InvalidRequest when a shape would be cut into too many pieces."""
    total = int(np.sum(np.maximum(stop - first, 0)))
    if total > MAX_STRIPS:
        raise InvalidRequest(
            f"a shape is cut into {total} pieces of grid rows; "
            f"expected at most {MAX_STRIPS}: ask for less at once",
            n_strips=total,
        )
    return expand(first, stop)


def ranges_of(strips: Strips, grid: RowGrid) -> Ranges:
    """Return the points on any of the strips, as ranges in the grid's own order."""
    _, start, stop = spans_of(grid, strips.row, strips.west, strips.east)
    return in_own_order(*merged(start, stop), grid)


def ranges_by_group(strips: Strips, group: Int64s, grid: RowGrid) -> list[tuple[int, Ranges]]:
    """Return the points on the strips of each group, for the groups that have any, ascending.

    Parameters
    ----------
    group : int64, shape (n_strips,)
        From 0; which group each strip is of.
    """
    owner, start, stop = spans_of(grid, strips.row, strips.west, strips.east)
    groups, member = np.unique(group[owner], return_inverse=True)
    base = member * (grid.n_points + 1)
    start, stop = merged(start + base, stop + base)
    cuts = np.searchsorted(start, np.arange(groups.size + 1) * (grid.n_points + 1))
    return [
        (key, in_own_order(start[begin:end] - offset, stop[begin:end] - offset, grid))
        for key, begin, end, offset in zip(
            groups.tolist(),
            cuts[:-1].tolist(),
            cuts[1:].tolist(),
            range(0, groups.size * (grid.n_points + 1), grid.n_points + 1),
            strict=True,
        )
    ]


def in_own_order(start: Int64s, stop: Int64s, grid: RowGrid) -> Ranges:
    """Return merged ranges of row-order indices as ranges of the grid's own indices."""
    if grid.in_row_order:
        return Ranges(start=start, stop=stop)
    return Ranges.of(*grid.own_ranges(start, stop))
