"""Where are the points of a rectangular grid on a cone or a plane: Lambert's, or polar stereographic?

Both are one projection: a circle of latitude has the radius scale * t^n about the pole, a meridian
the angle n * (longitude - orientation). n is 1 or -1 for the plane at a pole.

The nearest point is found in the plane: the place's neighbours there bound the distance, and the circle of
that distance lies in a sector between two circles of latitude and two meridians, whose rectangle is looked
through. Places so far outside that their rectangle is large ask the index of all points (`sphere_index`).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from dte_hpc.base.errors import InvalidGrid
from dte_hpc.grids.conformal import isometric, latitude_of
from dte_hpc.grids.nearest import checked_places, haversine
from dte_hpc.grids.protocol import Float64s, Int64s, checked_indices
from dte_hpc.grids.scanned import ALTERNATING, BY_COLUMNS, NORTHWARD, WESTWARD
from dte_hpc.grids.sector import circle_boxes, rectangle_around
from dte_hpc.grids.spans import expand, once_each
from dte_hpc.grids.sphere_index import SphereIndex

MAX_SIDE = 65_536
NEAR_POINTS = 64
FARTHEST = 89.9999
SLACK = 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class ConicGrid:
    """A rectangle of points on a cone or a plane.

    Attributes
    ----------
    name, kind : str
        lambert or polar_stereographic.
    n_columns, n_rows : int
        Points along x and y.
    spacing_x, spacing_y : float
        Metres.
    first_latitude, first_longitude : float
        Of the point that comes first in the own order, degrees.
    orientation : float
        The meridian parallel to y, degrees.
    cone : float
        n: how much of the whole circle the cone spans; negative about the south pole.
    scale_metres : float
        Radius of the circle of latitude at which t is 1; of n's sign.
    eccentricity : float
        Of the Earth's figure.
    flags : int
        Scanning mode, WMO's flag table 3.4.
    """

    name: str
    kind: str
    n_columns: int
    n_rows: int
    spacing_x: float
    spacing_y: float
    first_latitude: float
    first_longitude: float
    orientation: float
    cone: float
    scale_metres: float
    eccentricity: float
    flags: int

    def __post_init__(self) -> None:
        if not (1 <= self.n_columns <= MAX_SIDE and 1 <= self.n_rows <= MAX_SIDE):
            raise InvalidGrid(
                f"grid {self.name} has {self.n_columns} x {self.n_rows} points; "
                f"expected 1 to {MAX_SIDE} a side",
                name=self.name,
            )
        if not (self.spacing_x > 0 and self.spacing_y > 0 and np.all(np.isfinite(self._first))):
            raise InvalidGrid(
                f"grid {self.name} has points {self.spacing_x:g} and {self.spacing_y:g} m apart from "
                f"{self.first_latitude:g} north on; expected a distance, and not the other pole",
                name=self.name,
            )

    def __repr__(self) -> str:
        return f"ConicGrid({self.name}, {self.n_points} points)"

    @property
    def n_points(self) -> int:
        """How many points the grid has."""
        return self.n_columns * self.n_rows

    def coordinates(self) -> tuple[Float64s, Float64s]:
        """Return latitude and longitude (from 0 up to 360) of every point, degrees, in the own order."""
        return self._coordinates(np.arange(self.n_points, dtype=np.int64))

    def coordinates_of(self, indices: ArrayLike) -> tuple[Float64s, Float64s]:
        """Return latitude and longitude of some points, as `coordinates` has them."""
        return self._coordinates(checked_indices(self, indices))

    def nearest(self, latitude: ArrayLike, longitude: ArrayLike) -> Int64s:
        """Return the index of the point nearest to each place, by great circle.

        Costs about two microseconds a place inside the grid; the first place far outside builds an index.
        """
        lats, lons = checked_places(latitude, longitude)
        shape, lats, lons = lats.shape, lats.ravel(), lons.ravel()
        guess = self._index(*(np.round(at).astype(np.int64) for at in self._position(lats, lons)))
        lat, lon = self._coordinates(guess)
        reach = (
            np.degrees(2 * np.arcsin(np.sqrt(np.clip(haversine(lat, lon, lats, lons), 0, 1)))) + SLACK / 10
        )
        south, north, west, east = circle_boxes(lats, self._eastward(lons), reach)
        first, stop = self._rectangle(south, north, west, east)
        count = np.prod(stop - first, axis=0)
        near = (count <= NEAR_POINTS) & (count > 0)
        if abs(self.cone) != 1:
            near &= (west >= -180) & (east <= 180)
        found = np.empty(lats.size, np.int64)
        found[near] = self._best(lats[near], lons[near], first[:, near], stop[:, near])
        if not near.all():
            found[~near] = self.all_points.nearest(lats[~near], lons[~near])
        return found.reshape(shape)

    def candidates(self, south: float, north: float, west: float, east: float) -> Int64s:
        """Return the points of a rectangle around the box; see `protocol.Grid`."""
        begin = float(self._eastward(np.array(west)))
        end = begin + min(east - west, 360.0)
        pieces = [(begin, min(end, 180.0)), (-180.0, end - 360.0)]
        found = [np.empty(0, np.int64)]
        for low, high in pieces[: 1 + (end > 180)]:
            box = (np.array([edge]) for edge in (south, north, low, high))
            first, stop = self._rectangle(*box)
            found.append(self._members(first[:, 0], stop[:, 0]))
        return once_each(np.concatenate(found))

    def around(self, latitude: Float64s, longitude: Float64s, reach: Float64s) -> tuple[Int64s, Int64s]:
        """Return the points of rectangles around circles: which circle, and which point; some perhaps twice.

        Parameters
        ----------
        latitude, longitude, reach : float64, shape (n,)
            Centres and radii, degrees.
        """
        south, north, west, east = circle_boxes(latitude, self._eastward(longitude), reach)
        whole = east - west >= 360
        west, east = np.where(whole, -180.0, west), np.where(whole, 180.0, east)
        over = np.flatnonzero((west < -180) | (east > 180))
        begin, end = np.maximum(west, -180.0), np.minimum(east, 180.0)
        rest = np.where(west < -180, west + 360, -180.0)[over], np.where(east > 180, east - 360, 180.0)[over]
        circle = np.concatenate([np.arange(latitude.size), over])
        west, east = np.concatenate([begin, rest[0]]), np.concatenate([end, rest[1]])
        first, stop = self._rectangle(south[circle], north[circle], west, east)
        place, index = self._inside(first, stop)
        return circle[place], index

    @cached_property
    def all_points(self) -> SphereIndex:
        """The index of all points."""
        return SphereIndex(*self.coordinates())

    @cached_property
    def _first(self) -> tuple[float, float]:
        x, y = self._plane(np.array(self.first_latitude), np.array(self.first_longitude))
        return float(x), float(y)

    def _plane(self, latitude: Float64s, longitude: Float64s) -> tuple[Float64s, Float64s]:
        """Return x and y of places, metres from the pole."""
        lat = np.clip(latitude, -FARTHEST, 90) if self.cone > 0 else np.clip(latitude, -90, FARTHEST)
        radius = self._radius(lat)
        angle = self.cone * np.radians(self._eastward(longitude))
        return radius * np.sin(angle), -radius * np.cos(angle)

    def _eastward(self, longitude: Float64s) -> Float64s:
        """Return longitudes as degrees east of the orientation, from -180 up to 180."""
        return np.mod(longitude - self.orientation + 180, 360) - 180

    def _radius(self, latitude: Float64s) -> Float64s:
        t = isometric(latitude, self.eccentricity)
        if self.cone < 0:
            return self.scale_metres / t ** (-self.cone)
        radius: Float64s = self.scale_metres * t**self.cone
        return radius

    def _steps(self) -> tuple[float, float]:
        """Return metres from one point to the next of the own order, along x and y."""
        return (
            -self.spacing_x if self.flags & WESTWARD else self.spacing_x,
            self.spacing_y if self.flags & NORTHWARD else -self.spacing_y,
        )

    def _position(self, latitude: Float64s, longitude: Float64s) -> tuple[Float64s, Float64s]:
        """Return column and row of the places, as fractions; those outside moved to the edge."""
        x, y = self._plane(latitude, longitude)
        across, along = self._steps()
        column, row = (x - self._first[0]) / across, (y - self._first[1]) / along
        return np.clip(column, 0, self.n_columns - 1), np.clip(row, 0, self.n_rows - 1)

    def _coordinates(self, indices: Int64s) -> tuple[Float64s, Float64s]:
        column, row = self._place(indices)
        across, along = self._steps()
        sign = np.sign(self.cone)
        x, y = sign * (self._first[0] + column * across), -sign * (self._first[1] + row * along)
        distance = np.hypot(x, y) / abs(self.scale_metres)
        with np.errstate(divide="ignore"):
            t = distance ** (1 / self.cone)
        longitude = np.mod(self.orientation + np.degrees(np.arctan2(x, y)) / self.cone, 360.0)
        return latitude_of(t, self.eccentricity), np.where(longitude >= 360.0, 0.0, longitude)

    def _place(self, indices: Int64s) -> tuple[Int64s, Int64s]:
        """Return column and row of points by own index."""
        if self.flags & BY_COLUMNS:
            column, row = np.divmod(indices, self.n_rows)
            return column, self._alternated(row, column, self.n_rows)
        row, column = np.divmod(indices, self.n_columns)
        return self._alternated(column, row, self.n_columns), row

    def _index(self, column: Int64s, row: Int64s) -> Int64s:
        """Return the own index of points by column and row."""
        if self.flags & BY_COLUMNS:
            return column * self.n_rows + self._alternated(row, column, self.n_rows)
        return row * self.n_columns + self._alternated(column, row, self.n_columns)

    def _alternated(self, along: Int64s, across: Int64s, length: int) -> Int64s:
        if not self.flags & ALTERNATING:
            return along
        return np.where(across % 2, length - 1 - along, along)

    def _rectangle(
        self, south: Float64s, north: Float64s, west: Float64s, east: Float64s
    ) -> tuple[Int64s, Int64s]:
        """Return the columns and rows around sectors; longitudes east of the orientation, within 180 degrees.

        Returns
        -------
        first, stop : int64, shape (2, n)
            Columns, rows.
        """
        limit = (-FARTHEST, 90.0) if self.cone > 0 else (-90.0, FARTHEST)
        radii = np.stack([self._radius(np.clip(edge, *limit)) for edge in (south, north)])
        ranges = rectangle_around(radii, self.cone * np.radians(np.stack([west, east])))
        edges = []
        for limits, origin, step, count in zip(
            ranges, self._first, self._steps(), (self.n_columns, self.n_rows), strict=True
        ):
            at = np.sort((limits - origin) / step, axis=0)
            first = np.clip(np.ceil(at[0] - SLACK), 0, count)
            edges.append(np.stack([first, np.clip(np.floor(at[1] + SLACK) + 1, first, count)]))
        first, stop = np.stack(edges, axis=1).astype(np.int64)
        return first, stop

    def _members(self, first: Int64s, stop: Int64s) -> Int64s:
        column, row = np.meshgrid(np.arange(first[0], stop[0]), np.arange(first[1], stop[1]))
        return self._index(column.ravel(), row.ravel())

    def _inside(self, first: Int64s, stop: Int64s) -> tuple[Int64s, Int64s]:
        """Return which rectangle, and the own index, of all points of some rectangles."""
        width, height = stop - first
        place, at = expand(np.zeros_like(width), width * height)
        row, column = np.divmod(at, width[place])
        return place, self._index(first[0][place] + column, first[1][place] + row)

    def _best(self, lats: Float64s, lons: Float64s, first: Int64s, stop: Int64s) -> Int64s:
        """Return the nearest point of a small rectangle for each place."""
        if not lats.size:
            return np.empty(0, np.int64)
        width, height = stop - first
        place, index = self._inside(first, stop)
        distance = haversine(*self._coordinates(index), lats[place], lons[place])
        begin = np.cumsum(width * height) - width * height
        least = np.minimum.reduceat(distance, begin)
        tied = distance <= (least * (1 + 1e-12) + 1e-24)[place]
        best: Int64s = np.minimum.reduceat(np.where(tied, index, np.iinfo(np.int64).max), begin)
        return best
