"""What does one value of a MARS request stand for, and what a range of them?"""

import datetime
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from dte_hpc.base.errors import InvalidKey, InvalidRequest
from dte_hpc.base.key import checked_value
from dte_hpc.base.request import MAX_VALUES
from dte_hpc.fdb.mars.language import Keyword, parameter_numbers
from dte_hpc.fdb.naming.kinds import TYPES

_CLIMATE_DATE = re.compile(r"([a-z]{3})[a-z]*(?:-(\d{1,2}))?", re.IGNORECASE)
_DECIMALS = 9
_DAY_SECONDS = 86400
_HOUR_SECONDS = 3600


def refused(keyword: str, value: object, expected: str) -> InvalidRequest:
    """Return the error for a value that a keyword cannot have."""
    shown = str(value)[:80]
    shown = shown if shown.isprintable() else repr(shown)
    return InvalidRequest(
        f"the request asks for {keyword}={shown}; expected {expected}", keyword=keyword, value=value
    )


def _expected(keyword: Keyword) -> str:
    """Return what a value must be, for an error."""
    known = [] if "enum" not in keyword.types else [f"one of {_listed(set(keyword.words.values()))}"]
    return " or ".join([*known, *(_EXPECTED[kind] for kind in keyword.types if kind in _EXPECTED)])


def _listed(words: Iterable[str], most: int = 24) -> str:
    ordered = sorted(words)
    more = f", ... ({len(ordered)} in all)" if len(ordered) > most else ""
    return ", ".join(ordered[:most]) + more


def meanings(keyword: Keyword, text: str) -> Sequence[str]:
    """Return what one value stands for; InvalidRequest if it is none of the keyword's types."""
    if text == "":
        raise refused(keyword.name, text, _expected(keyword))
    for kind in keyword.types:
        try:
            found = _READERS[kind](keyword, text)
        except (ValueError, OverflowError):
            continue
        if found:
            return found
    raise refused(keyword.name, text, _expected(keyword))


def text_of(keyword: Keyword, text: str) -> str:
    """Return a value that is taken as it is; InvalidRequest if it is not printable."""
    try:
        return checked_value(keyword.name, text)
    except InvalidKey as error:
        raise refused(keyword.name, text, "printable text") from error


def _word(keyword: Keyword, text: str) -> Sequence[str]:
    meaning = keyword.words.get(text.lower())
    return () if meaning is None else (meaning,)


def _pattern(keyword: Keyword, text: str) -> Sequence[str]:
    return (text,) if any(re.fullmatch(pattern, text) for pattern in keyword.patterns) else ()


def _parameter(_keyword: Keyword, text: str) -> Sequence[str]:
    """Return 167 for 167, 167.128 and 2t: the parameter database's numbers."""
    number, dot, table = text.partition(".")
    if number.isdigit() and (not dot or table.isdigit()):
        return (TYPES["Param"].form(text) if dot else str(int(number)),)
    return parameter_numbers().get(text.lower(), ())


def _date(_keyword: Keyword, text: str) -> Sequence[str]:
    climate = _CLIMATE_DATE.fullmatch(text)
    if climate is None:
        return (TYPES["Date"].wanted(text),)
    TYPES["ClimateMonthly"].canonical(climate[1])
    return (climate[1].lower() + (f"-{int(climate[2])}" if climate[2] else ""),)


def _number(text: str) -> float:
    if not re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)", text):
        raise ValueError(text)
    return float(text)


def _number_text(value: float) -> str:
    value = round(value, _DECIMALS)
    return str(int(value)) if value == int(value) else str(value)


def _whole_number(text: str) -> float:
    value = _number(text)
    if not value.is_integer():
        raise ValueError(text)
    return value


def _seconds(text: str) -> int:
    """Return the seconds of a step: hours, or a number with s, m, h or d."""
    text = text.lower()
    if text[-1:] in ("s", "m", "h", "d"):
        return int(text[:-1]) * {"s": 1, "m": 60, "h": _HOUR_SECONDS, "d": _DAY_SECONDS}[text[-1]]
    return int(_whole_number(text)) * _HOUR_SECONDS


def _step_text(seconds: float) -> str:
    return TYPES["Step"].canonical(f"{int(seconds)}s")


def _step(_keyword: Keyword, text: str) -> Sequence[str]:
    return ("-".join(dict.fromkeys(_step_text(_seconds(point)) for point in text.split("-", 1))),)


def _time_seconds(text: str) -> int:
    hhmm = TYPES["Time"].canonical(text)
    return int(hhmm[:2]) * _HOUR_SECONDS + int(hhmm[2:]) * 60


