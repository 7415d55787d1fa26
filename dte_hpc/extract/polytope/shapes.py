"""Which shapes are there, by the names `polytope_feature` gave them?

A shape is written down here and understood elsewhere (`build`): nothing is sliced, and coordinates stay as
they were given, numbers or times or texts. ``shape.polytope()`` are its convex parts, as there.
"""

import functools
import itertools
import math
import operator
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

from dte_hpc.extract.polytope.errors import PolytopeError

MAX_AXES = 5
_GOLDEN = (1 + math.sqrt(5)) / 2
_METHODS = (None, "nearest", "surrounding")

Row = list[Any]


class Shape(ABC):
    """A set of points in some axes."""

    def __init__(self, axes: Iterable[str], tag: str | None = None) -> None:
        self._axes = list(axes)
        self.tag = tag
        if not 1 <= len(self._axes) <= MAX_AXES or len(set(self._axes)) < len(self._axes):
            raise PolytopeError(
                f"a {type(self).__name__} has the axes {self._axes}; expected 1 to {MAX_AXES}, each once"
            )

    def axes(self) -> list[str]:
        """Return the names of the shape's axes, in the order of its coordinates."""
        return self._axes

    @abstractmethod
    def polytope(self) -> list["ConvexPolytope | Product"]:
        """Return the convex parts whose union the shape is."""

    def __repr__(self) -> str:
        return f"{type(self).__name__} in {self._axes}"

    def _rows(self, points: Iterable[Sequence[Any]]) -> list[Row]:
        """Return points as lists; PolytopeError when one has another number of coordinates than axes."""
        rows = [list(point) for point in points]
        for row in rows:
            if len(row) != len(self._axes):
                raise PolytopeError(
                    f"a {type(self).__name__} in {self._axes} has a point {row[:8]}; "
                    f"expected {len(self._axes)} coordinates"
                )
        return rows


class ConvexPolytope(Shape):
    """The smallest convex set that holds some points.

    Parameters
    ----------
    axes : sequence of str
    points : sequence of sequences
        Corners, in any order; points between them do no harm.
    method : None, "nearest" or "surrounding"
        Only of a shape that is a point or a range: which values next to it are meant.
    k : int
        With ``nearest``: how many.
    is_orthogonal : bool
        Whether the points are all corners of a box.
    tag : str, optional
        A name of the shape, for its user.
    """

    def __init__(
        self,
        axes: Iterable[str],
        points: Iterable[Sequence[Any]],
        method: str | None = None,
        k: int = 1,
        is_orthogonal: bool = False,
        tag: str | None = None,
    ) -> None:
        super().__init__(axes, tag)
        self.points = self._rows(points)
        if not self.points:
            raise PolytopeError(f"a ConvexPolytope in {self._axes} has no points; expected at least one")
        self.method = _method(method)
        self.k = k
        self.is_orthogonal = is_orthogonal

    @property
    def is_flat(self) -> bool:
        """Whether the shape is one value on one axis."""
        return len(self._axes) == 1 and len(self.points) == 1

    def polytope(self) -> list["ConvexPolytope | Product"]:
        """Return the shape itself."""
        return [self]


class Product(Shape):
    """All combinations of shapes that have no axis in common."""

    def __init__(
        self, *polytopes: Shape, method: str | None = None, k: int = 1, tag: str | None = None
    ) -> None:
        super().__init__([axis for shape in polytopes for axis in shape.axes()], tag)
        self.shapes = polytopes
        self.method = _method(method)
        self.k = k

    def polytope(self) -> list["ConvexPolytope | Product"]:
        """Return the shape itself."""
        return [self]


class Select(Shape):
    """Some values of one axis; the only shape, beside Point and All, for an axis of texts."""

    def __init__(
        self, axis: str, values: Iterable[Any], method: str | None = None, k: int = 1, tag: str | None = None
    ) -> None:
        super().__init__([axis], tag)
        given = list(values)
        self.axis = axis
        self.values = list(dict.fromkeys(given))
        self.method = _method(method)
        self.k = k
        if len(self.values) < len(given):
            warnings.warn(f"Select on {axis} names values twice; each is taken once", stacklevel=2)

    def polytope(self) -> list[ConvexPolytope | Product]:
        """Return one point for each value."""
        return [ConvexPolytope([self.axis], [[v]], self.method, self.k, True, self.tag) for v in self.values]


class Point(Shape):
    """Some points, each with a value on every axis.

    With ``method="nearest"`` on latitude and longitude of a grid: the `k` nearest by great circle.
    """

    def __init__(
        self,
        axes: Iterable[str],
        values: Iterable[Sequence[Any]],
        method: str | None = None,
        k: int = 1,
        tag: str | None = None,
    ) -> None:
        super().__init__(axes, tag)
        self.values = self._rows(values)
        self.method = _method(method)
        self.k = k

    def polytope(self) -> list[ConvexPolytope | Product]:
        """Return, for each point, the product of its coordinates."""
        how = (self.method, self.k, True, self.tag)
        return [
            Product(*(ConvexPolytope([a], [[v]], *how) for a, v in zip(self._axes, row, strict=True)))
            for row in self.values
        ]


