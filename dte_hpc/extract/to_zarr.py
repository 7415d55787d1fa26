"""How are arrays seen as a Zarr store, version 3?

As a mapping from keys to bytes (https://zarr-specs.readthedocs.io/en/latest/v3/core/): a group, and an array
for each variable and coordinate::

    zarr.json              group, with the metadata of all arrays (consolidated)
    t/zarr.json            one array
    t/c/0/3/0              one chunk: little-endian numbers, not compressed

A chunk is one field, or 262,144 points of one: it is read from the store when its key is asked for, and
nothing else is. A chunk where no field is stored has no key, and is NaN.
"""

import itertools
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dte_hpc.base.errors import StorageFailed
from dte_hpc.extract.arrays import Array, Arrays
from dte_hpc.extract.encoded import encoded, numbers
from dte_hpc.extract.stored import Stored

CHUNK_POINTS = 262_144
METADATA = "zarr.json"


class ZarrView(Mapping[str, bytes]):
    """Arrays as the keys and values of a Zarr group, read-only.

    Parameters
    ----------
    arrays : Arrays
        Of an answer (`arrays.arrays_of`), or of a store (`opened.open_named`), which are then read chunk by
        chunk. May be used by several threads.
    """

    def __init__(self, arrays: Arrays) -> None:
        self._arrays = arrays.all()
        found = {name: _metadata(array) for name, array in self._arrays.items()}
        self._chunks = {name: chunk_shape(array) for name, array in self._arrays.items()}
        group = {
            "zarr_format": 3,
            "node_type": "group",
            "attributes": {"Conventions": "CF-1.11", **arrays.attributes},
        }
        inline = {"kind": "inline", "must_understand": False, "metadata": found}
        self._texts = {METADATA: _text({**group, "consolidated_metadata": inline})}
        self._texts |= {f"{name}/{METADATA}": _text(facts) for name, facts in found.items()}

    def __getitem__(self, key: str) -> bytes:
        if key in self._texts:
            return self._texts[key]
        name, at = self._place(key)
        part = numbers(self._arrays[name].read(self._slices(name, at)))
        chunk = np.full(self._chunks[name], _fill(part.dtype), encoded(self._arrays[name])[0])
        chunk[tuple(slice(0, n) for n in part.shape)] = part
        return chunk.tobytes()

    def __contains__(self, key: object) -> bool:
        if key in self._texts:
            return True
        try:
            self._place(str(key))
        except KeyError:
            return False
        return True

    def __iter__(self) -> Iterator[str]:
        yield from self._texts
        for name, array in self._arrays.items():
            counts = [-(-n // size) for n, size in zip(array.shape, self._chunks[name], strict=True)]
            for at in itertools.product(*map(range, counts)):
                if self._is_there(name, at):
                    yield "/".join((name, "c", *map(str, at)))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def n_bytes(self, key: str) -> int:
        """Return the length of a value, without reading it; KeyError when there is none."""
        if key in self._texts:
            return len(self._texts[key])
        name, _ = self._place(key)
        n_values = int(np.prod(self._chunks[name], dtype=np.int64))
        return n_values * self._arrays[name].dtype.itemsize

    def _place(self, key: str) -> tuple[str, tuple[int, ...]]:
        """Return the array and the chunk of a key; KeyError when there is none."""
        name, *rest = key.split("/")
        shape = self._arrays[name].shape if name in self._arrays else None
        numbered = rest[1:]
        if shape is None or rest[:1] != ["c"] or len(numbered) != len(shape):
            raise KeyError(key)
        if not all(text.isdecimal() and text == str(int(text)) for text in numbered):
            raise KeyError(key)
        at = tuple(map(int, numbered))
        inside = all(i * size < n for i, size, n in zip(at, self._chunks[name], shape, strict=True))
        if not inside or not self._is_there(name, at):
            raise KeyError(key)
        return name, at

    def _is_there(self, name: str, at: tuple[int, ...]) -> bool:
        array = self._arrays[name]
        if not isinstance(array, Stored):
            return True
        return bool((array.cube.rows[self._slices(name, at)[: array.cube.rows.ndim]] >= 0).any())

    def _slices(self, name: str, at: tuple[int, ...]) -> tuple[slice, ...]:
        array = self._arrays[name]
        sizes = zip(at, self._chunks[name], array.shape, strict=True)
        return tuple(slice(i * size, min((i + 1) * size, n)) for i, size, n in sizes)


def write_zarr(arrays: Arrays, folder: Path) -> None:
    """Write arrays as a folder, which must not be there yet: what `ZarrView` says, a file a key.

    Raises
    ------
    StorageFailed
        When the folder is there.
    """
    try:
        folder.mkdir(parents=False)
    except FileExistsError as error:
        raise StorageFailed(
            f"{folder} is there already; expected a name that is free", path=str(folder)
        ) from error
    view = ZarrView(arrays)
    for key in view:
        file = folder / key
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as target:
            target.write(view[key])
            os.fsync(target.fileno())


def chunk_shape(array: Array) -> tuple[int, ...]:
    """Return the chunk of an array: one field's points, all rows of a small array."""
    if array.dtype.itemsize * int(
        np.prod(array.shape, dtype=np.float64)
    ) <= 8 * CHUNK_POINTS and not isinstance(array, Stored):
        return tuple(max(1, n) for n in array.shape)
    n_ground = len(array.ground.shape) if isinstance(array, Stored) else 1
    ground = array.shape[len(array.shape) - n_ground :]
    return (*(1 for _ in array.shape[: len(array.shape) - n_ground]), *_of_ground(ground))


def _of_ground(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return at most `CHUNK_POINTS` points: whole rows of a regular grid."""
    inner = int(np.prod(shape[1:], dtype=np.int64))
    return (max(1, min(shape[0], CHUNK_POINTS // max(1, inner))), *shape[1:])


def _metadata(array: Array) -> dict[str, Any]:
    kind, attributes = encoded(array)
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(array.shape),
        "data_type": {"f": "float64", "i": "int64"}[kind.kind],
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(chunk_shape(array))}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": "NaN" if kind.kind == "f" else 0,
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
        "dimension_names": list(array.dims),
        "attributes": attributes,
    }


def _fill(kind: np.dtype[Any]) -> float:
    return np.nan if kind.kind == "f" else 0


def _text(facts: Mapping[str, Any]) -> bytes:
    return json.dumps(facts).encode()
