"""How does one write NetCDF-4 with nothing but h5py?

It is HDF5 with dimension scales
(https://docs.unidata.ucar.edu/netcdf-c/current/file_format_specifications.html)::

    /<dimension>   a scale; where the dimension has no coordinate, one without values
    /<variable>    a dataset with its scales attached, and _FillValue NaN where it has floats

netCDF4-python, ncdump, xarray (netcdf4 and h5netcdf) and any HDF5 tool read it. A dimension that grows is
one whose datasets have no largest size.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from dte_hpc.base.errors import StorageFailed

_NO_VALUES = "This is a netCDF dimension but not a netCDF variable."
TEXT = h5py.string_dtype()
MAX_CHUNK = 1024
"""Entries of a chunk of a coordinate that grows."""


def create(path: Path) -> Any:
    """Return a new file, open. Others may open it meanwhile: what they see is sound after a flush."""
    return _open(path, "w")


def reopen(path: Path) -> Any:
    """Return a file that `create` made, open again."""
    return _open(path, "r+")


def _open(path: Path, mode: str) -> Any:
    try:
        return h5py.File(path, mode, track_order=True, libver=("v108", "v110"), locking=False)
    except OSError as error:
        raise StorageFailed(f"{path} cannot be opened: {error}", path=str(path)) from error


def set_attributes(node: Any, attributes: Mapping[str, str]) -> None:
    """Give a file or dataset its attributes, as text."""
    for word, text in attributes.items():
        node.attrs[word] = np.bytes_(text.encode())


def add_dimension(file: Any, name: str, size: int) -> Any:
    """Return a scale without values: a dimension that has no coordinate."""
    scale = file.create_dataset(name, (size,), ">f4", track_order=True, track_times=False)
    _become_scale(file, scale, f"{_NO_VALUES}{size:10d}")
    return scale


def add_coordinate(
    file: Any,
    name: str,
    size: int,
    kind: np.dtype[Any],
    attributes: Mapping[str, str],
    *,
    grows: bool = False,
) -> Any:
    """Return the dataset, still to be filled, of a dimension that has its own coordinate."""
    options: dict[str, Any] = {"maxshape": (None,), "chunks": (MAX_CHUNK,)} if grows else {}
    scale = add_variable(file, name, (size,), kind, attributes, {}, options)
    _become_scale(file, scale, name)
    return scale


def _become_scale(file: Any, dataset: Any, label: str) -> None:
    number = sum(1 for each in file.values() if "_Netcdf4Dimid" in each.attrs)
    dataset.make_scale(label)
    dataset.attrs["_Netcdf4Dimid"] = np.int32(number)


def add_variable(
    file: Any,
    name: str,
    shape: Sequence[int],
    kind: np.dtype[Any],
    attributes: Mapping[str, str],
    scales: Mapping[str, Any],
    options: Mapping[str, Any],
) -> Any:
    """Return a dataset, still to be filled.

    Parameters
    ----------
    scales : mapping
        The scale of each of its dimensions, in their order; empty for one that becomes a scale itself.
    options : mapping
        h5py's: ``maxshape``, ``chunks``, ``compression`` ...
    """
    fill = {"fillvalue": np.array(np.nan, kind)[()]} if kind.kind == "f" else {}
    dataset = file.create_dataset(
        name, tuple(shape), kind, track_order=True, track_times=False, **fill, **options
    )
    if kind.kind == "f":
        dataset.attrs["_FillValue"] = np.array([np.nan], kind)
    set_attributes(dataset, attributes)
    for axis, scale in enumerate(scales.values()):
        dataset.dims[axis].attach_scale(scale)
    return dataset


def add_growing(
    group: Any, name: str, rest: tuple[int, ...], kind: np.dtype[Any], chunk: tuple[int, ...]
) -> Any:
    """Return a dataset of plain HDF5 without entries, which grows along its first dimension.

    Parameters
    ----------
    rest : tuple of int
        The shape of an entry.
    kind : dtype
        Of the values; `TEXT` for text.
    chunk : tuple of int
        How much of an entry is stored together; of entries that are one value, `MAX_CHUNK` of them are.
    """
    chunks = (1, *(max(1, n) for n in chunk)) if rest else (MAX_CHUNK,)
    options = {"maxshape": (None, *rest), "chunks": chunks, "track_times": False}
    return group.create_dataset(name, (0, *rest), kind, **options)
