"""What is an answer as rows of a table?

One row a point of each member, level, base time and step: where and when it is, and the value of every
parameter there. Rows are made when they are asked for, so that a file can be written in parts.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.extract.answer import Answer
from dte_hpc.extract.groups import Int64s, groups_by, variables
from dte_hpc.extract.lattice import numbers_of, typed

PART_ROWS = 65_536
_ORDER = ("number", "reference_time", "time", "step", "levelist")


class Records:
    """The rows of an answer.

    Parameters
    ----------
    answer : Answer

    Attributes
    ----------
    coordinates : tuple of str
        Those of number, reference_time, time, step and levelist that its fields have, latitude and longitude.
    variables : dict of str to ndarray of int64
        The parameters by short name, with the answer's rows of each.
    """

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.variables = variables(answer)
        axes = numbers_of(answer)
        self._kinds = self._told_apart(answer, axes)
        first = np.array([rows[0] for rows in self._kinds], np.int64)
        self._place = answer.place_of_field[first]
        self._ends = np.cumsum(np.diff(answer.place_start)[self._place])
        self._start = answer.value_start
        self._columns = {name: typed(name, column[first]) for name, column in axes.items()}
        self._columns["time"] = typed(
            "time", answer.reference[first] + 3600 * np.nan_to_num(answer.step[first])
        )
        having = {name for name, column in axes.items() if np.isfinite(column).any()}
        having |= {"time"} if "reference_time" in having else set()
        self.coordinates = (*(name for name in _ORDER if name in having), "latitude", "longitude")
        self._row_of = {name: self._rows(rows) for name, rows in self.variables.items()}

    def __len__(self) -> int:
        return int(self._ends[-1]) if self._ends.size else 0

    def part(self, first: int, last: int) -> dict[str, NDArray[Any]]:
        """Return the columns of some rows: coordinates, then variables, each of shape (last - first,)."""
        at = np.arange(first, last)
        kind = np.searchsorted(self._ends, at, side="right")
        n_points = np.diff(self._answer.place_start)[self._place]
        offset = at - (self._ends - n_points)[kind]
        point = self._answer.place_start[self._place[kind]] + offset
        columns = {name: self._columns[name][kind] for name in self.coordinates if name in self._columns}
        columns["latitude"], columns["longitude"] = (
            self._answer.latitude[point],
            self._answer.longitude[point],
        )
        for name, row_of in self._row_of.items():
            columns[name] = self._values(row_of[kind], offset)
        return columns

    def parts(self) -> Iterator[dict[str, NDArray[Any]]]:
        """Yield the columns of all rows, `PART_ROWS` at a time."""
        for first in range(0, len(self), PART_ROWS):
            yield self.part(first, min(first + PART_ROWS, len(self)))

    def _told_apart(self, answer: Answer, axes: dict[str, NDArray[np.float64]]) -> list[Int64s]:
        """Return the fields that share rows, in the order of their first.

        Two fields of one variable never do, not even steps 0-6 and 6, which end at the same hour.
        """
        step = answer.column("step")
        columns: list[NDArray[Any]] = [answer.place_of_field, *axes.values(), step]
        return groups_by(columns, np.arange(answer.n_fields))

    def _rows(self, rows: Int64s) -> Int64s:
        """Return for each kind of row the field of one variable, -1 for none."""
        wanted = np.zeros(self._answer.n_fields, np.bool_)
        wanted[rows] = True
        return np.array([next((r for r in kind.tolist() if wanted[r]), -1) for kind in self._kinds], np.int64)

    def _values(self, rows: Int64s, offset: Int64s) -> NDArray[np.float64]:
        values = np.full(rows.size, np.nan)
        there = rows >= 0
        values[there] = self._answer.values[self._start[rows[there]] + offset[there]]
        return values