class Span(Shape):
    """Everything between two values of one axis, both included."""

    def __init__(
        self,
        axis: str,
        lower: Any = -math.inf,
        upper: Any = math.inf,
        method: str | None = None,
        tag: str | None = None,
    ) -> None:
        super().__init__([axis], tag)
        if isinstance(lower, list) or isinstance(upper, list):
            raise PolytopeError(
                f"a Span on {axis} reaches from {lower} to {upper}; expected a value for each"
            )
        self.axis = axis
        self.lower = lower
        self.upper = upper
        self.method = _method(method)

    def polytope(self) -> list[ConvexPolytope | Product]:
        """Return the range."""
        ends = [[self.lower], [self.upper]]
        return [ConvexPolytope([self.axis], ends, self.method, 1, True, self.tag)]


class All(Span):
    """Every value of one axis."""

    def __init__(self, axis: str, tag: str | None = None) -> None:
        super().__init__(axis, tag=tag)


class Box(Shape):
    """A range on each of some axes, borders included; a corner that is not given is as far as the data go."""

    def __init__(
        self,
        axes: Iterable[str],
        lower_corner: Sequence[Any] | None = None,
        upper_corner: Sequence[Any] | None = None,
        method: str | None = None,
        tag: str | None = None,
    ) -> None:
        super().__init__(axes, tag)
        (self.lower_corner,) = self._rows([lower_corner or [-math.inf] * len(self._axes)])
        (self.upper_corner,) = self._rows([upper_corner or [math.inf] * len(self._axes)])
        self.method = _method(method)

    @property
    def vertices(self) -> list[Row]:
        """All corners."""
        pairs = zip(self.lower_corner, self.upper_corner, strict=True)
        return [list(corner) for corner in itertools.product(*pairs)]

    def polytope(self) -> list[ConvexPolytope | Product]:
        """Return the box; with a method, the product of its ranges."""
        if self.method is None:
            return [ConvexPolytope(self._axes, self.vertices, None, 1, True, self.tag)]
        ranges = zip(self._axes, self.lower_corner, self.upper_corner, strict=True)
        return [Product(*(Span(*given, method=self.method) for given in ranges), tag=self.tag)]


class Disk(Shape):
    """An ellipse of two axes, as the polygon around it (12 corners, as Polytope's; more are nearer to it)."""

    def __init__(
        self,
        axes: Iterable[str],
        centre: Sequence[float] = (0, 0),
        radius: Sequence[float] = (1, 1),
        tag: str | None = None,
        segments: int = 12,
    ) -> None:
        super().__init__(axes, tag)
        self.centre, self.radius = self._rows([centre, radius])
        if len(self._axes) != 2 or not 3 <= segments <= 100_000:
            raise PolytopeError(
                f"a Disk in {self._axes} has {segments} segments; expected 2 axes and 3 to 100000 segments"
            )
        far = 1 / math.cos(math.pi / segments)
        angles = [2 * math.pi * at / segments for at in range(segments)]
        unit = [(far * math.cos(angle), far * math.sin(angle)) for angle in angles]
        self.points = _stretched(unit, self.centre, self.radius)

    def polytope(self) -> list[ConvexPolytope | Product]:
        """Return the polygon."""
        return [ConvexPolytope(self._axes, self.points, tag=self.tag)]


class Ellipsoid(Shape):
    """An ellipsoid of three axes, as the icosahedron around it."""

    def __init__(
        self,
        axes: Iterable[str],
        centre: Sequence[float] = (0, 0, 0),
        radius: Sequence[float] = (1, 1, 1),
        tag: str | None = None,
    ) -> None:
        super().__init__(axes, tag)
        self.centre, self.radius = self._rows([centre, radius])
        if len(self._axes) != 3:
            raise PolytopeError(f"an Ellipsoid has the axes {self._axes}; expected 3")
        half = math.sqrt(3) / _GOLDEN**2  # half the edge of the icosahedron around the unit sphere
        unit = [
            (x, y, z)[turn:] + (x, y, z)[:turn]
            for turn in range(3)
            for x, y, z in itertools.product((0.0,), (-half, half), (-half * _GOLDEN, half * _GOLDEN))
        ]
        self.points = _stretched(unit, self.centre, self.radius)

    def polytope(self) -> list[ConvexPolytope | Product]:
        """Return the icosahedron."""
        return [ConvexPolytope(self._axes, self.points, tag=self.tag)]


class PathSegment(Shape):
    """A shape swept along the straight line between two points that are added to it."""

    def __init__(
        self,
        axes: Iterable[str],
        shape: Shape,
        start: Sequence[Any],
        end: Sequence[Any],
        tag: str | None = None,
    ) -> None:
        super().__init__(axes, tag)
        _same_axes(self, shape)
        self.shape = shape
        self.start, self.end = self._rows([start, end])

    def polytope(self) -> list[ConvexPolytope | Product]:
        """Return the hull of the shape at both ends, for each of its parts."""
        parts = [_corners(part) for part in self.shape.polytope()]
        ends = (self.start, self.end)
        swept = [[added(corner, end) for corner in corners for end in ends] for corners in parts]
        return [ConvexPolytope(self._axes, corners, tag=self.tag) for corners in swept]


