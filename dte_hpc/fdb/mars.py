"""What does a request in the words of the MARS language ask for?

`mars_request` turns what people write into what is stored: long names (``levtype=surface`` is sfc,
``class=ERA5`` ea), parameter names (``2t`` is 167), ``0/to/24/by/6`` for steps, levels, dates, times and
numbers, dates relative to today (``-1``), padding (``expver=1``, ``time=6``), keywords in any case and by
their other names (``parameter``, ``level``). A store does not need it: its own requests take any keyword
that its schema has.

Words and parameter names are data files, see docs/decisions/0012-mars-language.md. A name that several
parameters share (``tp``: 228, 228228) asks for each of them, for which of them is stored the store knows
best; a number is taken as it is.
"""

import datetime
import functools
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

from dte_hpc.base.config import unknown_keyword
from dte_hpc.base.errors import InvalidKey, InvalidRequest
from dte_hpc.base.key import checked_value, text_of
from dte_hpc.base.request import ALL, MAX_VALUES, Request, RequestValue
from dte_hpc.fdb.kinds import TYPES

_CLIMATE_DATE = re.compile(r"([a-z]{3})[a-z]*(?:-(\d{1,2}))?", re.IGNORECASE)
MAX_REMEMBERED_VALUES = 64
_WHOLE = frozenset({"grid", "target", "source", "fieldset", "filter"})  # one text, whatever is in it
_DECIMALS = 9
_DAY_SECONDS = 86400
_HOUR_SECONDS = 3600


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Keyword:
    """What one keyword of the language may be.

    Attributes
    ----------
    name : str
        In lower case.
    types : tuple of str
        metkit's types, of which a value must have one.
    multiple : bool
        Whether a request may name several values.
    by : str
        The stride of ``a/to/b`` when none is given; empty for a keyword without ranges.
    words : mapping of str to str
        The words of an enum, in lower case, and what they mean.
    patterns : tuple of str
        Regular expressions of what else an enum takes.
    """

    name: str
    types: tuple[str, ...]
    multiple: bool
    by: str
    words: Mapping[str, str]
    patterns: tuple[str, ...]

    @property
    def expected(self) -> str:
        """What a value must be, for an error."""
        known = [] if "enum" not in self.types else [f"one of {_listed(set(self.words.values()))}"]
        return " or ".join([*known, *(_EXPECTED[kind] for kind in self.types if kind in _EXPECTED)])


def mars_request(request: Mapping[str, RequestValue]) -> Request:
    """Return what a request in the MARS language asks of a store.

    Parameters
    ----------
    request : Mapping
        Keyword to one text (``a/b/c`` are three values) or number, or to several of them.

    Raises
    ------
    InvalidRequest
        Naming the keyword that is no MARS keyword, or the value it cannot have.
    """
    language = _language()
    expanded: dict[str, tuple[str, ...]] = {}
    for name, value in request.items():
        keyword = language.get(str(name).lower())
        if keyword is None:
            known = sorted({keyword.name for keyword in language.values()})
            shown = str(name) if str(name).isprintable() else repr(name)
            raise InvalidRequest(str(unknown_keyword("the request", shown, known)), keyword=str(name))
        if keyword.name in expanded:
            raise _refused(keyword.name, value, "each keyword once")
        texts = tuple(_texts(keyword.name, value))
        lasting = len(texts) <= MAX_REMEMBERED_VALUES and "date" not in keyword.types
        expanded[keyword.name] = (_remembered if lasting else _expanded)(keyword, texts)
    return Request.of_expanded(expanded)


def is_keyword(name: str) -> bool:
    """Whether the MARS language has a keyword of this name, or knows it by another."""
    return name.lower() in _language()


def _texts(name: str, value: RequestValue) -> list[str]:
    """Return the values of a request as they are written, without those that say nothing."""
    if isinstance(value, str):
        return [part.strip() for part in value.split("/")]
    items: Iterable[object]
    if isinstance(value, list | tuple):
        items = value
    elif isinstance(value, int | float):
        items = (value,)
    elif isinstance(value, Iterable) and not isinstance(value, Mapping):
        items = value
    else:
        raise _refused(name, value, "one or more texts or numbers")
    texts = [item.strip() if isinstance(item, str) else _number_of(name, item) for item in items]
    if not texts:
        raise _refused(name, value, "at least one value")
    return texts


def _number_of(name: str, value: object) -> str:
    if not isinstance(value, int | float):
        raise _refused(name, value, "one or more texts or numbers")
    return text_of(value)


