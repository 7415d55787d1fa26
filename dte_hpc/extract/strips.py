"""Which points of a grid lie on these pieces of its rows?

A strip is a closed interval of longitude on one row of a grid; every shape is cut into strips, and here
strips become index ranges. Longitudes are of any turn. A point counts as inside when it is within `TOLERANCE`
of a strip.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.extract.ranges import Int64s, Ranges, expand, merged
from dte_hpc.grids import RowGrid

Float64s = NDArray[np.float64]

TOLERANCE = 1e-9  # degrees: 0.1 mm on the ground; coordinates are good to about 1e-12
MAX_STRIPS = 1 << 25


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Strips:
    """Closed intervals of longitude on rows.

    Attributes
    ----------
    row : int64, shape (n,)
        Of the grid, from the north.
    west, east : float64, shape (n,)
        Degrees; ``east - west`` of 360 or more is the whole row, of less than 0 nothing.
    """

    row: Int64s
    west: Float64s
    east: Float64s


def rows_between(grid: RowGrid, south: float, north: float) -> Int64s:
    """Return the rows whose latitudes lie in a closed interval."""
    southward = -grid.latitudes
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
    _, start, stop = _row_ranges(strips, grid)
    return in_own_order(*merged(start, stop), grid)


def ranges_by_group(strips: Strips, group: Int64s, grid: RowGrid) -> list[tuple[int, Ranges]]:
    """Return the points on the strips of each group, for the groups that have any, ascending.

    Parameters
    ----------
    group : int64, shape (n_strips,)
        From 0; which group each strip is of.
    """
    owner, start, stop = _row_ranges(strips, grid)
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
    return Ranges.of_indices(grid.from_row_order(expand(start, stop)[1]))


def _row_ranges(strips: Strips, grid: RowGrid) -> tuple[Int64s, Int64s, Int64s]:
    """Return which strip each range is of, its start and its stop, in row order."""
    owner, row, first, last = (_on_circle if grid.wraps else _on_arc)(strips, grid)
    kept = last >= first
    begin = grid.row_start[row[kept]]
    return owner[kept], begin + first[kept], begin + last[kept] + 1


def _on_circle(strips: Strips, grid: RowGrid) -> tuple[Int64s, Int64s, Int64s, Int64s]:
    owner = np.arange(strips.row.size)
    first, last = _columns(grid, strips.row, strips.west, strips.east)
    length = grid.row_start[strips.row + 1] - grid.row_start[strips.row]
    count = np.minimum(last - first + 1, length)
    first = np.where(count == length, 0, first % length)
    last = first + count - 1
    over = np.flatnonzero(last >= length)
    rest = last[over] - length[over]
    return (
        np.concatenate([owner, over]),
        np.concatenate([strips.row, strips.row[over]]),
        np.concatenate([first, np.zeros_like(over)]),
        np.concatenate([np.minimum(last, length - 1), rest]),
    )


def _on_arc(strips: Strips, grid: RowGrid) -> tuple[Int64s, Int64s, Int64s, Int64s]:
    begin = grid.first_longitude[strips.row]
    length = grid.row_start[strips.row + 1] - grid.row_start[strips.row]
    end = begin + (length - 1) * grid.spacing[strips.row]
    first_turn = np.ceil((begin - strips.east - TOLERANCE) / 360).astype(np.int64)
    last_turn = np.floor((end - strips.west + TOLERANCE) / 360).astype(np.int64)
    owner, turn = expand_strips(first_turn, last_turn + 1)
    row = strips.row[owner]
    first, last = _columns(grid, row, strips.west[owner] + 360.0 * turn, strips.east[owner] + 360.0 * turn)
    return owner, row, np.maximum(first, 0), np.minimum(last, length[owner] - 1)


def _columns(grid: RowGrid, row: Int64s, west: Float64s, east: Float64s) -> tuple[Int64s, Int64s]:
    begin, spacing = grid.first_longitude[row], grid.spacing[row]
    first = np.ceil((west - begin - TOLERANCE) / spacing).astype(np.int64)
    return first, np.floor((east - begin + TOLERANCE) / spacing).astype(np.int64)
