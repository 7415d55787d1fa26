"""Which region on the ground does a feature describe?

boundingbox, polygon, circle, frame, country, geojson (shapefile), and sums of them: union, intersection,
difference. Positions are [latitude, longitude]; only GeoJSON has the longitude first.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, cast

import numpy as np

from dte_hpc.base.config import unknown_keyword
from dte_hpc.base.errors import InvalidConfig, InvalidRequest
from dte_hpc.extract.countries import country
from dte_hpc.extract.geojson import polygon_of_geojson
from dte_hpc.extract.limits import Limits
from dte_hpc.extract.paths import corridor, ground_path
from dte_hpc.extract.shapes import EARTH_RADIUS_KM, MAX_DEPTH, Box, Circle, Points, Polygon, Shape, Sum
from dte_hpc.extract.written import AXES, PLACE, Positions, axes_of, number, positions, refused

UNITS = {"degrees": "degrees", "degree": "degrees", "deg": "degrees", "km": "km", "kilometres": "km"}
SUMS = ("union", "intersection", "difference")


def region(node: Mapping[str, Any], limits: Limits, place: str = PLACE, depth: int = 0) -> Shape:
    """Return the shape of a feature that lies on the ground.

    Raises
    ------
    InvalidRequest
        Whose sentence begins with the place of the mistake: ``$.feature.features[1].radius``.
    """
    if not isinstance(node, Mapping):
        raise refused(place, node, "a feature: a mapping with a type")
    kind = str(node.get("type", "")).lower()
    if kind not in REGIONS:
        raise refused(f"{place}.type", node.get("type"), "one of " + ", ".join(REGIONS))
    reader, keywords = REGIONS[kind]
    refuse_unknown(node, keywords, place)
    if depth > MAX_DEPTH:
        raise refused(place, kind, f"features nested at most {MAX_DEPTH} times")
    if kind in SUMS:
        return _sum(node, limits, place, depth)
    return reader(node, limits, place)


def refuse_unknown(node: Mapping[str, Any], keywords: Sequence[str], place: str) -> None:
    """Raise InvalidRequest for a keyword that a feature does not have; it names the nearest one."""
    for keyword in node:
        if keyword not in ("type", *keywords):
            error: InvalidConfig = unknown_keyword(place, str(keyword), ("type", *keywords))
            raise InvalidRequest(str(error), **error.facts)


def box_corners(
    node: Mapping[str, Any], limits: Limits, place: str = PLACE
) -> tuple[Positions, tuple[str, ...]]:
    """Return the two corners of a bounding box, and their axes in the order of `AXES`."""
    axes = axes_of(node, default=AXES[:2], at_most=3, place=place)
    corners = positions(node, "points", axes, limits, place)
    if len(corners) != 2:
        raise refused(f"{place}.points", node["points"], "two opposite corners")
    return corners, tuple(sorted(axes, key=AXES.index))


def circle_centre(
    node: Mapping[str, Any], limits: Limits, place: str = PLACE
) -> tuple[Positions, tuple[str, ...]]:
    """Return the centre of a circle, and its axes in the order of `AXES`."""
    axes = axes_of(node, default=AXES[:2], at_most=3, place=place)
    given = node.get("center", node.get("centre"))
    bare = isinstance(given, list | tuple) and len(given) > 0 and not isinstance(given[0], list | tuple)
    centre = positions({"center": [given] if bare else given}, "center", axes, limits, place)
    if len(centre) != 1:
        raise refused(f"{place}.center", given, "one position [[latitude, longitude]]")
    return centre, tuple(sorted(axes, key=AXES.index))


def _points(node: Mapping[str, Any], limits: Limits, place: str) -> Shape:
    axes = axes_of(node, default=AXES[:2], at_most=2, place=place)
    return Points(points=positions(node, "points", axes, limits, place))


def _boundingbox(node: Mapping[str, Any], limits: Limits, place: str) -> Shape:
    corners, _ = box_corners(node, limits, place)
    first, second = corners[:, :2].tolist()
    return Box.of_corners(first, second)


def _circle(node: Mapping[str, Any], limits: Limits, place: str) -> Shape:
    centre, _ = circle_centre(node, limits, place)
    unit = unit_of(node, place)
    most = 180.0 if unit == "degrees" else float(np.pi * EARTH_RADIUS_KM)
    given: Any = node.get("radius")
    several = isinstance(given, list | tuple) and len(given) == 2 and unit == "degrees"
    radii = [number(f"{place}.radius", one) for one in (given if several else [given])]
    for radius in radii:
        if not 0 <= radius <= most:
            raise refused(f"{place}.radius", radius, f"0 to {most:.0f} {unit}")
    latitude, longitude = centre[0, :2].tolist()
    both = (radii[0], radii[1]) if several else radii[0]
    return Circle(centre=(latitude, longitude), radius=both, metric=unit)


def unit_of(node: Mapping[str, Any], place: str = PLACE) -> Literal["degrees", "km"]:
    """Return the unit in which a feature's radius is given: degrees when it does not say."""
    given = node.get("unit", "degrees")
    if not isinstance(given, str) or given.lower() not in UNITS:
        raise refused(f"{place}.unit", given, "'degrees' or 'km'")
    return cast(Literal["degrees", "km"], UNITS[given.lower()])


