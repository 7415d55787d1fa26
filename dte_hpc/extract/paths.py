"""Which path does a trajectory describe?

Nodes in two to four axes (latitude, longitude, and perhaps levelist and a time), joined by straight lines in
degrees or by great circles (``"line": "great-circle"``), and swept by a box or an ellipsoid whose half-widths
are the inflation, on both sides. The time axis is step, or datetime: the time a field is valid at.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.extract.limits import Limits
from dte_hpc.extract.shapes import EARTH_RADIUS_KM, Corridor, Path, Shape
from dte_hpc.extract.times import seconds_of
from dte_hpc.extract.written import AXES, PLACE, axes_of, number, positions, refused

DEFAULT_INFLATION = 1.0
LINES = ("straight", "great-circle")
_DATETIME = ("datetime", "date")
_HOUR_SECONDS = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Flight:
    """A path, and what its step axis counts.

    Attributes
    ----------
    path : Path
    by_valid_time : bool
        Whether the axis ``step`` is the time that a field is valid at, in hours since 1970.
    """

    path: Path
    by_valid_time: bool


def flight(node: Mapping[str, Any], limits: Limits, place: str = PLACE) -> Flight:
    """Return the path of a trajectory.

    Raises
    ------
    InvalidRequest
        Whose sentence begins with the place of the mistake.
    """
    node, by_valid_time = _with_hours(node, place)
    axes = axes_of(node, default=AXES, at_most=4, place=place)
    points = positions(node, "points", axes, limits, place)
    if len(points) < 2:
        raise refused(f"{place}.points", node.get("points"), "at least two points")
    inflate = node.get("inflate", "round")
    if inflate not in ("round", "box"):
        raise refused(f"{place}.inflate", inflate, "'round' or 'box'")
    line = node.get("line", LINES[0])
    if line not in LINES:
        raise refused(f"{place}.line", line, " or ".join(LINES))
    ordered = tuple(sorted(axes, key=AXES.index))
    inflation = np.array(_inflation(node, axes, place))
    make = Path.along_great_circles if line == LINES[1] else Path
    try:
        path = make(
            axes=ordered, points=points, inflation=inflation, inflate=cast(Literal["box", "round"], inflate)
        )
    except InvalidRequest as error:
        raise InvalidRequest(f"{place}: {error}", place=place) from error
    limits.refuse_over("vertices", len(path.points), f"{place}.points")
    return Flight(path=path, by_valid_time=by_valid_time)


def ground_path(node: Mapping[str, Any], limits: Limits, place: str) -> Shape:
    """Return a path on the ground alone, as a sum of shapes may have it."""
    return flight({"axes": list(AXES[:2]), **node}, limits, place).path


def corridor(node: Mapping[str, Any], limits: Limits, place: str) -> Shape:
    """Return all that lies within some kilometres of a path of great circles."""
    axes = axes_of(node, default=AXES[:2], at_most=2, place=place)
    points = positions(node, "points", axes, limits, place)
    if node.get("unit", "km") != "km":
        raise refused(f"{place}.unit", node["unit"], "'km': a corridor's radius is in kilometres")
    radius = number(f"{place}.radius", node.get("radius"))
    if len(points) < 2:
        raise refused(f"{place}.points", node.get("points"), "at least two points")
    if not 0 <= radius <= np.pi * EARTH_RADIUS_KM:
        raise refused(f"{place}.radius", radius, f"0 to {np.pi * EARTH_RADIUS_KM:.0f} km")
    return Corridor(points=points, radius_km=radius)


def _with_hours(node: Mapping[str, Any], place: str) -> tuple[Mapping[str, Any], bool]:
    """Return a trajectory whose datetimes are hours since 1970 on the axis step, and whether it had any."""
    keyword = "axis" if "axis" in node and "axes" not in node else "axes"
    axes = node.get(keyword)
    if not isinstance(axes, list | tuple) or not any(name in _DATETIME for name in axes):
        return node, False
    column = next(at for at, name in enumerate(axes) if name in _DATETIME)
    points = node.get("points")
    if not isinstance(points, list | tuple):
        return node, False
    rows = []
    for index, row in enumerate(points):
        where = f"{place}.points[{index}]"
        if not isinstance(row, list | tuple) or len(row) != len(axes):
            raise refused(where, row, f"[{', '.join(map(str, axes))}]")
        seconds = seconds_of(str(row[column]))
        if not np.isfinite(seconds):
            raise refused(f"{where}[{column}]", row[column], "a date and time as 20260101T0600")
        rows.append([*row[:column], seconds / _HOUR_SECONDS, *row[column + 1 :]])
    renamed = ["step" if at == column else name for at, name in enumerate(axes)]
    return {**node, keyword: renamed, "points": rows}, True


def _inflation(node: Mapping[str, Any], axes: Sequence[str], place: str) -> tuple[float, ...]:
    """Return the half-widths, in the order of `AXES`."""
    keyword = "padding" if "padding" in node and "inflation" not in node else "inflation"
    given = node.get(keyword, DEFAULT_INFLATION)
    place = f"{place}.{keyword}"
    if not isinstance(given, list | tuple):
        given = [given] * len(axes)
    if len(given) != len(axes):
        raise refused(place, given, f"one number, or one for each of {', '.join(axes)}")
    widths = {name: number(f"{place}[{i}]", w) for i, (name, w) in enumerate(zip(axes, given, strict=True))}
    for name, width in widths.items():
        if width < 0:
            raise refused(place, width, f"0 or more for {name}")
    return tuple(widths[name] for name in sorted(axes, key=AXES.index))
