"""Which shape does the ``feature`` of a request describe?

Polytope-mars' JSON, in the forms its code takes and in those its documentation shows and its code
refuses (https://github.com/ecmwf/polytope-mars, README and docs/, version 0.3.14):

- ``axis`` as well as ``time_axis`` and the older ``axes: "step"`` for a time series;
- ``range`` as ``{start, end, interval}`` or as a list of values;
- ``lat``, ``long``, ``lon``, ``level`` as well as ``latitude``, ``longitude``, ``levelist``, in any order;
- ``padding`` as well as ``inflation``, 1 when neither is given, as documented.

Ours beyond it: ``holes`` in a polygon, `country`, round inflation in four axes, several steps beside a
trajectory, and `inflation` on both sides of the path (theirs puts a box on its upper side only).
Positions are [latitude, longitude] in degrees; levels and steps are in the store's own units.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dte_hpc.base.config import unknown_keyword
from dte_hpc.base.errors import InvalidConfig, InvalidRequest
from dte_hpc.extract.limits import Limits
from dte_hpc.extract.times import bounds_of
from dte_hpc.extract.written import (
    AXES,
    AXIS_NAMES,
    PLACE,
    Positions,
    axes_of,
    number,
    positions,
    refused,
    sorted_axes,
    value_text,
)

TIME_AXES = ("step", "date", "datetime", "month", "year", "hdate")
DEFAULT_INFLATION = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Every stored value of a keyword between two, on a stride when one is given.

    Attributes
    ----------
    low, high : float
        Inclusive, in the keyword's unit (for ``datetime``: seconds since 1970, `high` exclusive).
    stride : float
        From `low`; 0 for every value.
    """

    low: float
    high: float
    stride: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Feature:
    """What a request wants of its fields.

    Attributes
    ----------
    kind : str
        timeseries, verticalprofile, position, boundingbox, polygon, circle, country or trajectory.
    points : ndarray of float64, shape (n, len(axes))
        Positions, corners, the centre, or the nodes of a path; in the order of `axes`.
    axes : tuple of str
        Of `points`, in the order of `AXES`.
    axis : str
        The keyword a series or profile runs along; empty otherwise.
    rings, holes : tuple of ndarray, shape (n, 2)
        Of a polygon.
    radius : float
        Of a circle, degrees.
    inflation : tuple of float
        Half-widths of a trajectory's box, or radii of its ellipsoid, one for each of `axes`.
    round : bool
        Whether the trajectory is swept by an ellipsoid instead of a box.
    country : str
        ISO code or English name.
    spans : Mapping[str, Span]
        Keywords whose stored values between two bounds are wanted.
    wanted : Mapping[str, tuple[str, ...]]
        Keywords whose values the feature names one by one.
    """

    kind: str
    points: Positions = field(default_factory=lambda: np.empty((0, 2)))
    axes: tuple[str, ...] = AXES[:2]
    axis: str = ""
    rings: tuple[Positions, ...] = ()
    holes: tuple[Positions, ...] = ()
    radius: float = 0.0
    inflation: tuple[float, ...] = ()
    round: bool = False
    country: str = ""
    spans: Mapping[str, Span] = field(default_factory=dict)
    wanted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def parse_feature(node: Any, limits: Limits) -> Feature:
    """Return the feature that JSON describes.

    Raises
    ------
    InvalidRequest
        Whose sentence begins with the place of the mistake: ``$.feature.points[1]``.
    """
    if not isinstance(node, Mapping):
        raise refused(PLACE, node, "a mapping with a type: " + ", ".join(_READERS))
    kind = node.get("type")
    if not isinstance(kind, str) or kind.lower() not in _READERS:
        raise refused(f"{PLACE}.type", kind, "one of " + ", ".join(_READERS))
    reader, keywords = _READERS[kind.lower()]
    for keyword in node:
        if keyword not in ("type", *keywords):
            error: InvalidConfig = unknown_keyword(PLACE, str(keyword), ("type", *keywords))
            raise InvalidRequest(str(error), **error.facts)
    return reader(node, limits)


