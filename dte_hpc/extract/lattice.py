"""How do fields lie along dimensions?

Fields that differ in member, level, base time and step are cells of a lattice: for each variable an array of
row numbers, -1 where nothing is stored. What does not vary is no dimension but a single coordinate.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.codecs.parameters import parameter
from dte_hpc.extract.groups import Float64s, Int64s, Keyed, variables
from dte_hpc.extract.times import each, moments, number_of

MAX_CELLS = 50_000_000
_SECOND = np.timedelta64(1, "s")
_LEVEL_UNITS = {"pl": "hPa", "pt": "K", "pv": "1e-9 K m2 kg-1 s-1"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Coordinate:
    """Values along dimensions.

    Attributes
    ----------
    dims : tuple of str
        Empty for a single value.
    values : ndarray
        float64, datetime64[ns] or timedelta64[ns], of the dimensions' sizes.
    attributes : dict of str to str
        In the words of the CF conventions.
    """

    dims: tuple[str, ...]
    values: NDArray[Any]
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cube:
    """One variable's fields.

    Attributes
    ----------
    dims : tuple of str
    rows : int64, of the dimensions' sizes
        The field at each cell, -1 where there is none.
    attributes : dict of str to str
        units, long_name, paramId.
    """

    dims: tuple[str, ...]
    rows: Int64s
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lattice:
    """All variables of some fields, and what their dimensions mean.

    Attributes
    ----------
    coordinates : dict of str to Coordinate
        Those of number, levelist, reference_time, step and time that the fields have.
    cubes : dict of str to Cube
        By short name.
    attributes : dict of str to str
        Keywords that all fields have the same value of.
    """

    coordinates: Mapping[str, Coordinate]
    cubes: Mapping[str, Cube]
    attributes: Mapping[str, str]


def lattice_of(keyed: Keyed) -> Lattice:
    """Return the lattice of some fields.

    Raises
    ------
    InvalidRequest
        When two fields of one variable have the same member, level, base time and step, or the lattice would
        be absurdly large.
    """
    axes = numbers_of(keyed)
    groups = variables(keyed)
    different = {name: _values(column, groups) for name, column in axes.items()}
    sizes = {name: values.size for name, values in different.items()}
    names = {name: name for name in axes}
    if sizes["reference_time"] > 1 and sizes["step"] <= 1:
        names["reference_time"] = "time"
    cubes = {
        variable: _cube(variable, keyed, rows, axes, different, names) for variable, rows in groups.items()
    }
    return Lattice(
        coordinates=_coordinates(keyed, different, names), cubes=cubes, attributes=constants(keyed)
    )


def numbers_of(keyed: Keyed) -> dict[str, Float64s]:
    """Return what may vary as numbers, slowest first; NaN where a field has none."""
    return {
        "number": each(keyed.column("number"), number_of),
        "levelist": keyed.level,
        "reference_time": keyed.reference,
        "step": keyed.step,
    }


def constants(keyed: Keyed) -> dict[str, str]:
    """Return the keywords that all fields have the same value of."""
    found = {keyword: np.unique(column) for keyword, column in keyed.columns.items()}
    return {keyword: str(values[0]) for keyword, values in found.items() if values.size == 1 and values[0]}


def attributes_of(keyed: Keyed, row: int) -> dict[str, str]:
    """Return what is known of one field's parameter."""
    known = parameter(str(keyed.column("param")[row]))
    facts = {"units": known.units, "long_name": known.name, "paramId": known.param_id}
    return {name: fact for name, fact in facts.items() if fact}


def _values(column: Float64s, groups: Mapping[str, Int64s]) -> Float64s:
    """Return the different values of an axis, of the variables that have the axis at all."""
    having = [column[rows] for rows in groups.values() if np.isfinite(column[rows]).any()]
    return np.unique(np.concatenate(having)) if having else np.empty(0)


def _cube(
    variable: str,
    keyed: Keyed,
    rows: Int64s,
    axes: Mapping[str, Float64s],
    different: Mapping[str, Float64s],
    names: Mapping[str, str],
) -> Cube:
    used = [n for n, column in axes.items() if different[n].size > 1 and np.isfinite(column[rows]).any()]
    shape = tuple(different[name].size for name in used)
    n_cells = int(np.prod(shape, dtype=np.float64))
    if n_cells > MAX_CELLS:
        raise InvalidRequest(
            f"the fields of {variable} lie scattered over {n_cells} combinations of "
            f"{', '.join(used)}; expected at most {MAX_CELLS}"
        )
    cells = np.full(shape, -1, np.int64)
    # NaN is the last of np.unique's values, and searchsorted finds it there
    at = tuple(np.searchsorted(different[name], axes[name][rows]) for name in used)
    cells[at] = rows if used else rows[0]
    if np.count_nonzero(cells >= 0) < rows.size:
        raise InvalidRequest(
            f"several fields of {variable} have the same member, level, base time and step; "
            "expected a request that tells them apart"
        )
    return Cube(
        dims=tuple(names[name] for name in used), rows=cells, attributes=attributes_of(keyed, int(rows[0]))
    )


def _coordinates(
    keyed: Keyed, different: Mapping[str, Float64s], names: Mapping[str, str]
) -> dict[str, Coordinate]:
    found = {}
    for name, values in different.items():
        if values.size:
            dims = (names[name],) if values.size > 1 else ()
            found[name] = Coordinate(
                dims=dims,
                values=typed(name, values if dims else values[0]),
                attributes=meaning(name, keyed),
            )
    if "reference_time" in found:
        found["time"] = _time(found, different)
    return found


def _time(found: Mapping[str, Coordinate], different: Mapping[str, Float64s]) -> Coordinate:
    """Return when the fields are valid, along whichever of base time and step vary."""
    base, step = found["reference_time"], found.get("step")
    hours = np.nan_to_num(different["step"]) if step is not None else np.zeros(1)
    seconds = different["reference_time"][:, None] + 3600 * hours
    dims = (*base.dims, *(step.dims if step is not None else ()))
    shape = tuple(
        n for n, dim in zip(seconds.shape, (base.dims, step.dims if step else ()), strict=True) if dim
    )
    return Coordinate(
        dims=dims, values=typed("time", seconds.reshape(shape)), attributes={"standard_name": "time"}
    )


def typed(name: str, numbers: Any) -> NDArray[Any]:
    """Return the values of an axis as xarray has them: times and durations in their own types."""
    array = np.asarray(numbers)
    if name in ("reference_time", "time"):
        return moments(np.atleast_1d(array)).astype("datetime64[ns]").reshape(array.shape)
    if name == "step":
        seconds = np.round(np.nan_to_num(array) * 3600).astype(np.int64)
        return np.asarray((seconds * _SECOND).astype("timedelta64[ns]"))
    if name == "number" and np.isfinite(array).all():
        return array.astype(np.int64)
    return array


def meaning(name: str, keyed: Keyed) -> dict[str, str]:
    """Return the CF attributes of an axis."""
    if name == "levelist":
        kind = constants(keyed).get("levtype", "")
        units = {"units": _LEVEL_UNITS[kind]} if kind in _LEVEL_UNITS else {}
        return {"long_name": "level", **units, **({"positive": "down"} if kind in ("pl", "ml") else {})}
    return {
        "standard_name": {
            "number": "realization",
            "reference_time": "forecast_reference_time",
            "step": "forecast_period",
        }[name]
    }
