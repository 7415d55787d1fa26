"""How long will it take to read a query's values?

An estimate field by field, from counts alone: calls of pread, values unpacked, and what the packing makes of
one. It decides where work is cut; `measured` gives the rates of this machine for who wants to know seconds.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dte_hpc.codecs.layout import CCSDS, CONSTANT, OTHER
from dte_hpc.extract.query import Query

Float64s = NDArray[np.float64]
_SAMPLE_READS = 2048
_SAMPLE_VALUES = 1 << 20
_STRETCH_BYTES = 64  # nearer ranges of a field are mostly one read


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Seconds of the steps of reading, with the data in memory.

    Attributes
    ----------
    field : float
        A field that is touched.
    read : float
        A call of pread.
    simple, compressed, other : float
        A value unpacked from grid_simple, from grid_ccsds, or from a message that is decoded whole.
    """

    field: float = 4e-6
    read: float = 0.8e-6
    simple: float = 1.5e-9
    compressed: float = 6e-9
    other: float = 20e-9


USUAL = Rates()


def seconds_of_fields(query: Query, rates: Rates = USUAL) -> Float64s:
    """Return about how long each field of a query takes to read: float64, shape (n_fields,), seconds."""
    layout, place = query.fields.layout, query.place_of_field
    n_ranges = np.array([len(p.ranges) for p in query.places], np.int64)[place]
    n_read = np.array([p.n_read for p in query.places], np.int64)[place]
    n_values, n_packed = layout["n_values"].astype(np.int64), layout["n_packed"].astype(np.int64)
    packing = layout["packing"]
    block = layout["block_size"].astype(np.int64) * layout["rsi"]
    in_blocks = np.minimum(n_read + n_ranges * block, n_packed)
    simple, compressed = packing != OTHER, packing == CCSDS
    decoded = np.where(compressed, in_blocks, np.where(simple, n_read, n_values))
    each = np.where(compressed, rates.compressed, np.where(simple, rates.simple, rates.other))
    reads = np.minimum(n_ranges, 1 + layout["data_length"].astype(np.int64) // _STRETCH_BYTES)
    reads[(packing == CONSTANT) | (packing == OTHER)] = 1
    masked = np.where(layout["bitmap_offset"] > 0, n_values / 8, 0) * rates.simple
    seconds: Float64s = rates.field + reads * rates.read + decoded * each + masked
    return seconds


def measured() -> Rates:
    """Return the rates of this machine, measured now on a few megabytes in memory (about 20 ms).

    What is compressed or decoded whole is taken to be as much slower than grid_simple as it usually is.
    """
    from dte_hpc.extract.read import warm

    warm()
    read, simple = _seconds_of_a_read(), _seconds_of_a_value()
    slower = simple / USUAL.simple
    return replace(
        USUAL,
        field=USUAL.field * read / USUAL.read,
        read=read,
        simple=simple,
        compressed=USUAL.compressed * slower,
        other=USUAL.other * slower,
    )


def _seconds_of_a_read() -> float:
    from dte_hpc.extract.pread import PreadReader

    fd = os.memfd_create("dte-rates")
    try:
        os.truncate(fd, 4 * _SAMPLE_VALUES)
        offsets = np.linspace(0, 4 * _SAMPLE_VALUES - 8, _SAMPLE_READS).astype(np.int64)
        lengths = np.full(_SAMPLE_READS, 4, np.int64)
        data, fds = np.empty(4 * _SAMPLE_READS, np.uint8), np.full(_SAMPLE_READS, fd, np.int32)
        return _least(lambda: PreadReader().read(fds, offsets, lengths, data)) / _SAMPLE_READS
    finally:
        os.close(fd)


def _seconds_of_a_value() -> float:
    from dte_hpc.base.compiled import frozen
    from dte_hpc.codecs import packing

    data, zero = frozen(np.zeros(2 * _SAMPLE_VALUES, np.uint8)), frozen(np.zeros(1, np.int64))
    count, out = frozen(np.array([_SAMPLE_VALUES], np.int64)), np.empty(_SAMPLE_VALUES)
    return (
        _least(lambda: packing.unpack_ranges(data, zero, zero, count, 16, 1.0, 0.0, 1.0, out))
        / _SAMPLE_VALUES
    )


def _least(work: Callable[[], None]) -> float:
    """Return the seconds of the fastest of some calls."""
    best = np.inf
    for _ in range(4):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return float(best)
