"""When is a field that encode-mtg2 is given, and over which times is it a statistic?

``step`` is where the time ends, ``timespan`` over how long the innermost statistic is (``fs``: from the start
of the forecast), and each word of ``stattype`` another statistic over it (``moav_damx``: the monthly mean of
daily maxima). Behaviour: ecmwf/multio 2.12, ``encode-mtg2``, checked by running it.
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from dte_hpc.base.errors import InvalidPart
from dte_hpc.base.field import Metadata
from dte_hpc.base.key import Scalar, text_of
from dte_hpc.codecs.assignment import Assignment
from dte_hpc.postproc.naming import value_of
from dte_hpc.postproc.params import table
from dte_hpc.postproc.statistics.mtg2_names import duration_of, seconds_of
from dte_hpc.postproc.statistics.windows import base_time

HOUR, SECOND = 1, 13
"""Units in WMO's table 4.4."""
SAME_START = 2
"""WMO's table 4.11: successive times have the same start of forecast."""
INCREMENT_SECONDS = 3600
OPERATIONS = {"av": 0, "mx": 2, "mn": 3, "sd": 6}
MONTH, DAY = "mo", timedelta(days=1)
OF_TIMES = (
    "date", "startDate", "dataDate", "time", "startTime", "dataTime", "step", "endStep", "timespan",
    "stattype", "param", "paramId", "misc-timeIncrementInSeconds", "timeIncrementInSeconds",
)  # fmt: skip
"""All that `times_of` reads."""
Facts = Mapping[str, Scalar]


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """One statistic over time: WMO's code of it, how long it is, and how far its samples are apart."""

    operation: int
    length: timedelta
    increment: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """When a field is.

    Attributes
    ----------
    reference : datetime
    start, end : timedelta
        From the reference; the same for a field of one moment.
    ranges : tuple of Range
        The outermost statistic first.
    """

    reference: datetime
    start: timedelta
    end: timedelta
    ranges: tuple[Range, ...] = ()

    @property
    def hours(self) -> tuple[int, int] | None:
        """Start and end in hours; None when one is a fraction."""
        hour = timedelta(hours=1)
        return None if self.start % hour or self.end % hour else (self.start // hour, self.end // hour)


def times_of(facts: Facts, param: int) -> Times:
    """Return the times of a field; InvalidPart when its metadata do not say them."""
    metadata = facts if isinstance(facts, Metadata) else Metadata(facts)
    reference, end = base_time(metadata, use_current_time=True), duration_of(metadata, "step")
    if end is None:
        raise InvalidPart(f"field {facts} has no step; expected one", keyword="step")
    ranges = tuple(_ranges(metadata, param, reference, end))
    start = end - ranges[0].length if ranges else end
    if start < timedelta():
        raise InvalidPart(
            f"field {facts} is a statistic over {ranges[0].length} and ends {end} after its start; expected "
            "a timespan that begins no earlier than the forecast",
            keyword="timespan",
        )
    return Times(reference=reference, start=start, end=end, ranges=ranges)


def _ranges(metadata: Metadata, param: int, reference: datetime, end: timedelta) -> Iterator[Range]:
    span, words = value_of(metadata, "timespan"), value_of(metadata, "stattype")
    operation = statistic_of(param)
    if (operation is None) != (span in (None, "none")):
        what = (
            "is no statistic over time, and has"
            if operation is None
            else "is a statistic over time, and has no"
        )
        raise InvalidPart(
            f"field {metadata}: parameter {param} {what} timespan{'' if span is None else f'={span}'}; "
            "expected both or none",
            keyword="timespan",
            param=param,
        )
    if operation is None:
        if words is not None:
            raise InvalidPart(
                f"field {metadata} has stattype={words} and no timespan; expected both", stattype=words
            )
        return
    length = end if span == "fs" else duration_of(metadata, "timespan")
    inner = Range(
        operation=operation,
        length=length or timedelta(),
        increment=seconds_of(metadata, "timeIncrementInSeconds", INCREMENT_SECONDS),
    )
    yield from _outer(metadata, reference + end, inner)
    yield inner


def _outer(metadata: Metadata, moment: datetime, inner: Range) -> Iterator[Range]:
    """Yield the statistics of statistics, the outermost first."""
    words = value_of(metadata, "stattype")
    found: list[Range] = []
    increment = int(inner.length.total_seconds())
    for word in reversed(text_of(words).split("_") if words is not None else []):
        if word[:2] not in ("da", MONTH) or word[2:] not in OPERATIONS:
            raise InvalidPart(
                f"field {metadata} has stattype={words}; expected da or mo, and one of "
                f"{', '.join(OPERATIONS)}, such as damx or moav_damx",
                stattype=words,
            )
        length = DAY if word[:2] == "da" else moment - _month_before(moment)
        found.insert(0, Range(operation=OPERATIONS[word[2:]], length=length, increment=increment))
        increment = int(length.total_seconds())
    yield from found


def _month_before(moment: datetime) -> datetime:
    year, month = (moment.year, moment.month - 1) if moment.month > 1 else (moment.year - 1, 12)
    try:
        return moment.replace(year=year, month=month)
    except ValueError as error:
        raise InvalidPart(
            f"a monthly statistic ends at {moment}; expected a day that the month before has too",
            moment=str(moment),
        ) from error


@functools.lru_cache(maxsize=4096)
def statistic_of(param: int) -> int | None:
    """Return WMO's code (table 4.10) of the statistic a parameter is; None of a value of a moment.

    MultIO's table knows those that its statistics make; ecCodes those that are one by their very name.
    """
    from dte_hpc.codecs.grib import statistic_of_param  # ecCodes, which checking a plan does without

    return _codes()[param] if param in _codes() else statistic_of_param(param)


@functools.cache
def _codes() -> dict[int, int]:
    return {int(row[0]): int(row[1]) for row in table("statistics-operations.txt")}


def time_keys(times: Times) -> Iterator[Assignment]:
    """Yield the ecCodes keys of a field's time, but for the reference."""
    hours = times.hours
    unit, start = (HOUR, hours[0]) if hours else (SECOND, int(times.start.total_seconds()))
    yield Assignment("indicatorOfUnitForForecastTime", unit)
    yield Assignment("forecastTime", start)
    if not times.ranges:
        return
    moment = times.reference + times.end
    for name in ("year", "month", "day", "hour", "minute", "second"):
        yield Assignment(f"{name}OfEndOfOverallTimeInterval", getattr(moment, name))
    yield from _range_keys(times.ranges)


def _range_keys(ranges: tuple[Range, ...]) -> Iterator[Assignment]:
    n = len(ranges)
    lengths = [_in_unit(each.length) for each in ranges]
    columns = {
        "typeOfStatisticalProcessing": [each.operation for each in ranges],
        "typeOfTimeIncrement": [SAME_START] * n,
        "indicatorOfUnitForTimeRange": [unit for unit, _ in lengths],
        "lengthOfTimeRange": [length for _, length in lengths],
        "indicatorOfUnitForTimeIncrement": [SECOND] * n,
        "timeIncrement": [each.increment for each in ranges],
    }
    for key, column in columns.items():
        yield Assignment(key, column[0] if n == 1 else np.array(column))


def _in_unit(length: timedelta) -> tuple[int, int]:
    hours, rest = divmod(length, timedelta(hours=1))
    return (SECOND, int(length.total_seconds())) if rest else (HOUR, hours)
