"""How are positions, axes and numbers written in a request?

As JSON lists of numbers, under several names for each axis. Whatever is wrong is told with its place.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.config import describe
from dte_hpc.base.errors import InvalidRequest
from dte_hpc.extract.limits import Limits

Positions = NDArray[np.float64]
AXES = ("latitude", "longitude", "levelist", "step")
AXIS_NAMES = {"lat": "latitude", "lon": "longitude", "long": "longitude", "level": "levelist"}
PLACE = "$.feature"


def refused(place: str, found: object, expected: str) -> InvalidRequest:
    """Return the error that says what stands at a place of a request and what was expected there."""
    return InvalidRequest(f"{place}: found {describe(found)}; expected {expected}", place=place)


def axes_of(
    node: Mapping[str, Any], *, default: tuple[str, ...], at_most: int, place: str = PLACE
) -> tuple[str, ...]:
    """Return the axes of the points as the request orders them, by their full names."""
    keyword = "axis" if "axis" in node and "axes" not in node else "axes"
    given = node.get(keyword, default)
    place = f"{place}.{keyword}"
    if not isinstance(given, list | tuple):
        raise refused(place, given, f"a list of {', '.join(AXES[:at_most])}")
    names = tuple(AXIS_NAMES.get(str(name), str(name)) for name in given)
    for index, name in enumerate(names):
        if name not in AXES[:at_most] or name in names[:index]:
            raise refused(f"{place}[{index}]", given[index], f"each of {', '.join(AXES[:at_most])} once")
    if not {"latitude", "longitude"} <= set(names):
        raise refused(place, list(names), "latitude and longitude among the axes")
    return names


def sorted_axes(axes: Sequence[str]) -> tuple[str, ...]:
    """Return axes in the order of `AXES`."""
    return tuple(sorted(axes, key=AXES.index))


def positions(
    node: Mapping[str, Any], keyword: str, axes: tuple[str, ...], limits: Limits, place: str = PLACE
) -> Positions:
    """Return a list of positions as columns in the order of `AXES`."""
    place = f"{place}.{keyword}"
    given = node.get(keyword)
    if not isinstance(given, list | tuple) or not given:
        raise refused(place, given, f"a list of [{', '.join(axes)}]")
    limits.refuse_over("vertices", len(given), place)
    table = _table(place, given, axes)
    columns = table[:, [axes.index(name) for name in sorted_axes(axes)]]
    _refuse_off_the_globe(place, columns)
    return columns


def _table(place: str, given: Sequence[Any], axes: tuple[str, ...]) -> Positions:
    # looked at as a whole first: 10,000 points cost 1 ms so, and 15 ms one by one
    alike = set(map(type, given)) == {list} and set(map(len, given)) == {len(axes)}
    if alike and set(map(type, itertools.chain.from_iterable(given))) <= {int, float}:
        table = _as_floats(given)
        if table is not None and np.isfinite(table).all():
            return table
    return _table_by_rows(place, given, axes)


def _as_floats(given: Sequence[Any]) -> Positions | None:
    try:
        return np.array(given, np.float64)
    except OverflowError:
        return None


def _table_by_rows(place: str, given: Sequence[Any], axes: tuple[str, ...]) -> Positions:
    """Return the same, number by number: says which of them is wrong."""
    for index, row in enumerate(given):
        if not isinstance(row, list | tuple) or len(row) != len(axes):
            raise refused(f"{place}[{index}]", row, f"[{', '.join(axes)}]")
        for column, value in enumerate(row):
            number(f"{place}[{index}][{column}]", value)
    return np.array(given, np.float64)


def _refuse_off_the_globe(place: str, columns: Positions) -> None:
    for limit, column, name in ((90, 0, "latitude"), (720, 1, "longitude")):
        wrong = np.nonzero(np.abs(columns[:, column]) > limit)[0]
        if wrong.size:
            found = float(columns[wrong[0], column])
            raise refused(f"{place}[{wrong[0]}]", found, f"a {name} of -{limit} to {limit} degrees")


def number(place: str, value: object) -> float:
    """Return a finite number."""
    known = isinstance(value, int | float) and not isinstance(value, bool)
    try:
        found = float(value) if known else math.nan  # type: ignore[arg-type]
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise refused(place, value, "a finite number")
    return found


def value_text(place: str, value: object) -> str:
    """Return the text of a number or text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise refused(place, value, "a number or text")
    return str(value)
