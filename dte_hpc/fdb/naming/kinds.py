"""What is the canonical form of a keyword's value?

A schema gives every keyword one of these types. `ValueType.canonical` is what is stored; it refuses
what has no canonical form, so that a wrong value never reaches a file. `wanted` is the same for a value
that is asked for (where ``date=-1`` is yesterday), and `form` joins values that answer one another:
``step=24`` finds a stored ``0-24``, ``param=167`` a stored ``167.128``.

The names and meanings are FDB 5's (ECMWF, https://github.com/ecmwf/fdb, `src/fdb5/types`, 5.22).
"""

import calendar
import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass, field

_MONTHS = {name.lower(): index for index, name in enumerate(calendar.month_abbr) if name}
_STEP = re.compile(r"(\d+)([smhd]?)$")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _same(value: str) -> str:
    return value


def _no_form(_value: str) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueType:
    """How the values of one keyword are written.

    Attributes
    ----------
    name : str
        As a schema writes it.
    expected : str
        What a value must be, for an error.
    canonical : callable
        From text to the text that is stored; ValueError for what it cannot be.
    wanted : callable
        The same for a value of a request.
    form : callable
        Of a stored value: what a request may also call it.
    wanted_form : callable
        Of a requested value: the `form` that answers it, or None when only the value itself does.
    stored_as : str
        The keyword under which it is stored; empty for the keyword's own name.
    """

    name: str
    expected: str
    canonical: Callable[[str], str]
    wanted: Callable[[str], str] = field(default=_same)
    form: Callable[[str], str] = field(default=_same)
    wanted_form: Callable[[str], str | None] = field(default=_no_form)
    stored_as: str = ""


def _lower(value: str) -> str:
    return value.lower()


def _integer(value: str) -> str:
    return str(int(value))


def _double(value: str) -> str:
    number = float(value)
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError(value)
    return str(int(number)) if number.is_integer() else repr(number)


def _expver(value: str) -> str:
    return value.lower().rjust(4, "0")


def _parsed_date(value: str) -> datetime.date:
    if re.fullmatch(r"\d{8}", value):
        return datetime.date(int(value[:4]), int(value[4:6]), int(value[6:]))
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return datetime.date.fromisoformat(value)
    if re.fullmatch(r"\d{4}-\d{3}", value):
        first = datetime.date(int(value[:4]), 1, 1)
        day = first + datetime.timedelta(days=int(value[5:]) - 1)
        if day.year == first.year:
            return day
    raise ValueError(value)


def _date(value: str) -> str:
    return f"{_parsed_date(value):%Y%m%d}"


def _wanted_date(value: str) -> str:
    if re.fullmatch(r"0|-\d{1,5}", value):
        today = datetime.datetime.now(datetime.UTC).date()
        return f"{today + datetime.timedelta(days=int(value)):%Y%m%d}"
    return _date(value)


def _time(value: str) -> str:
    digits = value.replace(":", "") if re.fullmatch(r"\d{1,2}:\d{2}(:\d{2})?", value) else value
    if not re.fullmatch(r"\d{1,6}", digits) or (len(digits) == 5 and ":" not in value):
        raise ValueError(value)
    digits = digits.rjust(2, "0") + "00" if len(digits) <= 2 else digits.rjust(4, "0")
    digits = digits.rjust(6, "0") if len(digits) > 4 else digits + "00"
    hour, minute, second = int(digits[:2]), int(digits[2:4]), int(digits[4:])
    if hour > 23 or minute > 59 or second:
        raise ValueError(value)
    return f"{hour:02d}{minute:02d}"


def _step_point(value: str) -> str:
    found = _STEP.fullmatch(value)
    if not found:
        raise ValueError(value)
    seconds = int(found[1]) * _SECONDS[found[2] or "h"]
    for unit in ("h", "m"):
        if seconds % _SECONDS[unit] == 0:
            return f"{seconds // _SECONDS[unit]}{'' if unit == 'h' else unit}"
    return f"{seconds}s"


