"""Convex shapes in any axes, by the names of ECMWF's Polytope.

    import dte_hpc.extract.polytope as polytope_feature
    from dte_hpc.extract.polytope.shapes import Box, Path, Select

    api = polytope_feature.Polytope(FDB("/scratch/store"))         # or an xarray DataArray or Dataset
    result = api.retrieve(polytope_feature.Request(
        Select("param", ["130"]),
        Path(axes, Box(axes, [-0.1, -0.1, -25, -0.5], [0.1, 0.1, 25, 0.5]),  # latitude, longitude, ...
             (49.0, 2.5, 1000, 0), (40.6, -73.8, 300, 8))))
    result.values, result.flatten(), result.to_xarray(), result.leaves

A request's shapes become linear bounds (`build`, `solids`, `hull`), these the points of some axes
(`slicing`), and a result is all combinations of such points (`factor`, `result`): ranges and never an
object a point.

Restrictions
------------
Grids are those of the grids room. Shapes have at most five axes. A result is held in memory as a whole.
Tags of shapes are kept on the shapes and do not reach the result. ``docs/polytope.md`` says what differs
from `polytope_feature`.
"""

from dte_hpc.extract.polytope.errors import (
    AxisNotFoundError,
    AxisOverdefinedError,
    AxisUnderdefinedError,
    BadGridError,
    BadRequestError,
    PolytopeError,
    UnsliceableShapeError,
)
from dte_hpc.extract.polytope.polytope import Polytope, Request
from dte_hpc.extract.polytope.result import Result
from dte_hpc.extract.polytope.shapes import (
    All,
    Box,
    ConvexPolytope,
    Disk,
    Ellipsoid,
    Path,
    PathSegment,
    Point,
    Polygon,
    PolygonWithHoles,
    Product,
    Segment,
    Select,
    Shape,
    ShapePath,
    Span,
    Union,
)

__all__ = [
    "All",
    "AxisNotFoundError",
    "AxisOverdefinedError",
    "AxisUnderdefinedError",
    "BadGridError",
    "BadRequestError",
    "Box",
    "ConvexPolytope",
    "Disk",
    "Ellipsoid",
    "Path",
    "PathSegment",
    "Point",
    "Polygon",
    "PolygonWithHoles",
    "Polytope",
    "PolytopeError",
    "Product",
    "Request",
    "Result",
    "Segment",
    "Select",
    "Shape",
    "ShapePath",
    "Span",
    "Union",
    "UnsliceableShapeError",
]
