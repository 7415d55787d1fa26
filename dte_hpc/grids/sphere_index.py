"""Which of scattered points are near a place, or in a box?

The points are sorted into cells: rings of latitude, each cut into cells about as wide as the ring is high, a
dozen points to a cell where points are. A box is then a few runs of the sorted points, one or two a ring.
Over the sorted points stands a heap of boxes in space, eight points to a leaf, in which the nearest point is
found.
"""

from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from dte_hpc.base.compiled import frozen
from dte_hpc.grids.nearest import checked_places
from dte_hpc.grids.protocol import Float64s, Int64s
from dte_hpc.grids.spans import TOLERANCE, expand

POINTS_A_CELL = 12
LEAF = 8
MAX_RINGS = 100_000


class SphereIndex:
    """An index of points on the sphere, in memory: 40 bytes a point, and up to 17 more for the heap.

    Parameters
    ----------
    latitude, longitude : float64, shape (n_points,)
        Degrees; longitudes of any turn. Costs a sort; the heap is made when the first nearest point is asked.
    """

    def __init__(self, latitude: Float64s, longitude: Float64s) -> None:
        self._n_rings = _rings_for(latitude, longitude)
        ring = self._ring_of(latitude)
        self._cells_of_ring = _cells_of_rings(self._n_rings)
        self._first_cell = np.concatenate([[0], np.cumsum(self._cells_of_ring)])
        cell = self._first_cell[ring] + self._column_of(ring, np.mod(longitude, 360.0))
        self._order = np.argsort(cell, kind="stable")
        self._cell = cell[self._order]
        self._vectors = _vectors(latitude[self._order], longitude[self._order])

    def candidates(self, south: float, north: float, west: float, east: float) -> Int64s:
        """Return the points of all cells that a box touches, ascending; see `protocol.Grid`."""
        ends = self._ring_of(np.array([north + TOLERANCE, south - TOLERANCE]))
        ring = np.arange(ends[0], ends[1] + 1)
        begin = np.full(ring.size, np.mod(west - TOLERANCE, 360.0))
        end = begin + (east - west) + 2 * TOLERANCE
        cells = self._cells_of_ring[ring]
        first = self._column_of(ring, begin)
        last = np.floor(end * cells / 360.0).astype(np.int64)
        whole = last - first >= cells - 1
        first, last = np.where(whole, 0, first), np.where(whole, cells - 1, last)
        over = np.flatnonzero(last >= cells)
        pieces = [
            (ring, first, np.minimum(last, cells - 1)),
            (ring[over], np.zeros_like(over), last[over] - cells[over]),
        ]
        at, low, high = (np.concatenate(columns) for columns in zip(*pieces, strict=True))
        start = np.searchsorted(self._cell, self._first_cell[at] + low)
        stop = np.searchsorted(self._cell, self._first_cell[at] + high, side="right")
        return np.sort(self._order[expand(start, stop)[1]])

    def nearest(self, latitude: ArrayLike, longitude: ArrayLike) -> Int64s:
        """Return the point nearest to each place by great circle; of equally far ones the first.

        Costs two to five microseconds a place, near or far.
        """
        from dte_hpc.grids.kernels import nearest_points

        lats, lons = checked_places(latitude, longitude)
        places = _vectors(lats.ravel(), lons.ravel())
        found = np.empty(lats.size, np.int64)
        low, high = self._boxes
        nearest_points(
            frozen(self._vectors), frozen(self._order), frozen(low), frozen(high), LEAF, frozen(places), found
        )
        return found.reshape(lats.shape)

    def nearest_k(self, latitude: ArrayLike, longitude: ArrayLike, k: int) -> Int64s:
        """Return the k points nearest to each place, nearest first: int64, shape (n_places, k).

        k is at most the number of points; of equally far ones the first come first.
        """
        from dte_hpc.grids.kernels import nearest_k_points

        lats, lons = checked_places(latitude, longitude)
        places = _vectors(lats.ravel(), lons.ravel())
        found = np.empty((lats.size, k), np.int64)
        low, high = self._boxes
        nearest_k_points(
            frozen(self._vectors), frozen(self._order), frozen(low), frozen(high), LEAF, frozen(places), found
        )
        return found

    @cached_property
    def _boxes(self) -> tuple[Float64s, Float64s]:
        """Least and greatest x, y, z of each node: a heap whose root is 1, its second half the leaves."""
        starts = np.arange(0, self._order.size, LEAF)
        n_leaves = 1 << max(int(starts.size - 1).bit_length(), 0)
        low, high = np.full((2 * n_leaves, 3), np.inf), np.full((2 * n_leaves, 3), -np.inf)
        low[n_leaves : n_leaves + starts.size] = np.minimum.reduceat(self._vectors, starts)
        high[n_leaves : n_leaves + starts.size] = np.maximum.reduceat(self._vectors, starts)
        size = n_leaves
        while size > 1:
            half = size // 2
            low[half:size] = np.minimum(low[size : 2 * size : 2], low[size + 1 : 2 * size : 2])
            high[half:size] = np.maximum(high[size : 2 * size : 2], high[size + 1 : 2 * size : 2])
            size = half
        return low, high

    def _ring_of(self, latitude: Float64s) -> Int64s:
        ring = np.floor((90.0 - latitude) * (self._n_rings / 180.0)).astype(np.int64)
        clipped: Int64s = np.clip(ring, 0, self._n_rings - 1)
        return clipped

    def _column_of(self, ring: Int64s, longitude: Float64s) -> Int64s:
        cells = self._cells_of_ring[ring]
        column: Int64s = np.clip(np.floor(longitude * cells / 360.0).astype(np.int64), 0, cells - 1)
        return column


def _cells_of_rings(n_rings: int) -> Int64s:
    middle = np.radians((np.arange(n_rings) + 0.5) * (180.0 / n_rings))
    cells: Int64s = np.maximum(np.round(2 * n_rings * np.sin(middle)), 1).astype(np.int64)
    return cells


def _rings_for(latitude: Float64s, longitude: Float64s) -> int:
    """Return the number of rings with which the cells that hold points hold about `POINTS_A_CELL`."""
    row = np.clip(np.floor(latitude + 90), 0, 179).astype(np.int64)
    occupied = np.unique(row * 360 + np.floor(np.mod(longitude, 360.0)).astype(np.int64) % 360)
    share = np.sum(np.cos(np.radians(occupied // 360 - 89.5))) * (np.pi / 180) ** 2 / (4 * np.pi)
    cells = latitude.size / POINTS_A_CELL / max(float(share), 1e-12)
    return int(np.clip(np.sqrt(cells * np.pi / 4), 1, MAX_RINGS))


def _vectors(latitude: Float64s, longitude: Float64s) -> Float64s:
    """Return x, y, z of places: float64, shape (n, 3)."""
    lat, lon = np.radians(latitude), np.radians(longitude)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)
