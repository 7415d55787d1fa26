"""Which reference time and steps does MultIO's encoding give a field?

The reference is the start of the forecast for ``type`` fc and pf, else the start of the window or, for a
field of one moment, that moment (facts from MultIO's GribEncoder.cc, Apache-2.0).
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from dte_hpc.base.errors import InvalidPart
from dte_hpc.base.key import Scalar
from dte_hpc.postproc.naming import mars_time_of, value_of

OVERWRITES = "encoder-overwrites."
DATES = (("startDate", "startTime"), ("dataDate", "dataTime"))
HHMM = 100
VALIDITY_TIME = 2
SIGNIFICANCE = "significanceOfReferenceTime"
OF_TIMES = (
    *(word for pair in DATES for word in pair), "date", "time", "currentDate", "currentTime", "previousDate",
    "previousTime", "stepRange", "startStep", "endStep", "step", "startStepInHours", "endStepInHours",
    "operation", "stattype", "type", "marsType", "timeReference", SIGNIFICANCE, OVERWRITES + SIGNIFICANCE,
)  # fmt: skip
"""All that `times_of` reads."""

Facts = Mapping[str, Scalar]


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """When a field is.

    Attributes
    ----------
    reference : datetime
        As section 1 has it.
    start, end : int
        Hours from the reference; equal for a field of one moment.
    is_range : bool
        Whether it is a statistic over the hours from `start` to `end`.
    from_start : bool
        Whether the reference is the forecast's start.
    """

    reference: datetime.datetime
    start: int
    end: int
    is_range: bool
    from_start: bool


def times_of(metadata: Facts) -> Times:
    """Return the times of a field; InvalidPart when its metadata do not say them."""
    begin = _begin(metadata)
    is_range = _is_range(metadata)
    current = _moment(metadata, "currentDate", "currentTime") or _after(metadata, begin, "endStep")
    previous = current
    if is_range:
        previous = _moment(metadata, "previousDate", "previousTime") or _after(metadata, begin, "startStep")
    from_start = _from_start(metadata)
    reference = (begin or current) if from_start else previous
    return Times(
        reference=reference,
        start=_hours(metadata, previous - reference),
        end=_hours(metadata, current - reference),
        is_range=is_range,
        from_start=from_start,
    )


def _is_range(metadata: Facts) -> bool:
    operation = metadata.get("operation", metadata.get("stattype", "instant"))
    if operation != "instant" or value_of(metadata, "type") == "tpa":
        return True
    start, end = (metadata.get(name) for name in ("startStep", "endStep"))
    return (start is not None and end is not None and start != end) or "-" in str(
        metadata.get("stepRange", "")
    ).lstrip("-")


def _from_start(metadata: Facts) -> bool:
    told = metadata.get("timeReference")
    if told is not None:
        return told == "start"
    kind, significance = value_of(metadata, "type"), significance_of(metadata)
    return kind == "pf" or (kind == "fc" and str(significance) != str(VALIDITY_TIME))


def significance_of(metadata: Facts) -> Scalar | None:
    """Return WMO's code of what the reference time is, from the metadata or what overwrites them."""
    return metadata.get(SIGNIFICANCE, metadata.get(OVERWRITES + SIGNIFICANCE))


def _begin(metadata: Facts) -> datetime.datetime | None:
    for date, time in DATES:
        if date in metadata and time in metadata:
            return _datetime(metadata, metadata[date], metadata[time])
    time_of_day = mars_time_of({"time": metadata["time"]}) if "time" in metadata else None
    if "date" not in metadata or time_of_day is None:
        return None
    return _datetime(metadata, metadata["date"], time_of_day * HHMM)


def _moment(metadata: Facts, date: str, time: str) -> datetime.datetime | None:
    if date not in metadata or time not in metadata:
        return None
    return _datetime(metadata, metadata[date], metadata[time])


def _datetime(metadata: Facts, date: Scalar, hhmmss: Scalar) -> datetime.datetime:
    try:
        day, time = int(date), int(hhmmss)
        return datetime.datetime(
            day // 10000, day // 100 % 100, day % 100, time // 10000, time // 100 % 100, time % 100,
            tzinfo=datetime.UTC,
        )  # fmt: skip
    except ValueError as error:
        raise InvalidPart(
            f"field {metadata} has the date {date} and the time {hhmmss}; expected YYYYMMDD and hhmmss",
            date=date,
        ) from error


def _after(metadata: Facts, begin: datetime.datetime | None, keyword: str) -> datetime.datetime:
    step = _step(metadata, keyword)
    if begin is None or step is None:
        raise InvalidPart(
            f"field {metadata} does not say when it is; expected date, time and step (or startStep and "
            "endStep, or stepRange), or currentDate and currentTime",
            keyword=keyword,
        )
    return begin + datetime.timedelta(hours=step)


def _step(metadata: Facts, keyword: str) -> int | None:
    first, _, last = str(metadata.get("stepRange", "")).partition("-")
    found = (first if keyword == "startStep" else last) or value_of(metadata, keyword)
    try:
        return None if found is None else int(found)
    except ValueError as error:
        raise InvalidPart(
            f"field {metadata} has {keyword}={found!r}; expected whole hours", keyword=keyword
        ) from error


def _hours(metadata: Facts, span: datetime.timedelta) -> int:
    hours, rest = divmod(span, datetime.timedelta(hours=1))
    if rest or hours < 0:
        raise InvalidPart(
            f"field {metadata} is {span} after its reference time; expected whole hours, none negative",
            keyword="step",
        )
    return hours
