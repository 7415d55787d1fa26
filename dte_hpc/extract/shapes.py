"""Which place is asked for? The shapes, as plain facts in degrees.

A shape knows nothing of grids; `find` turns a shape and a grid into index ranges. Places are (latitude,
longitude); longitudes may be of any turn, and edges are straight lines in degrees, as they are for Polytope
and GeoJSON. From one vertex to the next the shorter way round is meant: see `unrolled`.

Shapes on the ground add up: ``country | box``, ``country & circle``, ``country - circle`` (a `Sum`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.extract.great_circle import along_great_circles

Float64s = NDArray[np.float64]

EARTH_RADIUS_KM = 6371.229  # the sphere of ECMWF's models: shape of the Earth 6 in GRIB2's code table 3.2
MAX_VERTICES = 1_000_000
MAX_TURN = 3600.0
MAX_PARTS = 10_000
MAX_DEPTH = 32
PATH_AXES = ("latitude", "longitude", "levelist", "step")


class _Ground:
    """What shapes on the ground have in common: they add up."""

    __slots__ = ()

    def __or__(self, other: "Shape") -> "Sum":
        return Sum(operation="union", parts=(self, other))  # type: ignore[arg-type]

    def __and__(self, other: "Shape") -> "Sum":
        return Sum(operation="intersection", parts=(self, other))  # type: ignore[arg-type]

    def __sub__(self, other: "Shape") -> "Sum":
        return Sum(operation="difference", parts=(self, other))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Points(_Ground):
    """Places whose nearest grid points are wanted, in this order, repeats kept.

    Attributes
    ----------
    points : float64, shape (n, 2)
        Latitude and longitude, degrees.
    """

    points: Float64s

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", _places("points", self.points, at_least=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Box(_Ground):
    """A range of latitude and one of longitude, borders included.

    Attributes
    ----------
    south, north : float
        Degrees, ``south <= north``.
    west, east : float
        Degrees. The box runs eastward from ``west``: when ``east`` is the smaller, across the line where
        longitudes begin anew. 360 degrees or more are the whole circle.
    """

    south: float
    north: float
    west: float
    east: float

    def __post_init__(self) -> None:
        corners = _places("box", [(self.south, self.west), (self.north, self.east)])
        if self.south > self.north:
            raise InvalidRequest(
                f"a box reaches from {self.south} to {self.north} north; expected the smaller first",
                south=self.south,
                north=self.north,
            )
        for name, value in zip(("south", "west", "north", "east"), corners.ravel().tolist(), strict=True):
            object.__setattr__(self, name, value)

    @classmethod
    def of_corners(cls, first: Sequence[float], second: Sequence[float]) -> "Box":
        """Return the box between two opposite corners (latitude, longitude) in any order.

        As Polytope's bounding box it reaches from the smaller longitude to the larger, as written. Only when
        the first longitude is the greater, and it is less than half a turn from there eastward to the
        second, the box lies across the line where longitudes begin anew: from 359 to 1, from 179 to -179.
        """
        (lat_a, lon_a), (lat_b, lon_b) = _places("box", [first, second]).tolist()
        west, east = min(lon_a, lon_b), max(lon_a, lon_b)
        if lon_a > lon_b and (lon_b - lon_a) % 360 < 180:
            west, east = lon_a, lon_a + (lon_b - lon_a) % 360
        return cls(south=min(lat_a, lat_b), north=max(lat_a, lat_b), west=west, east=east)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Polygon(_Ground):
    """One or more polygons, each an outer ring and perhaps holes; borders included.

    Attributes
    ----------
    polygons : tuple of tuples of float64 arrays, shape (n_vertices, 2)
        Rings of (latitude, longitude), closed or not. Inside a polygon the even-odd rule holds over all of
        its rings; the shape is the union of its polygons. A ring that goes once round a pole encloses the
        pole of the hemisphere in which most of it lies. An edge of exactly 360 degrees along a pole, and a
        ring that would be flat without such edges, are as written.
    """

    polygons: tuple[tuple[Float64s, ...], ...]

    def __post_init__(self) -> None:
        try:
            given = [list(rings) for rings in self.polygons]
        except TypeError as error:
            raise InvalidRequest(
                f"a polygon is {str(self.polygons)[:80]}; expected parts, each a list of rings"
            ) from error
        checked = tuple(tuple(_places("polygon", ring, at_least=3) for ring in rings) for rings in given)
        n_vertices = sum(len(ring) for rings in checked for ring in rings)
        if not checked or not all(checked) or n_vertices > MAX_VERTICES:
            raise InvalidRequest(
                f"a polygon has {len(checked)} parts with {n_vertices} vertices; "
                f"expected at least one ring in each part, and at most {MAX_VERTICES} vertices",
                n_vertices=n_vertices,
            )
        object.__setattr__(self, "polygons", checked)

    @classmethod
    def of_ring(cls, ring: ArrayLike, *holes: ArrayLike) -> "Polygon":
        """Return the polygon of one outer ring of (latitude, longitude), with holes."""
        return cls(polygons=((ring, *holes),))  # type: ignore[arg-type]

    @classmethod
    def of_geojson(cls, geometry: object) -> "Polygon":
        """Return the shape of a GeoJSON geometry (RFC 7946), whose places are (longitude, latitude).

        Raises
        ------
        InvalidRequest
            When it is not a Polygon or MultiPolygon, or holds what is not a place.
        """
        facts = geometry if isinstance(geometry, dict) else {}
        kind, coordinates = facts.get("type"), facts.get("coordinates")
        if kind not in ("Polygon", "MultiPolygon") or not isinstance(coordinates, list):
            raise InvalidRequest(
                f"a GeoJSON geometry is {kind!r}; expected Polygon or MultiPolygon, with coordinates"
            )
        parts = [coordinates] if kind == "Polygon" else coordinates
        if not all(isinstance(rings, list) for rings in parts):
            raise InvalidRequest(
                f"a GeoJSON {kind} has coordinates of a wrong depth; expected lists of rings"
            )
        return cls(polygons=tuple(tuple(_turned(ring) for ring in rings) for rings in parts))

    @property
    def n_vertices(self) -> int:
        """How many vertices all rings have."""
        return sum(len(ring) for rings in self.polygons for ring in rings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Circle(_Ground):
    """All points within a distance of a place, border included.

    Attributes
    ----------
    centre : (float, float)
        Latitude and longitude, degrees.
    radius : float or (float, float)
        In the unit that ``metric`` says; two numbers are an ellipse, the radius north and the radius east.
    metric : "degrees" or "km"
        ``degrees``: the plane of latitude and longitude (Polytope's Disk, which this is exactly). It
        ends at the poles. ``km``: the great circle, on a sphere of radius 6371.229 km.
    """

    centre: tuple[float, float]
    radius: float | tuple[float, float]
    metric: Literal["degrees", "km"] = "degrees"

    def __post_init__(self) -> None:
        centre = _places("circle", [self.centre])[0]
        radii = _numbers("a circle's radius", self.radius)
        most = {"degrees": 360.0, "km": np.pi * EARTH_RADIUS_KM}.get(self.metric)
        if most is None:
            raise InvalidRequest(f"a circle is measured in {self.metric!r}; expected 'degrees' or 'km'")
        if radii.size not in ((1, 2) if self.metric == "degrees" else (1,)) or not np.all(
            (radii >= 0) & (radii <= most)
        ):
            raise InvalidRequest(
                f"a circle has the radius {self.radius}; expected a number from 0 to {most:.0f} {self.metric}"
                + (", or two of them: north and east" if self.metric == "degrees" else ""),
                radius=self.radius,
            )
        object.__setattr__(self, "centre", (float(centre[0]), float(centre[1])))
        object.__setattr__(self, "radius", float(radii[0]) if radii.size == 1 else tuple(radii.tolist()))

    @property
    def radii(self) -> tuple[float, float]:
        """The radius north and the radius east."""
        return self.radius if isinstance(self.radius, tuple) else (self.radius, self.radius)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Path(_Ground):
    """A box or an ellipsoid swept along straight lines through 2 to 4 axes, border included.

    Attributes
    ----------
    axes : tuple of str
        What the columns of ``points`` are: latitude, longitude, and perhaps levelist and step, in any order.
    points : float64, shape (n, n_axes)
        The way points in turn; degrees, and the levels' and steps' own units.
    inflation : float64, shape (n_axes,)
        Half the width of the swept shape along each axis, in that axis' unit; one number is meant for all.
    inflate : "box" or "round"
        ``box``: within ``inflation`` on every axis. ``round``: within the ellipsoid with these half axes.
    """

    axes: tuple[str, ...]
    points: Float64s
    inflation: Float64s
    inflate: Literal["box", "round"] = "box"

    def __post_init__(self) -> None:
        axes = tuple(self.axes)
        if len(set(axes)) != len(axes) or not {"latitude", "longitude"} <= set(axes) <= set(PATH_AXES):
            raise InvalidRequest(
                f"a path has the axes {list(axes)}; "
                "expected latitude and longitude, and perhaps levelist and step",
                axes=axes,
            )
        points = _rows_of_numbers("path", self.points, len(axes), at_least=1)
        _places("path", points[:, [axes.index("latitude"), axes.index("longitude")]])
        object.__setattr__(self, "axes", axes)
        object.__setattr__(self, "points", points)
        object.__setattr__(self, "inflation", self._checked_inflation(len(axes)))

    @classmethod
    def along_great_circles(
        cls,
        *,
        points: ArrayLike,
        inflation: ArrayLike,
        axes: Sequence[str] = PATH_AXES[:2],
        inflate: Literal["box", "round"] = "box",
    ) -> "Path":
        """Return the path whose nodes are joined by great circles, each cut into lines straight in degrees.

        These stay within 0.001 degrees of the great circle; levels and steps change evenly along it.

        Raises
        ------
        InvalidRequest
            When two nodes in turn are antipodes: every great circle through one passes the other.
        """
        path = cls(axes=tuple(axes), points=points, inflation=inflation, inflate=inflate)  # type: ignore[arg-type]
        order = [path.axes.index(name) for name in PATH_AXES if name in path.axes]
        nodes = along_great_circles(path.points[:, order])
        return cls(
            axes=tuple(path.axes[at] for at in order),
            points=nodes,
            inflation=path.inflation[order],
            inflate=inflate,
        )

    def _checked_inflation(self, n_axes: int) -> Float64s:
        if self.inflate not in ("box", "round"):
            raise InvalidRequest(f"a path is inflated {self.inflate!r}; expected 'box' or 'round'")
        given = _numbers("a path's inflation", self.inflation)
        too_small = given < 0 if self.inflate == "box" else given <= 0
        if given.size not in (1, n_axes) or np.any(too_small):
            raise InvalidRequest(
                f"a path of {n_axes} axes is inflated by {given.tolist()}; expected one number or {n_axes}, "
                + ("none negative" if self.inflate == "box" else "all positive"),
                inflation=given.tolist(),
            )
        widths = np.array(np.broadcast_to(given, (n_axes,)))
        widths.flags.writeable = False
        return widths

    def column(self, axis: str) -> Float64s:
        """Return the way points' values on one axis; longitudes unrolled."""
        values = self.points[:, self.axes.index(axis)]
        return unrolled(values) if axis == "longitude" else values

    def half_width(self, axis: str) -> float:
        """Return the inflation along one axis."""
        return float(self.inflation[self.axes.index(axis)])

    def extent(self, axis: str) -> tuple[float, float]:
        """Return the least and greatest value the path reaches on one axis, inflation included."""
        values, width = self.column(axis), self.half_width(axis)
        return float(values.min()) - width, float(values.max()) + width


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Corridor(_Ground):
    """All points within a distance of a path of great circles, border included.

    Attributes
    ----------
    points : float64, shape (n, 2)
        The way points in turn: latitude and longitude, degrees.
    radius_km : float
        On a sphere of radius 6371.229 km.
    """

    points: Float64s
    radius_km: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", _places("corridor", self.points, at_least=2))
        radius = _numbers("a corridor's radius", self.radius_km)
        most = np.pi * EARTH_RADIUS_KM
        if radius.size != 1 or not 0 <= radius[0] <= most:
            raise InvalidRequest(f"a corridor has the radius {self.radius_km}; expected 0 to {most:.0f} km")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sum(_Ground):
    """Shapes on the ground put together, as sets of grid points.

    Attributes
    ----------
    operation : "union", "intersection" or "difference"
        What is in any of the parts, in all of them, or in the first and none of the others.
    parts : tuple of Points, Box, Polygon, Circle, Corridor, Path of two axes, or Sum
        Of `Points`, the nearest grid points count.
    """

    operation: Literal["union", "intersection", "difference"]
    parts: tuple["Shape", ...]

    def __post_init__(self) -> None:
        if self.operation not in ("union", "intersection", "difference"):
            raise InvalidRequest(
                f"shapes are put together by {self.operation!r}; expected union, intersection or difference"
            )
        parts = tuple(self.parts)
        wrong = [part for part in parts if not isinstance(part, _Ground) or _axes_of(part) != PATH_AXES[:2]]
        if not parts or len(parts) > MAX_PARTS or wrong or self.depth > MAX_DEPTH:
            found = type(wrong[0]).__name__ if wrong else f"{len(parts)} parts, {self.depth} deep"
            raise InvalidRequest(
                f"a {self.operation} is of {found}; expected 1 to {MAX_PARTS} shapes on the ground alone, "
                f"nested at most {MAX_DEPTH} times"
            )
        object.__setattr__(self, "parts", parts)

    @property
    def depth(self) -> int:
        """How many sums lie inside one another."""
        return 1 + max((part.depth for part in self.parts if isinstance(part, Sum)), default=0)


Shape: TypeAlias = Points | Box | Polygon | Circle | Path | Corridor | Sum


def _axes_of(shape: object) -> tuple[str, ...]:
    return tuple(sorted(shape.axes, key=PATH_AXES.index)) if isinstance(shape, Path) else PATH_AXES[:2]


def unrolled(longitude: Float64s) -> Float64s:
    """Return longitudes in which each differs from the one before by at most 180 degrees.

    Whole turns are added; the first stays as it is, and a difference of exactly 180 degrees as it is written.
    """
    turns = np.cumsum(np.round(np.diff(longitude) / 360.0))
    return np.concatenate([longitude[:1], longitude[1:] - 360.0 * turns])


def _turned(ring: object) -> Float64s:
    return _rows_of_numbers("polygon", ring, None, at_least=3)[:, 1::-1]


def _places(what: str, places: ArrayLike, at_least: int = 0) -> Float64s:
    array = _rows_of_numbers(what, places, 2, at_least)
    wrong = (np.abs(array[:, 0]) > 90) | (np.abs(array[:, 1]) > MAX_TURN)
    if wrong.any():
        latitude, longitude = array[int(np.argmax(wrong))].tolist()
        raise InvalidRequest(
            f"a {what} has a place at latitude {latitude}, longitude {longitude}; "
            f"expected (latitude, longitude) within 90 and {MAX_TURN:.0f} degrees",
            latitude=latitude,
            longitude=longitude,
        )
    return array


def _rows_of_numbers(what: str, rows: object, width: int | None, at_least: int) -> Float64s:
    array = _numbers(f"a {what}'s list of places", rows, ndim=2)
    if (
        not at_least <= len(array) <= MAX_VERTICES
        or array.shape[1] < 2
        or width not in (None, array.shape[1])
    ):
        raise InvalidRequest(
            f"a {what} is given by {array.shape[0]} places of {array.shape[1]} numbers; "
            f"expected {at_least} to {MAX_VERTICES} places of {width or 'at least 2'}",
            shape=array.shape,
        )
    return array


def _numbers(what: str, given: object, ndim: int | None = None) -> Float64s:
    try:
        array = np.array(given, np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidRequest(
            f"{what} is {str(given)[:80]}; expected numbers, and equally many in each"
        ) from error
    array = np.atleast_1d(array)
    if not np.isfinite(array).all() or (ndim is not None and array.ndim != ndim) or array.ndim > 2:
        raise InvalidRequest(
            f"{what} is {str(given)[:80]}; expected finite numbers, and equally many in each"
        )
    array.flags.writeable = False
    return array
