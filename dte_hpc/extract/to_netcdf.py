"""How is an answer written as NetCDF?

As NetCDF-4, which is HDF5 with dimension scales (https://docs.unidata.ucar.edu/netcdf-c/current/file_format_specifications.html),
in the words of CF 1.11, and with nothing but h5py, which every installation has::

    /              Conventions = "CF-1.11", featureType where one fits, and what all fields share
    /<dimension>   a scale; where the dimension has no coordinate, one without values
    /<coordinate>  float64 or int64; times and durations in seconds
    /<variable>    float64, _FillValue NaN, with units, long_name and ``coordinates``

netCDF4-python, ncdump, xarray (netcdf4 and h5netcdf) and any HDF5 tool read it.
"""

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from dte_hpc.extract.arrays import Array, Arrays
from dte_hpc.extract.encoded import encoded, in_parts

_NO_VALUES = "This is a netCDF dimension but not a netCDF variable."


def write_netcdf(arrays: Arrays, path: Path) -> None:
    """Write arrays as one NetCDF file. Cost: one part of an array in memory, see `encoded.in_parts`."""
    with h5py.File(path, "w", track_order=True, libver=("v108", "v110")) as file:
        scales = {
            dim: _scale(file, number, dim, size, arrays.coordinates.get(dim))
            for number, (dim, size) in enumerate(arrays.sizes.items())
        }
        for name, array in arrays.all().items():
            if name not in scales:
                _variable(
                    file, name, array, scales, "" if name in arrays.coordinates else _named(arrays, array)
                )
        for name, text in {"Conventions": "CF-1.11", **arrays.attributes}.items():
            file.attrs[name] = np.bytes_(text.encode())


def _scale(file: Any, number: int, dim: str, size: int, coordinate: Array | None) -> Any:
    if coordinate is not None and coordinate.dims == (dim,):
        scale = _variable(file, dim, coordinate, {}, "")
        scale.make_scale(dim)
    else:
        scale = file.create_dataset(dim, (size,), ">f4", track_order=True, track_times=False)
        scale.make_scale(f"{_NO_VALUES}{size:10d}")
    scale.attrs["_Netcdf4Dimid"] = np.int32(number)
    return scale


def _named(arrays: Arrays, array: Array) -> str:
    """Return the coordinates of a variable that are no dimensions of their own."""
    return " ".join(
        name
        for name, one in arrays.coordinates.items()
        if one.dims != (name,) and set(one.dims) <= set(array.dims)
    )


def _variable(file: Any, name: str, array: Array, scales: dict[str, Any], named: str) -> Any:
    kind, attributes = encoded(array)
    options: dict[str, Any] = {"track_order": True, "track_times": False}
    if array.dims and not array.shape[0]:
        options["maxshape"] = array.shape
    dataset = file.create_dataset(name, array.shape, kind, **options)
    if kind.kind == "f":
        dataset.attrs["_FillValue"] = np.array([np.nan], kind)
    for word, text in {**attributes, **({"coordinates": named} if named else {})}.items():
        dataset.attrs[word] = np.bytes_(text.encode())
    for index, part in in_parts(array):
        dataset[index] = part
    for axis, dim in enumerate(array.dims if scales else ()):
        dataset.dims[axis].attach_scale(scales[dim])
    return dataset
