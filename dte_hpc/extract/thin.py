"""Which of a shape's points are kept when fewer are wanted?

``"thin": 3`` keeps every third row of the grid, and in each every third point, counted from the first that
lies in the shape; so something always remains. ``"thin": {"km": 50}`` keeps one point, the first in the
grid's order, of each cell of 50 km: cells are bands of latitude cut into pieces of equal longitude.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.extract.ranges import Int64s, Ranges
from dte_hpc.extract.shapes import EARTH_RADIUS_KM
from dte_hpc.extract.written import number, refused
from dte_hpc.grids import Grid, RowGrid

MAX_STRIDE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Thinning:
    """Which points are kept.

    Attributes
    ----------
    stride : int
        Every how manieth row, and point of a row; 0 when `km` says.
    km : float
        The side of a cell of which one point is kept; 0 when `stride` says.
    """

    stride: int = 0
    km: float = 0.0


def parse_thinning(node: Any, place: str) -> Thinning:
    """Return what ``thin`` of a feature asks for.

    Raises
    ------
    InvalidRequest
        When it is neither a whole number nor ``{"km": distance}``.
    """
    if isinstance(node, int) and not isinstance(node, bool) and 1 <= node <= MAX_STRIDE:
        return Thinning(stride=node)
    if isinstance(node, Mapping) and set(node) == {"km"}:
        km = number(f"{place}.km", node["km"])
        if 0 < km <= np.pi * EARTH_RADIUS_KM:
            return Thinning(km=km)
    raise refused(place, node, f'a whole number from 1 to {MAX_STRIDE}, or {{"km": distance}}')


def thinned(ranges: Ranges, grid: Grid, thinning: Thinning) -> Ranges:
    """Return the points that are kept; never none of some. Cost: that of the points before.

    Raises
    ------
    InvalidRequest
        For a stride on a grid that has no rows.
    """
    if not len(ranges):
        return ranges
    indices = ranges.indices()
    if thinning.km:
        return Ranges.of_indices(indices[_first_of_cells(*grid.coordinates_of(indices), thinning.km)])
    if not isinstance(grid, RowGrid):
        raise InvalidRequest(
            f"$.feature.thin: found {thinning.stride} for grid {grid.name}, which has no rows; "
            'expected {"km": distance}',
            place="$.feature.thin",
        )
    return Ranges.of_indices(indices[_on_stride(grid, grid.to_row_order(indices), thinning.stride)])


def _on_stride(grid: RowGrid, in_rows: Int64s, stride: int) -> NDArray[np.bool_]:
    row = grid.row_of(in_rows)
    column = in_rows - grid.row_start[row]
    rows, number_of_row = np.unique(row, return_inverse=True)
    first = np.full(rows.size, np.iinfo(np.int64).max)
    np.minimum.at(first, number_of_row, column)
    kept: NDArray[np.bool_] = (number_of_row % stride == 0) & ((column - first[number_of_row]) % stride == 0)
    return kept


def _first_of_cells(latitude: NDArray[np.float64], longitude: NDArray[np.float64], km: float) -> Int64s:
    degrees = np.degrees(km / EARTH_RADIUS_KM)
    band = np.floor((latitude + 90) / degrees).astype(np.int64)
    middle = np.clip((band + 0.5) * degrees - 90, -90, 90)
    n_cells = np.maximum(np.floor(360 * np.cos(np.radians(middle)) / degrees), 1)
    cell = np.floor(np.mod(longitude, 360) / 360 * n_cells).astype(np.int64)
    _, first = np.unique(band * (int(n_cells.max()) + 1) + cell, return_index=True)
    return first.astype(np.int64)
