"""Which values of an axis lie between two numbers?

An axis is its values in ascending order; positions are positions in that order. On a cyclic axis a value is
there once for every turn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.extract.polytope.errors import PolytopeError
from dte_hpc.extract.polytope.values import (
    AS_TEXTS,
    KINDS,
    numbers,
    numbers_of_texts,
    seconds_of_times,
)
from dte_hpc.extract.strips import TOLERANCE, expand_strips

Float64s = NDArray[np.float64]
Int64s = NDArray[np.int64]

MAX_TURNS = 100


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Axis:
    """One axis of a datacube.

    Attributes
    ----------
    name : str
    values : float64, shape (n,)
        Ascending: what shapes are compared with. Of an axis of texts without an order: 0, 1, 2, ...
    shown : ndarray, shape (n,)
        The same as users see them: numbers, datetime64, timedelta64 or texts.
    order : int64, shape (n,)
        Where each value stands in the datacube.
    kind : str
        number, time (seconds since 1970), duration (seconds) or text.
    period : (float, float) or None
        The range of a cyclic axis.
    tolerance : float
        How near a value is the same.
    texts : Mapping[str, float]
        The number of each text of the datacube, when its values are texts.
    """

    name: str
    values: Float64s
    shown: NDArray[Any]
    order: Int64s
    kind: str
    period: tuple[float, float] | None = None
    tolerance: float = TOLERANCE
    texts: Mapping[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.values.size)

    def numbers(self, values: Sequence[Any]) -> Float64s:
        """Return what a user wrote as numbers of this axis; PolytopeError when it is none of its values."""
        if self.texts:
            known = [self.texts.get(value if isinstance(value, str) else str(value)) for value in values]
            if None not in known:
                return np.array(known, np.float64)
        if self.kind == "text":
            return np.array([self._number_of_text(value) for value in values], np.float64)
        return numbers(values, self.kind, self.name)

    def _number_of_text(self, value: Any) -> float:
        if isinstance(value, float) and np.isinf(value):
            return value
        found = self.texts.get(str(value))
        if found is None:
            shown = ", ".join(list(self.texts)[:20]) + (", ..." if len(self.texts) > 20 else "")
            raise PolytopeError(
                f"the axis {self.name} has no value {value!r}; expected one of {shown}", axis=self.name
            )
        return found

    def ranges(self, low: Float64s, high: Float64s) -> tuple[Int64s, Int64s, Int64s, Float64s]:
        """Return the runs of values between bounds: whose, first and stop position, their turn."""
        owner = np.arange(low.size)
        shift = np.zeros(low.size)
        if self.period is not None:
            owner, shift = self._turns(low, high)
        first = np.searchsorted(self.values, low[owner] - shift - self.tolerance)
        stop = np.searchsorted(self.values, high[owner] - shift + self.tolerance, side="right")
        kept = stop > first
        return owner[kept], first[kept], stop[kept], shift[kept]

    def between(self, low: Float64s, high: Float64s) -> tuple[Int64s, Int64s, Float64s]:
        """Return every value between bounds: of which bounds, its position, and itself on its turn."""
        owner, first, stop, shift = self.ranges(low, high)
        run, position = expand_strips(first, stop)
        return owner[run], position, self.values[position] + shift[run]

    def _turns(self, low: Float64s, high: Float64s) -> tuple[Int64s, Float64s]:
        """Return for each pair of bounds the turns on which it may have values, as what they add."""
        begin, end = self.period or (0.0, 1.0)
        length = end - begin
        margin = self.tolerance
        first = np.where(np.isfinite(low), np.floor((low - margin - self.values[-1]) / length), 0)
        last = np.where(np.isfinite(high), np.ceil((high + margin - self.values[0]) / length), 0)
        first = np.where(np.isfinite(low), first, np.minimum(last, 0))
        last = np.where(np.isfinite(high), last, np.maximum(first, 0))
        if np.any(last - first > MAX_TURNS):
            raise PolytopeError(
                f"a shape goes round the axis {self.name} more than {MAX_TURNS} times", axis=self.name
            )
        owner, turn = expand_strips(first.astype(np.int64), last.astype(np.int64) + 1)
        return owner, turn * np.float64(length)

    def nearest(self, values: Float64s, k: int) -> Float64s:
        """Return the k values nearest to each: float64, shape (n, k); of two equally far the lower."""
        k = min(k, len(self))
        length = np.inf if self.period is None else self.period[1] - self.period[0]
        apart = np.abs(self.values[None, :] - values[:, None])
        if np.isfinite(length):
            apart = np.mod(apart, length)
            apart = np.minimum(apart, length - apart)
        return self.values[np.argsort(apart, axis=1, kind="stable")[:, :k]]

    def around(self, low: Float64s, high: Float64s) -> tuple[Float64s, Float64s]:
        """Return ranges widened by the next value on either side."""
        values = self.values
        if self.period is not None:
            length = self.period[1] - self.period[0]
            values = np.concatenate([values - length, values, values + length])
            home = np.where(np.isfinite(low), np.floor((low - self.period[0]) / length) * length, 0.0)
        else:
            home = np.zeros(low.size)
        first = np.searchsorted(values, low - home - self.tolerance) - 1
        last = np.searchsorted(values, high - home + self.tolerance, side="right")
        first, last = np.maximum(first, 0), np.minimum(last, values.size - 1)
        return values[first] + home, values[last] + home


def make_axis(
    name: str, given: NDArray[Any], *, meaning: str = "", period: tuple[float, float] | None = None
) -> Axis:
    """Return the axis of a datacube's values.

    Parameters
    ----------
    given : ndarray, shape (n,)
        Numbers, datetime64, timedelta64, or texts.
    meaning : str
        Of texts: ``int``, ``float``, ``date``, ``time`` or ``subhourly_step``, as in a type change; ``hours``
        and ``day`` of a store's steps and dates. Without one, texts have an order when all are different
        numbers. What no type change was asked for is shown as the texts it is.
    period : (float, float), optional
        Of a cyclic axis.
    """
    texts: dict[str, float] = {}
    shown = given
    if given.dtype.kind in "mM":
        kind, values = ("time" if given.dtype.kind == "M" else "duration"), seconds_of_times(given)
    elif given.dtype.kind in "iuf":
        kind, values = "number", given.astype(np.float64)
    else:
        words = [str(word) for word in given.tolist()]
        kind, values, shown = _of_texts(words, meaning)
        texts = dict(zip(words, values.tolist(), strict=True))
    if np.isnan(values).any():
        raise PolytopeError(f"the axis {name} has values that are not numbers", axis=name)
    order = np.argsort(values, kind="stable")
    return Axis(
        name=name,
        values=values[order],
        shown=shown[order],
        order=order,
        kind=kind,
        period=period,
        tolerance=_tolerance(values[order], given.dtype),
        texts=texts,
    )


def _of_texts(words: list[str], meaning: str) -> tuple[str, Float64s, NDArray[Any]]:
    values = numbers_of_texts(words, meaning)
    if np.isnan(values).any() or np.unique(values).size < len(words):
        return "text", np.arange(len(words), dtype=np.float64), np.array(words, np.str_)
    kind = KINDS.get(meaning, "number")
    if meaning in AS_TEXTS:
        return kind, values, np.array(words, np.str_)
    if kind == "number":
        return kind, values, values.astype(np.int64) if meaning == "int" else values
    unit = "datetime64[s]" if kind == "time" else "timedelta64[s]"
    return kind, values, np.round(values).astype(np.int64).astype(unit)


def _tolerance(values: Float64s, dtype: np.dtype[Any]) -> float:
    """Return how near is the same: a billionth of the least gap, and rounding of the numbers' type."""
    gaps = np.diff(values)
    gap = float(gaps[gaps > 0].min()) if (gaps > 0).any() else 1.0
    own = float(np.finfo(dtype).eps) if dtype.kind == "f" else float(np.finfo(np.float64).eps)
    return TOLERANCE * min(gap, 1.0) + own * float(np.abs(values).max(initial=0.0))