class Path(Shape):
    """A shape swept along the lines from point to point."""

    def __init__(
        self,
        axes: Iterable[str],
        shape: Shape,
        *points: Sequence[Any],
        closed: bool = False,
        tag: str | None = None,
    ) -> None:
        super().__init__(axes, tag)
        _same_axes(self, shape)
        if len(points) < 2:
            raise PolytopeError(f"a Path in {self._axes} has {len(points)} points; expected at least 2")
        self.shape = shape
        self.points = self._rows([*points, points[0]] if closed else points)

    def polytope(self) -> list[ConvexPolytope | Product]:
        """Return the hulls of all segments."""
        pairs = itertools.pairwise(self.points)
        segments = [PathSegment(self._axes, self.shape, start, end, self.tag) for start, end in pairs]
        return [part for segment in segments for part in segment.polytope()]


class Segment(Shape):
    """The hull of two shapes, part by part."""

    def __init__(self, axes: Iterable[str], shape1: Shape, shape2: Shape, tag: str | None = None) -> None:
        super().__init__(axes, tag)
        _same_axes(self, shape1, shape2)
        self.shapes = (shape1, shape2)

    def polytope(self) -> list[ConvexPolytope | Product]:
        """Return the hulls of every part of the one and every part of the other."""
        parts = [[_corners(part) for part in shape.polytope()] for shape in self.shapes]
        return [ConvexPolytope(self._axes, [*a, *b], tag=self.tag) for a, b in itertools.product(*parts)]


class ShapePath(Shape):
    """The hulls of each of some shapes and the next."""

    def __init__(self, axes: Iterable[str], *shapes: Shape, tag: str | None = None) -> None:
        super().__init__(axes, tag)
        _same_axes(self, *shapes)
        self.segments = [Segment(self._axes, a, b, tag) for a, b in itertools.pairwise(shapes)]

    def polytope(self) -> list[ConvexPolytope | Product]:
        """Return the hulls."""
        return [part for segment in self.segments for part in segment.polytope()]


class Union(Shape):
    """What is in any of some shapes, which have the same axes in the same order."""

    def __init__(self, axes: Iterable[str], *shapes: Shape, tag: str | None = None) -> None:
        super().__init__(axes, tag)
        _same_axes(self, *shapes)
        self.shapes = shapes

    def polytope(self) -> list[ConvexPolytope | Product]:
        """Return the parts of all shapes."""
        return [part for shape in self.shapes for part in shape.polytope()]


class PolygonWithHoles(Shape):
    """A polygon of two axes, with or without holes; inside is what an odd number of edges away is."""

    def __init__(
        self,
        axes: Iterable[str],
        points: Iterable[Sequence[float]],
        holes: Iterable[Iterable[Sequence[float]]] | None = None,
        tag: str | None = None,
    ) -> None:
        super().__init__(axes, tag)
        self.rings = [self._rows(points), *(self._rows(hole) for hole in holes or ())]
        if len(self._axes) != 2 or not all(self.rings):
            raise PolytopeError(
                f"a {type(self).__name__} has the axes {self._axes}; expected 2, and no empty ring"
            )

    def polytope(self) -> list[ConvexPolytope | Product]:
        """Return nothing: a polygon is cut by scan line and never into convex parts."""
        raise PolytopeError(f"a {type(self).__name__} cannot be swept; expected a convex shape")


class Polygon(PolygonWithHoles):
    """A polygon of two axes, of any form and any number of corners."""

    def __init__(
        self, axes: Iterable[str], points: Iterable[Sequence[float]], tag: str | None = None
    ) -> None:
        super().__init__(axes, points, tag=tag)


def _method(method: str | None) -> str | None:
    if method not in _METHODS:
        raise PolytopeError(f"a shape has the method {method!r}; expected None, 'nearest' or 'surrounding'")
    return method


def _same_axes(shape: Shape, *others: Shape) -> None:
    for other in others:
        if other.axes() != shape.axes():
            raise PolytopeError(
                f"a {type(shape).__name__} in {shape.axes()} has a {type(other).__name__} in {other.axes()}; "
                "expected the same axes in the same order"
            )


def _corners(part: ConvexPolytope | Product) -> list[Row]:
    """Return the corners of a convex part, in the order of its axes."""
    if isinstance(part, ConvexPolytope):
        return part.points
    corners = [[_corners(convex) for convex in shape.polytope()] for shape in part.shapes]
    if any(len(convex) != 1 for convex in corners):
        raise PolytopeError("a Product of unions cannot be swept; expected a convex shape")
    return [
        functools.reduce(operator.iadd, rows, [])
        for rows in itertools.product(*(convex[0] for convex in corners))
    ]


def added(corner: Row, offset: Row) -> Row:
    """Return a corner moved by an offset."""
    return [a + b for a, b in zip(corner, offset, strict=True)]


def _stretched(unit: Iterable[Sequence[float]], centre: Row, radius: Row) -> list[Row]:
    return [[c + u * r for u, c, r in zip(row, centre, radius, strict=True)] for row in unit]