def _expanded(keyword: Keyword, texts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the values that some texts stand for, without repeats, in order."""
    if keyword.name in _WHOLE:
        return (_text(keyword, "/".join(texts)),)
    if len(texts) == 1 and texts[0].lower() == ALL:
        return (ALL,)
    if any(kind in _RANGES for kind in keyword.types):
        texts = _with_ranges(keyword, texts)
    values = dict.fromkeys(meaning for text in texts for meaning in _meanings(keyword, text))
    if len(texts) > 1 and not keyword.multiple:
        raise _refused(keyword.name, "/".join(texts), "one value")
    return tuple(values)


_remembered = functools.lru_cache(maxsize=4096)(_expanded)  # of all but dates: what -1 is changes


def _meanings(keyword: Keyword, text: str) -> Sequence[str]:
    """Return what one value stands for; InvalidRequest if it is none of the keyword's types."""
    if text == "":
        raise _refused(keyword.name, text, keyword.expected)
    for kind in keyword.types:
        try:
            found = _READERS[kind](keyword, text)
        except (ValueError, OverflowError):
            continue
        if found:
            return found
    raise _refused(keyword.name, text, keyword.expected)


def _text(keyword: Keyword, text: str) -> str:
    try:
        return checked_value(keyword.name, text)
    except InvalidKey as error:
        raise _refused(keyword.name, text, "printable text") from error


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
    return _parameter_numbers().get(text.lower(), ())


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


def _part_of(text: str) -> tuple[int, int]:
    """Return number and how many there are of a quantile: 1 and 10 of 1:10."""
    number, _, of = text.partition(":")
    return int(number), int(of)


def _quantile(_keyword: Keyword, text: str) -> Sequence[str]:
    number, of = _part_of(text)
    if not 0 <= number <= of:
        raise ValueError(text)
    return (f"{number}:{of}",)


_READERS: dict[str, Callable[[Keyword, str], Sequence[str]]] = {
    "any": lambda keyword, text: (_text(keyword, text),),
    "lowercase": lambda keyword, text: (_text(keyword, text).lower(),),
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


def _with_ranges(keyword: Keyword, texts: tuple[str, ...]) -> tuple[str, ...]:
    """Return values with each ``a/to/b`` and ``a/to/b/by/c`` among them written out."""
    lowered = [text.lower() for text in texts]
    if "to" not in lowered:
        return texts
    counted = next(_RANGES[kind] for kind in keyword.types if kind in _RANGES)
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
            raise _refused(keyword.name, "/".join(texts), "first/to/last or first/to/last/by/stride")
        found += _counted(keyword, counted, taken[0], taken[2], taken[4] if n_taken == 5 else keyword.by)
        at += n_taken
    return tuple(found)


def _counted(keyword: Keyword, counted: _Range, first: str, last: str, by: str) -> list[str]:
    written = f"{first}/to/{last}/by/{by}"
    try:
        start, stop, stride = counted.number(first), counted.number(last), abs(counted.stride(by or "1"))
        n_strides = math.floor(abs(stop - start) / stride + 1e-9)
    except (ValueError, OverflowError, ZeroDivisionError) as error:
        raise _refused(keyword.name, written, f"{keyword.expected}, and a stride that is not 0") from error
    if n_strides >= MAX_VALUES:
        raise _refused(keyword.name, written, f"at most {MAX_VALUES} values")
    signed = stride if stop >= start else -stride
    return [counted.text(start + index * signed) for index in range(n_strides + 1)]


@functools.cache
def _language() -> dict[str, Keyword]:
    """Return the keywords of the language by each of their names. Cost: about a millisecond, once."""
    text = resources.files("dte_hpc.fdb").joinpath("data", "mars-language.json").read_text(encoding="utf-8")
    language: dict[str, Keyword] = {}
    for name, facts in json.loads(text)["keywords"].items():
        keyword = Keyword(
            name=name,
            types=tuple(facts["types"]),
            multiple=facts.get("multiple", False),
            by=facts.get("by", ""),
            words={**{word: word for word in facts.get("words", ())}, **facts.get("means", {})},
            patterns=tuple(facts.get("patterns", ())),
        )
        language.update(dict.fromkeys((name, *facts.get("aliases", ())), keyword))
    return language


@functools.cache
def _parameter_numbers() -> dict[str, tuple[str, ...]]:
    """Return the numbers of each parameter name. Cost: some milliseconds, once."""
    text = resources.files("dte_hpc.fdb").joinpath("data", "mars-parameters.txt").read_text(encoding="utf-8")
    lines = (line.partition("\t") for line in text.splitlines() if not line.startswith("#"))
    return {name: tuple(numbers.split()) for name, _, numbers in lines}


def _listed(words: Iterable[str], most: int = 24) -> str:
    ordered = sorted(words)
    more = f", ... ({len(ordered)} in all)" if len(ordered) > most else ""
    return ", ".join(ordered[:most]) + more


def _refused(keyword: str, value: object, expected: str) -> InvalidRequest:
    shown = str(value)[:80]
    shown = shown if shown.isprintable() else repr(shown)
    return InvalidRequest(
        f"the request asks for {keyword}={shown}; expected {expected}", keyword=keyword, value=value
    )
