"""How is an answer written as NetCDF?

As NetCDF-4 (`dte_hpc.codecs.netcdf`), in the words of CF 1.11::

    /              Conventions = "CF-1.11", featureType where one fits, and what all fields share
    /<dimension>   a scale; where the dimension has no coordinate, one without values
    /<coordinate>  float64 or int64; times and durations in seconds
    /<variable>    float64, _FillValue NaN, with units, long_name and ``coordinates``
"""

from pathlib import Path
from typing import Any

from dte_hpc.codecs import netcdf
from dte_hpc.extract.arrays import Array, Arrays
from dte_hpc.extract.encoded import encoded, in_parts


def write_netcdf(arrays: Arrays, path: Path) -> None:
    """Write arrays as one NetCDF file. Cost: one part of an array in memory, see `encoded.in_parts`."""
    with netcdf.create(path) as file:
        scales = {
            dim: _scale(file, dim, size, arrays.coordinates.get(dim)) for dim, size in arrays.sizes.items()
        }
        for name, array in arrays.all().items():
            if name not in scales:
                _variable(
                    file, name, array, scales, "" if name in arrays.coordinates else _named(arrays, array)
                )
        netcdf.set_attributes(file, {"Conventions": "CF-1.11", **arrays.attributes})


def _scale(file: Any, dim: str, size: int, coordinate: Array | None) -> Any:
    if coordinate is None or coordinate.dims != (dim,):
        return netcdf.add_dimension(file, dim, size)
    kind, attributes = encoded(coordinate)
    scale = netcdf.add_coordinate(file, dim, size, kind, attributes, grows=not size)
    _fill(scale, coordinate)
    return scale


def _named(arrays: Arrays, array: Array) -> str:
    """Return the coordinates of a variable that are no dimensions of their own."""
    return " ".join(
        name
        for name, one in arrays.coordinates.items()
        if one.dims != (name,) and set(one.dims) <= set(array.dims)
    )


def _variable(file: Any, name: str, array: Array, scales: dict[str, Any], named: str) -> None:
    kind, attributes = encoded(array)
    dataset = netcdf.add_variable(
        file,
        name,
        array.shape,
        kind,
        {**attributes, **({"coordinates": named} if named else {})},
        {dim: scales[dim] for dim in array.dims},
        {"maxshape": array.shape} if array.dims and not array.shape[0] else {},
    )
    _fill(dataset, array)


def _fill(dataset: Any, array: Array) -> None:
    for index, part in in_parts(array):
        dataset[index] = part