def _timeseries(node: Mapping[str, Any], limits: Limits) -> Feature:
    axis = _time_axis(node)
    spans, wanted = _range(node, axis)
    points = positions(node, "points", AXES[:2], limits)
    return Feature(kind="timeseries", points=points, axis=axis, spans=spans, wanted=wanted)


def _time_axis(node: Mapping[str, Any]) -> str:
    for keyword in ("time_axis", "axis", "axes"):
        names = [node[keyword]] if isinstance(node.get(keyword), str) else node.get(keyword, [])
        if not isinstance(names, list | tuple):
            raise refused(f"{PLACE}.{keyword}", names, "a time axis: " + ", ".join(TIME_AXES))
        chosen = [name for name in names if AXIS_NAMES.get(str(name), name) not in AXES[:2]]
        if chosen and chosen[0] not in TIME_AXES:
            raise refused(f"{PLACE}.{keyword}", chosen[0], "one of " + ", ".join(TIME_AXES))
        if chosen:
            return str(chosen[0])
    return "step"


def _verticalprofile(node: Mapping[str, Any], limits: Limits) -> Feature:
    for keyword in ("axis", "axes"):
        names = [node[keyword]] if isinstance(node.get(keyword), str) else node.get(keyword, [])
        for name in names if isinstance(names, list | tuple) else [names]:
            if AXIS_NAMES.get(str(name), name) not in AXES[:3]:
                raise refused(f"{PLACE}.{keyword}", name, "levelist: a profile runs along nothing else")
    spans, wanted = _range(node, "levelist")
    points = positions(node, "points", AXES[:2], limits)
    return Feature(kind="verticalprofile", points=points, axis="levelist", spans=spans, wanted=wanted)


def _position(node: Mapping[str, Any], limits: Limits) -> Feature:
    axes = axes_of(node, default=AXES[:2], at_most=2)
    return Feature(kind="position", points=positions(node, "points", axes, limits))


def _boundingbox(node: Mapping[str, Any], limits: Limits) -> Feature:
    axes = axes_of(node, default=AXES[:2], at_most=3)
    corners = positions(node, "points", axes, limits)
    if len(corners) != 2:
        raise refused(f"{PLACE}.points", node["points"], "two opposite corners")
    spans = {}
    for column, name in enumerate(sorted_axes(axes)):
        if name not in AXES[:2]:
            spans[name] = Span(low=corners[:, column].min(), high=corners[:, column].max())
    return Feature(kind="boundingbox", points=corners, axes=sorted_axes(axes), spans=spans)


def _polygon(node: Mapping[str, Any], limits: Limits) -> Feature:
    axes_of(node, default=AXES[:2], at_most=2)
    rings = _rings(node, "shape", limits)
    holes = _rings(node, "holes", limits) if "holes" in node else ()
    limits.refuse_over("vertices", sum(map(len, rings + holes)), f"{PLACE}.shape")
    return Feature(kind="polygon", rings=rings, holes=holes)


def _circle(node: Mapping[str, Any], limits: Limits) -> Feature:
    axes = axes_of(node, default=AXES[:2], at_most=2)
    given = node.get("center", node.get("centre"))
    bare = isinstance(given, list | tuple) and len(given) > 0 and not isinstance(given[0], list | tuple)
    centre = positions({"center": [given] if bare else given}, "center", axes, limits)
    if len(centre) != 1:
        raise refused(f"{PLACE}.center", given, "one position [[latitude, longitude]]")
    radius = number(f"{PLACE}.radius", node.get("radius"))
    if not 0 <= radius <= 180:
        raise refused(f"{PLACE}.radius", radius, "0 to 180 degrees")
    return Feature(kind="circle", points=centre, radius=radius)


def _country(node: Mapping[str, Any], _limits: Limits) -> Feature:
    given = [keyword for keyword in ("country", "code", "name") if keyword in node]
    if len(given) != 1 or not isinstance(node[given[0]], str) or not node[given[0]].strip():
        raise refused(f"{PLACE}.country", node.get("country"), "one ISO code or English name")
    return Feature(kind="country", country=node[given[0]].strip())


