"""How is an answer seen through xarray?

The only module that imports xarray (extra ``xarray``). One variable a parameter, with its units. Points
are a dimension ``points`` with coordinates latitude and longitude; members, levels and times are
dimensions when they vary, scalar coordinates when they do not.
"""

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import MissingDependency
from dte_hpc.extract.answer import Answer
from dte_hpc.extract.groups import Int64s, variables
from dte_hpc.extract.parameters import parameter
from dte_hpc.extract.times import each, moments, number_of

try:
    import xarray
except ImportError as error:
    raise MissingDependency("xarray is not installed; expected pip install 'dte-hpc[xarray]'") from error

_SECOND = np.timedelta64(1, "s")


def to_xarray(answer: Answer) -> xarray.Dataset:
    """Return an answer as a Dataset.

    A trajectory, or fields that answer for different points, have one dimension ``points`` with level,
    step and time as coordinates along it. Everything else is dense: ``(number, levelist, time, points)``,
    or ``(reference_time, step)`` for ``time`` when both vary.

    Raises
    ------
    MissingDependency
        When xarray is not installed.
    """
    dense = len(answer.grids) == 1
    arrays = {
        name: (_dense if dense and _is_product(answer, rows) else _listed)(answer, rows)
        for name, rows in variables(answer).items()
    }
    parts = [array.rename(name) for name, array in arrays.items()]
    dataset = xarray.merge(parts, join="outer", compat="override") if parts else xarray.Dataset()
    constant = {k: np.unique(column) for k, column in answer.columns.items()}
    dataset.attrs = {k: str(values[0]) for k, values in constant.items() if values.size == 1}
    dataset.attrs["feature"] = answer.kind
    return dataset


def _axes(answer: Answer, rows: Int64s) -> dict[str, NDArray[np.float64]]:
    """Return the column of numbers of each axis, slowest first."""
    number = each(answer.column("number"), number_of)[rows]
    return {
        "number": number,
        "levelist": answer.level[rows],
        "reference_time": answer.reference[rows],
        "step": answer.step[rows],
    }


def _is_product(answer: Answer, rows: Int64s) -> bool:
    sizes = [np.unique(column).size for column in _axes(answer, rows).values()]
    return int(np.prod(sizes)) == rows.size


def _dense(answer: Answer, rows: Int64s) -> xarray.DataArray:
    axes = _axes(answer, rows)
    found = {name: np.unique(column, return_inverse=True) for name, column in axes.items()}
    shape = [different.size for different, _ in found.values()]
    n_points = answer.latitude.size
    values = np.empty((*shape, n_points))
    values[tuple(where for _, where in found.values())] = answer.table[rows]
    array = xarray.DataArray(values, dims=(*found, "points"), attrs=_attributes(answer, rows))
    coordinates = {name: (name, _coordinate(name, different)) for name, (different, _) in found.items()}
    array = array.assign_coords({**coordinates, **_ground(answer, slice(0, n_points))})
    return _with_time(array)


def _with_time(array: xarray.DataArray) -> xarray.DataArray:
    """Return an array along time where base time or step do not both vary, without empty axes."""
    time = array["reference_time"] + array["step"]
    if array.sizes["reference_time"] == 1:
        array = array.squeeze("reference_time").assign_coords(time=("step", time.values[0]))
    elif array.sizes["step"] == 1:
        array = array.squeeze("step").assign_coords(time=("reference_time", time.values[:, 0]))
        array = array.swap_dims(reference_time="time")
    else:
        array = array.assign_coords(time=(("reference_time", "step"), time.values))
    for name in ("number", "levelist", "step"):
        if array.sizes.get(name) == 1:
            array = array.squeeze(name)
        if name in array.coords and not array[name].dims and array[name].isnull():
            array = array.drop_vars(name)
    return array


def _listed(answer: Answer, rows: Int64s) -> xarray.DataArray:
    """Return fields one after another along ``points``."""
    columns = answer.point_columns()
    kept = np.flatnonzero(np.isin(columns["field"], rows))
    coordinates = {
        name: ("points", columns[name][kept])
        for name in ("latitude", "longitude", "levelist", "step", "time")
    }
    number = each(answer.column("number"), number_of)[columns["field"][kept]]
    if np.isfinite(number).all() and kept.size:
        coordinates["number"] = ("points", number)
    coordinates["step"] = ("points", _coordinate("step", columns["step"][kept]))
    return xarray.DataArray(
        columns["value"][kept], dims="points", coords=coordinates, attrs=_attributes(answer, rows)
    )


def _ground(answer: Answer, points: slice) -> dict[str, tuple[str, NDArray[np.float64]]]:
    return {
        "latitude": ("points", answer.latitude[points]),
        "longitude": ("points", answer.longitude[points]),
    }


def _coordinate(name: str, numbers: NDArray[np.float64]) -> NDArray[np.generic]:
    if name == "reference_time":
        return moments(numbers).astype("datetime64[ns]")
    if name == "step":
        return (np.round(np.nan_to_num(numbers) * 3600).astype(np.int64) * _SECOND).astype("timedelta64[ns]")
    return numbers


def _attributes(answer: Answer, rows: Int64s) -> dict[str, str]:
    known = parameter(str(answer.column("param")[rows[0]]))
    return {"units": known.units, "long_name": known.name, "paramId": known.param_id}
