"""Which number is a coordinate?

Shapes are cut as numbers: numbers are themselves, times are seconds since 1970, durations seconds (a bare
number is hours, as in Polytope), and texts have an order only when every one of them can be read as one
of these.
"""

import datetime
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.extract.polytope.errors import PolytopeError
from dte_hpc.extract.times import number_of, seconds_of, step_hours

Float64s = NDArray[np.float64]

HOUR = 3600.0
_UNITS = {"d": 24 * HOUR, "h": HOUR, "m": 60.0, "s": 1.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(d|h|m|s)[a-z]*")
_CLOCK = re.compile(r"(?:(\d+)\s*d[a-z]*\s*)?(\d+):(\d\d)(?::(\d\d(?:\.\d+)?))?")


def numbers(values: Sequence[Any], kind: str, axis: str) -> Float64s:
    """Return values that a user wrote as numbers of an axis; infinities are the ends of it.

    Parameters
    ----------
    values : sequence
    kind : "number", "time" or "duration"
    axis : str
        Named in errors.
    """
    plain = set(map(type, values)) <= {int, float}
    if kind == "number" and plain:
        found = np.array(values, np.float64)
    elif kind == "duration" and plain:
        found = np.array(values, np.float64) * HOUR
    else:
        read = {"number": _number, "time": _time, "duration": _duration}[kind]
        found = np.array([read(value) for value in values], np.float64)
    wrong = np.flatnonzero(np.isnan(found))
    if wrong.size:
        raise PolytopeError(
            f"a shape has {values[int(wrong[0])]!r} on the axis {axis}; expected a {kind}", axis=axis
        )
    return found


def numbers_of_texts(texts: Sequence[str], meaning: str) -> Float64s:
    """Return a datacube's texts as numbers, as a type change or their keyword says; NaN for what is none."""
    read = MEANINGS.get(meaning, number_of)
    return np.array([read(text) for text in texts], np.float64)


def clock_seconds(text: str) -> float:
    """Return HHMM as seconds; NaN for what is none."""
    known = text.isdigit() and len(text) <= 4
    return int(text) // 100 * HOUR + int(text) % 100 * 60 if known else math.nan


def duration_seconds(text: str) -> float:
    """Return ``6`` (hours), ``90m``, ``1h30m``, ``2 days``, ``06:00:00`` as seconds; NaN for what is none."""
    text = text.strip().lower()
    if not math.isnan(number_of(text)):
        return number_of(text) * HOUR
    clock = _CLOCK.fullmatch(text)
    if clock:
        days, hours, minutes, seconds = (float(part or 0) for part in clock.groups())
        return days * 24 * HOUR + hours * HOUR + minutes * 60 + seconds
    parts = _PART.findall(text)
    known = parts and not re.sub(r"\s+", "", _PART.sub("", text))
    return sum(float(number) * _UNITS[unit] for number, unit in parts) if known else math.nan


def seconds_of_times(times: NDArray[Any]) -> Float64s:
    """Return datetime64 or timedelta64 of any unit as seconds; NaN where not a time."""
    unit = "datetime64[ns]" if times.dtype.kind == "M" else "timedelta64[ns]"
    found = times.astype(unit).astype(np.int64) / 1e9
    found[np.isnat(times)] = np.nan
    return found


def _number(value: Any) -> float:
    if isinstance(value, bool | np.bool_):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def _time(value: Any) -> float:
    if isinstance(value, datetime.date | np.datetime64):
        naive = value.replace(tzinfo=None) if isinstance(value, datetime.datetime) else value
        return float(seconds_of_times(np.array([naive], "datetime64[ns]"))[0])
    if isinstance(value, float | np.floating) and math.isinf(value):
        return float(value)
    return seconds_of(str(value).strip().replace(" ", "T"))


def _duration(value: Any) -> float:
    if isinstance(value, datetime.timedelta | np.timedelta64):
        return float(seconds_of_times(np.array([value], "timedelta64[ns]"))[0])
    return duration_seconds(value) if isinstance(value, str) else _number(value) * HOUR


MEANINGS: dict[str, Callable[[str], float]] = {
    "int": lambda text: number_of(text) if re.fullmatch(r"\s*[+-]?\d+\s*", text) else math.nan,
    "float": number_of,
    "date": seconds_of,
    "time": clock_seconds,
    "hours": step_hours,
    "day": seconds_of,
    "subhourly_step": duration_seconds,
    "subhourly_step_compact": duration_seconds,
}
KINDS = {
    "date": "time",
    "day": "time",
    "time": "duration",
    "subhourly_step": "duration",
    "subhourly_step_compact": "duration",
}
AS_TEXTS = ("", "hours", "day", "str")  # meanings whose values are shown as the texts they are
