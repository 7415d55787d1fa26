"""Which arrays, with which dimensions and coordinates, are an answer?

What every format with dimensions is made from: xarray, NetCDF, Zarr, NumPy. One variable a parameter.
An array may be in memory (`Held`) or read when it is asked for (`stored`): both are an `Array`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.extract.answer import Answer
from dte_hpc.extract.lattice import Cube, Lattice, attributes_of, constants, lattice_of, meaning
from dte_hpc.extract.records import Records

Float64s = NDArray[np.float64]
Int64s = NDArray[np.int64]
Index: TypeAlias = "slice | Int64s"
POINTS = "points"
LATITUDE = {"units": "degrees_north", "standard_name": "latitude"}
LONGITUDE = {"units": "degrees_east", "standard_name": "longitude"}
SPARSE = 4
"""Cells of a lattice for each field of it, from which on an answer is a list instead."""


class Array(Protocol):
    """Numbers along dimensions, of which some can be asked for."""

    @property
    def dims(self) -> tuple[str, ...]:
        """The name of each dimension."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The size of each."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the numbers."""

    @property
    def attributes(self) -> Mapping[str, str]:
        """What the numbers are, in the words of the CF conventions."""

    def read(self, index: tuple[Index, ...]) -> NDArray[Any]:
        """Return the numbers at every combination of some positions along each dimension."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Held:
    """An array in memory."""

    dims: tuple[str, ...]
    values: NDArray[Any]
    attributes: Mapping[str, str]

    @property
    def shape(self) -> tuple[int, ...]:
        """The size of each dimension."""
        return self.values.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the numbers."""
        return self.values.dtype

    def read(self, index: tuple[Index, ...]) -> NDArray[Any]:
        """Return the numbers at every combination of some positions along each dimension."""
        found = self.values
        for axis, along in enumerate(index):
            found = found[(slice(None),) * axis + (along,)]
        return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Arrays:
    """Variables, their coordinates, and what all of it is.

    Attributes
    ----------
    coordinates, variables : Mapping of str to Array
    attributes : Mapping of str to str
    """

    coordinates: Mapping[str, Array]
    variables: Mapping[str, Array]
    attributes: Mapping[str, str]

    @property
    def sizes(self) -> dict[str, int]:
        """The size of each dimension, in the order in which they first appear."""
        every = (*self.variables.values(), *self.coordinates.values())
        return {dim: n for array in every for dim, n in zip(array.dims, array.shape, strict=True)}

    def all(self) -> dict[str, Array]:
        """Return coordinates and variables by name."""
        return {**self.coordinates, **self.variables}


def arrays_of(answer: Answer) -> Arrays:
    """Return an answer as arrays.

    Fields that answer for the same points are dense: ``(number, levelist, step, points)``, or
    ``(reference_time, step)`` for ``step`` when both vary, ``time`` when only the base time does; what does
    not vary is a single coordinate. A trajectory, and what lies too scattered, is a list along ``points``
    with level, step and time as coordinates along it.
    """
    attributes = {**constants(answer), "feature": answer.kind}
    lattice = _dense_lattice(answer)
    coordinates, variables = _listed(answer) if lattice is None else _dense(answer, lattice)
    return Arrays(coordinates=coordinates, variables=variables, attributes=attributes)


def _dense_lattice(answer: Answer) -> Lattice | None:
    if len(answer.grids) != 1:
        return None
    try:
        lattice = lattice_of(answer)
    except InvalidRequest:  # steps 0-6 and 6 end at the same hour: a list can tell them, a lattice cannot
        return None
    n_cells = sum(cube.rows.size for cube in lattice.cubes.values())
    return lattice if n_cells <= SPARSE * answer.n_fields else None


def _dense(answer: Answer, lattice: Lattice) -> tuple[dict[str, Array], dict[str, Array]]:
    variables = {
        name: Held(dims=(*cube.dims, POINTS), values=_filled(answer.table, cube), attributes=cube.attributes)
        for name, cube in lattice.cubes.items()
    }
    return {**held(lattice), **_ground(answer.latitude, answer.longitude)}, dict(variables)


def held(lattice: Lattice) -> dict[str, Array]:
    """Return the coordinates of a lattice as arrays."""
    return {
        name: Held(dims=one.dims, values=one.values, attributes=one.attributes)
        for name, one in lattice.coordinates.items()
    }


def _filled(table: Float64s, cube: Cube) -> Float64s:
    rows = cube.rows.ravel()
    values = table[np.maximum(rows, 0)]
    values[rows < 0] = np.nan
    return values.reshape(*cube.rows.shape, table.shape[1])


def _ground(latitude: Float64s, longitude: Float64s) -> dict[str, Array]:
    return {
        "latitude": Held(dims=(POINTS,), values=latitude, attributes=LATITUDE),
        "longitude": Held(dims=(POINTS,), values=longitude, attributes=LONGITUDE),
    }


def _listed(answer: Answer) -> tuple[dict[str, Array], dict[str, Array]]:
    records = Records(answer)
    columns = records.part(0, len(records))
    known = {"latitude": LATITUDE, "longitude": LONGITUDE, "time": {"standard_name": "time"}}
    coordinates: dict[str, Array] = {
        name: Held(dims=(POINTS,), values=columns[name], attributes=known.get(name) or meaning(name, answer))
        for name in records.coordinates
    }
    variables: dict[str, Array] = {
        name: Held(dims=(POINTS,), values=columns[name], attributes=attributes_of(answer, int(rows[0])))
        for name, rows in records.variables.items()
    }
    return coordinates, variables
