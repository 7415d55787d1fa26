"""How is the running state of some variables kept in a file?

HDF5, one file an IO rank and action::

    /  attributes  format = "dte-checkpoint", version = 1
    /index         uint8: JSON, a list with one mapping a variable: "name" (its metadata), "facts" (the
                   attributes of its state) and "arrays" (attribute.component to xxh3-64, hexadecimal)
    /<n>/<attribute>[.<component>]   the arrays of variable n, as they are in memory

The manifest of the checkpoint holds the size and the xxh3-64 of the whole file, which are looked at
before HDF5 parses a byte of it; those in the index are looked at when a variable is loaded.
"""

import io
import json
from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.checksum import checksum
from dte_hpc.base.errors import CorruptData, StorageFailed
from dte_hpc.base.field import Metadata

FORMAT, VERSION = "dte-checkpoint", 1
Arrays = dict[str, NDArray[Any]]
_ODD = (OSError, KeyError, ValueError, TypeError, RuntimeError)


def write_states(path: Path, states: Iterable[tuple[Metadata, Any]]) -> None:
    """Write a new file, one state in memory at a time. It is not yet durable.

    Raises
    ------
    StorageFailed
        When the file system refuses a byte of it.
    """
    try:
        with path.open("xb+", buffering=0) as raw:
            kept = _Remembering(raw)
            _write(kept, states)
    except OSError as error:
        raise _refused(path, error) from error
    if kept.refusal is not None:
        raise _refused(path, kept.refusal) from kept.refusal


class _Remembering(io.RawIOBase):
    """A file that takes every byte HDF5 gives it, and remembers the first that the file system refused.

    HDF5 cannot be told of a failed write: it tries again when its objects are let go of, prints, and ends the
    process by a segmentation fault (HDF5 1.14, seen with a full disk).
    """

    def __init__(self, raw: io.FileIO) -> None:
        self._raw = raw
        self.refusal: OSError | None = None

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._raw.seek(offset, whence)

    def tell(self) -> int:
        return self._raw.tell()

    def readinto(self, buffer: Any, /) -> int:
        return self._raw.readinto(buffer) or 0

    def write(self, data: Any, /) -> int:
        view = memoryview(data).cast("B")
        at = 0
        while at < len(view) and self.refusal is None:
            try:
                at += self._raw.write(view[at:]) or 0
            except OSError as error:
                self.refusal = error
        return len(view)

    def truncate(self, size: int | None = None, /) -> int:
        try:
            return self._raw.truncate(size)
        except OSError as error:
            self.refusal = self.refusal or error
            return size or 0


def _refused(path: Path, error: OSError) -> StorageFailed:
    return StorageFailed(f"the checkpoint {path} cannot be written: {error}", path=str(path))


def _write(target: io.RawIOBase, states: Iterable[tuple[Metadata, Any]]) -> None:
    index = []
    with h5py.File(target, "w", libver=("v110", "v110")) as file:
        file.attrs["format"], file.attrs["version"] = FORMAT, VERSION
        for number, (name, state) in enumerate(states):
            facts, arrays = _taken_apart(state)
            for place, array in arrays.items():
                file.create_dataset(f"{number}/{place}", data=array, track_times=False)
            sums = {place: _sum(array) for place, array in arrays.items()}
            index.append({"name": dict(name), "facts": facts, "arrays": sums})
        text = np.frombuffer(json.dumps(index).encode(), np.uint8)
        file.create_dataset("index", data=text, track_times=False)


def fingerprint(path: Path) -> str:
    """Return the xxh3-64 of a whole file. Cost: one read of it."""
    return _sum(np.memmap(path, np.uint8, "r"))


def verify(path: Path, n_bytes: int, expected: str, *, wholly: bool) -> None:
    """Raise CorruptData unless a file has its size and, wholly, its checksum."""
    try:
        found = path.stat().st_size
        if found != n_bytes:
            raise damaged(path, f"it has {found} bytes; expected {n_bytes}")
        if wholly and fingerprint(path) != expected:
            raise damaged(path, "it does not match the checksum in the manifest")
    except CorruptData:
        raise
    except OSError as error:
        raise damaged(path, str(error)) from error


def damaged(path: Path, why: str) -> CorruptData:
    """Return the error for a file that is not as it was written."""
    return CorruptData(f"checkpoint file {path} is damaged: {why}", path=str(path))


class StatesFile:
    """A file of states, read by variable; CorruptData when it is none.

    Parameters
    ----------
    path : Path
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._index = self._read_index()

    def names(self) -> list[Metadata]:
        """Return the variables, in the file's order."""
        return [Metadata(entry["name"]) for entry in self._index]

    def read(self, number: int, kind: type[Any]) -> Any:
        """Return the state of a variable, verified: a `kind`, whose attributes are the file's."""
        entry = self._index[number]
        values = {keyword: _value(fact) for keyword, fact in entry["facts"].items()}
        for place, array in self._arrays(number).items():
            attribute, dot, component = place.partition(".")
            if dot:
                values[attribute][component] = array
            else:
                values[attribute] = array
        return kind(**values)

    def _read_index(self) -> list[dict[str, Any]]:
        try:
            with h5py.File(self._path, "r") as file:
                found = file.attrs["format"], int(file.attrs["version"])
                index: list[dict[str, Any]] = json.loads(file["index"][()].tobytes())
        except _ODD as error:
            raise damaged(self._path, str(error)) from error
        if found != (FORMAT, VERSION):
            raise damaged(self._path, f"it is {found[0]} {found[1]}; expected {FORMAT} {VERSION}")
        return index

    def _arrays(self, number: int) -> Arrays:
        sums = self._index[number]["arrays"]
        try:
            with h5py.File(self._path, "r") as file:
                arrays = {place: file[f"{number}/{place}"][()] for place in sums}
        except _ODD as error:
            raise damaged(self._path, str(error)) from error
        for place, array in arrays.items():
            if _sum(array) != sums[place]:
                what = f"{place} of {Metadata(self._index[number]['name'])}"
                raise damaged(self._path, f"{what} does not match its checksum")
        return arrays


def _sum(array: NDArray[Any]) -> str:
    return f"{checksum(np.ascontiguousarray(array).reshape(-1).view(np.uint8)):016x}"


def _taken_apart(state: Any) -> tuple[dict[str, Any], Arrays]:
    facts: dict[str, Any] = {}
    arrays: Arrays = {}
    for each in fields(state):
        value = getattr(state, each.name)
        if isinstance(value, np.ndarray):
            arrays[each.name] = value
        elif isinstance(value, dict):
            facts[each.name] = {"dict": None}
            arrays |= {f"{each.name}.{component}": array for component, array in value.items()}
        else:
            facts[each.name] = _fact(value)
    return facts, arrays


def _fact(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"datetime": value.isoformat()}
    return {"metadata": dict(value)} if isinstance(value, Metadata) else value


def _value(fact: Any) -> Any:
    if not isinstance(fact, dict):
        return fact
    ((kind, value),) = fact.items()
    if kind == "dict":
        return {}
    return datetime.fromisoformat(value) if kind == "datetime" else Metadata(value)
