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
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dte_hpc.base.config import refuse
from dte_hpc.base.errors import InvalidConfig
from dte_hpc.base.events import FieldStored
from dte_hpc.base.field import Field
from dte_hpc.base.key import text_of
from dte_hpc.codecs import netcdf
from dte_hpc.postproc.action import FIELDS, Context, MaskedField, Options
from dte_hpc.postproc.naming import value_of
from dte_hpc.postproc.sinks.kept_files import KeptFiles
from dte_hpc.postproc.sinks.netcdf import CHUNK_POINTS, sync
from dte_hpc.postproc.sinks.patterns import escaped, filled, of_server, pattern_mistake, refuse_sharing


@dataclass(frozen=True, slots=True, kw_only=True)
class Hdf5Options(Options):
    """Options of `Hdf5Sink`.

    Attributes
    ----------
    path : str
        Pattern of the file's path, see `patterns`.
    per_server : bool
        A file for each IO rank, ``server-0-...``; needed where there are several.
    """

    path: str
    per_server: bool = False

    def mistakes(self, place: str) -> Iterator[InvalidConfig]:
        """Yield what is wrong with the path."""
        found = pattern_mistake(self.path)
        if found:
            yield refuse(f"{place}.path", found, "a path with keywords as {param}")


class Hdf5Sink:
    """Write fields into HDF5 files, one after another."""

    Options = Hdf5Options
    consumes = FIELDS
    journal_root: Path | None = None

    def __init__(self, options: Hdf5Options, context: Context) -> None:
        refuse_sharing(
            "hdf5", options.path, context, per_server=options.per_server, way_out="per-server: true"
        )
        self._options, self._context = options, context
        self._files = KeptFiles(Hdf5File)
        path = of_server(Path(options.path), context, per_server=options.per_server)
        self._files.prepare(path)

    @classmethod
    def explain(cls, options: Hdf5Options) -> str:
        """Say which files."""
        return f"HDF5 {options.path}" + (" (one a server)" if options.per_server else "")

    def write(self, item: MaskedField) -> None:
        """Append one field."""
        path = filled(self._options.path, item.metadata)
        path = of_server(path, self._context, per_server=self._options.per_server)
        self._files.write(path, item.field)
        self._context.listener(FieldStored(key=repr(item.metadata), n_bytes=item.field.n_bytes))

    def flush(self) -> None:
        """Make what is there durable and readable."""
        self._files.flush()

    def close(self) -> None:
        """Give every file its name."""
        self._files.close()


class Hdf5File:
    """One file, written beside its place."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._aside = path.with_name(f".{path.name}.part")
        self._file: Any = None
        self._groups: dict[tuple[Any, ...], str] = {}
        self._is_new = True

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

    def flush(self) -> None:
        """Wait until the part is on disk."""
        self._opened().flush()
        sync(self._aside)

    def park(self) -> None:
        """Flush, and close the part."""
        if self._file is not None:
            self.flush()
            self._file.close()
            self._file = None

    def finish(self) -> None:
        """Close the part, and give it the file's name."""
        self.park()
        self._aside.replace(self._path)
        sync(self._path.parent)

    def _opened(self) -> Any:
        if self._file is None:
            self._file = netcdf.create(self._aside) if self._is_new else netcdf.reopen(self._aside)
            if self._is_new:
                netcdf.set_attributes(self._file, {"format": "dte-fields"})
                self._file.attrs["version"] = 1
            self._is_new = False
        return self._file

    def _add_group(self, file: Any, param: str, grid: str, field: Field) -> str:
        n_alike = sum(1 for known in self._groups if known[0] == param)
        name = escaped(param) + (f"_{n_alike + 1}" if n_alike else "")
        group = file.create_group(name)
        netcdf.set_attributes(group, {"param": param, "grid": grid})
        n_points = field.values.size
        netcdf.add_growing(group, "values", (n_points,), field.values.dtype, (min(n_points, CHUNK_POINTS),))
        netcdf.add_growing(group, "keys", (), netcdf.TEXT, ())
        return name
