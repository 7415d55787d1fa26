"""What came back?

Columns and no object a point: the keys of the fields, the coordinates of each set of points once, and
all values one after another.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import CorruptData
from dte_hpc.extract.account import Account
from dte_hpc.extract.times import moments

if TYPE_CHECKING:
    import xarray

Float64s = NDArray[np.float64]
Int64s = NDArray[np.int64]
Texts = NDArray[np.str_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answer:
    """The points that were asked for.

    Attributes
    ----------
    kind : str
        Of the feature: timeseries, trajectory, ...
    axis : str
        The keyword a series or profile runs along; empty otherwise.
    columns : Mapping[str, ndarray of str, shape (n_fields,)]
        The fields' keys, keyword by keyword.
    level, step : ndarray of float64, shape (n_fields,)
        Level in its own unit, step in hours (the end of a period); NaN where a field has none.
    reference : ndarray of float64, shape (n_fields,)
        Base time of each field, seconds since 1970-01-01T00:00Z; NaN where a field has none.
    grids : tuple of str, one for each set of points
        Names of the grids.
    index : ndarray of int64, shape (n_points,)
        Position of each point in its grid, all sets one after another.
    latitude, longitude : ndarray of float64, shape (n_points,)
        Degrees.
    place_start : ndarray of int64, shape (n_places + 1,)
        Where each set of points begins.
    place_of_field : ndarray of int64, shape (n_fields,)
        Which set of points each field answers for.
    values : ndarray of float64, shape (n_values,)
        In the parameter's own unit, field after field; NaN is missing.
    account : Account
        What it cost.
    """

    kind: str
    axis: str
    columns: Mapping[str, Texts]
    level: Float64s
    step: Float64s
    reference: Float64s
    grids: tuple[str, ...]
    index: Int64s
    latitude: Float64s
    longitude: Float64s
    place_start: Int64s
    place_of_field: Int64s
    values: Float64s
    account: Account = field(default_factory=Account)

    def __post_init__(self) -> None:
        expected = int(np.diff(self.place_start)[self.place_of_field].sum())
        if self.values.shape != (expected,):
            raise CorruptData(
                f"an answer has {self.values.size} values; expected {expected}, the points of its fields"
            )

    @property
    def n_fields(self) -> int:
        """How many fields were touched."""
        return int(self.place_of_field.size)

    @property
    def time(self) -> NDArray[np.datetime64]:
        """When each field is valid: datetime64[s], shape (n_fields,)."""
        return moments(self.reference + np.nan_to_num(self.step) * 3600)

    @property
    def value_start(self) -> Int64s:
        """Where each field's values begin: int64, shape (n_fields + 1,)."""
        counts = np.diff(self.place_start)[self.place_of_field]
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])

    @property
    def table(self) -> Float64s:
        """The values as one row a field, when all fields answer for equally many points."""
        return self.values.reshape(self.n_fields, -1)

    def points_of(self, row: int) -> slice:
        """Return where a field's points stand in `latitude`, `longitude` and `index`."""
        place = int(self.place_of_field[row])
        return slice(int(self.place_start[place]), int(self.place_start[place + 1]))

    def values_of(self, row: int) -> Float64s:
        """Return one field's values."""
        count = int(np.diff(self.place_start)[self.place_of_field[:row]].sum())
        points = self.points_of(row)
        return self.values[count : count + points.stop - points.start]

    def point_columns(self) -> dict[str, NDArray[Any]]:
        """Return coordinates of every value: field, latitude, longitude, levelist, step, time and value.

        Each an array of shape (n_values,); `field` is the row of the field.
        """
        counts = np.diff(self.place_start)[self.place_of_field]
        row = np.repeat(np.arange(self.n_fields), counts)
        start = self.place_start[self.place_of_field] - (np.cumsum(counts) - counts)
        at = np.arange(row.size) + np.repeat(start, counts)
        return {
            "field": row,
            "latitude": self.latitude[at],
            "longitude": self.longitude[at],
            "levelist": self.level[row],
            "step": self.step[row],
            "time": self.time[row],
            "value": self.values,
        }

    def column(self, keyword: str, default: str = "") -> Texts:
        """Return one keyword's value of each field; a default where the keys do not have it."""
        return self.columns.get(keyword, np.full(self.n_fields, default))

    def to_covjson(self) -> dict[str, Any]:
        """Return the answer as CoverageJSON; see `to_covjson.to_covjson`."""
        from dte_hpc.extract.to_covjson import to_covjson

        return to_covjson(self)

    def to_xarray(self) -> "xarray.Dataset":
        """Return the answer as a Dataset; see `to_xarray.to_xarray`."""
        from dte_hpc.extract.to_xarray import to_xarray

        return to_xarray(self)


def nothing(kind: str, axis: str, account: Account) -> Answer:
    """Return an answer without fields: what a rank has that only helped."""
    numbers, counts = np.empty(0), np.empty(0, np.int64)
    return Answer(
        kind=kind,
        axis=axis,
        columns={},
        level=numbers,
        step=numbers,
        reference=numbers,
        grids=(),
        index=counts,
        latitude=numbers,
        longitude=numbers,
        place_start=np.zeros(1, np.int64),
        place_of_field=counts,
        values=numbers,
        account=account,
    )
