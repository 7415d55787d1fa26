"""What becomes of values that are wanted as a mean, an extreme or a quantile?

``"reduce": {"over": "shape", "statistics": ["mean", "max", 0.9], "weights": "area"}`` in a request, or
`reduced` of an answer. Over the shape, all points of a field become one value at their middle; over the time,
all fields that differ in nothing but their time become one, point by point, valid at the last of the times.
Missing values are left out. An answer has one field for each statistic, told apart by the column
``reduction``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.extract.answer import Answer
from dte_hpc.extract.areas import cell_areas
from dte_hpc.extract.great_circle import places_of, unit_vectors
from dte_hpc.extract.statistics import STATISTICS, statistic
from dte_hpc.extract.times import TIME_KEYWORDS
from dte_hpc.extract.written import refused
from dte_hpc.grids import grid as grid_of_name

Float64s = NDArray[np.float64]
Int64s = NDArray[np.int64]
COLUMN = "reduction"
PLACE = "$.reduce"
MAX_STATISTICS = 100
_FIELDS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduction:
    """What becomes of the values of an answer.

    Attributes
    ----------
    over : "shape" or "time"
        Whether the points of a field are put together, or the fields of a point.
    statistics : tuple of str or float
        Names of `statistics.STATISTICS`, and quantiles from 0 to 1.
    weights : "area" or "none"
        Whether points count by the area of their cells; of no meaning over the time.
    """

    over: Literal["shape", "time"]
    statistics: tuple[str | float, ...]
    weights: Literal["area", "none"] = "area"


def parse_reduction(node: Any) -> Reduction:
    """Return what ``reduce`` of a request asks for.

    Raises
    ------
    InvalidRequest
        Whose sentence begins with the place of the mistake: ``$.reduce.over``.
    """
    keywords = {"over", "statistics", "weights"}
    if not isinstance(node, Mapping) or not {"over", "statistics"} <= set(node) <= keywords:
        raise refused(PLACE, node, "a mapping of over, statistics and perhaps weights")
    over, weights = node["over"], node.get("weights", "area" if node["over"] == "shape" else "none")
    if over not in ("shape", "time"):
        raise refused(f"{PLACE}.over", over, "'shape' or 'time'")
    if weights not in ("area", "none") or (over == "time" and weights == "area"):
        raise refused(
            f"{PLACE}.weights", weights, "'area' or 'none'" if over == "shape" else "'none' over time"
        )
    given = node["statistics"]
    names = given if isinstance(given, list | tuple) else [given]
    if not 1 <= len(names) <= MAX_STATISTICS:
        raise refused(f"{PLACE}.statistics", given, f"1 to {MAX_STATISTICS} statistics")
    statistics = tuple(_statistic(f"{PLACE}.statistics[{at}]", name) for at, name in enumerate(names))
    return Reduction(over=over, statistics=tuple(dict.fromkeys(statistics)), weights=weights)


def over_shape(request: Mapping[str, Any]) -> bool:
    """Whether a request, not yet checked, reduces its fields one by one."""
    node = request.get("reduce") if isinstance(request, Mapping) else None
    return isinstance(node, Mapping) and node.get("over") == "shape"


def _statistic(place: str, name: Any) -> str | float:
    if isinstance(name, str) and name.lower() in STATISTICS:
        return name.lower()
    if isinstance(name, int | float) and not isinstance(name, bool) and 0 <= name <= 1:
        return float(name)
    raise refused(place, name, f"one of {', '.join(STATISTICS)}, or a quantile from 0 to 1")


def reduced(answer: Answer, reduction: Reduction) -> Answer:
    """Return an answer of statistics, one field each.

    Raises
    ------
    InvalidRequest
        When fields that differ in their time alone lie at different points, or a grid's areas are not known.
    """
    if not answer.n_fields:
        return answer
    return (_over_shape if reduction.over == "shape" else _over_time)(answer, reduction)


def _name(one: str | float) -> str:
    return one if isinstance(one, str) else f"q{one:g}"


def _over_shape(answer: Answer, reduction: Reduction) -> Answer:
    n_places = answer.place_start.size - 1
    n_statistics = len(reduction.statistics)
    values = np.empty((answer.n_fields, n_statistics))
    latitude, longitude = np.empty(n_places), np.empty(n_places)
    start, begin = answer.place_start, answer.value_start
    for place in range(n_places):
        points = slice(int(start[place]), int(start[place + 1]))
        weight = _weights(answer, place, points, reduction)
        latitude[place], longitude[place] = _middle(answer.latitude[points], answer.longitude[points], weight)
        rows = np.flatnonzero(answer.place_of_field == place)
        for first in range(0, rows.size, _FIELDS_AT_ONCE):
            part = rows[first : first + _FIELDS_AT_ONCE]
            table = answer.values[begin[part][:, None] + np.arange(points.stop - points.start)]
            for at, one in enumerate(reduction.statistics):
                values[part, at] = statistic(one, table, weight)
    is_profile = answer.kind == "verticalprofile"
    return _with_statistics(
        replace(
            answer,
            kind=answer.kind if is_profile else "timeseries",
            axis=answer.axis if is_profile or answer.axis else "step",
            index=np.full(n_places, -1, np.int64),
            latitude=latitude,
            longitude=longitude,
            place_start=np.arange(n_places + 1),
            values=np.zeros(answer.n_fields),
        ),
        np.arange(answer.n_fields),
        reduction,
        values[:, :, None],
    )


def _weights(answer: Answer, place: int, points: slice, reduction: Reduction) -> Float64s:
    if reduction.weights == "none":
        return np.ones(points.stop - points.start)
    return cell_areas(grid_of_name(answer.grids[place]), answer.index[points])


def _middle(latitude: Float64s, longitude: Float64s, weight: Float64s) -> tuple[float, float]:
    """Return the middle of some points on the sphere; of points all round it, the first."""
    vectors = unit_vectors(latitude, longitude)
    mean = weight @ vectors
    north, east = places_of(mean if np.linalg.norm(mean) > 1e-9 * weight.sum() else vectors[0])
    return float(north), float(east)


def _over_time(answer: Answer, reduction: Reduction) -> Answer:
    groups = _alike(answer)
    begin = answer.value_start
    last, pieces = [], []
    for rows in groups:
        places = np.unique(answer.place_of_field[rows])
        if places.size > 1:
            raise InvalidRequest(
                f"{PLACE}.over: the fields of one parameter lie at {places.size} different sets of points; "
                "expected one to reduce over the time",
                place=f"{PLACE}.over",
            )
        points = answer.points_of(int(rows[0]))
        table = answer.values[begin[rows] + np.arange(points.stop - points.start)[:, None]]
        even = np.ones(rows.size)
        pieces.append(np.stack([statistic(one, table, even) for one in reduction.statistics]))
        last.append(int(rows[np.lexsort((rows, answer.time[rows]))[-1]]))
    columns = {k: np.array(column, dtype=object) for k, column in answer.columns.items()}
    for rows, row in zip(groups, last, strict=True):
        for keyword in (k for k in TIME_KEYWORDS if k in columns):
            columns[keyword][row] = _period(answer.columns[keyword][rows])
    spelt = replace(answer, columns={k: column.astype(np.str_) for k, column in columns.items()})
    return _with_statistics(spelt, np.array(last), reduction, pieces)


def _period(values: NDArray[np.str_]) -> str:
    """Return what some fields have of a keyword: the value of all, or the first and last."""
    return str(values[0]) if (values == values[0]).all() else f"{values[0]}-{values[-1]}"


def _alike(answer: Answer) -> list[Int64s]:
    """Return the rows split by everything but their time."""
    codes = np.zeros(answer.n_fields, np.int64)
    for keyword, column in answer.columns.items():
        if keyword not in TIME_KEYWORDS:
            different, code = np.unique(column, return_inverse=True)
            codes = np.unique(codes * different.size + code, return_inverse=True)[1]
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)


def _with_statistics(
    answer: Answer, rows: Int64s, reduction: Reduction, values: Float64s | list[Float64s]
) -> Answer:
    """Return an answer of some rows, each once for every statistic.

    ``values[i]`` are those of rows[i], shape (n_statistics, n_points).
    """
    count = len(reduction.statistics)
    repeated = np.repeat(rows, count)
    names = np.tile([_name(one) for one in reduction.statistics], rows.size)
    return replace(
        answer,
        columns={**{k: column[repeated] for k, column in answer.columns.items()}, COLUMN: names},
        level=answer.level[repeated],
        step=answer.step[repeated],
        reference=answer.reference[repeated],
        place_of_field=answer.place_of_field[repeated],
        values=np.concatenate([values[row][at] for row in range(rows.size) for at in range(count)]),
    )
