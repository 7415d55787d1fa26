"""How is an answer written as CoverageJSON?

Valid by the standard's schema (OGC 21-069, https://schemas.opengis.net/covjson/1.0/), and as covjsonkit
(https://github.com/ecmwf/covjsonkit, 0.2.26) writes and decodes it, so that its users' programs work on:

===================================  ===============  ==============================================
feature                              domain type      one coverage for each
===================================  ===============  ==============================================
timeseries, position                 PointSeries      point, member, level and base time
verticalprofile                      VerticalProfile  point, member and time
trajectory                           Trajectory       member and base time; a point is (t, x, y, z),
                                                      where t is its step in hours
boundingbox, polygon, and any other  MultiPoint       member, base time and step; `t` is the base
                                                      time, points repeat for each level
===================================  ===============  ==============================================

For covjsonkit x is latitude and y longitude, and a position's axes are called by their full names; so the
domains name no type of their own, which would demand longitude as x: the collection does, by which
covjsonkit chooses its decoder. `referencing` says which coordinate is which. Every coverage has every
parameter; what is missing or not stored is null.
"""

from collections.abc import Callable, Iterator
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from dte_hpc.codecs.parameters import parameter
from dte_hpc.extract.answer import Answer
from dte_hpc.extract.groups import Int64s, groups_by, variables
from dte_hpc.extract.json_text import json_texts, plain
from dte_hpc.extract.lattice import numbers_of

Json = dict[str, Any]
Named = dict[str, Int64s]
_CRS = {"type": "GeographicCRS", "id": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}
_VERTICAL = {"type": "VerticalCRS"}
_TIME = {"type": "TemporalRS", "calendar": "Gregorian"}
_NAMED = ("latitude", "longitude", "levelist")
_LETTERS = ("x", "y", "z")
_DOMAINS = {
    "timeseries": ("PointSeries", _NAMED),
    "position": ("PointSeries", _NAMED),
    "verticalprofile": ("VerticalProfile", _NAMED),
    "boundingbox": ("MultiPoint", _NAMED),
    "trajectory": ("Trajectory", _LETTERS),
}
_ELSE = ("MultiPoint", _LETTERS)
_METADATA = ("class", "domain", "expver", "levtype", "stream", "type")
_UNKNOWN_UNIT = "unknown"


def to_covjson(answer: Answer) -> Json:
    """Return an answer as a CoverageCollection: plain values, ready for `json.dumps`."""
    whole: Json = plain(_collection(answer))
    return whole


def write_covjson(answer: Answer, file: TextIO) -> None:
    """Write an answer as a CoverageCollection, one after another: never held as a whole."""
    for text in json_texts(_collection(answer)):
        file.write(text)


def _collection(answer: Answer) -> Json:
    """Return an answer with arrays where there are many numbers, and an iterator of coverages."""
    domain, coordinates = _DOMAINS.get(answer.kind, _ELSE)
    names = variables(answer)
    write: Callable[[Answer, Named], Iterator[Json]] = {
        "PointSeries": _series,
        "VerticalProfile": _profiles,
        "Trajectory": _trajectories,
    }.get(domain, _multipoints)
    return {
        "type": "CoverageCollection",
        "domainType": domain,
        "parameters": {name: _parameter(answer, name, rows) for name, rows in names.items()},
        "referencing": _referencing(domain, coordinates),
        "coverages": write(answer, names),
    }


def _referencing(domain: str, coordinates: tuple[str, ...]) -> list[Json]:
    """Return which coordinates are measured how; CRS84 has the longitude first, then the latitude."""
    latitude, longitude, level = coordinates
    ground = [{"coordinates": [longitude, latitude], "system": _CRS}]
    vertical = [{"coordinates": [level], "system": _VERTICAL}]
    return [
        *ground,
        *vertical,
        *([] if domain == "Trajectory" else [{"coordinates": ["t"], "system": _TIME}]),
    ]


def _parameter(answer: Answer, name: str, rows: Int64s) -> Json:
    known = parameter(str(answer.column("param")[rows[0]]))
    return {
        "type": "Parameter",
        "description": {"en": known.name},
        "unit": {"symbol": known.units or _UNKNOWN_UNIT},
        "observedProperty": {"id": name, "label": {"en": known.name}},
    }


def _series(answer: Answer, names: Named) -> Iterator[Json]:
    by_base_time = [] if answer.axis in ("date", "datetime") else [answer.reference]
    for rows in _coverages(answer, [answer.level, *by_base_time]):
        first, of_name = _aligned(rows, names, [answer.time])
        times = {"values": _stamps(answer.time[first])}
        yield from _of_points(answer, rows, of_name, "t", {"t": times})


def _profiles(answer: Answer, names: Named) -> Iterator[Json]:
    for rows in _coverages(answer, [answer.reference, answer.step]):
        first, of_name = _aligned(rows, names, [answer.level])
        levels = {"values": np.nan_to_num(answer.level[first])}
        time = {"values": _stamps(answer.time[rows[:1]])}
        yield from _of_points(answer, rows, of_name, "levelist", {"levelist": levels, "t": time})


