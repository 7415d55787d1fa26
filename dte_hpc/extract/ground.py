"""Along which dimensions do the points of a grid lie, and which of them does an index want?

A regular grid has latitudes and longitudes; any other is a row of points, and so are the points of a shape.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dte_hpc.extract.arrays import LATITUDE, LONGITUDE, POINTS, Array, Held, Index
from dte_hpc.extract.ranges import Ranges
from dte_hpc.grids import Grid, RowGrid

Int64s = NDArray[np.int64]


class Ground(Protocol):
    """The points of some fields along dimensions."""

    @property
    def dims(self) -> tuple[str, ...]:
        """The name of each dimension."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The size of each."""

    def coordinates(self) -> dict[str, Array]:
        """Return where the points are."""

    def wanted(self, index: tuple[Index, ...]) -> tuple[Ranges, Int64s | None]:
        """Return the points at some positions, and which of them stands where when it is not in order."""


def ground_of(grid: Grid | None, n_points: int) -> Ground:
    """Return all points of a grid; None is a grid that has no name here."""
    if isinstance(grid, RowGrid) and _is_regular(grid):
        return LatLon(grid)
    return Row(grid, n_points, None)


def _is_regular(grid: RowGrid) -> bool:
    alike = (grid.row_lengths, grid.first_longitude, grid.spacing)
    return grid.in_row_order and all((array == array[0]).all() for array in alike)


class LatLon:
    """All points of a regular grid, north to south and west to east."""

    dims = ("latitude", "longitude")

    def __init__(self, grid: RowGrid) -> None:
        self.grid = grid
        self.shape = (grid.n_rows, int(grid.row_lengths[0]))

    def coordinates(self) -> dict[str, Array]:
        """Return the latitude of each row and the longitude of each column."""
        longitude = self.grid.coordinates_of(np.arange(self.shape[1]))[1]
        return {
            "latitude": Held(dims=("latitude",), values=self.grid.latitudes, attributes=LATITUDE),
            "longitude": Held(dims=("longitude",), values=longitude, attributes=LONGITUDE),
        }

    def wanted(self, index: tuple[Index, ...]) -> tuple[Ranges, Int64s | None]:
        """Return the points at some rows and columns."""
        rows, columns = (_positions(one, n) for one, n in zip(index, self.shape, strict=True))
        start = rows * self.shape[1]
        if columns.size and (np.diff(columns) == 1).all() and (np.diff(rows) > 0).all():
            return Ranges.of(start + columns[0], start + columns[-1] + 1), None
        return _in_order((start[:, None] + columns).ravel())


class Row:
    """Points one after another: all of a grid, or those of a shape.

    Parameters
    ----------
    grid : Grid or None
    n_points : int
        Of the grid.
    indices : int64 or None
        The points of a shape, in the order of the dimension; None for all.
    """

    dims = (POINTS,)

    def __init__(self, grid: Grid | None, n_points: int, indices: Int64s | None) -> None:
        self.grid = grid
        self.indices = indices
        self.shape = (n_points if indices is None else indices.size,)

    def coordinates(self) -> dict[str, Array]:
        """Return latitude and longitude of each point, worked out when asked for."""
        if self.grid is None:
            return {}
        return {
            "latitude": _Where(row=self, number=0, attributes=LATITUDE),
            "longitude": _Where(row=self, number=1, attributes=LONGITUDE),
        }

    def wanted(self, index: tuple[Index, ...]) -> tuple[Ranges, Int64s | None]:
        """Return the points at some positions."""
        (one,) = index
        if self.indices is None and isinstance(one, slice):
            start, stop, stride = one.indices(self.shape[0])
            if stride == 1:
                return Ranges.of([start], [stop]), None
        return _in_order(self.at(one))

    def at(self, index: Index) -> Int64s:
        """Return the indices in the grid of the points at some positions."""
        positions = _positions(index, self.shape[0])
        return positions if self.indices is None else self.indices[positions]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Where:
    """Latitude (number 0) or longitude (1) of a row of points."""

    row: Row
    number: int
    attributes: Mapping[str, str]
    dims: tuple[str, ...] = (POINTS,)
    dtype: np.dtype[Any] = np.dtype(np.float64)  # noqa: RUF009 - a dtype is immutable

    @property
    def shape(self) -> tuple[int, ...]:
        """How many points."""
        return self.row.shape

    def read(self, index: tuple[Index, ...]) -> NDArray[Any]:
        """Return degrees at some positions."""
        if self.row.grid is None:
            return np.full(self.row.at(index[0]).size, np.nan)
        return np.asarray(self.row.grid.coordinates_of(self.row.at(index[0]))[self.number])


def _positions(index: Index, size: int) -> Int64s:
    """Return positions along a dimension, none negative."""
    if isinstance(index, slice):
        return np.arange(*index.indices(size), dtype=np.int64)
    positions = np.asarray(index, np.int64)
    return np.where(positions < 0, positions + size, positions)


def positions(index: tuple[Index, ...], shape: tuple[int, ...]) -> tuple[Int64s, ...]:
    """Return the positions that an index names along each dimension."""
    return tuple(_positions(one, size) for one, size in zip(index, shape, strict=True))


def _in_order(indices: Int64s) -> tuple[Ranges, Int64s | None]:
    if (np.diff(indices) > 0).all():
        return Ranges.of_indices(indices), None
    unique, order = np.unique(indices, return_inverse=True)
    return Ranges.of_indices(unique), order.astype(np.int64)
