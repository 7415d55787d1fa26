"""Which convex polytopes is a shape, in the numbers and the order of a datacube's axes?

What Polytope writes as many small polytopes stays arrays: the values of a Select, the places of a Point, the
segments of a Path with a box. A polygon becomes the strips of the values on its first axis, by scan line.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.extract.bounds import Bounds
from dte_hpc.extract.polytope import shapes
from dte_hpc.extract.polytope.axis import Axis
from dte_hpc.extract.polytope.cube import Datacube, in_order
from dte_hpc.extract.polytope.errors import PolytopeError, UnsliceableShapeError
from dte_hpc.extract.polytope.polygon import polygon_boxes
from dte_hpc.extract.polytope.snap import snapped
from dte_hpc.extract.polytope.solids import Solids, concatenated, hull, product, swept_boxes

Float64s = NDArray[np.float64]


def solids_of(shape: shapes.Shape, cube: Datacube) -> Solids:
    """Return the convex polytopes whose union a shape is.

    Raises
    ------
    AxisNotFoundError
        When the datacube has no axis of that name.
    UnsliceableShapeError
        When a shape has an extent on an axis whose values have no order.
    PolytopeError
        When a coordinate is none of the axis.
    """
    axes = in_order(cube, shape.axes())
    match shape:
        case shapes.Select() | shapes.Point():
            rows = [[value] for value in shape.values] if isinstance(shape, shapes.Select) else shape.values
            places = _numbers(shape, axes, rows, cube)
            return snapped(axes, places, places, shape.method, shape.k, cube)
        case shapes.Span():
            ends = _numbers(shape, axes, [[shape.lower], [shape.upper]], cube)
            return _box(axes, ends[0], ends[1], shape.method, 1, cube)
        case shapes.Box():
            ends = _numbers(shape, axes, [shape.lower_corner, shape.upper_corner], cube)
            return _box(axes, ends[0], ends[1], shape.method, 1, cube)
        case shapes.Union():
            if not shape.shapes:
                raise PolytopeError(f"a Union in {shape.axes()} has no shapes; expected at least one")
            return concatenated([solids_of(part, cube) for part in shape.shapes])
        case shapes.Path(shape=shapes.Box(method=None) as box):
            return _swept(box, axes, shape.points[:-1], shape.points[1:], cube)
        case shapes.PathSegment(shape=shapes.Box(method=None) as box):
            return _swept(box, axes, [shape.start], [shape.end], cube)
        case shapes.PolygonWithHoles():
            rings = [_numbers(shape, axes, ring, cube) for ring in shape.rings]
            _refuse_unordered(axes, cube)
            return polygon_boxes(axes, rings, _first_axis(axes, rings, cube))
        case shapes.Product():
            return product(axes, [solids_of(part, cube) for part in shape.shapes])
        case shapes.ConvexPolytope():
            return _convex(shape, axes, cube)
        case _:
            return concatenated([solids_of(part, cube) for part in shape.polytope()])


def _numbers(
    shape: shapes.Shape, axes: tuple[str, ...], rows: Sequence[Sequence[Any]], cube: Datacube
) -> Float64s:
    """Return coordinates as numbers, a column for each of `axes`."""
    columns = [[row[shape.axes().index(axis)] for row in rows] for axis in axes]
    found = [cube.axes[axis].numbers(column) for axis, column in zip(axes, columns, strict=True)]
    return np.stack(found, axis=1)


def _box(
    axes: tuple[str, ...], low: Float64s, high: Float64s, method: str | None, k: int, cube: Datacube
) -> Solids:
    """Return one box; only the whole of an axis of texts is a range of it."""
    wide = np.flatnonzero((low != high) & (np.isfinite(low) | np.isfinite(high)))
    _refuse_unordered([axes[at] for at in wide], cube)
    return snapped(axes, low[None], high[None], method, k, cube)


def _convex(shape: shapes.ConvexPolytope, axes: tuple[str, ...], cube: Datacube) -> Solids:
    corners = _numbers(shape, axes, shape.points, cube)
    if len(axes) == 1 or len(corners) == 1 or shape.is_orthogonal:
        return _box(axes, corners.min(axis=0), corners.max(axis=0), shape.method, shape.k, cube)
    _refuse_unordered(axes, cube)
    if not np.isfinite(corners).all():
        raise PolytopeError(f"a ConvexPolytope in {list(axes)} has a corner at infinity; expected numbers")
    return hull(axes, corners)


def _swept(
    box: shapes.Box, axes: tuple[str, ...], starts: list[shapes.Row], ends: list[shapes.Row], cube: Datacube
) -> Solids:
    _refuse_unordered(axes, cube)
    corners = [
        _numbers(box, axes, [shapes.added(corner, row) for row in rows], cube)
        for corner in (box.lower_corner, box.upper_corner)
        for rows in (starts, ends)
    ]
    if not all(np.isfinite(part).all() for part in corners):
        raise PolytopeError(f"a Path in {list(axes)} has a corner at infinity; expected numbers")
    start, end = (corners[0] + corners[2]) / 2, (corners[1] + corners[3]) / 2
    return swept_boxes(axes, start, end, np.abs(corners[2][0] - corners[0][0]) / 2)


def _refuse_unordered(axes: Sequence[str], cube: Datacube) -> None:
    for axis in axes:
        if cube.axes[axis].kind == "text":
            raise UnsliceableShapeError(
                f"a shape has an extent on the axis {axis}, whose values are texts without an order; "
                "expected Select, Point or All",
                axis=axis,
            )


def _first_axis(axes: tuple[str, ...], rings: Sequence[Float64s], cube: Datacube) -> Axis:
    """Return the axis along whose values a polygon is cut: of a grid, the rows around the polygon."""
    ground = cube.ground
    if ground is None or axes[0] != ground.latitude:
        return cube.axes[axes[0]]
    corners = np.concatenate(rings)
    (south, west), (north, east) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    around = Bounds(max(south, -90), min(north, 90), west, min(east, west + 360))
    return ground.row_axis(ground.rows([around]))