def _of_points(answer: Answer, rows: Int64s, of_name: Named, axis: str, axes: Json) -> Iterator[Json]:
    """Yield a coverage for each point, whose values are those of all fields there."""
    row, points = int(rows[0]), answer.points_of(int(rows[0]))
    start = answer.value_start
    for number, at in enumerate(range(points.start, points.stop)):
        position = {
            "latitude": {"values": answer.latitude[at : at + 1]},
            "longitude": {"values": answer.longitude[at : at + 1]},
            "levelist": {"values": np.nan_to_num(answer.level[row : row + 1])},
        }
        ranges = {}
        for name, each in of_name.items():
            values = np.full(each.size, np.nan)
            values[each >= 0] = answer.values[start[each[each >= 0]] + number]
            ranges[name] = _range(values, axis)
        yield _coverage(answer, row, {**position, **axes}, ranges)


def _multipoints(answer: Answer, names: Named) -> Iterator[Json]:
    _, coordinates = _DOMAINS.get(answer.kind, _ELSE)
    for rows in _coverages(answer, [answer.reference, answer.step]):
        first, of_name = _aligned(rows, names, [answer.level])
        axes = {
            "t": {"values": _stamps(answer.reference[rows[:1]].astype("datetime64[s]"))},
            "composite": _composite(coordinates, _tuples(answer, first, with_step=False)),
        }
        yield _coverage(answer, int(rows[0]), axes, _of_rows(answer, first, of_name))


def _trajectories(answer: Answer, names: Named) -> Iterator[Json]:
    columns = [numbers_of(answer)["number"], answer.reference]
    for rows in groups_by(columns, np.arange(answer.n_fields)):
        first, of_name = _aligned(rows, names, [answer.place_of_field, answer.level, answer.step])
        tuples = _tuples(answer, first, with_step=True)
        axes = {"composite": _composite(("t", *_LETTERS), tuples)}
        coverage = _coverage(answer, int(rows[-1]), axes, _of_rows(answer, first, of_name))
        coverage["mars:metadata"]["steps"] = _numbers(np.unique(answer.step[rows]))
        yield coverage


def _coverages(answer: Answer, columns: list[NDArray[Any]]) -> list[Int64s]:
    """Return the fields split by member, place and some columns."""
    member = numbers_of(answer)["number"]
    return groups_by([member, answer.place_of_field, *columns], np.arange(answer.n_fields))


def _aligned(rows: Int64s, names: Named, columns: list[NDArray[Any]]) -> tuple[Int64s, Named]:
    """Return one field for each different value of some columns, and which field of each name has that value.

    -1 where a name has none.
    """
    different = groups_by(columns, rows)
    of_name = {name: np.full(len(different), -1, np.int64) for name in names}
    for name, part in names.items():
        for at, alike in enumerate(different):
            found = np.intersect1d(alike, part, assume_unique=True)
            of_name[name][at] = found[0] if found.size else -1
    return np.array([alike[0] for alike in different], np.int64), of_name


def _composite(coordinates: tuple[str, ...], tuples: NDArray[np.float64]) -> Json:
    return {"dataType": "tuple", "coordinates": list(coordinates), "values": tuples}


def _tuples(answer: Answer, rows: Int64s, *, with_step: bool) -> NDArray[np.float64]:
    """Return the coordinates of each value of some fields, field after field."""
    columns = []
    level, step = np.nan_to_num(answer.level), np.nan_to_num(answer.step)
    for row in rows.tolist():
        points = answer.points_of(row)
        n = points.stop - points.start
        ground = [answer.latitude[points], answer.longitude[points], np.full(n, level[row])]
        columns.append(np.stack([np.full(n, step[row]), *ground] if with_step else ground, axis=1))
    return np.concatenate(columns)


def _of_rows(answer: Answer, first: Int64s, of_name: Named) -> Json:
    """Return all values of the fields of each name, NaN for those that a name lacks."""
    start = answer.value_start
    ranges = {}
    for name, rows in of_name.items():
        parts = [
            answer.values[start[row] : start[row + 1]]
            if row >= 0
            else np.full(start[like + 1] - start[like], np.nan)
            for row, like in zip(rows.tolist(), first.tolist(), strict=True)
        ]
        ranges[name] = _range(np.concatenate(parts), "composite")
    return ranges


def _range(values: NDArray[np.float64], axis: str) -> Json:
    return {
        "type": "NdArray",
        "dataType": "float",
        "shape": [values.size],
        "axisNames": [axis],
        "values": values,
    }


def _coverage(answer: Answer, row: int, axes: Json, ranges: Json) -> Json:
    return {
        "mars:metadata": _metadata(answer, row),
        "type": "Coverage",
        "domain": {"type": "Domain", "axes": axes},
        "ranges": ranges,
    }


def _metadata(answer: Answer, row: int) -> Json:
    facts: Json = {k: str(answer.columns[k][row]) for k in _METADATA if k in answer.columns}
    facts["Forecast date"] = _stamps(answer.reference[row : row + 1].astype("datetime64[s]"))[0]
    for keyword, value in (("step", answer.step[row]), ("levelist", answer.level[row])):
        facts[keyword] = _numbers(np.array([value]))[0]
    number = str(answer.column("number", "0")[row])
    facts["number"] = int(number) if number.isdigit() else 0
    return facts


def _stamps(times: NDArray[np.datetime64]) -> list[str]:
    return [f"{text}Z" for text in np.datetime_as_string(times, unit="s").tolist()]


def _numbers(values: NDArray[np.float64]) -> list[float | int]:
    """Return numbers as JSON has them: whole ones as integers, none as 0."""
    known = np.nan_to_num(values).tolist()
    return [int(value) if value.is_integer() else value for value in known]
