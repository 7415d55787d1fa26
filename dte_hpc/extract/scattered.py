"""Which points of a grid that is not made of rows lie in a shape?

The grid's candidates in boxes around the shape are sorted into rows of their own: points of one latitude.
Then the shape is cut into strips of these rows exactly as it is of a row grid's, and each candidate is asked
whether it lies on a strip of its row.
"""

from dataclasses import dataclass

import numpy as np

from dte_hpc.extract.bounds import Bounds
from dte_hpc.extract.ranges import Int64s, Ranges
from dte_hpc.extract.strips import Float64s, Strips, expand_strips
from dte_hpc.grids import Grid
from dte_hpc.grids.spans import TOLERANCE, once_each

SAME_ROW = 1e-10  # degrees: coordinates that are meant to be the same differ by rounding


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PointRows:
    """Points of a grid, row by row.

    Attributes
    ----------
    latitudes : float64, shape (n_rows,)
        Degrees, strictly decreasing.
    row_start : int64, shape (n_rows + 1,)
        Where each row's points begin.
    index, longitude : shape (n_points,)
        Of each point: its index in the grid's own order, and degrees.
    """

    latitudes: Float64s
    row_start: Int64s
    index: Int64s
    longitude: Float64s

    @property
    def n_rows(self) -> int:
        """How many rows there are."""
        return int(self.latitudes.size)


def point_rows(grid: Grid, boxes: list[Bounds]) -> PointRows:
    """Return a grid's candidates in any of some boxes; costs a sort of them."""
    found = [grid.candidates(box.south, box.north, box.west, box.east) for box in boxes]
    index = once_each(np.concatenate([np.empty(0, np.int64), *found]))
    latitude, longitude = grid.coordinates_of(index)
    order = np.argsort(-latitude, kind="stable")
    latitude = latitude[order]
    first = np.flatnonzero(np.diff(latitude, prepend=np.inf) < -SAME_ROW)
    return PointRows(
        latitudes=latitude[first],
        row_start=np.append(first, index.size),
        index=index[order],
        longitude=longitude[order],
    )


def indices_of(strips: Strips, rows: PointRows) -> Ranges:
    """Return the points on any of the strips, as ranges in the grid's own order."""
    return Ranges.of_indices(_on_strips(strips, rows)[1])


def indices_by_group(strips: Strips, group: Int64s, rows: PointRows) -> list[tuple[int, Ranges]]:
    """Return the points on the strips of each group, for the groups that have any, ascending."""
    owner, index = _on_strips(strips, rows)
    order = np.argsort(group[owner], kind="stable")
    groups, first = np.unique(group[owner][order], return_index=True)
    parts = np.split(index[order], first[1:])
    return [(key, Ranges.of_indices(part)) for key, part in zip(groups.tolist(), parts, strict=False)]


def _on_strips(strips: Strips, rows: PointRows) -> tuple[Int64s, Int64s]:
    """Return which strip and which point, for each point on a strip."""
    owner, point = expand_strips(rows.row_start[strips.row], rows.row_start[strips.row + 1])
    eastward = np.mod(rows.longitude[point] - strips.west[owner] + TOLERANCE, 360.0)
    width = (strips.east - strips.west)[owner]
    inside = (eastward <= width + 2 * TOLERANCE) & (width >= -2 * TOLERANCE)
    return owner[inside], rows.index[point[inside]]
