"""How is an answer written as CoverageJSON?

As covjsonkit writes and decodes it (https://github.com/ecmwf/covjsonkit, 0.2.26), so that its users'
programs go on working, and as https://covjson.org/spec says where the two agree:

===================================  ===============  ==============================================
feature                              domain type      one coverage for each
===================================  ===============  ==============================================
timeseries, position                 PointSeries      point, member, level and base time
verticalprofile                      VerticalProfile  point, member and time
boundingbox, polygon, circle,        MultiPoint       member, base time and step; `t` is the base
country                                               time, points repeat for each level
trajectory                           Trajectory       member and base time; a point is (t, x, y, z),
                                                      where t is its step in hours
===================================  ===============  ==============================================

x is latitude and y longitude, as covjsonkit has it. Where it differs from the specification, and its
decoder does not care, the specification is followed: ``axisNames`` name axes of the domain. Missing
values are null.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.extract.answer import Answer
from dte_hpc.extract.groups import Int64s, groups_by, variables
from dte_hpc.extract.parameters import parameter

Json = dict[str, Any]
_CRS = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
_NAMED = ("latitude", "longitude", "levelist")
_LETTERS = ("x", "y", "z")
_DOMAINS = {
    "timeseries": ("PointSeries", _NAMED),
    "position": ("PointSeries", _NAMED),
    "verticalprofile": ("VerticalProfile", _NAMED),
    "boundingbox": ("MultiPoint", _NAMED),
    "polygon": ("MultiPoint", _LETTERS),
    "circle": ("MultiPoint", _LETTERS),
    "country": ("MultiPoint", _LETTERS),
    "trajectory": ("Trajectory", ("t", *_LETTERS)),
}
_METADATA = ("class", "domain", "expver", "levtype", "stream", "type")


def to_covjson(answer: Answer) -> Json:
    """Return an answer as a CoverageCollection: plain values, ready for `json.dumps`."""
    domain, coordinates = _DOMAINS[answer.kind]
    names = variables(answer)
    coverages = {"PointSeries": _series, "VerticalProfile": _profiles, "MultiPoint": _multipoints}
    write: Callable[[Answer, dict[str, Int64s]], Iterator[Json]] = coverages.get(domain, _trajectories)
    return {
        "type": "CoverageCollection",
        "domainType": domain,
        "coverages": list(write(answer, names)),
        "referencing": [{"coordinates": list(coordinates), "system": {"type": "GeographicCRS", "id": _CRS}}],
        "parameters": {name: _parameter(answer, name, rows) for name, rows in names.items()},
    }


def _parameter(answer: Answer, name: str, rows: Int64s) -> Json:
    known = parameter(str(answer.column("param")[rows[0]]))
    return {
        "type": "Parameter",
        "description": {"en": known.name},
        "unit": {"symbol": known.units},
        "observedProperty": {"id": name, "label": {"en": known.name}},
    }


def _series(answer: Answer, names: dict[str, Int64s]) -> Iterator[Json]:
    by_base_time = [] if answer.axis in ("date", "datetime") else [answer.reference]
    for rows in _coverages(answer, [answer.column("number"), answer.level, *by_base_time]):
        of_name = _rows_of(names, rows)
        first = next(iter(of_name.values()))
        times = _stamps(answer.time[first])
        for point in range(_n_points(answer, rows)):
            axes = {**_position(answer, rows[0], point), "t": {"values": times}}
            ranges = {name: _of_point(answer, part, point, "t") for name, part in of_name.items()}
            yield _coverage(answer, rows[0], axes, ranges)


def _profiles(answer: Answer, names: dict[str, Int64s]) -> Iterator[Json]:
    for rows in _coverages(answer, [answer.column("number"), answer.reference, answer.step]):
        of_name = _rows_of(names, rows)
        first = next(iter(of_name.values()))
        levels = {"values": _numbers(answer.level[first])}
        for point in range(_n_points(answer, rows)):
            axes = {**_position(answer, rows[0], point), "levelist": levels}
            axes["t"] = {"values": _stamps(answer.time[rows[:1]])}
            ranges = {name: _of_point(answer, part, point, "levelist") for name, part in of_name.items()}
            yield _coverage(answer, rows[0], axes, ranges)


def _multipoints(answer: Answer, names: dict[str, Int64s]) -> Iterator[Json]:
    _, coordinates = _DOMAINS[answer.kind]
    for rows in _coverages(answer, [answer.column("number"), answer.reference, answer.step]):
        of_name = _rows_of(names, rows)
        tuples = _tuples(answer, next(iter(of_name.values())), with_step=False)
        axes = {
            "t": {"values": [_forecast_date(answer, rows[0])]},
            "composite": {"dataType": "tuple", "coordinates": list(coordinates), "values": tuples},
        }
        ranges = {name: _of_rows(answer, part) for name, part in of_name.items()}
        yield _coverage(answer, rows[0], axes, ranges)


def _trajectories(answer: Answer, names: dict[str, Int64s]) -> Iterator[Json]:
    _, coordinates = _DOMAINS[answer.kind]
    for rows in _coverages(answer, [answer.column("number"), answer.reference]):
        of_name = _rows_of(names, rows)
        tuples = _tuples(answer, next(iter(of_name.values())), with_step=True)
        composite = {"dataType": "tuple", "coordinates": list(coordinates), "values": tuples}
        ranges = {name: _of_rows(answer, part) for name, part in of_name.items()}
        coverage = _coverage(answer, rows[-1], {"composite": composite}, ranges)
        coverage["mars:metadata"]["steps"] = _numbers(np.unique(answer.step[rows]))
        yield coverage


def _coverages(answer: Answer, columns: list[NDArray[Any]]) -> list[Int64s]:
    return groups_by(columns, np.arange(answer.n_fields))


def _rows_of(names: dict[str, Int64s], rows: Int64s) -> dict[str, Int64s]:
    """Return which of some rows each name has, for the names that have any."""
    shared = {name: np.intersect1d(part, rows, assume_unique=True) for name, part in names.items()}
    return {name: part for name, part in shared.items() if part.size}


def _n_points(answer: Answer, rows: Int64s) -> int:
    points = answer.points_of(int(rows[0]))
    return int(points.stop) - int(points.start)


def _position(answer: Answer, row: int, point: int) -> Json:
    at = answer.points_of(int(row)).start + point
    return {
        "latitude": {"values": [float(answer.latitude[at])]},
        "longitude": {"values": [float(answer.longitude[at])]},
        "levelist": {"values": _numbers(answer.level[row : row + 1])},
    }


def _tuples(answer: Answer, rows: Int64s, *, with_step: bool) -> list[list[float]]:
    """Return the coordinates of each value of some fields, field after field."""
    columns = []
    for row in rows.tolist():
        points = answer.points_of(row)
        n = points.stop - points.start
        level, step = _numbers(answer.level[row : row + 1])[0], _numbers(answer.step[row : row + 1])[0]
        ground = [answer.latitude[points], answer.longitude[points], np.full(n, level)]
        columns.append(np.stack([np.full(n, step), *ground] if with_step else ground, axis=1))
    return np.concatenate(columns).tolist()  # type: ignore[no-any-return]


def _of_point(answer: Answer, rows: Int64s, point: int, axis: str) -> Json:
    values = answer.values[answer.value_start[rows] + point]
    return _range(values, axis)


def _of_rows(answer: Answer, rows: Int64s) -> Json:
    return _range(np.concatenate([answer.values_of(row) for row in rows.tolist()]), "composite")


def _range(values: NDArray[np.float64], axis: str) -> Json:
    listed: list[float | None] = values.tolist()
    if np.isnan(values).any():
        listed = [None if value != value else value for value in listed]
    return {
        "type": "NdArray",
        "dataType": "float",
        "shape": [values.size],
        "axisNames": [axis],
        "values": listed,
    }


def _coverage(answer: Answer, row: int, axes: Json, ranges: Json) -> Json:
    return {
        "mars:metadata": _metadata(answer, int(row)),
        "type": "Coverage",
        "domain": {"type": "Domain", "axes": axes},
        "ranges": ranges,
    }


def _metadata(answer: Answer, row: int) -> Json:
    facts: Json = {k: str(answer.columns[k][row]) for k in _METADATA if k in answer.columns}
    facts["Forecast date"] = _forecast_date(answer, row)
    for keyword, value in (("step", answer.step[row]), ("levelist", answer.level[row])):
        facts[keyword] = _numbers(np.array([value]))[0]
    number = str(answer.column("number", "0")[row])
    facts["number"] = int(number) if number.isdigit() else 0
    return facts


def _forecast_date(answer: Answer, row: int) -> str:
    return _stamps((answer.reference[row : row + 1]).astype("datetime64[s]"))[0]


def _stamps(times: NDArray[np.datetime64]) -> list[str]:
    return [f"{text}Z" for text in np.datetime_as_string(times, unit="s").tolist()]


def _numbers(values: NDArray[np.float64]) -> list[float | int]:
    """Return numbers as JSON has them: whole ones as integers, none as 0."""
    known = np.nan_to_num(values).tolist()
    return [int(value) if value.is_integer() else value for value in known]
