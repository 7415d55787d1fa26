"""How do arrays go into files that know only numbers?

Times become seconds since 1970, durations seconds, as the CF conventions have them; a large array is taken
in parts along its first dimensions.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.extract.arrays import Array

PART_BYTES = 64 * 1024 * 1024
_EPOCH = "seconds since 1970-01-01T00:00:00"


def encoded(array: Array) -> tuple[np.dtype[Any], dict[str, str]]:
    """Return the type of an array's numbers in a file, and its attributes there."""
    if array.dtype.kind == "M":
        return np.dtype("<i8"), {**array.attributes, "units": _EPOCH, "calendar": "proleptic_gregorian"}
    if array.dtype.kind == "m":
        return np.dtype("<i8"), {**array.attributes, "units": "seconds"}
    return array.dtype.newbyteorder("<"), dict(array.attributes)


def numbers(values: NDArray[Any]) -> NDArray[Any]:
    """Return values as the numbers that stand for them in a file."""
    if values.dtype.kind == "M":
        return values.astype("datetime64[s]").astype("<i8")
    if values.dtype.kind == "m":
        return values.astype("timedelta64[s]").astype("<i8")
    return values


def in_parts(array: Array) -> Iterator[tuple[tuple[slice, ...], NDArray[Any]]]:
    """Yield an array as numbers, a part of at most `PART_BYTES` after another, and where each stands."""
    yield from _parts(array, (), array.dtype.itemsize)


def _parts(
    array: Array, before: tuple[slice, ...], item: int
) -> Iterator[tuple[tuple[slice, ...], NDArray[Any]]]:
    axis = len(before)
    rest = array.shape[axis:]
    if not rest or int(np.prod(rest, dtype=np.float64)) * item <= PART_BYTES:
        index = (*before, *(slice(0, n) for n in rest))
        yield index, numbers(array.read(index))
        return
    inner = int(np.prod(rest[1:], dtype=np.float64)) * item
    at_once = max(1, PART_BYTES // max(1, inner))
    for first in range(0, rest[0], at_once):
        here = slice(first, min(first + at_once, rest[0]))
        if inner <= PART_BYTES:
            index = (*before, here, *(slice(0, n) for n in rest[1:]))
            yield index, numbers(array.read(index))
        else:
            yield from _parts(array, (*before, here), item)
