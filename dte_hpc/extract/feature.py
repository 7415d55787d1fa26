"""What does the ``feature`` of a request want of its fields?

Polytope-mars' JSON, in the forms its code takes and in those its documentation shows and its code
refuses (https://github.com/ecmwf/polytope-mars, README and docs/, version 0.3.14):

- ``axis`` as well as ``time_axis`` and the older ``axes: "step"`` for a time series;
- ``range`` as ``{start, end, interval}`` or as a list of values;
- ``lat``, ``long``, ``lon``, ``level`` as well as ``latitude``, ``longitude``, ``levelist``, in any order;
- ``padding`` as well as ``inflation``, 1 when neither is given, as documented;
- a circle on one level, a frame, a shapefile (as GeoJSON), a trajectory through datetimes.

Ours beyond it: ``holes`` in a polygon, `country`, `geojson`, sums of features, round inflation in four axes,
several steps beside a trajectory, `inflation` on both sides of the path (theirs puts a box on its upper side
only), great circles, kilometres, `interpolation` and `thin`. Positions are [latitude, longitude] in degrees;
levels and steps are in the store's own units.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dte_hpc.extract.interpolate import Interpolation, parse_interpolation
from dte_hpc.extract.limits import Limits
from dte_hpc.extract.paths import flight
from dte_hpc.extract.regions import REGIONS, box_corners, circle_centre, refuse_unknown, region
from dte_hpc.extract.shapes import Box, Points, Shape
from dte_hpc.extract.thin import Thinning, parse_thinning
from dte_hpc.extract.times import Span, bounds_of
from dte_hpc.extract.written import AXES, AXIS_NAMES, PLACE, Positions, positions, refused, value_text

TIME_AXES = ("step", "date", "datetime", "month", "year", "hdate")
VALID_TIME = "valid time"
WHOLE = Box(south=-90.0, north=90.0, west=0.0, east=360.0)
_OF_POINTS = ("timeseries", "verticalprofile", "position")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Feature:
    """What a request wants of its fields.

    Attributes
    ----------
    kind : str
        timeseries, verticalprofile, position, trajectory, or one of `regions.REGIONS`.
    shape : Shape
        Where on the ground, or the path through levels and times too; the whole Earth when not given.
    axis : str
        The keyword a series or profile runs along; empty otherwise.
    spans : Mapping[str, Span]
        Keywords whose stored values between two bounds are wanted; `VALID_TIME` is no keyword, but the time
        fields are valid at, in hours since 1970.
    wanted : Mapping[str, tuple[str, ...]]
        Keywords whose values the feature names one by one.
    by_valid_time : bool
        Whether the axis ``step`` of a path counts hours since 1970.
    interpolation : Interpolation or None
        How values at places between grid points are made; None is those of the nearest grid point.
    thinning : Thinning or None
        Which of the points inside are left out.
    """

    kind: str
    shape: Shape = WHOLE
    axis: str = ""
    spans: Mapping[str, Span] = field(default_factory=dict)
    wanted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    by_valid_time: bool = False
    interpolation: Interpolation | None = None
    thinning: Thinning | None = None


def parse_feature(node: Any, limits: Limits) -> Feature:
    """Return the feature that JSON describes.

    Raises
    ------
    InvalidRequest
        Whose sentence begins with the place of the mistake: ``$.feature.points[1]``.
    """
    kinds = dict.fromkeys([*_READERS, *REGIONS])
    if not isinstance(node, Mapping):
        raise refused(PLACE, node, "a mapping with a type: " + ", ".join(kinds))
    kind = node.get("type")
    if not isinstance(kind, str) or kind.lower() not in kinds:
        raise refused(f"{PLACE}.type", kind, "one of " + ", ".join(kinds))
    kind = kind.lower()
    extra = {name: node[name] for name in ("interpolation", "thin") if name in node}
    plain = {name: value for name, value in node.items() if name not in extra}
    reader, keywords = _READERS.get(kind, (_region, ()))
    if keywords:
        refuse_unknown(plain, keywords, PLACE)
    found = reader(plain, limits)
    return Feature(
        kind=kind,
        shape=found.shape,
        axis=found.axis,
        spans=found.spans,
        wanted=found.wanted,
        by_valid_time=found.by_valid_time,
        interpolation=_interpolation(kind, extra),
        thinning=_thinning(kind, extra),
    )


def _interpolation(kind: str, extra: Mapping[str, Any]) -> Interpolation | None:
    if "interpolation" not in extra:
        return None
    if kind not in _OF_POINTS:
        raise refused(f"{PLACE}.interpolation", kind, f"interpolation for {', '.join(_OF_POINTS)} alone")
    return parse_interpolation(extra["interpolation"], f"{PLACE}.interpolation")


def _thinning(kind: str, extra: Mapping[str, Any]) -> Thinning | None:
    if "thin" not in extra:
        return None
    if kind in _OF_POINTS:
        raise refused(f"{PLACE}.thin", kind, "thinning for regions and trajectories alone")
    return parse_thinning(extra["thin"], f"{PLACE}.thin")


def _region(node: Mapping[str, Any], limits: Limits) -> Feature:
    return Feature(kind="", shape=region(node, limits))


def _timeseries(node: Mapping[str, Any], limits: Limits) -> Feature:
    axis = _time_axis(node)
    spans, wanted = _range(node, axis)
    shape = _points(node, limits, (*TIME_AXES, "time"))
    return Feature(kind="", shape=shape, axis=axis, spans=spans, wanted=wanted)


def _time_axis(node: Mapping[str, Any]) -> str:
    for keyword in ("time_axis", "axis", "axes"):
        chosen = [name for name in _named(node, keyword) if AXIS_NAMES.get(str(name), name) not in AXES[:2]]
        if chosen and chosen[0] not in TIME_AXES:
            raise refused(f"{PLACE}.{keyword}", chosen[0], "one of " + ", ".join(TIME_AXES))
        if chosen:
            return str(chosen[0])
    return "step"


def _named(node: Mapping[str, Any], keyword: str) -> list[Any]:
    """Return the axes under a keyword: a name, a list of names, or none."""
    given = node.get(keyword, [])
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list | tuple):
        raise refused(f"{PLACE}.{keyword}", names, "the name of an axis, or a list of them")
    return list(names)


def _points(node: Mapping[str, Any], limits: Limits, beside: tuple[str, ...]) -> Shape:
    """Return the points of a series or profile, whose axes may name others beside latitude and longitude."""
    keyword = "axes" if "axes" in node else "axis"
    names = [AXIS_NAMES.get(str(name), str(name)) for name in _named(node, keyword)]
    ground = tuple(name for name in names if name in AXES[:2])
    strange = [name for name in names if name not in (*AXES[:2], *beside)]
    if strange or len(ground) == 1 or len(set(ground)) < len(ground):
        raise refused(f"{PLACE}.{keyword}", names, f"latitude and longitude, and perhaps {beside[0]}")
    return Points(points=positions(node, "points", ground or AXES[:2], limits))


def _verticalprofile(node: Mapping[str, Any], limits: Limits) -> Feature:
    for keyword in ("axis", "axes"):
        for name in _named(node, keyword):
            if AXIS_NAMES.get(str(name), name) not in AXES[:3]:
                raise refused(f"{PLACE}.{keyword}", name, "levelist: a profile runs along nothing else")
    spans, wanted = _range(node, "levelist")
    shape = _points(node, limits, ("levelist",))
    return Feature(kind="", shape=shape, axis="levelist", spans=spans, wanted=wanted)


def _boundingbox(node: Mapping[str, Any], limits: Limits) -> Feature:
    corners, axes = box_corners(node, limits)
    spans = {
        name: Span(low=corners[:, column].min(), high=corners[:, column].max())
        for column, name in enumerate(axes)
        if name not in AXES[:2]
    }
    return Feature(kind="", shape=region(node, limits), spans=spans)


def _circle(node: Mapping[str, Any], limits: Limits) -> Feature:
    centre, axes = circle_centre(node, limits)
    level = {"levelist": (value_text(PLACE, _plain(centre, 2)),)} if len(axes) > 2 else {}
    return Feature(kind="", shape=region(node, limits), wanted=level)


def _plain(centre: Positions, column: int) -> int | float:
    value = float(centre[0, column])
    return int(value) if value.is_integer() else value


def _trajectory(node: Mapping[str, Any], limits: Limits) -> Feature:
    found = flight(node, limits)
    spans = {}
    for name in found.path.axes:
        if name not in AXES[:2]:
            low, high = found.path.extent(name)
            spans[VALID_TIME if name == "step" and found.by_valid_time else name] = Span(low=low, high=high)
    return Feature(kind="", shape=found.path, spans=spans, by_valid_time=found.by_valid_time)


def _range(node: Mapping[str, Any], axis: str) -> tuple[dict[str, Span], dict[str, tuple[str, ...]]]:
    """Return the span or the values that ``range`` asks for along an axis."""
    given = node.get("range")
    place = f"{PLACE}.range"
    if given is None:
        return {}, {}
    if isinstance(given, list | tuple) and given:
        if axis == "datetime":
            raise refused(place, given, "a mapping of start, end and perhaps interval along datetime")
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
    "position": (_region, REGIONS["position"][1]),
    "boundingbox": (_boundingbox, REGIONS["boundingbox"][1]),
    "circle": (_circle, REGIONS["circle"][1]),
    "trajectory": (_trajectory, REGIONS["trajectory"][1]),
}
