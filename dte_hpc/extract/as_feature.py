"""How is a shape written as the ``feature`` of a request?

So that a program may hand a `Shape` to `extract` in place of JSON, and it still travels to other ranks and
services as text.
"""

from collections.abc import Mapping
from typing import Any

from dte_hpc.extract.shapes import Box, Circle, Corridor, Path, Points, Polygon, Shape, Sum

Json = dict[str, Any]


def plain_request(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a request whose feature is JSON, whatever it was."""
    if not isinstance(request, Mapping) or not isinstance(request.get("feature"), Shape):
        return request
    return {**request, "feature": as_feature(request["feature"])}


def plain_feature(feature: Any) -> Any:
    """Return a feature as JSON when it is a shape; anything else as it is."""
    return as_feature(feature) if isinstance(feature, Shape) else feature


def as_feature(shape: Shape) -> Json:
    """Return the feature that describes a shape: plain values, ready for `json.dumps`."""
    match shape:
        case Points():
            return {"type": "position", "points": shape.points.tolist()}
        case Box():
            return _box(shape)
        case Circle():
            return _circle(shape)
        case Polygon():
            parts = [[ring[:, ::-1].tolist() for ring in rings] for rings in shape.polygons]
            return {"type": "geojson", "geojson": {"type": "MultiPolygon", "coordinates": parts}}
        case Path():
            return {
                "type": "trajectory",
                "axes": list(shape.axes),
                "points": shape.points.tolist(),
                "inflation": shape.inflation.tolist(),
                "inflate": shape.inflate,
            }
        case Corridor():
            return {
                "type": "corridor",
                "points": shape.points.tolist(),
                "radius": shape.radius_km,
                "unit": "km",
            }
        case Sum():
            return {"type": shape.operation, "features": [as_feature(part) for part in shape.parts]}


def _box(box: Box) -> Json:
    """Return a box with its western corner first, within a turn of the meridian of Greenwich."""
    west = (box.west + 180) % 360 - 180
    span = box.east - box.west
    east = west + (span if span >= 0 else span % 360)
    return {"type": "boundingbox", "points": [[box.south, west], [box.north, min(east, west + 360)]]}


def _circle(circle: Circle) -> Json:
    radius = list(circle.radius) if isinstance(circle.radius, tuple) else circle.radius
    return {"type": "circle", "center": [list(circle.centre)], "radius": radius, "unit": circle.metric}
