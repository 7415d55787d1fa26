"""Is every extracted value right?

A value may differ from the closed form by the packing error of its field, half a step of the packed
integers, and by nothing else.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.key import Key
from dte_hpc.demo.queries import Query
from dte_hpc.demo.solid_body import Points, value
from dte_hpc.extract.answer import Answer
from dte_hpc.fdb import FDB

Float64s = NDArray[np.float64]
ROUNDING = 1e-12
"""Relative: reference, scale and closed form are in double precision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """How an answer compares with the truth.

    Attributes
    ----------
    n_wrong : int
        Values further from the closed form than their packing error.
    largest_error, largest_allowed : float
        In the parameter's unit.
    """

    n_wrong: int
    largest_error: float
    largest_allowed: float


def check(query: Query, answer: Answer, store: FDB) -> Check:
    """Compare every value of an answer with the closed form."""
    columns = answer.point_columns()
    error = np.abs(columns["value"] - exact(query, answer))
    allowed = _packing_error(answer, store)[columns["field"]] + ROUNDING * np.abs(columns["value"])
    wrong = ~(error <= allowed)  # NaN is wrong
    return Check(
        n_wrong=int(wrong.sum()),
        largest_error=float(error.max(initial=0.0)),
        largest_allowed=float(allowed.max(initial=0.0)),
    )


def exact(query: Query, answer: Answer) -> Float64s:
    """Return the closed form of every value of an answer, shape (n_values,)."""
    columns = answer.point_columns()
    truth = np.empty(columns["value"].size)
    for row in range(answer.n_fields):
        inside = columns["field"] == row
        points = Points.at(columns["latitude"][inside], columns["longitude"][inside])
        level, last = int(answer.level[row]), float(answer.step[row])
        steps = np.arange(1.0, last + 1.0) if query.daily_mean else [last]
        truth[inside] = np.mean([value(query.parameter, level, step, points) for step in steps], axis=0)
    return truth


def _packing_error(answer: Answer, store: FDB) -> Float64s:
    """Return half a step of the packed integers of each field, shape (n_fields,)."""
    errors = np.empty(answer.n_fields)
    for row in range(answer.n_fields):
        key = {keyword: str(column[row]) for keyword, column in answer.columns.items()}
        layout = store.inspect(Key({k: v for k, v in key.items() if v})).layout[0]
        errors[row] = 0.5 * 2.0 ** float(layout["binary_scale"]) * 10.0 ** -float(layout["decimal_scale"])
    return errors
