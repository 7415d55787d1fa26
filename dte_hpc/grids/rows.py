"""Where are the points of a grid that is made of rows?

Rows are circles of latitude with equally spaced points. Ordered from north to south and, within a row, from
west to east they stand in *row order*. A grid's *own* order, in which the values of a field stand, is the
row order too, but for nested HEALPix (`healpix.NestedGrid`) and other ways to scan (`scanned.ScannedGrid`).
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike

from dte_hpc.base.errors import InvalidGrid
from dte_hpc.grids.nearest import nearest_in_rows
from dte_hpc.grids.protocol import MAX_POINTS, Float64s, Int64s, checked_indices
from dte_hpc.grids.spans import TOLERANCE, expand, once_each, runs, spans_of

MAX_ROWS = 65_536


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowGrid:
    """A grid of rows of equally spaced points.

    Attributes
    ----------
    name : str
        Canonical name: ``O320``, ``0.25/0.25/58/-10/50/2``, ...
    kind : str
        octahedral, reduced_gaussian, regular_gaussian, regular_ll, reduced_ll, mercator, healpix_ring or
        healpix_nested.
    latitudes : float64, shape (n_rows,)
        Degrees, strictly decreasing.
    row_start : int64, shape (n_rows + 1,)
        Row-order index of each row's first point; the last is the number of points.
    first_longitude : float64, shape (n_rows,)
        Degrees east of each row's first point.
    spacing : float64, shape (n_rows,)
        Degrees between neighbours of a row.
    wraps : bool
        Whether every row closes on itself.
    """

    name: str
    kind: str
    latitudes: Float64s
    row_start: Int64s
    first_longitude: Float64s
    spacing: Float64s
    wraps: bool

    def __post_init__(self) -> None:
        n_rows = self.latitudes.size
        if not 1 <= n_rows <= MAX_ROWS or not 1 <= self.n_points <= MAX_POINTS:
            raise InvalidGrid(
                f"grid {self.name} has {n_rows} rows and {self.n_points} points; "
                f"expected 1 to {MAX_ROWS} rows and at most {MAX_POINTS} points",
                name=self.name,
            )
        if (
            self.row_start.shape != (n_rows + 1,)
            or self.first_longitude.shape != (n_rows,)
            or self.spacing.shape != (n_rows,)
            or np.any(np.diff(self.latitudes) >= 0)
            or np.any(np.diff(self.row_start) < 1)
            or np.any(self.spacing <= 0)
        ):
            raise InvalidGrid(
                f"grid {self.name} has rows that do not fit together; expected latitudes from north to south "
                "and, of each row, at least one point and a positive spacing",
                name=self.name,
            )
        for array in (self.latitudes, self.row_start, self.first_longitude, self.spacing):
            array.flags.writeable = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name}, {self.kind}, {self.n_points} points)"

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), {field.name: getattr(self, field.name) for field in fields(self)})

    @property
    def n_points(self) -> int:
        """How many points the grid has."""
        return int(self.row_start[-1])

    @property
    def n_rows(self) -> int:
        """How many rows the grid has."""
        return int(self.latitudes.size)

    @property
    def in_row_order(self) -> bool:
        """Whether the grid's own order is the row order."""
        return True

    @property
    def row_lengths(self) -> Int64s:
        """How many points each row has: int64, shape (n_rows,)."""
        return np.diff(self.row_start)

    def coordinates(self) -> tuple[Float64s, Float64s]:
        """Return latitude and longitude of every point.

        Returns
        -------
        latitude, longitude : float64, shape (n_points,)
            Degrees, in the grid's own order; longitudes in [0, 360) when the rows close on themselves,
            else as the grid's name has them. Costs 16 bytes a point, made anew at each call.
        """
        return self._coordinates(self.to_row_order(np.arange(self.n_points, dtype=np.int64)))

    def coordinates_of(self, indices: ArrayLike) -> tuple[Float64s, Float64s]:
        """Return latitude and longitude of some points, as `coordinates` has them.

        Parameters
        ----------
        indices : int64, any shape
            Points in the grid's own order.

        Raises
        ------
        InvalidGrid
            When an index is outside the grid.
        """
        return self._coordinates(self.to_row_order(checked_indices(self, indices)))

    def nearest(self, latitude: ArrayLike, longitude: ArrayLike) -> Int64s:
        """Return the index of the point nearest to each place.

        Parameters
        ----------
        latitude, longitude : float64, any shapes that broadcast
            Degrees; longitudes may be of any turn.

        Returns
        -------
        int64, of the broadcast shape
            Indices in the grid's own order. The distance is along the great circle; of points equally
            far (to one part in 10^12 of the haversine) the one that comes first in row order is taken.

        Raises
        ------
        InvalidRequest
            For a place that is not a number, or not between the poles.

        Notes
        -----
        Costs about a microsecond a place: only rows no farther in latitude than the best point of
        the nearest row are looked at, and in each row only the two points around the place.
        """
        return self.from_row_order(nearest_in_rows(self, latitude, longitude))

    def from_row_order(self, indices: Int64s) -> Int64s:
        """Return the own index of points given by row-order index."""
        return indices

    def own_ranges(self, start: Int64s, stop: Int64s) -> tuple[Int64s, Int64s]:
        """Return ranges of row-order indices as ranges of own indices, in any order.

        Costs the points, unless the grid's own order is the row order.
        """
        if self.in_row_order:
            return start, stop
        return runs(self.from_row_order(expand(start, stop)[1]))

    def to_row_order(self, indices: Int64s) -> Int64s:
        """Return the row-order index of points given by own index."""
        return indices

    def row_of(self, row_indices: Int64s) -> Int64s:
        """Return the row of points given by row-order index."""
        return np.searchsorted(self.row_start, row_indices, side="right") - 1

    def candidates(self, south: float, north: float, west: float, east: float) -> Int64s:
        """Return the points in a box, ascending; see `protocol.Grid`."""
        southward = -self.latitudes
        first = np.searchsorted(southward, -north - TOLERANCE)
        stop = np.searchsorted(southward, -south + TOLERANCE, side="right")
        row = np.arange(int(first), int(stop))
        _, starts, stops = spans_of(self, row, np.full(row.size, west), np.full(row.size, east))
        return once_each(self.from_row_order(expand(starts, stops)[1]))

    def _coordinates(self, row_indices: Int64s) -> tuple[Float64s, Float64s]:
        row = self.row_of(row_indices)
        longitude = self.first_longitude[row] + (row_indices - self.row_start[row]) * self.spacing[row]
        if self.wraps:
            longitude = np.mod(longitude, 360.0)
        return self.latitudes[row], longitude


def _rebuild(kind: type[RowGrid], fields: dict[str, object]) -> RowGrid:
    return kind(**fields)  # type: ignore[arg-type]
