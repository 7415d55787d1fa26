"""Which fields of an answer belong together?

Rows that are equal in some keywords, in the order in which they first appear.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dte_hpc.codecs.parameters import parameter
from dte_hpc.extract.times import TIME_KEYWORDS

Int64s = NDArray[np.int64]
Float64s = NDArray[np.float64]
_VARYING = ("param", "number", "levelist", *TIME_KEYWORDS)
_REDUCTION = "reduction"


class Keyed(Protocol):
    """Fields by their keys: an `Answer`, or the `Chosen` fields of a request."""

    @property
    def columns(self) -> Mapping[str, NDArray[np.str_]]:
        """Their keys, keyword by keyword."""

    @property
    def level(self) -> Float64s:
        """The level of each."""

    @property
    def step(self) -> Float64s:
        """The step of each, hours."""

    @property
    def reference(self) -> Float64s:
        """The base time of each, seconds since 1970."""

    def column(self, keyword: str) -> NDArray[np.str_]:
        """Return one keyword's value of each field."""


def groups_by(columns: Iterable[NDArray[np.generic]], rows: Int64s) -> list[Int64s]:
    """Return the rows split by what they have in some columns; each part keeps its order."""
    codes = np.zeros(rows.size, np.int64)
    for column in columns:
        different, code = np.unique(column[rows], return_inverse=True, equal_nan=True)
        codes = np.unique(codes * different.size + code, return_inverse=True)[1]
    order = np.argsort(codes, kind="stable")
    cuts = np.flatnonzero(np.diff(codes[order])) + 1
    parts = [rows[part] for part in np.split(order, cuts)]
    return sorted(parts, key=lambda part: int(part[0]))


def variables(answer: Keyed) -> dict[str, Int64s]:
    """Return the rows of each parameter, by its short name.

    Where one parameter comes in several kinds (a type, a level type, a grid), their values are joined to
    the name.
    """
    slow = [keyword for keyword in answer.columns if keyword not in _VARYING]
    differ = [k for k in slow if k == _REDUCTION or np.unique(answer.columns[k]).size > 1]
    rows = np.arange(answer.level.size)
    named: dict[str, Int64s] = {}
    parts = groups_by([answer.column("param"), *(answer.columns[k] for k in differ)], rows)
    shorts = [parameter(str(answer.column("param")[part[0]])).short_name for part in parts]
    counts = Counter(shorts)
    for part, short in zip(parts, shorts, strict=True):
        kinds = "_".join(str(answer.columns[keyword][part[0]]) for keyword in differ)
        name = short if counts[short] == 1 and _REDUCTION not in slow else f"{short}_{kinds}"
        number = 2
        while name in named:
            name, number = f"{short}_{number}", number + 1
        named[name] = part
    return named
