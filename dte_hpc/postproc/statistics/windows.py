"""Which samples belong to which window of time?

MultIO's forward-offset windows: a window is (begin, end], hours, days or calendar months long. The first
one ends where the hour, day or month grid ends that holds the sample before the first: a run that starts
at 12Z has a first daily window of half a day, then whole days. (ecmwf/multio 2.11,
``src/multio/action/statistics/PeriodUpdater*.h`` and ``OperationWindow.cc``, behaviour checked on 2.12.)
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from dte_hpc.base.errors import InvalidPart
from dte_hpc.base.field import Metadata
from dte_hpc.base.key import text_of
from dte_hpc.postproc.naming import value_of

UNITS = {
    "min": "minute",
    "minute": "minute",
    "h": "hour",
    "hour": "hour",
    "d": "day",
    "day": "day",
    "w": "week",
    "week": "week",
    "m": "month",
    "month": "month",
    "y": "year",
    "year": "year",
}
_SPANS = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
_FREQUENCY = re.compile(r"([1-9][0-9]{0,5})([a-z]+)$")
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frequency:
    """How long a window is: a count of minutes, hours, days, weeks, calendar months or years."""

    count: int
    unit: str

    @classmethod
    def of(cls, text: str) -> "Frequency | None":
        """Return the frequency of a text such as ``6h``, ``1d`` or ``1m`` (a month); None if it is none."""
        match = _FREQUENCY.match(text)
        if match is None or match[2] not in UNITS:
            return None
        return cls(count=int(match[1]), unit=UNITS[match[2]])

    def floor(self, moment: datetime) -> datetime:
        """Return the beginning of the minute, hour, day, week (a Monday), month or year of a moment."""
        if self.unit == "minute":
            return moment.replace(second=0, microsecond=0)
        hour = moment.replace(minute=0, second=0, microsecond=0)
        if self.unit == "hour":
            return hour
        day = hour.replace(hour=0)
        if self.unit == "week":
            return day - timedelta(days=day.weekday())
        if self.unit == "month":
            return day.replace(day=1)
        return day.replace(month=1, day=1) if self.unit == "year" else day

    def after(self, start: datetime) -> datetime:
        """Return the end of the window that begins at `start` (months, years: at the 1st of one)."""
        if self.unit in _SPANS:
            return start + self.count * _SPANS[self.unit]
        months = start.year * 12 + start.month - 1 + self.count * (12 if self.unit == "year" else 1)
        return start.replace(year=months // 12, month=months % 12 + 1)

    def __str__(self) -> str:
        return f"{self.count} {self.unit}{'s' if self.count > 1 else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """When the samples of one variable are taken.

    Attributes
    ----------
    base : datetime
        Of the metadata's ``date`` and ``time``.
    now : datetime
        Of this sample: ``base + step * time_step``.
    before : datetime
        Of the sample one before, never earlier than `base`.
    interval : timedelta
        From one sample to the next.
    """

    base: datetime
    now: datetime
    before: datetime
    interval: timedelta


def clock_of(
    metadata: Metadata, *, step_frequency: int, time_step_seconds: int, use_current_time: bool = False
) -> Clock:
    """Return when a field was sampled.

    ``step-frequency`` and ``timeStep`` of the metadata win over the arguments, as in MultIO.

    Raises
    ------
    InvalidPart
        If date, time or step is missing or makes no sense; names the field.
    """
    base = base_time(metadata, use_current_time=use_current_time)
    step = _whole(metadata, "step", None, least=0)
    frequency = _whole(metadata, "step-frequency", step_frequency, least=1)
    seconds = step_seconds(metadata, time_step_seconds)
    try:
        now = base + timedelta(seconds=step * seconds)
        before = base + timedelta(seconds=max(step - frequency, 0) * seconds)
        return Clock(base=base, now=now, before=before, interval=timedelta(seconds=frequency * seconds))
    except OverflowError as error:
        raise _refused(metadata, "step", "a step within the calendar") from error


def step_seconds(metadata: Metadata, default: int) -> int:
    """Return how long a step is: ``timeStep`` of the metadata, else what the plan says."""
    return _whole(metadata, "timeStep", default, least=1)


def base_time(metadata: Metadata, *, use_current_time: bool = False) -> datetime:
    """Return when steps begin: ``startDate`` (else ``date``) and its time, or the other way round.

    A time is HHMM, or HHMMSS where it is more than 2400; 0 when absent.
    """
    first, second = ("date", "startDate") if use_current_time else ("startDate", "date")
    keyword = first if first in metadata else second
    found = value_of(metadata, keyword)
    date = text_of("" if found is None else found).replace("-", "")
    time = value_of(metadata, keyword.replace("Date", "Time").replace("date", "time"))
    digits = text_of(0 if time is None else time).replace(":", "").zfill(4)
    whole = digits.zfill(6) if len(digits) > 4 else digits + "00"
    try:
        return datetime.strptime(date + whole, "%Y%m%d%H%M%S")
    except ValueError as error:
        raise _refused(metadata, "date", "a date as YYYYMMDD and a time as HHMM") from error


def span_text(length: timedelta) -> str:
    """Return a length of time as MARS writes one: ``6h``, else in minutes (``90m``) or seconds (``10s``)."""
    seconds = int(length.total_seconds())
    if seconds % 3600 == 0:
        return f"{seconds // 3600}h"
    return f"{seconds // 60}m" if seconds % 60 == 0 else f"{seconds}s"


def hours_since(base: datetime, moment: datetime) -> int | None:
    """Return whole hours between two moments; None if they are not whole."""
    hours, rest = divmod(moment - base, _HOUR)
    return None if rest else hours


def _whole(metadata: Metadata, keyword: str, default: int | None, *, least: int) -> int:
    found = value_of(metadata, keyword)
    value = default if found is None else found
    try:
        number = int(text_of(value if value is not None else ""))
    except ValueError:
        number = least - 1
    if number < least:
        raise _refused(metadata, keyword, f"a whole number of at least {least}")
    return number


def _refused(metadata: Metadata, keyword: str, expected: str) -> InvalidPart:
    return InvalidPart(
        f"field {metadata} has {keyword}={metadata.get(keyword, 'nothing')!r}; "
        f"statistics expected {expected}",
        metadata=metadata,
        keyword=keyword,
    )
