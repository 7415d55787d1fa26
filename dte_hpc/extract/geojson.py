"""Which polygons does GeoJSON hold?

Geometries (RFC 7946) of the types Polygon and MultiPolygon, alone, in a Feature, a GeometryCollection or a
FeatureCollection: the union of all of them. Positions are [longitude, latitude].
"""

from collections.abc import Iterator, Mapping
from typing import Any

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.extract.limits import Limits
from dte_hpc.extract.shapes import Polygon
from dte_hpc.extract.written import refused

MAX_DEPTH = 32


def polygon_of_geojson(node: Any, limits: Limits, place: str) -> Polygon:
    """Return the union of all polygons in GeoJSON.

    Raises
    ------
    InvalidRequest
        Whose sentence begins with the place of what is no polygon.
    """
    limits.refuse_over("vertices", _n_positions(node), place)
    parts = [part for polygon in _polygons(node, place, 0) for part in polygon.polygons]
    if not parts:
        raise refused(place, node, "GeoJSON with at least one Polygon or MultiPolygon")
    return Polygon(polygons=tuple(parts))


def _polygons(node: Any, place: str, depth: int) -> Iterator[Polygon]:
    kind = node.get("type") if isinstance(node, Mapping) else None
    if depth > MAX_DEPTH:
        raise refused(place, kind, f"GeoJSON nested at most {MAX_DEPTH} times")
    if kind == "Feature":
        yield from _polygons(node.get("geometry"), f"{place}.geometry", depth + 1)
    elif kind in ("FeatureCollection", "GeometryCollection"):
        keyword = "features" if kind == "FeatureCollection" else "geometries"
        members = node.get(keyword)
        if not isinstance(members, list | tuple):
            raise refused(f"{place}.{keyword}", members, "a list")
        for index, member in enumerate(members):
            yield from _polygons(member, f"{place}.{keyword}[{index}]", depth + 1)
    else:
        try:
            yield Polygon.of_geojson(node)
        except InvalidRequest as error:
            raise InvalidRequest(f"{place}: {error}", place=place) from error


def _n_positions(node: Any) -> int:
    """Return about how many positions there are: the innermost lists."""
    count, stack = 0, [node]
    while stack:
        here = stack.pop()
        if isinstance(here, Mapping):
            stack.extend(here.values())
        elif isinstance(here, list | tuple) and here:
            if isinstance(here[0], int | float):
                count += 1
            else:
                stack.extend(here)
    return count
