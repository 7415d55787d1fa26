"""What is a statistic of a statistic called? By timespan, stattype and parameter, as MARS has them.

A mean of what holds at a moment gets a ``timespan`` and a parameter of its own. A mean of hourly means is a
mean over a longer ``timespan`` (they are squashed); a mean of hourly extremes is another level, told by
``stattype``: ``damx`` is the daily maximum, ``moav_damx`` the monthly mean of it. Behaviour: ecmwf/multio
2.12, ``action/statistics-mtg2``, checked by running it; tables: see the data files.
"""

import functools
import re
from dataclasses import dataclass
from datetime import timedelta

from dte_hpc.base.errors import InvalidPart
from dte_hpc.base.field import Metadata
from dte_hpc.base.key import Scalar, text_of
from dte_hpc.postproc.naming import value_of
from dte_hpc.postproc.params import param_of, table, with_param

CODES = {
    "average": 0,
    "accumulate": 1,
    "maximum": 2,
    "minimum": 3,
    "difference": 4,
    "stddev": 6,
    "inverse-difference": 8,
}
"""WMO's table 4.10."""
SQUASHED = {"average": 0, "accumulate": 1, "maximum": 2, "minimum": 3, "difference": 1}
"""What an operation's input must be for its result to be the same over a longer time."""
_LEVELS = {"average": "av", "maximum": "mx", "minimum": "mn", "stddev": "sd"}
_PERIODS = {"1d": "da", "1m": "mo"}
_SPAN = re.compile(r"(\d+)(|h|m|s|d)")
_SECONDS = {"": 3600, "h": 3600, "m": 60, "s": 1, "d": 86400}
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """How a result of an operation differs from its input: the time it spans, its levels, its parameter.

    Attributes
    ----------
    timespan : timedelta
    increment : int
        Seconds from one to the next of what the innermost level is made of.
    stattype : str or None
    param : str or None
        None where it stays what it was.
    """

    timespan: timedelta
    increment: int
    stattype: str | None = None
    param: str | None = None


def duration_of(metadata: Metadata, keyword: str) -> timedelta | None:
    """Return a length of time: whole hours, or ``90m``, ``6h``, ``1d``; None when there is none."""
    found = value_of(metadata, keyword)
    if found is None:
        return None
    match = _SPAN.fullmatch(text_of(found))
    if match is None:
        raise InvalidPart(
            f"field {metadata} has {keyword}={found!r}; expected hours, or a text as 90m or 6h",
            metadata=metadata,
        )
    return timedelta(seconds=int(match[1]) * _SECONDS[match[2]])


def extent_of(metadata: Metadata) -> timedelta | None:
    """Return over which time a field is a statistic; None when it holds at a moment."""
    outer = value_of(metadata, "stattype")
    if outer is None:
        return duration_of(metadata, "timespan")
    if value_of(metadata, "timespan") is None:
        raise InvalidPart(
            f"field {metadata} has stattype={outer} and no timespan; expected both", metadata=metadata
        )
    return _DAY if text_of(outer).startswith("da") else timedelta(days=31)


def level_of(
    metadata: Metadata, operation: str, length: timedelta, frequency: str, *, squashes: bool, strict: bool
) -> Level:
    """Return what the result of an operation over a window is.

    Raises
    ------
    InvalidPart
        When MARS has no name for it.
    """
    extent, param = extent_of(metadata), text_of(param_of(metadata) or "")
    if extent is None:
        increment = seconds_of(metadata, "outputStepInSeconds")
        return Level(
            timespan=length, increment=increment, param=_statistic_of(metadata, param, operation, strict)
        )
    span, stattype = duration_of(metadata, "timespan"), value_of(metadata, "stattype")
    assert span is not None, metadata  # noqa: S101  (extent_of has looked)
    if squashes and (param, str(SQUASHED.get(operation))) in _statistics():
        if stattype is not None:
            raise InvalidPart(
                f"field {metadata} has a stattype already and is the same statistic as {operation}; expected "
                "the option disable-squashing: true",
                metadata=metadata,
            )
        return Level(timespan=length, increment=seconds_of(metadata, "timeIncrementInSeconds"))
    levels = [] if stattype is None else text_of(stattype).split("_")
    if len(levels) > 1:
        raise InvalidPart(
            f"field {metadata} has two levels of stattype already; expected one at most", metadata=metadata
        )
    outer = _level_name(metadata, operation, frequency)
    return Level(timespan=span, increment=int(extent.total_seconds()), stattype="_".join([outer, *levels]))


def seconds_of(metadata: Metadata, keyword: str, default: int | None = None) -> int:
    """Return the seconds of ``misc-outputStepInSeconds`` and the like; `default` when they are not there."""
    found = value_of(metadata, keyword)
    found = value_of(metadata, f"misc-{keyword}") if found is None else found
    found = default if found is None else found
    if found is None or not text_of(found).isdecimal() or int(text_of(found)) < 1:
        raise InvalidPart(
            f"field {metadata} has misc-{keyword}={'nothing' if found is None else repr(found)}; "
            "statistics-mtg2 expected a number of seconds",
            metadata=metadata,
        )
    return int(text_of(found))


def renamed(metadata: Metadata, level: Level) -> Metadata:
    """Return a result's metadata but for when it is."""
    hours, rest = divmod(level.timespan, timedelta(hours=1))
    span: Scalar = f"{level.timespan // timedelta(minutes=1)}m" if rest else hours
    facts: dict[str, Scalar] = {"timespan": span, "misc-timeIncrementInSeconds": level.increment}
    if level.stattype is not None:
        facts["stattype"] = level.stattype
    named = metadata if level.param is None else with_param(metadata, _as_it_was(metadata, level.param))
    return named.replace(**facts)


def _as_it_was(metadata: Metadata, param: str) -> Scalar:
    return param if isinstance(value_of(metadata, "param"), str) else int(param)


def _level_name(metadata: Metadata, operation: str, frequency: str) -> str:
    if operation not in _LEVELS or frequency not in _PERIODS:
        raise InvalidPart(
            f"field {metadata} is a statistic, and MARS has no stattype for {operation} over {frequency} of "
            f"it; expected one of {', '.join(_LEVELS)} over {' or '.join(_PERIODS)}",
            metadata=metadata,
        )
    return _PERIODS[frequency] + _LEVELS[operation]


def _statistic_of(metadata: Metadata, param: str, operation: str, strict: bool) -> str | None:
    found = _params().get((param, str(CODES[operation])))
    if found is None and strict:
        raise InvalidPart(
            f"field {metadata}: no parameter is known for the {operation} of {param}; expected one in "
            "MultIO's table, or the option disable-strict-mapping: true",
            metadata=metadata,
        )
    return found


@functools.cache
def _params() -> dict[tuple[str, str], str]:
    return {(row[0], row[1]): row[2] for row in table("statistics-params.txt")}


@functools.cache
def _statistics() -> frozenset[tuple[str, str]]:
    return frozenset((row[0], row[1]) for row in table("statistics-operations.txt"))
