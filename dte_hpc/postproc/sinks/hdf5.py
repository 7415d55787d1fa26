"""How do fields end up in raw HDF5 files, as arrays and nothing more?

For programs of one's own: what came, in the order in which it came::

    /            format = "dte-fields", version = 1
    /130         a group for each parameter, grid and number of points; the second of a parameter is 130_2
        values   float32 or float64, (n_fields, n_points), as the field came; NaN is missing
        keys     text, (n_fields,): the field's metadata as JSON
        param, grid   attributes

Files are written, named, flushed and left behind by a crash as those of sink `netcdf`, and grow along
their first dimension.
"""

import json
from pathlib import Path
from typing import Any

from dte_hpc.base.field import Field
from dte_hpc.base.key import text_of
from dte_hpc.codecs import netcdf
from dte_hpc.postproc.naming import value_of
from dte_hpc.postproc.sinks.aside import AsideFile
from dte_hpc.postproc.sinks.kept_files import GrowingFile
from dte_hpc.postproc.sinks.netcdf import CHUNK_POINTS
from dte_hpc.postproc.sinks.of_fields import FieldSink
from dte_hpc.postproc.sinks.patterns import escaped


class Hdf5Sink(FieldSink):
    """Write fields into HDF5 files, one after another."""

    NAME, TITLE = "hdf5", "HDF5"

    def _file(self, path: Path) -> GrowingFile:
        return Hdf5File(path)


class Hdf5File(AsideFile):
    """One file, written beside its place."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._groups: dict[tuple[Any, ...], str] = {}

    def write(self, field: Field) -> None:
        """Append a field to those of its parameter and grid."""
        file = self._opened()
        param = text_of(value_of(field.metadata, "param") or "unknown")
        grid = text_of(field.metadata.get("grid", ""))
        identity = (param, grid, field.values.size, field.values.dtype.name)
        if identity not in self._groups:
            self._groups[identity] = self._add_group(file, param, grid, field)
        group = file[self._groups[identity]]
        at = group["keys"].shape[0]
        for name, value in (("values", field.values), ("keys", json.dumps(dict(field.metadata)))):
            group[name].resize(at + 1, axis=0)
            group[name][at] = value

    def _begin(self, file: Any) -> None:
        netcdf.set_attributes(file, {"format": "dte-fields"})
        file.attrs["version"] = 1

    def _add_group(self, file: Any, param: str, grid: str, field: Field) -> str:
        n_alike = sum(1 for known in self._groups if known[0] == param)
        name = escaped(param) + (f"_{n_alike + 1}" if n_alike else "")
        group = file.create_group(name)
        netcdf.set_attributes(group, {"param": param, "grid": grid})
        n_points = field.values.size
        netcdf.add_growing(group, "values", (n_points,), field.values.dtype, (min(n_points, CHUNK_POINTS),))
        netcdf.add_growing(group, "keys", (), netcdf.TEXT, ())
        return name
