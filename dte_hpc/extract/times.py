"""What time does a field's key mean?

Columns of key values become numbers: steps become hours, levels become floats, date, time and step
become the time a field is valid at. A step of a period (``0-24``) is valid at its end. The base time of a
reforecast is its hdate, that of a monthly mean the first of its month.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.config import describe
from dte_hpc.base.errors import InvalidRequest
from dte_hpc.fdb.naming.kinds import TYPES

TIME_KEYWORDS = ("date", "time", "step", "hdate", "year", "month")
Texts = NDArray[np.str_]
_STEP = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)$")
_UNIT_HOURS = {"": 1.0, "h": 1.0, "m": 1 / 60, "s": 1 / 3600, "d": 24.0}
_DATETIME = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?:T?(\d{2}):?(\d{2})?(?::?(\d{2}))?)?Z?$")
_DAYS_AGO = re.compile(r"-?\d{1,5}")
_DAY_SECONDS = 86400.0
_INTERVAL_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": _DAY_SECONDS}


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


def step_hours(text: str) -> float:
    """Return a step in hours (the end of a period); NaN for what is none."""
    if text.startswith("-"):
        return -step_hours(text[1:])
    found = _STEP.fullmatch(text.rpartition("-")[2])
    return float(found[1]) * _UNIT_HOURS[found[2]] if found else np.nan


def number_of(text: str) -> float:
    """Return the number a text is; NaN for what is none."""
    try:
        return float(text)
    except ValueError:
        return np.nan


def seconds_of(text: str) -> float:
    """Return a date, or a date and time, as seconds since 1970; NaN for what is none."""
    found = _DATETIME.fullmatch(text)
    if not found:
        return np.nan
    year, month, day, hour, minute, second = (part or "00" for part in found.groups())
    try:
        moment = np.datetime64(f"{year}-{month}-{day}T{hour}:{minute}:{second}", "s")
    except ValueError:
        return np.nan
    return float(moment.astype(np.int64))


def each(column: Texts, meaning: Callable[[str], float]) -> NDArray[np.float64]:
    """Return the meaning of every value of a column. Cost: one call for each different value."""
    if column.size == 1:  # one field asked for: a sort would cost more than all else that is done with it
        return np.array([meaning(str(column[0]))], np.float64)
    different, where = np.unique(column, return_inverse=True)
    return np.array([meaning(str(text)) for text in different], np.float64)[where]


def base_seconds(columns: Mapping[str, Texts], n_fields: int) -> NDArray[np.float64]:
    """Return the base time of each field in seconds since 1970; NaN where its key has none."""
    none = np.full(n_fields, "", dtype="<U1")
    date = columns.get("hdate", columns.get("date", none))
    if "month" in columns and "year" in columns:
        months = np.char.zfill(columns["month"], 2)
        by_month = np.char.add(np.char.add(columns["year"], months), "01")
        date = np.where(date == "", by_month, date)
    if "hdate" in columns and "date" in columns:
        date = np.where(date == "", columns["date"], date)
    return reference_seconds(date, columns.get("time", none))


def reference_seconds(date: Texts, time: Texts) -> NDArray[np.float64]:
    """Return date (YYYYMMDD) and time (HHMM) as seconds since 1970; NaN where there is none."""
    clock = each(time, number_of)
    clock = np.where(np.isnan(clock), 0, clock)
    return each(date, seconds_of) + (clock // 100) * 3600 + (clock % 100) * 60


def moments(seconds: NDArray[np.float64]) -> NDArray[np.datetime64]:
    """Return seconds since 1970 as datetime64[s]; NaN is NaT."""
    known = np.isfinite(seconds)
    whole = np.where(known, np.round(np.where(known, seconds, 0)), 0).astype("datetime64[s]")
    whole[~known] = np.datetime64("NaT")
    return whole


def meaning_of(keyword: str) -> Callable[[str], float]:
    """Return how a keyword's values are read as numbers."""
    if keyword == "step":
        return step_hours
    return seconds_of if keyword in ("date", "hdate", "datetime") else number_of


def span_of(keyword: str, first: str, last: str) -> Span:
    """Return the span of ``first/to/last``; InvalidRequest when one of them is no value of the keyword."""
    low, high = (meaning_of(keyword)(_spelt(keyword, text)) for text in (first, last))
    if not (np.isfinite(low) and np.isfinite(high)):
        raise InvalidRequest(
            f"found {describe(f'{first}/to/{last}')}; expected two values of {keyword}", keyword=keyword
        )
    return Span(low=min(low, high), high=max(low, high))


def bounds_of(axis: str, given: Mapping[str, Any], place: str) -> tuple[float, float, float]:
    """Return start, end and interval of a ``range`` as numbers of an axis; 0 when it has no interval.

    Dates count in seconds since 1970, and their interval in days unless it has a unit (``6h``).
    """
    low, high = (_bound(axis, given[name], f"{place}.{name}") for name in ("start", "end"))
    if axis == "step" and low < 0:
        raise InvalidRequest(
            f"{place}.start: found {low:g}; expected a step of 0 or more", place=f"{place}.start"
        )
    stride = _interval(axis, given.get("interval", 0), f"{place}.interval") if given.get("interval") else 0.0
    return low, high, stride


def _bound(axis: str, value: object, place: str) -> float:
    number = np.nan
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        number = meaning_of(axis)(_spelt(axis, str(value)))
    if not np.isfinite(number):
        raise InvalidRequest(
            f"{place}: found {describe(value)}; expected a value of {axis}", place=place, value=value
        )
    return number


def _spelt(keyword: str, text: str) -> str:
    """Return a value as a store has it: days before today (0, -1) as dates, 6 and 06:00 as 0600."""
    if keyword in ("date", "hdate", "datetime") and _DAYS_AGO.fullmatch(text):
        return TYPES["Date"].wanted(text)
    try:
        return TYPES["Time"].canonical(text) if keyword == "time" else text
    except ValueError:
        return text


def _interval(axis: str, value: object, place: str) -> float:
    text = str(value)
    unit = text[-1:].lower()
    number = number_of(text[:-1] if unit in _INTERVAL_SECONDS else text)
    if not np.isfinite(number) or number <= 0 or isinstance(value, bool):
        raise InvalidRequest(f"{place}: found {describe(value)}; expected a positive number", place=place)
    if axis in ("date", "hdate", "datetime"):
        return number * _INTERVAL_SECONDS.get(unit, _DAY_SECONDS)
    if axis == "step" and unit in _INTERVAL_SECONDS:
        return number * _INTERVAL_SECONDS[unit] / 3600
    return number
