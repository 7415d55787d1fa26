"""Where on a grid does a feature lie?

A feature and a grid become `Places`: sorted index ranges of the grid, and for each point of the answer
its position among them. An answer without points is an error that names the nearest one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.extract import shapes
from dte_hpc.extract.feature import Feature
from dte_hpc.extract.find import find_nearest, find_points
from dte_hpc.extract.great_circle import angle_between, unit_vectors
from dte_hpc.extract.interpolate import Interpolation, Stencil, stencil
from dte_hpc.extract.ranges import Ranges
from dte_hpc.extract.shapes import Shape
from dte_hpc.extract.thin import thinned
from dte_hpc.grids import Grid, RowGrid

Int64s = NDArray[np.int64]
Float64s = NDArray[np.float64]
PLACE = "$.feature"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Places:
    """Points of one grid.

    Attributes
    ----------
    grid : Grid
    ranges : Ranges
        Each point once, in the grid's own order: what is read.
    order : int64, shape (n_points,), or None
        Which of these each point of the answer is, when the answer has an order of its own or repeats; of
        places between grid points, which of these their neighbours are, place after place.
    stencil : Stencil or None
        The places between grid points at which values are wanted, and the weights of their neighbours.
    """

    grid: Grid
    ranges: Ranges
    order: Int64s | None = None
    stencil: Stencil | None = None

    @property
    def n_read(self) -> int:
        """Points that are read of a field."""
        return self.ranges.n_points

    @property
    def n_grid_points(self) -> int:
        """Points of the whole grid."""
        return self.grid.n_points

    @property
    def n_points(self) -> int:
        """Points in the answer for a field."""
        if self.stencil is not None:
            return int(self.stencil.latitude.size)
        return self.n_read if self.order is None else int(self.order.size)

    def indices(self) -> Int64s:
        """Return the index of each point of the answer; of a place between grid points, of the nearest."""
        if self.stencil is not None:
            return self.grid.nearest(self.stencil.latitude, self.stencil.longitude)
        indices = self.ranges.indices()
        return indices if self.order is None else indices[self.order]

    def coordinates(self) -> tuple[Float64s, Float64s]:
        """Return latitude and longitude of each point of the answer, degrees."""
        if self.stencil is not None:
            return self.stencil.latitude, self.stencil.longitude
        return self.grid.coordinates_of(self.indices())

    def values(self, read: Float64s) -> Float64s:
        """Return the answer's values, (n_fields, n_points), from those read, (n_fields, n_read)."""
        if self.order is None:
            return read
        taken = read[:, self.order]
        return (
            taken
            if self.stencil is None
            else self.stencil.values(taken.reshape(len(read), self.n_points, -1))
        )


def find_places(feature: Feature, grid: Grid) -> Places:
    """Return the points of a feature on a grid.

    Raises
    ------
    InvalidRequest
        When there are none, or a place lies outside a grid of an area; says where the nearest grid point is.
    """
    shape = feature.shape
    if isinstance(shape, shapes.Points):
        return _at_points(shape, grid, feature.interpolation)
    ranges = find_points(shape, grid)
    if not len(ranges):
        raise _empty(shape, grid)
    return Places(grid=grid, ranges=thinned(ranges, grid, feature.thinning) if feature.thinning else ranges)


def _at_points(points: shapes.Points, grid: Grid, interpolation: Interpolation | None) -> Places:
    nearest = find_nearest(points, grid)
    latitude, longitude = np.ascontiguousarray(points.points.T)
    _refuse_outside(grid, latitude, longitude, nearest)
    if interpolation is None:
        _, order = np.unique(nearest, return_inverse=True)
        return Places(grid=grid, ranges=Ranges.of_indices(nearest), order=order.astype(np.int64))
    around = stencil(interpolation, grid, latitude, longitude)
    _, order = np.unique(around.index, return_inverse=True)
    ranges = Ranges.of_indices(around.index.ravel())
    return Places(grid=grid, ranges=ranges, order=order.astype(np.int64).ravel(), stencil=around)


def _refuse_outside(grid: Grid, latitude: Float64s, longitude: Float64s, nearest: Int64s) -> None:
    """Raise InvalidRequest for a place more than two spacings outside a grid of rows that covers an area."""
    if not isinstance(grid, RowGrid) or (grid.wraps and abs(grid.latitudes[[0, -1]]).min() > 80):
        return
    rows = np.abs(np.diff(grid.latitudes))
    spacing = max(float(rows.max()) if rows.size else 0.0, float(grid.spacing.max()))
    places = grid.coordinates_of(nearest)
    apart = np.degrees(angle_between(unit_vectors(latitude, longitude), unit_vectors(*places)))
    if (apart > 2 * spacing).any():
        at = int(np.argmax(apart))
        raise InvalidRequest(
            f"{PLACE}.points[{at}]: the place ({latitude[at]:.4f}, {longitude[at]:.4f}) lies outside grid "
            f"{grid.name}; its nearest point is ({places[0][at]:.4f}, {places[1][at]:.4f}), "
            f"{apart[at]:.2f} degrees away",
            place=f"{PLACE}.points[{at}]",
            grid=grid.name,
            nearest=(float(places[0][at]), float(places[1][at])),
        )


def box_around(shape: Shape) -> shapes.Box | None:
    """Return the box in latitude and longitude around a path; None for another shape."""
    if not isinstance(shape, shapes.Path):
        return None
    (south, north), (west, east) = shape.extent("latitude"), shape.extent("longitude")
    return shapes.Box(south=max(south, -90), north=min(north, 90), west=west, east=east)


def _empty(shape: Shape, grid: Grid) -> InvalidRequest:
    latitude, longitude = _middle(shape)
    nearest = grid.nearest([latitude], [longitude])
    (near_latitude,), (near_longitude,) = grid.coordinates_of(nearest)
    return InvalidRequest(
        f"{PLACE}: no point of grid {grid.name} lies in the {_name(shape)}; "
        f"the nearest to its middle ({latitude:.4f}, {longitude:.4f}) "
        f"is ({near_latitude:.4f}, {near_longitude:.4f})",
        place=PLACE,
        grid=grid.name,
        nearest=(float(near_latitude), float(near_longitude)),
    )


def _name(shape: Shape) -> str:
    return shape.operation if isinstance(shape, shapes.Sum) else type(shape).__name__.lower()


def _middle(shape: Shape) -> tuple[float, float]:
    match shape:
        case shapes.Sum():
            return _middle(shape.parts[0])
        case shapes.Box():
            corners = np.array([[shape.south, shape.west], [shape.north, shape.east]])
        case shapes.Polygon():
            corners = shape.polygons[0][0]
        case shapes.Circle():
            corners = np.array([shape.centre])
        case shapes.Path():
            corners = np.stack([shape.column("latitude"), shape.column("longitude")], axis=1)
        case shapes.Points() | shapes.Corridor():
            corners = shape.points
    latitude, longitude = ((corners.min(axis=0) + corners.max(axis=0)) / 2).tolist()
    return latitude, longitude