def _time_text(seconds: float) -> str:
    minutes = int(seconds) // 60
    return f"{minutes // 60:02d}{minutes % 60:02d}"


def _time_stride(text: str) -> int:
    return _seconds(text) if text[-1:].lower() in ("s", "m", "h") else _time_seconds(text)


def _day(text: str) -> int:
    return datetime.datetime.strptime(TYPES["Date"].wanted(text), "%Y%m%d").toordinal()


def _day_text(day: float) -> str:
    return f"{datetime.date.fromordinal(int(day)):%Y%m%d}"


def _quantile(_keyword: Keyword, text: str) -> Sequence[str]:
    """Return 1:10 for 1:10, the first of ten."""
    number, of = (int(part) for part in text.split(":"))
    if not 0 <= number <= of:
        raise ValueError(text)
    return (f"{number}:{of}",)


_READERS: dict[str, Callable[[Keyword, str], Sequence[str]]] = {
    "any": lambda keyword, text: (text_of(keyword, text),),
    "lowercase": lambda keyword, text: (text_of(keyword, text).lower(),),
    "enum": _word,
    "regex": _pattern,
    "expver": lambda _keyword, text: (TYPES["Expver"].canonical(text),),
    "integer": lambda _keyword, text: (_number_text(_whole_number(text)),),
    "float": lambda _keyword, text: (_number_text(_number(text)),),
    "to-by-list": lambda _keyword, text: (_number_text(_whole_number(text)),),
    "to-by-list-float": lambda _keyword, text: (_number_text(_number(text)),),
    "to-by-list-quantile": _quantile,
    "range": _step,
    "time": lambda _keyword, text: (TYPES["Time"].canonical(text),),
    "date": _date,
    "param": _parameter,
}
_EXPECTED = {
    "integer": "a whole number",
    "float": "a number",
    "to-by-list": "whole numbers",
    "to-by-list-float": "numbers",
    "to-by-list-quantile": "number:of",
    "range": TYPES["Step"].expected,
    "time": TYPES["Time"].expected,
    "date": "dates as YYYYMMDD, YYYY-MM-DD, days before today (0, -1), or a month with a day (jan-05)",
    "param": "a parameter's number or name",
    "expver": TYPES["Expver"].expected,
    "regex": "a grid",
}


@dataclass(frozen=True, slots=True)
class _Range:
    """How values between a first and a last one are counted."""

    number: Callable[[str], float]
    text: Callable[[float], str]
    stride: Callable[[str], float]


_RANGES = {
    "to-by-list": _Range(_whole_number, _number_text, _whole_number),
    "to-by-list-float": _Range(_number, _number_text, _number),
    "range": _Range(_seconds, _step_text, _seconds),
    "time": _Range(_time_seconds, _time_text, _time_stride),
    "date": _Range(_day, _day_text, _whole_number),
}


def with_ranges(keyword: Keyword, texts: tuple[str, ...]) -> tuple[str, ...]:
    """Return values with each ``a/to/b`` and ``a/to/b/by/c`` among them written out."""
    lowered = [text.lower() for text in texts]
    counted = next((_RANGES[kind] for kind in keyword.types if kind in _RANGES), None)
    if "to" not in lowered or counted is None:
        return texts
    found: list[str] = []
    at = 0
    while at < len(texts):
        if lowered[at + 1 : at + 2] != ["to"]:
            found.append(texts[at])
            at += 1
            continue
        n_taken = 5 if lowered[at + 3 : at + 4] == ["by"] else 3
        taken = texts[at : at + n_taken]
        if len(taken) < n_taken:
            raise refused(keyword.name, "/".join(texts), "first/to/last or first/to/last/by/stride")
        found += _counted(keyword, counted, taken[0], taken[2], taken[4] if n_taken == 5 else keyword.by)
        at += n_taken
    return tuple(found)


def _counted(keyword: Keyword, counted: _Range, first: str, last: str, by: str) -> list[str]:
    written = f"{first}/to/{last}/by/{by}"
    try:
        start, stop, stride = counted.number(first), counted.number(last), abs(counted.stride(by or "1"))
        n_strides = math.floor(abs(stop - start) / stride + 1e-9)
    except (ValueError, OverflowError, ZeroDivisionError) as error:
        raise refused(keyword.name, written, f"{_expected(keyword)}, and a stride that is not 0") from error
    if n_strides >= MAX_VALUES:
        raise refused(keyword.name, written, f"at most {MAX_VALUES} values")
    signed = stride if stop >= start else -stride
    return [counted.text(start + index * signed) for index in range(n_strides + 1)]
