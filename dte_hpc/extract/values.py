"""What are the values of stored fields at points given by their indices?

The road for whoever knows a grid's indices already: no request, no geometry, no coordinates.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.extract.account import Account
from dte_hpc.extract.batches import ReadPolicy
from dte_hpc.extract.pread import Reader
from dte_hpc.extract.ranges import Ranges
from dte_hpc.extract.read import read_values
from dte_hpc.extract.store import Fields

Int64s = NDArray[np.int64]
Float64s = NDArray[np.float64]


def values_at(
    fields: Fields,
    points: "Ranges | ArrayLike",
    *,
    account: Account | None = None,
    policy: ReadPolicy | None = None,
    reader: Reader | None = None,
) -> Float64s:
    """Return the values of some points of every field of a listing, reading only the bytes that hold them.

    Parameters
    ----------
    fields : Fields
        As `FDB.list` and `FDB.inspect` return them; all of one number of points.
    points : Ranges, or array of int, shape (n_points,), or of bool, shape (n_values,)
        Grid indices in any order, repeats allowed; or a mask of the whole field.
    account : Account, optional
        What was read is added to it.
    policy : ReadPolicy, optional
        What reading weighs.

    Returns
    -------
    float64, shape (n_fields, n_points)
        In the order of the listing and of the points; NaN where missing.

    Raises
    ------
    InvalidRequest
        If a point is none of the fields', or they differ in how many they have.
    CorruptData
        When a data file ends too early or does not fit its index.
    """
    n_values = _n_values(fields)
    ranges, order = _ranges(points, n_values)
    n_fields, n_points = len(fields), ranges.n_points
    wanted = _Indexed(fields, (_Points(ranges, n_values),), np.zeros(n_fields, np.int64))
    values = read_values(wanted, 0, n_fields * n_points, account or Account(), reader=reader, policy=policy)
    table = values.reshape(n_fields, n_points)
    return table if order is None else table[:, order]


@dataclass(frozen=True, slots=True)
class _Points:
    ranges: Ranges
    n_grid_points: int


@dataclass(frozen=True, slots=True)
class _Indexed:
    """What is to be read, as `dte_hpc.extract.batches.Wanted` has it."""

    fields: Fields
    places: tuple[_Points, ...]
    place_of_field: Int64s

    def read_start(self) -> Int64s:
        return np.arange(len(self.fields) + 1, dtype=np.int64) * self.places[0].ranges.n_points


def _n_values(fields: Fields) -> int:
    sizes: NDArray[Any] = fields.layout["n_values"]
    if sizes.size and (sizes != sizes[0]).any():
        raise InvalidRequest(
            f"the fields have {np.unique(sizes)[:3].tolist()} points; expected all of one grid"
        )
    return int(sizes[0]) if sizes.size else 0


def _ranges(points: "Ranges | ArrayLike", n_values: int) -> tuple[Ranges, Int64s | None]:
    """Return points as ranges, and which of these each is when they are not ascending."""
    if isinstance(points, Ranges):
        ranges, order = points, None
    else:
        given = np.asarray(points)
        if given.dtype == np.bool_:
            if given.shape != (n_values,):
                raise InvalidRequest(f"a mask of shape {given.shape} was given; expected ({n_values},)")
            given = np.flatnonzero(given)
        if given.ndim != 1 or (given.size and given.dtype.kind not in "iu"):
            raise InvalidRequest(
                f"points of shape {given.shape} and type {given.dtype} were given; expected a list of indices"
            )
        index = given.astype(np.int64)
        ascending = bool((np.diff(index) > 0).all())
        order = None if ascending else np.unique(index, return_inverse=True)[1].astype(np.int64)
        ranges = Ranges.of_indices(index)
    if len(ranges) and (ranges.start[0] < 0 or ranges.stop[-1] > n_values):
        raise InvalidRequest(
            f"points {ranges.start[0]} to {ranges.stop[-1] - 1} were asked for; expected 0 to {n_values - 1}"
        )
    return ranges, order