def _polygon(node: Mapping[str, Any], limits: Limits, place: str) -> Shape:
    """Return the union of the rings; a hole belongs to the rings that its first vertex lies in."""
    axes = axes_of(node, default=AXES[:2], at_most=2, place=place)
    rings = _rings(node, "shape", axes, limits, place)
    holes = _rings(node, "holes", axes, limits, place) if "holes" in node else ()
    limits.refuse_over("vertices", sum(map(len, rings + holes)), f"{place}.shape")
    owners = [[ring for ring in rings if _inside(hole[0], ring)] for hole in holes]
    for index, owner in enumerate(owners):
        if not owner:
            raise refused(
                f"{place}.holes[{index}]", holes[index][0].tolist(), "a hole inside one of the rings"
            )
    parts = tuple(
        (
            ring,
            *(hole for hole, owner in zip(holes, owners, strict=True) if any(ring is one for one in owner)),
        )
        for ring in rings
    )
    return Polygon(polygons=parts)


def _rings(
    node: Mapping[str, Any], keyword: str, axes: tuple[str, ...], limits: Limits, place: str
) -> tuple[Positions, ...]:
    """Return a ring, or each of a list of rings; a repeated last vertex is kept."""
    given = node.get(keyword)
    if not isinstance(given, list | tuple) or not given or not isinstance(given[0], list | tuple):
        raise refused(f"{place}.{keyword}", given, "a ring [[latitude, longitude], ...] or a list of rings")
    many = bool(given[0]) and isinstance(given[0][0], list | tuple)
    rings = []
    for index, ring in enumerate(given if many else [given]):
        where = f"{keyword}[{index}]" if many else keyword
        points = positions({where: ring}, where, axes, limits, place)
        if len(points) < 3:
            raise refused(f"{place}.{where}", ring, "at least three vertices")
        rings.append(points)
    return tuple(rings)


def _inside(spot: Positions, ring: Positions) -> bool:
    """Whether a place lies in a ring, by the even-odd rule."""
    latitude, longitude = spot
    (lat, lon), (next_lat, next_lon) = ring.T, np.roll(ring, -1, axis=0).T
    crosses = (lat > latitude) != (next_lat > latitude)
    share = np.divide(latitude - lat, next_lat - lat, out=np.zeros_like(lat), where=crosses)
    return bool(np.count_nonzero(crosses & (longitude < lon + share * (next_lon - lon))) % 2)


