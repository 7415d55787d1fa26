"""Where on a grid does a feature lie?

A feature and a grid become `Places`: sorted index ranges of the grid, and for each point of the answer
its position among them. An answer without points is an error that names the nearest one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.extract import shapes
from dte_hpc.extract.countries import country
from dte_hpc.extract.feature import Feature
from dte_hpc.extract.find import find_nearest, find_points
from dte_hpc.extract.ranges import Ranges
from dte_hpc.extract.shapes import Shape
from dte_hpc.grids import RowGrid

Int64s = NDArray[np.int64]
Float64s = NDArray[np.float64]
PLACE = "$.feature"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Places:
    """Points of one grid.

    Attributes
    ----------
    grid : RowGrid
    ranges : Ranges
        Each point once, in the grid's own order: what is read.
    order : int64, shape (n_points,), or None
        Which of these each point of the answer is, when the answer has an order of its own or repeats.
    """

    grid: RowGrid
    ranges: Ranges
    order: Int64s | None = None

    @property
    def n_read(self) -> int:
        """Points that are read of a field."""
        return self.ranges.n_points

    @property
    def n_points(self) -> int:
        """Points in the answer for a field."""
        return self.n_read if self.order is None else int(self.order.size)

    def indices(self) -> Int64s:
        """Return the index of each point of the answer."""
        indices = self.ranges.indices()
        return indices if self.order is None else indices[self.order]

    def coordinates(self) -> tuple[Float64s, Float64s]:
        """Return latitude and longitude of each point of the answer, degrees."""
        return self.grid.coordinates_of(self.indices())


def shape_of(feature: Feature) -> Shape:
    """Return the shape on the ground, or the path, that a feature describes."""
    match feature.kind:
        case "boundingbox":
            first, second = feature.points[:, :2].tolist()
            return shapes.Box.of_corners(first, second)
        case "polygon":
            return _polygon(feature)
        case "circle":
            latitude, longitude = feature.points[0].tolist()
            return shapes.Circle(centre=(latitude, longitude), radius=feature.radius)
        case "country":
            return country(feature.country)
        case "trajectory":
            return shapes.Path(
                axes=feature.axes,
                points=feature.points,
                inflation=np.array(feature.inflation),
                inflate="round" if feature.round else "box",
            )
        case _:
            return shapes.Points(points=feature.points)


def find_places(shape: Shape, grid: RowGrid) -> Places:
    """Return the points of a shape on a grid.

    Raises
    ------
    InvalidRequest
        When there are none; says where the nearest grid point lies.
    """
    if isinstance(shape, shapes.Points):
        nearest = find_nearest(shape, grid)
        _, order = np.unique(nearest, return_inverse=True)
        return Places(grid=grid, ranges=Ranges.of_indices(nearest), order=order.astype(np.int64))
    ranges = find_points(shape, grid)
    if not len(ranges):
        raise _empty(shape, grid)
    return Places(grid=grid, ranges=ranges)


def box_around(shape: Shape) -> shapes.Box | None:
    """Return the box in latitude and longitude around a path; None for another shape."""
    if not isinstance(shape, shapes.Path):
        return None
    (south, north), (west, east) = shape.extent("latitude"), shape.extent("longitude")
    return shapes.Box(south=max(south, -90), north=min(north, 90), west=west, east=east)


def _polygon(feature: Feature) -> shapes.Polygon:
    """Return the union of the rings; a hole belongs to the rings that its first vertex lies in."""
    parts = tuple(
        (ring, *(hole for hole in feature.holes if _inside(hole[0], ring))) for ring in feature.rings
    )
    return shapes.Polygon(polygons=parts)


def _inside(place: Float64s, ring: Float64s) -> bool:
    """Whether a place lies in a ring, by the even-odd rule."""
    latitude, longitude = place
    (lat, lon), (next_lat, next_lon) = ring.T, np.roll(ring, -1, axis=0).T
    crosses = (lat > latitude) != (next_lat > latitude)
    share = np.divide(latitude - lat, next_lat - lat, out=np.zeros_like(lat), where=crosses)
    return bool(np.count_nonzero(crosses & (longitude < lon + share * (next_lon - lon))) % 2)


def _empty(shape: Shape, grid: RowGrid) -> InvalidRequest:
    latitude, longitude = _middle(shape)
    nearest = grid.nearest([latitude], [longitude])
    (near_latitude,), (near_longitude,) = grid.coordinates_of(nearest)
    return InvalidRequest(
        f"{PLACE}: no point of grid {grid.name} lies in the {type(shape).__name__.lower()}; "
        f"the nearest to its middle ({latitude:.4f}, {longitude:.4f}) "
        f"is ({near_latitude:.4f}, {near_longitude:.4f})",
        place=PLACE,
        grid=grid.name,
        nearest=(float(near_latitude), float(near_longitude)),
    )


def _middle(shape: Shape) -> tuple[float, float]:
    match shape:
        case shapes.Box():
            corners = np.array([[shape.south, shape.west], [shape.north, shape.east]])
        case shapes.Polygon():
            corners = shape.polygons[0][0]
        case shapes.Circle():
            corners = np.array([shape.centre])
        case shapes.Path():
            corners = np.stack([shape.column("latitude"), shape.column("longitude")], axis=1)
        case shapes.Points():
            corners = shape.points
    latitude, longitude = ((corners.min(axis=0) + corners.max(axis=0)) / 2).tolist()
    return latitude, longitude
