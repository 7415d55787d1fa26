"""How do fields end up in NetCDF files that grow with time?

What a file holds is `series`'s. One file for each path of the pattern, on each IO rank::

    - {type: netcdf, path: 'out/{param}-{date}.nc', deflate: 1}

A file is written beside its place, as ``.out.nc.part``, and renamed when the job ends: under its own name a
file is always whole. A flush makes the part readable by any NetCDF tool, and durable. A crash leaves the
part: readable as of the last flush if no field came after that one, else perhaps torn, as HDF5 writes in
place.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dte_hpc.base.config import refuse
from dte_hpc.base.errors import InvalidConfig
from dte_hpc.base.field import Field
from dte_hpc.codecs import netcdf
from dte_hpc.postproc.sinks.aside import AsideFile
from dte_hpc.postproc.sinks.kept_files import GrowingFile
from dte_hpc.postproc.sinks.of_fields import FieldSink, PatternOptions
from dte_hpc.postproc.sinks.series import Axis, Ground, Series, Variable

CHUNK_POINTS = 262_144
CONVENTIONS = {"Conventions": "CF-1.11"}
BOUNDS = "bounds"
"""The dimension of the two ends of a window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetcdfOptions(PatternOptions):
    """Options of `NetcdfSink`: those of `PatternOptions`, and one more.

    Attributes
    ----------
    deflate : int
        0 (as the values are) to 9 (smallest); 1 is nearly as small as 9.
    """

    deflate: int = 0

    def mistakes(self, place: str) -> Iterator[InvalidConfig]:
        """Yield what is wrong with the path, and a level that is none."""
        yield from PatternOptions.mistakes(self, place)
        if not 0 <= self.deflate <= 9:
            yield refuse(f"{place}.deflate", str(self.deflate), "0 to 9")


class NetcdfSink(FieldSink):
    """Write fields into NetCDF-4 files."""

    Options = NetcdfOptions
    NAME, TITLE = "netcdf", "NetCDF"

    def _file(self, path: Path) -> GrowingFile:
        return NetcdfFile(path, deflate=self._options.deflate)


class NetcdfFile(AsideFile):
    """One file, written beside its place.

    Parameters
    ----------
    path : Path
    deflate : int
        Level of compression.
    """

    def __init__(self, path: Path, *, deflate: int = 0) -> None:
        super().__init__(path)
        self._series = Series()
        self._options = (
            {"compression": "gzip", "compression_opts": deflate, "shuffle": True} if deflate else {}
        )
        self._made: set[str] = set()

    def write(self, field: Field) -> None:
        """Put a field at its place; one that is there already is replaced."""
        variable, places = self._series.place(field)
        file = self._opened()
        if variable.name not in self._made:
            self._add_variable(file, variable)
        dataset = file[variable.name]
        wanted = tuple(max(n, at + 1) for n, at in zip(dataset.shape, places, strict=False))
        if wanted != dataset.shape[: len(places)]:
            dataset.resize((*wanted, *dataset.shape[len(places) :]))
        dataset[places] = field.values.reshape(tuple(variable.ground.sizes.values()))

    def flush(self) -> None:
        """Bring all sizes together, and wait until the part is on disk."""
        file = self._opened()
        for axis in self._series.axes.values():
            for name in axis.columns:
                dataset, values = file[name], axis.column(name)
                if dataset.shape[0] < len(values):
                    first = dataset.shape[0]
                    dataset.resize(len(values), axis=0)
                    dataset[first:] = values[first:]
        for variable in self._series.variables.values():
            if file[variable.name].shape != variable.shape:
                file[variable.name].resize(variable.shape)
        super().flush()

    def _begin(self, file: Any) -> None:
        netcdf.set_attributes(file, CONVENTIONS)

    def _add_variable(self, file: Any, variable: Variable) -> None:
        for axis in variable.axes:
            self._add_axis(file, axis)
        self._add_ground(file, variable.ground)
        sizes = tuple(variable.ground.sizes.values())
        n_growing = len(variable.axes)
        options = {
            "maxshape": (*(None,) * n_growing, *sizes),
            "chunks": (*(1,) * n_growing, *chunk_of(sizes)),
            **self._options,
        }
        shape = (*(0,) * n_growing, *sizes)
        scales = {dim: file[dim] for dim in variable.dims}
        attributes = {**variable.attributes, **named_coordinates(variable)}
        netcdf.add_variable(file, variable.name, shape, variable.kind, attributes, scales, options)
        self._made.add(variable.name)

    def _add_axis(self, file: Any, axis: Axis) -> None:
        for name, attributes in axis.columns.items():
            if name in self._made:
                continue
            self._made.add(name)
            column = axis.column(name)
            if name == axis.name:
                netcdf.add_coordinate(file, name, 0, column.dtype, attributes, grows=True)
                continue
            scales = {axis.name: file[axis.name]}
            if column.ndim == 2:
                scales[BOUNDS] = file.get(BOUNDS) or netcdf.add_dimension(file, BOUNDS, 2)
            rest = column.shape[1:]
            options = {"maxshape": (None, *rest), "chunks": (netcdf.MAX_CHUNK, *rest)}
            netcdf.add_variable(file, name, (0, *rest), column.dtype, attributes, scales, options)

    def _add_ground(self, file: Any, ground: Ground) -> None:
        for dim, size in ground.sizes.items():
            if dim not in self._made:
                self._made.add(dim)
                if dim in ground.coordinates:
                    _, values, attributes = ground.coordinates[dim]
                    netcdf.add_coordinate(file, dim, size, values.dtype, attributes)[:] = values
                else:
                    netcdf.add_dimension(file, dim, size)
        for name, (dim, values, attributes) in ground.coordinates.items():
            if name not in self._made:
                self._made.add(name)
                scales = {dim: file[dim]}
                netcdf.add_variable(file, name, values.shape, values.dtype, attributes, scales, {})[:] = (
                    values
                )


def chunk_of(sizes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the chunk of one field: all of it, or whole rows up to `CHUNK_POINTS` points."""
    if len(sizes) == 1:
        return (max(1, min(sizes[0], CHUNK_POINTS)),)
    return (max(1, min(sizes[0], CHUNK_POINTS // sizes[1])), sizes[1])


def named_coordinates(variable: Variable) -> dict[str, str]:
    """Return the attribute that names the coordinates of a variable which are no dimensions of their own."""
    bounds = {attributes.get("bounds") for axis in variable.axes for attributes in axis.columns.values()}
    names = [
        name for axis in variable.axes for name in axis.columns if name != axis.name and name not in bounds
    ]
    names += [name for name in variable.ground.coordinates if name not in variable.ground.sizes]
    return {"coordinates": " ".join(names)} if names else {}
