"""Which point of a row grid is nearest to a place, by great circle?

The best point of the row nearest in latitude bounds the distance; only rows within that bound, taken as
a difference of latitude, can hold a nearer one, and in each row only the two points around the place's
longitude. So the seam and the poles need no case of their own. Distances are compared as haversines
(hav d = sin²(Δφ/2) + cos φ cos φ' sin²(Δλ/2)), which is exact for small ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dte_hpc.base.errors import InvalidRequest

if TYPE_CHECKING:
    from dte_hpc.grids.rows import RowGrid

TIE = 1e-12
CHUNK_PAIRS = 1 << 21

Float64s = NDArray[np.float64]
Int64s = NDArray[np.int64]


def nearest_in_rows(grid: RowGrid, latitude: ArrayLike, longitude: ArrayLike) -> Int64s:
    """Return the row-order index of the grid point nearest to each place; see `RowGrid.nearest`."""
    lats, lons = checked_places(latitude, longitude)
    shape = lats.shape
    lats, lons = lats.ravel(), lons.ravel()
    found = np.empty(lats.size, np.int64)
    first, count = _rows_in_reach(grid, lats, lons)
    for begin, end in _chunks(count):
        part = slice(begin, end)
        found[part] = _best(grid, lats[part], lons[part], first[part], count[part])
    return found.reshape(shape)


def checked_places(latitude: ArrayLike, longitude: ArrayLike) -> tuple[Float64s, Float64s]:
    """Return places as broadcast float64 arrays; InvalidRequest names the first wrong one."""
    lats, lons = np.broadcast_arrays(np.asarray(latitude, np.float64), np.asarray(longitude, np.float64))
    wrong = ~(np.isfinite(lats) & np.isfinite(lons) & (np.abs(lats) <= 90))
    if wrong.any():
        at = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
        raise InvalidRequest(
            f"a place is at latitude {lats[at]}, longitude {lons[at]}; "
            "expected finite degrees, latitudes from -90 to 90",
            latitude=float(lats[at]),
            longitude=float(lons[at]),
        )
    return lats, lons


def haversine(lat_a: Float64s, lon_a: Float64s, lat_b: Float64s, lon_b: Float64s) -> Float64s:
    """Return hav of the angle between places given in degrees: from 0 (same) to 1 (antipodes)."""
    north = np.sin(np.radians(lat_a - lat_b) / 2)
    east = np.sin(np.radians(lon_a - lon_b) / 2)
    scale = np.cos(np.radians(lat_a)) * np.cos(np.radians(lat_b))
    result: Float64s = north * north + scale * east * east
    return result


def _rows_in_reach(grid: RowGrid, lats: Float64s, lons: Float64s) -> tuple[Int64s, Int64s]:
    southward = -grid.latitudes
    below = np.clip(np.searchsorted(southward, -lats), 1, max(grid.n_rows - 1, 1))
    above = below - 1
    below = np.minimum(below, grid.n_rows - 1)
    row = np.where(np.abs(grid.latitudes[above] - lats) <= np.abs(grid.latitudes[below] - lats), above, below)
    west, east = _columns_around(grid, row, lats, lons)
    bound = np.minimum(_hav_of(grid, row, west, lats, lons), _hav_of(grid, row, east, lats, lons))
    reach = np.degrees(2 * np.arcsin(np.sqrt(np.minimum(bound, 1.0)))) * (1 + TIE) + 1e-9
    first = np.searchsorted(southward, -lats - reach)
    stop = np.searchsorted(southward, -lats + reach, side="right")
    return first, stop - first


def _columns_around(grid: RowGrid, row: Int64s, lats: Float64s, lons: Float64s) -> tuple[Int64s, Int64s]:
    length = grid.row_start[row + 1] - grid.row_start[row]
    west = np.floor(np.mod(lons - grid.first_longitude[row], 360.0) / grid.spacing[row]).astype(np.int64)
    west = np.minimum(west, length - 1)
    east = np.where(west + 1 < length, west + 1, 0)
    away_from_poles = (np.abs(lats) < 90) & (np.abs(grid.latitudes[row]) < 90)
    return west * away_from_poles, east * away_from_poles


def _hav_of(grid: RowGrid, row: Int64s, column: Int64s, lats: Float64s, lons: Float64s) -> Float64s:
    at = grid.first_longitude[row] + column * grid.spacing[row]
    return haversine(grid.latitudes[row], at, lats, lons)


def _chunks(count: Int64s) -> list[tuple[int, int]]:
    total = np.cumsum(count)
    edges = np.searchsorted(total, np.arange(CHUNK_PAIRS, int(total[-1]) if total.size else 0, CHUNK_PAIRS))
    cuts = np.unique(np.concatenate([[0], edges + 1, [count.size]]))
    cuts = cuts[cuts <= count.size]
    return list(zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True))


def _best(grid: RowGrid, lats: Float64s, lons: Float64s, first: Int64s, count: Int64s) -> Int64s:
    offset = np.cumsum(count) - count
    place = np.repeat(np.arange(lats.size), count)
    row = np.arange(place.size) - offset[place] + first[place]
    columns = np.stack(_columns_around(grid, row, lats[place], lons[place]), axis=1)
    lengths = _hav_of(grid, row[:, None], columns, lats[place, None], lons[place, None])
    index = grid.row_start[row][:, None] + columns
    best = np.minimum.reduceat(lengths.min(axis=1), offset)
    ties = lengths <= (best * (1 + TIE) + TIE * TIE)[place, None]
    candidates = np.where(ties, index, np.iinfo(np.int64).max).min(axis=1)
    result: Int64s = np.minimum.reduceat(candidates, offset)
    return result
