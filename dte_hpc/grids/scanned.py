"""In which order does a message scan the rows of a grid?

WMO's flag table 3.4 (GRIB1: table 8), as its number: 128 from east to west, 64 from south to north, 32 along
columns, 16 every other row (or column) the other way. ``1/1/scan/64`` is the grid ``1/1`` whose first point
is its southwestern one.
"""

import re
from dataclasses import dataclass

import numpy as np

from dte_hpc.base.errors import InvalidGrid
from dte_hpc.grids.families import grid
from dte_hpc.grids.protocol import Int64s
from dte_hpc.grids.rows import RowGrid
from dte_hpc.grids.spans import expand, runs

WESTWARD, NORTHWARD, BY_COLUMNS, ALTERNATING = 128, 64, 32, 16
_NAME = re.compile(r"(.+)/scan/(\d{1,3})")
_RECTANGULAR = ("regular_ll", "regular_gaussian", "mercator")


def from_name(name: str) -> "ScannedGrid | None":
    """1/1/scan/64: a grid of rows scanned as WMO's flag table 3.4 says (128 west, 64 north, 32 columns, 16 alternating).

    Returns None for a name of another family.
    """  # noqa: E501
    match = _NAME.fullmatch(name.strip())
    if match is None:
        return None
    flags = checked_flags(name, int(match[2]))
    if not flags:
        raise InvalidGrid(f"grid {name!r} scans as every grid does; expected {match[1]!r}", name=name)
    return scanned(grid(match[1]), flags)


def checked_flags(name: str, flags: int) -> int:
    """Return flags of a name; InvalidGrid when they are more than directions."""
    if flags & ~(WESTWARD | NORTHWARD | BY_COLUMNS | ALTERNATING):
        raise InvalidGrid(
            f"grid {name!r} scans by the flags {flags}; expected a sum of 128, 64, 32 and 16", name=name
        )
    return flags


def scanned(base: object, flags: int) -> "ScannedGrid":
    """Return a grid of the same points whose values stand in the order of scanning flags (not 0).

    Raises
    ------
    InvalidGrid
        When the grid does not stand in row order, or by columns where rows differ in length.
    """
    name = getattr(base, "name", base)
    if not isinstance(base, RowGrid) or not base.in_row_order:
        raise InvalidGrid(f"grid {name} cannot be scanned another way; expected a grid of rows", name=name)
    if flags & (BY_COLUMNS | ALTERNATING) and base.kind not in _RECTANGULAR:
        raise InvalidGrid(
            f"grid {name} has rows of different lengths; expected scanning flags 128 or 64", name=name
        )
    return ScannedGrid(
        name=f"{base.name}/scan/{flags}",
        kind=base.kind,
        latitudes=base.latitudes,
        row_start=base.row_start,
        first_longitude=base.first_longitude,
        spacing=base.spacing,
        wraps=base.wraps,
        flags=flags,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ScannedGrid(RowGrid):
    """A grid of rows that is scanned another way than from north to south and west to east.

    Attributes
    ----------
    flags : int
        WMO's flag table 3.4, its first four bits.
    """

    flags: int

    @property
    def in_row_order(self) -> bool:
        """Whether the grid's own order is the row order: it is not."""
        return False

    @property
    def base_name(self) -> str:
        """The name of the grid of the same points in row order."""
        return self.name.rpartition("/scan/")[0]

    def from_row_order(self, indices: Int64s) -> Int64s:
        """Return the own index of points given by row-order index."""
        row = self.row_of(indices)
        column = indices - self.row_start[row]
        if self.flags & BY_COLUMNS:
            column, row = self._turned_by_columns(column, self._turned_row(row))
            return column * self.n_rows + row
        return self._own_start(row) + self._turned_column(column, row)

    def to_row_order(self, indices: Int64s) -> Int64s:
        """Return the row-order index of points given by own index."""
        if self.flags & BY_COLUMNS:
            column, row = np.divmod(indices, self.n_rows)
            if self.flags & ALTERNATING:
                row = np.where(column % 2, self.n_rows - 1 - row, row)
            length = int(self.row_start[1])
            column = length - 1 - column if self.flags & WESTWARD else column
            return self.row_start[self._turned_row(row)] + column
        starts = self._own_start(self._turned_row(np.arange(self.n_rows)))
        at = np.searchsorted(starts, indices, side="right") - 1
        row = self._turned_row(at)
        return self.row_start[row] + self._turned_column(indices - starts[at], row)

    def own_ranges(self, start: Int64s, stop: Int64s) -> tuple[Int64s, Int64s]:
        """Return ranges of row-order indices as ranges of own indices; by columns it costs the points."""
        if self.flags & BY_COLUMNS:
            return runs(self.from_row_order(expand(start, stop)[1]))
        owner, row = expand(self.row_of(start), self.row_of(stop - 1) + 1)
        first = np.maximum(start[owner], self.row_start[row])
        last = np.minimum(stop[owner], self.row_start[row + 1]) - 1
        ends = np.stack([self.from_row_order(first), self.from_row_order(last)])
        return ends.min(axis=0), ends.max(axis=0) + 1

    def _turned_row(self, row: Int64s) -> Int64s:
        return self.n_rows - 1 - row if self.flags & NORTHWARD else row

    def _turned_by_columns(self, column: Int64s, row: Int64s) -> tuple[Int64s, Int64s]:
        length = int(self.row_start[1])
        column = length - 1 - column if self.flags & WESTWARD else column
        if self.flags & ALTERNATING:
            row = np.where(column % 2, self.n_rows - 1 - row, row)
        return column, row

    def _own_start(self, row: Int64s) -> Int64s:
        return self.n_points - self.row_start[row + 1] if self.flags & NORTHWARD else self.row_start[row]

    def _turned_column(self, column: Int64s, row: Int64s) -> Int64s:
        """Return columns counted from the other end where their row is scanned westward; its own inverse."""
        westward = np.full(row.shape, bool(self.flags & WESTWARD))
        if self.flags & ALTERNATING:
            westward ^= self._turned_row(row) % 2 == 1
        length = self.row_start[row + 1] - self.row_start[row]
        return np.where(westward, length - 1 - column, column)
