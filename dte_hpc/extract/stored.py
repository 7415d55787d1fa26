"""How are values of a store read as an array is indexed?

A variable is a lattice of fields times the points of their grid (`ground`). An index into it becomes fields
times ranges of points, of which only the bytes are read; a field wanted whole is read whole, and then
compared with its checksum. Several threads may read at once.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.extract.account import READING, Account
from dte_hpc.extract.arrays import Array, Arrays, Index, held
from dte_hpc.extract.batches import ReadPolicy
from dte_hpc.extract.chosen import Chosen
from dte_hpc.extract.feature import Feature
from dte_hpc.extract.ground import Ground, positions
from dte_hpc.extract.lattice import Cube, lattice_of
from dte_hpc.extract.places import Places
from dte_hpc.extract.query import Query
from dte_hpc.extract.ranges import Ranges
from dte_hpc.extract.read import read_values
from dte_hpc.grids import Grid

Float64s = NDArray[np.float64]
Int64s = NDArray[np.int64]
_SUMMED = ("fields", "points", *READING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A grid that has no name here: all its points may be read, and none be found by its place."""

    n_points: int
    name: str = ""


class FieldReader:
    """Reads points of fields that lie on one grid.

    Parameters
    ----------
    chosen : Chosen
        The fields.
    grid : Grid or None
        Theirs.
    n_points : int
        Of the grid.
    again : callable, optional
        Makes the same reader in another process from arguments that can be pickled.

    Attributes
    ----------
    account : Account
        What was read so far, of all threads.
    """

    def __init__(
        self,
        chosen: Chosen,
        grid: Grid | None,
        n_points: int,
        again: tuple[Callable[..., "FieldReader"], tuple[Any, ...]] | None = None,
    ) -> None:
        self.chosen = chosen
        self.grid: Any = grid or Whole(n_points=n_points)
        self.n_points = n_points
        self.account = Account()
        self._again = again
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Callable[..., "FieldReader"], tuple[Any, ...]]:
        if self._again is None:
            raise TypeError(
                "these fields were given as a handle, which stays in its process; expected a dataset opened "
                "with engine='dte' to be sent to another"
            )
        return self._again

    def read(self, rows: Int64s, ranges: Ranges) -> Float64s:
        """Return the values of some fields at some points: float64, shape (n_rows, n_points)."""
        account = Account()
        if ranges.n_points == self.n_points:
            values = self._whole(rows, account)
        else:
            values = self._points(rows, ranges, account)
        account.fields, account.points = rows.size, values.size
        self._add(account)
        return values

    def _points(self, rows: Int64s, ranges: Ranges, account: Account) -> Float64s:
        query = Query(
            feature=Feature(kind="position"),
            chosen=self.chosen.select(rows),
            places=(Places(grid=self.grid, ranges=ranges),),
            place_of_field=np.zeros(rows.size, np.int64),
        )
        with account.phase("read"):
            values = read_values(query, 0, rows.size * ranges.n_points, account, policy=ReadPolicy())
        return values.reshape(rows.size, ranges.n_points)

    def _whole(self, rows: Int64s, account: Account) -> Float64s:
        """Return whole fields, each compared with its checksum."""
        from dte_hpc.codecs.decode import decode

        values = np.empty((rows.size, self.n_points))
        with account.phase("read"):
            for target, row in zip(values, rows.tolist(), strict=True):
                message = self.chosen.fields.message(row)
                decode(message, target)
                account.reads += 1
                account.bytes_read += len(message)
        account.bytes_requested = account.bytes_read
        account.bytes_decoded = values.nbytes
        return values

    def _add(self, account: Account) -> None:
        with self._lock:
            for name in _SUMMED:
                setattr(self.account, name, getattr(self.account, name) + getattr(account, name))
            for phase, seconds in account.seconds.items():
                self.account.seconds[phase] = self.account.seconds.get(phase, 0.0) + seconds


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stored:
    """One variable of a store.

    Attributes
    ----------
    cube : Cube
        Its fields.
    ground : Ground
        Their points.
    reader : FieldReader
    """

    cube: Cube
    ground: Ground
    reader: FieldReader

    @property
    def dims(self) -> tuple[str, ...]:
        """The name of each dimension."""
        return (*self.cube.dims, *self.ground.dims)

    @property
    def shape(self) -> tuple[int, ...]:
        """The size of each."""
        return (*self.cube.rows.shape, *self.ground.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the values."""
        return np.dtype(np.float64)

    @property
    def attributes(self) -> Mapping[str, str]:
        """units, long_name, paramId."""
        return self.cube.attributes

    def read(self, index: tuple[Index, ...]) -> NDArray[Any]:
        """Return the values at every combination of some positions; NaN where no field is stored.

        Raises
        ------
        CorruptData
            When a data file ends too early or does not fit its index.
        """
        n_axes = self.cube.rows.ndim
        along = positions(index[:n_axes], self.cube.rows.shape)
        rows = self.cube.rows[np.ix_(*along)] if along else self.cube.rows
        ranges, order = self.ground.wanted(index[n_axes:])
        on_ground = tuple(p.size for p in positions(index[n_axes:], self.ground.shape))
        values = self._of_rows(rows.ravel(), ranges)
        return (values if order is None else values[:, order]).reshape(*rows.shape, *on_ground)

    def _of_rows(self, rows: Int64s, ranges: Ranges) -> Float64s:
        if rows.size and ranges.n_points and rows[0] >= 0 and (np.diff(rows) > 0).all():
            return self.reader.read(rows, ranges)
        values = np.full((rows.size, ranges.n_points), np.nan)
        there = rows >= 0
        if there.any() and ranges.n_points:
            different, which = np.unique(rows[there], return_inverse=True)
            values[there] = self.reader.read(different, ranges)[which]
        return values


def stored_arrays(reader: FieldReader, ground: Ground) -> Arrays:
    """Return all variables of some fields; nothing of a field is read.

    Raises
    ------
    InvalidRequest
        When two fields of one variable cannot be told apart.
    """
    lattice = lattice_of(reader.chosen)
    variables: dict[str, Array] = {
        name: Stored(cube=cube, ground=ground, reader=reader) for name, cube in lattice.cubes.items()
    }
    return Arrays(
        coordinates={**held(lattice), **ground.coordinates()},
        variables=variables,
        attributes=lattice.attributes,
    )