def _frame(node: Mapping[str, Any], limits: Limits, place: str) -> Shape:
    """Return what lies in the outer box and not inside the inner one, both borders included."""
    boxes = []
    for keyword in ("outer_box", "inner_box"):
        corners = positions(node, keyword, AXES[:2], limits, place)
        if len(corners) != 2:
            raise refused(f"{place}.{keyword}", node[keyword], "two opposite corners")
        boxes.append(Box.of_corners(*corners.tolist()))
    outer, inner = boxes
    west = inner.west + 360 * np.ceil((outer.west - inner.west) / 360)
    east = west + (inner.east - inner.west)
    if inner.south < outer.south or inner.north > outer.north or east > outer.east:
        raise refused(f"{place}.inner_box", node["inner_box"], "a box inside outer_box")
    sides = (
        Box(south=outer.south, north=inner.south, west=outer.west, east=outer.east),
        Box(south=inner.north, north=outer.north, west=outer.west, east=outer.east),
        Box(south=inner.south, north=inner.north, west=outer.west, east=west),
        Box(south=inner.south, north=inner.north, west=east, east=outer.east),
    )
    return Sum(operation="union", parts=sides)


def _country(node: Mapping[str, Any], _limits: Limits, place: str) -> Shape:
    given = [keyword for keyword in ("country", "code", "name") if keyword in node]
    wanted = node[given[0]] if len(given) == 1 else None
    names = [wanted] if isinstance(wanted, str) else wanted
    if (
        not isinstance(names, list | tuple)
        or not names
        or not all(isinstance(n, str) and n.strip() for n in names)
    ):
        raise refused(
            f"{place}.country", node.get("country"), "an ISO code or English name, or several of them"
        )
    try:
        return Polygon(polygons=tuple(part for name in names for part in country(name.strip()).polygons))
    except InvalidRequest as error:
        raise InvalidRequest(f"{place}.{given[0]}: {error}", place=f"{place}.{given[0]}") from error


def _geojson(node: Mapping[str, Any], limits: Limits, place: str) -> Shape:
    for keyword in ("file", "path"):
        if keyword in node:
            raise refused(
                f"{place}.{keyword}",
                node[keyword],
                "GeoJSON under 'geojson': a request opens no file (dte extract --shape FILE reads one)",
            )
    given = [keyword for keyword in ("geojson", "geometry", "features") if keyword in node]
    if len(given) != 1:
        raise refused(place, sorted(map(str, node)), "GeoJSON under 'geojson'")
    inline = (
        {"type": "FeatureCollection", "features": node["features"]}
        if given[0] == "features"
        else node[given[0]]
    )
    return polygon_of_geojson(inline, limits, f"{place}.{given[0]}")


def _sum(node: Mapping[str, Any], limits: Limits, place: str, depth: int) -> Shape:
    given = node.get("features")
    if not isinstance(given, list | tuple) or not given:
        raise refused(f"{place}.features", given, "a list of features")
    limits.refuse_over("vertices", len(given), f"{place}.features")
    parts = [region(one, limits, f"{place}.features[{n}]", depth + 1) for n, one in enumerate(given)]
    operation = cast(Literal["union", "intersection", "difference"], str(node["type"]).lower())
    try:
        return Sum(operation=operation, parts=tuple(parts))
    except InvalidRequest as error:
        raise InvalidRequest(f"{place}: {error}", place=place) from error


def _no_sum(_node: Mapping[str, Any], _limits: Limits, place: str) -> Shape:
    raise refused(place, "a sum", "its parts under 'features'")


Reader = Callable[[Mapping[str, Any], Limits, str], Shape]
_SHAPEFILE = ("geojson", "geometry", "features", "file", "path")
REGIONS: dict[str, tuple[Reader, tuple[str, ...]]] = {
    "boundingbox": (_boundingbox, ("points", "axes", "axis")),
    "polygon": (_polygon, ("shape", "holes", "axes")),
    "circle": (_circle, ("center", "centre", "radius", "unit", "axes")),
    "frame": (_frame, ("outer_box", "inner_box")),
    "country": (_country, ("country", "code", "name")),
    "geojson": (_geojson, _SHAPEFILE),
    "shapefile": (_geojson, _SHAPEFILE),
    "position": (_points, ("points", "axes")),
    "trajectory": (ground_path, ("points", "axes", "axis", "inflation", "padding", "inflate", "line")),
    "corridor": (corridor, ("points", "axes", "radius", "unit")),
    **dict.fromkeys(SUMS, (_no_sum, ("features",))),
}