def _step(value: str) -> str:
    points = value.lower().split("-")
    if len(points) > 2:
        raise ValueError(value)
    return "-".join(dict.fromkeys(_step_point(point) for point in points))


def _step_end(value: str) -> str:
    return value.rpartition("-")[2]


def _wanted_step_end(value: str) -> str | None:
    return None if "-" in value else value


def _param_number(value: str) -> str:
    """Return 167 for 167.128, and 228129 for 129.228: the parameter database's numbers."""
    number, dot, table = value.partition(".")
    if not dot or not (number.isdigit() and table.isdigit()):
        return value
    return str(int(number)) if int(table) in (0, 128) else str(int(table) * 1000 + int(number))


def _grid(value: str) -> str:
    return value.replace("/", "+")


def _first3(value: str) -> str:
    return value[:3]


def _month_and_day(value: str) -> tuple[int, int]:
    name, dash, day = value.lower().partition("-")
    if name in _MONTHS:
        month = _MONTHS[name]
        return month, datetime.date(2000, month, int(day)).day if dash else 0
    if re.fullmatch(r"\d{4}", value):
        return int(value[:2]), datetime.date(2000, int(value[:2]), int(value[2:])).day
    date = _parsed_date(value)
    return date.month, date.day


def _climate_daily(value: str) -> str:
    month, day = _month_and_day(value)
    if not day:
        raise ValueError(value)
    return f"{month:02d}{day:02d}"


def _month_of(value: str) -> int:
    if re.fullmatch(r"\d{1,2}", value) and 1 <= int(value) <= 12:
        return int(value)
    return _month_and_day(value)[0]


def _climate_monthly(value: str) -> str:
    return str(_month_of(value))


def _month_of_date(value: str) -> str:
    return f"{_month_of(value):02d}"


def _year_month(value: str) -> str:
    if re.fullmatch(r"\d{6}", value):
        value += "01"
    return f"{_parsed_date(value):%Y%m}"


def _year(value: str) -> str:
    return value if re.fullmatch(r"\d{4}", value) else f"{_parsed_date(value):%Y}"


def _plain(name: str, expected: str, canonical: Callable[[str], str], stored_as: str = "") -> ValueType:
    return ValueType(name=name, expected=expected, canonical=canonical, wanted=canonical, stored_as=stored_as)


def _param(name: str) -> ValueType:
    return ValueType(
        name=name,
        expected="a parameter",
        canonical=_lower,
        wanted=_lower,
        form=_param_number,
        wanted_form=_param_number,
    )


DEFAULT = _plain("Default", "text", _lower)
TYPES: dict[str, ValueType] = {
    kind.name: kind
    for kind in (
        DEFAULT,
        _param("Param"),
        _param("ParamID"),
        _param("ParamIDStrict"),
        ValueType(
            name="Step",
            expected="hours, or a number with s, m, h or d, or two of them joined by '-'",
            canonical=_step,
            wanted=_step,
            form=_step_end,
            wanted_form=_wanted_step_end,
        ),
        ValueType(
            name="Date", expected="a date as YYYYMMDD", canonical=_date, wanted=_wanted_date, form=_same
        ),
        _plain("Time", "a time of day as HHMM", _time),
        _plain("Expver", "a version of at most four characters", _expver),
        _plain("Double", "a number", _double),
        _plain("Integer", "a whole number", _integer),
        _plain("Grid", "a grid", _grid),
        _plain("First3", "text", _first3),
        _plain("ClimateDaily", "a date, MMDD, or a month's name with a day (jan-05)", _climate_daily),
        _plain("ClimateMonthly", "a date, or a month", _climate_monthly),
        _plain("Month", "a date, or YYYYMM", _year_month, "month"),
        _plain("MonthOfDate", "a date, or a month", _month_of_date, "month"),
        _plain("Year", "a date, or a year", _year, "year"),
        _plain("YearMonth", "a date, or YYYYMM", _year_month),
        _plain("Ignore", "anything", lambda _value: ""),
    )
}
