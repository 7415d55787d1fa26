"""How do fields end up in Zarr stores, version 3, that grow with time?

What a store holds is `series`'s; the format (https://zarr-specs.readthedocs.io/en/latest/v3/core/) needs no
library to be written::

    zarr.json              group, with the metadata of all arrays (consolidated)
    t/zarr.json            one array: its shape, its chunks, its dimensions
    t/c/0/3/0              one chunk, one field of at most 262,144 points: little-endian numbers

One folder for each path of the pattern, on each IO rank. It must not be there yet: nothing is removed. Chunks
are written as fields come, each aside and then renamed; a flush syncs them, then every array's metadata, and
the group's last. So a crash leaves what the last flush left, and perhaps chunks that no metadata speak of.
A folder without a zarr.json was never flushed.
"""

import itertools
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import StorageFailed
from dte_hpc.base.field import Field
from dte_hpc.postproc.sinks.aside import sync
from dte_hpc.postproc.sinks.kept_files import GrowingFile
from dte_hpc.postproc.sinks.netcdf import BOUNDS, CONVENTIONS, chunk_of, named_coordinates
from dte_hpc.postproc.sinks.of_fields import FieldSink
from dte_hpc.postproc.sinks.series import Series, Variable

METADATA = "zarr.json"


class ZarrSink(FieldSink):
    """Write fields into Zarr stores."""

    NAME, TITLE = "zarr", "Zarr"
    ARE_FOLDERS = True

    def _file(self, path: Path) -> GrowingFile:
        return ZarrFolder(path)


class ZarrFolder:
    """One store.

    Parameters
    ----------
    path : Path
        Must not be there, or StorageFailed.
    """

    def __init__(self, path: Path) -> None:
        try:
            path.mkdir()
        except FileExistsError as error:
            raise StorageFailed(
                f"{path} is there already; expected a path for a new Zarr store, or that one removed",
                path=str(path),
            ) from error
        except OSError as error:
            raise StorageFailed(f"{path} could not be made: {error}", path=str(path)) from error
        self._path = path
        self._series = Series()
        self._unsynced: set[Path] = set()

    def write(self, field: Field) -> None:
        """Put a field at its place; one that is there already is replaced."""
        variable, places = self._series.place(field)
        sizes = tuple(variable.ground.sizes.values())
        values = field.values.reshape(sizes)
        self._put_chunks(variable.name, places, values, chunk_of(sizes), variable.kind)

    def flush(self) -> None:
        """Sync chunks, then write what says that they are there."""
        for axis in self._series.axes.values():
            for name in axis.columns:
                column = axis.column(name)
                self._put_chunks(name, (), column, column.shape, column.dtype)
        for path in sorted(self._unsynced):
            sync(path)
        for folder in sorted({path.parent for path in self._unsynced}):
            sync(folder)
        self._unsynced.clear()
        arrays = dict(self._arrays())
        for name, facts in arrays.items():
            self._put(self._path / name / METADATA, _text(facts), durable=True)
        inline = {"kind": "inline", "must_understand": False, "metadata": arrays}
        group = {"zarr_format": 3, "node_type": "group", "attributes": CONVENTIONS}
        self._put(self._path / METADATA, _text({**group, "consolidated_metadata": inline}), durable=True)

    def park(self) -> None:
        """Nothing is held open."""

    def finish(self) -> None:
        """Flush."""
        self.flush()

    def _arrays(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the metadata of every array."""
        for axis in self._series.axes.values():
            for name, attributes in axis.columns.items():
                column = axis.column(name)
                dims = (axis.name, BOUNDS)[: column.ndim]
                yield name, _facts(column.shape, column.shape, column.dtype, dims, attributes)
        for ground in self._series.grounds.values():
            for name, (dim, values, attributes) in ground.coordinates.items():
                if not (self._path / name).is_dir():
                    self._put_chunks(name, (), values, values.shape, values.dtype)
                yield name, _facts(values.shape, values.shape, values.dtype, (dim,), attributes)
        for variable in self._series.variables.values():
            yield (
                variable.name,
                _facts(
                    variable.shape,
                    _chunk_shape(variable),
                    variable.kind,
                    variable.dims,
                    {**variable.attributes, **named_coordinates(variable)},
                ),
            )

    def _put_chunks(
        self,
        name: str,
        places: tuple[int, ...],
        values: NDArray[Any],
        chunk: tuple[int, ...],
        kind: np.dtype[Any],
    ) -> None:
        counts = [-(-n // max(1, size)) for n, size in zip(values.shape, chunk, strict=True)]
        for at in itertools.product(*map(range, counts)):
            part = values[tuple(slice(i * n, (i + 1) * n) for i, n in zip(at, chunk, strict=True))]
            if part.shape != chunk:
                whole = np.full(chunk, np.nan, kind)
                whole[tuple(slice(0, n) for n in part.shape)] = part
                part = whole
            path = self._path.joinpath(name, "c", *map(str, (*places, *at)))
            self._put(path, np.ascontiguousarray(part, kind.newbyteorder("<")).data.cast("B"), durable=False)

    def _put(self, path: Path, data: bytes | memoryview, *, durable: bool) -> None:
        """Write a file aside and rename it; synced at once, or by the next flush."""
        aside = path.with_name(f".{path.name}.part")
        try:
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        try:
            written = os.write(descriptor, data)
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if written != len(data):
            raise StorageFailed(f"{path} took {written} of {len(data)} bytes", path=str(path))
        aside.replace(path)
        if durable:
            sync(path.parent)
        else:
            self._unsynced.add(path)


def _chunk_shape(variable: Variable) -> tuple[int, ...]:
    return (*(1,) * len(variable.axes), *chunk_of(tuple(variable.ground.sizes.values())))


def _facts(
    shape: tuple[int, ...],
    chunk: tuple[int, ...],
    kind: np.dtype[Any],
    dims: tuple[str, ...],
    attributes: Mapping[str, str],
) -> dict[str, Any]:
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(shape),
        "data_type": kind.name,
        "chunk_grid": {
            "name": "regular",
            "configuration": {"chunk_shape": [max(1, n) for n in chunk]},
        },
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
        "fill_value": "NaN" if kind.kind == "f" else 0,
        "dimension_names": list(dims),
        "attributes": dict(attributes),
    }


def _text(node: Mapping[str, Any]) -> bytes:
    return json.dumps(node, separators=(",", ":"), allow_nan=False).encode()
