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

UNITS = {"h": "hour", "hour": "hour", "d": "day", "day": "day", "m": "month", "month": "month"}
_FREQUENCY = re.compile(r"([1-9][0-9]{0,5})([a-z]+)$")
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frequency:
    """How long a window is: a count of hours, days or calendar months."""

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
        """Return the beginning of the hour, day or month that a moment is in."""
        hour = moment.replace(minute=0, second=0, microsecond=0)
        if self.unit == "hour":
            return hour
        return hour.replace(hour=0) if self.unit == "day" else hour.replace(hour=0, day=1)

    def after(self, start: datetime) -> datetime:
        """Return the end of the window that begins at `start` (for months: on the 1st of one)."""
        if self.unit != "month":
            return start + self.count * (timedelta(days=1) if self.unit == "day" else _HOUR)
        months = start.year * 12 + start.month - 1 + self.count
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


def clock_of(metadata: Metadata, *, step_frequency: int, time_step_seconds: int) -> Clock:
    """Return when a field was sampled.

    ``step-frequency`` and ``timeStep`` of the metadata win over the arguments, as in MultIO.

    Raises
    ------
    InvalidPart
        If date, time or step is missing or makes no sense; names the field.
    """
    base = base_time(metadata)
    step = _whole(metadata, "step", None, least=0)
    frequency = _whole(metadata, "step-frequency", step_frequency, least=1)
    seconds = _whole(metadata, "timeStep", time_step_seconds, least=1)
    try:
        now = base + timedelta(seconds=step * seconds)
        before = base + timedelta(seconds=max(step - frequency, 0) * seconds)
        return Clock(base=base, now=now, before=before, interval=timedelta(seconds=frequency * seconds))
    except OverflowError as error:
        raise _refused(metadata, "step", "a step within the calendar") from error


def base_time(metadata: Metadata) -> datetime:
    """Return what ``date`` (YYYYMMDD) and ``time`` (HHMM, 0 when absent) say."""
    date = text_of(metadata.get("date", "")).replace("-", "")
    time = text_of(metadata.get("time", 0)).replace(":", "").zfill(4)[:4]
    try:
        return datetime.strptime(date + time, "%Y%m%d%H%M")
    except ValueError as error:
        raise _refused(metadata, "date", "a date as YYYYMMDD and a time as HHMM") from error


def hours_since(base: datetime, moment: datetime) -> int | None:
    """Return whole hours between two moments; None if they are not whole."""
    hours, rest = divmod(moment - base, _HOUR)
    return None if rest else hours


def _whole(metadata: Metadata, keyword: str, default: int | None, *, least: int) -> int:
    value = metadata.get(keyword, default)
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