def _trajectory(node: Mapping[str, Any], limits: Limits) -> Feature:
    axes = axes_of(node, default=AXES, at_most=4)
    points = positions(node, "points", axes, limits)
    if len(points) < 2:
        raise refused(f"{PLACE}.points", node.get("points"), "at least two points")
    inflate = node.get("inflate", "round")
    if inflate not in ("round", "box"):
        raise refused(f"{PLACE}.inflate", inflate, "'round' or 'box'")
    inflation = _inflation(node, axes)
    spans = {}
    for column, name in enumerate(sorted_axes(axes)):
        if name not in AXES[:2]:
            low, high, width = points[:, column].min(), points[:, column].max(), inflation[column]
            spans[name] = Span(low=low - width, high=high + width)
    return Feature(
        kind="trajectory",
        points=points,
        axes=sorted_axes(axes),
        inflation=inflation,
        round=inflate == "round",
        spans=spans,
    )


def _inflation(node: Mapping[str, Any], axes: Sequence[str]) -> tuple[float, ...]:
    """Return the half-widths, in the order of `AXES`."""
    keyword = "padding" if "padding" in node and "inflation" not in node else "inflation"
    given = node.get(keyword, DEFAULT_INFLATION)
    place = f"{PLACE}.{keyword}"
    if not isinstance(given, list | tuple):
        given = [given] * len(axes)
    if len(given) != len(axes):
        raise refused(place, given, f"one number, or one for each of {', '.join(axes)}")
    widths = {name: number(f"{place}[{i}]", w) for i, (name, w) in enumerate(zip(axes, given, strict=True))}
    for name, width in widths.items():
        if width < 0:
            raise refused(place, width, f"0 or more for {name}")
    return tuple(widths[name] for name in sorted_axes(axes))


def _rings(node: Mapping[str, Any], keyword: str, limits: Limits) -> tuple[Positions, ...]:
    """Return a ring, or each of a list of rings; a repeated last vertex is kept."""
    given = node.get(keyword)
    place = f"{PLACE}.{keyword}"
    if not isinstance(given, list | tuple) or not given or not isinstance(given[0], list | tuple):
        raise refused(place, given, "a ring [[latitude, longitude], ...] or a list of rings")
    many = bool(given[0]) and isinstance(given[0][0], list | tuple)
    rings = []
    for index, ring in enumerate(given if many else [given]):
        where = f"{keyword}[{index}]" if many else keyword
        points = positions({where: ring}, where, AXES[:2], limits)
        if len(points) < 3:
            raise refused(f"{PLACE}.{where}", ring, "at least three vertices")
        rings.append(points)
    return tuple(rings)


def _range(node: Mapping[str, Any], axis: str) -> tuple[dict[str, Span], dict[str, tuple[str, ...]]]:
    """Return the span or the values that ``range`` asks for along an axis."""
    given = node.get("range")
    place = f"{PLACE}.range"
    if given is None:
        return {}, {}
    if isinstance(given, list | tuple) and given:
        return {}, {axis: tuple(value_text(f"{place}[{i}]", value) for i, value in enumerate(given))}
    if not isinstance(given, Mapping) or not {"start", "end"} <= set(given) <= {"start", "end", "interval"}:
        raise refused(place, given, "a mapping of start, end and perhaps interval, or a list of values")
    low, high, stride = bounds_of(axis, given, place)
    if high < low:
        raise refused(place, given["end"], f"an end not before {given['start']}")
    return {axis: Span(low=low, high=high, stride=stride)}, {}


_Reader = Callable[[Mapping[str, Any], Limits], Feature]
_READERS: dict[str, tuple[_Reader, tuple[str, ...]]] = {
    "timeseries": (_timeseries, ("points", "axis", "axes", "time_axis", "range")),
    "verticalprofile": (_verticalprofile, ("points", "axis", "axes", "range")),
    "position": (_position, ("points", "axes")),
    "boundingbox": (_boundingbox, ("points", "axes", "axis")),
    "polygon": (_polygon, ("shape", "holes", "axes")),
    "circle": (_circle, ("center", "centre", "radius", "axes")),
    "country": (_country, ("country", "code", "name")),
    "trajectory": (_trajectory, ("points", "axes", "axis", "inflation", "padding", "inflate")),
}
