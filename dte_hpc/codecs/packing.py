"""How do numbers become packed bits, and back, at the speed of memory?

The only module of this room that knows numba. Loops are flat, write into arrays they are given, and
release the GIL. Nothing is compiled with fast-math: a multiplication and an addition are never fused,
so every packed integer equals the one ecCodes computes with ``((x * d) - reference) * divisor + 0.5``.
"""

import warnings
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.compiled import cache_slot, frozen
from dte_hpc.base.field import Values
from dte_hpc.codecs import kernels

numba.config.CACHE_DIR = cache_slot()  # type: ignore[attr-defined]

U8 = NDArray[np.uint8]
F64 = NDArray[np.float64]
INF_ORDER64 = 0x7FF0000000000000
INF_ORDER32 = 0x7F800000

_kernel = numba.njit(cache=True, nogil=True, error_model="numpy")


@_kernel
def order_range64(bits: NDArray[np.int64]) -> tuple[np.int64, np.int64]:
    """Return the least and greatest of float64 bit patterns, in the floats' own order.

    As integers the comparison needs no care for NaN, so the loop becomes vector instructions; NaN lies
    beyond the infinities, so the result also tells whether there is one.
    """
    least = np.int64(0x7FFFFFFFFFFFFFFF)
    greatest = np.int64(-0x7FFFFFFFFFFFFFFF - 1)
    for i in range(bits.size):
        b = bits[i]
        order = b ^ ((b >> np.int64(63)) & np.int64(0x7FFFFFFFFFFFFFFF))
        least = min(least, order)
        greatest = max(greatest, order)
    return least, greatest


@_kernel
def order_range32(bits: NDArray[np.int32]) -> tuple[np.int32, np.int32]:
    """Return the least and greatest of float32 bit patterns, in the floats' own order."""
    least = np.int32(0x7FFFFFFF)
    greatest = np.int32(-0x7FFFFFFF - 1)
    for i in range(bits.size):
        b = bits[i]
        order = np.int32(b ^ ((b >> np.int32(31)) & np.int32(0x7FFFFFFF)))
        least = min(least, order)
        greatest = max(greatest, order)
    return least, greatest


@_kernel
def present(values: Values, bitmap: U8, out: Values) -> int:
    """Write the values that are not NaN, and a bitmap of where they stood; return how many they are."""
    n = 0
    for i in range(values.size):
        x = values[i]
        if x == x:
            out[n] = x
            n += 1
            bitmap[i >> 3] |= np.uint8(128 >> (i & 7))
    return n


@_kernel
def quantise8(values: Values, d: float, reference: float, divisor: float, out: U8) -> None:
    """Write packed integers of up to 8 bits."""
    for i in range(values.size):
        out[i] = np.uint8(np.int32(((np.float64(values[i]) * d) - reference) * divisor + 0.5))


@_kernel
def quantise32(values: Values, d: float, reference: float, divisor: float, out: NDArray[np.uint32]) -> None:
    """Write packed integers of up to 32 bits, in the machine's byte order."""
    for i in range(values.size):
        out[i] = np.uint32(np.int64(((np.float64(values[i]) * d) - reference) * divisor + 0.5))


@_kernel
def pack16(values: Values, d: float, reference: float, divisor: float, out: NDArray[np.uint16]) -> None:
    """Write packed integers of 16 bits, most significant byte first."""
    for i in range(values.size):
        x = np.uint16(np.int32(((np.float64(values[i]) * d) - reference) * divisor + 0.5))
        out[i] = np.uint16((x >> np.uint16(8)) | (x << np.uint16(8)))


@_kernel
def pack24(values: Values, d: float, reference: float, divisor: float, out: U8) -> None:
    """Write packed integers of 24 bits, most significant byte first."""
    for i in range(values.size):
        x = np.int32(((np.float64(values[i]) * d) - reference) * divisor + 0.5)
        out[3 * i] = np.uint8(x >> 16)
        out[3 * i + 1] = np.uint8(x >> 8)
        out[3 * i + 2] = np.uint8(x)


@_kernel
def pack32(values: Values, d: float, reference: float, divisor: float, out: NDArray[np.uint32]) -> None:
    """Write packed integers of 32 bits, most significant byte first."""
    for i in range(values.size):
        x = np.uint32(np.int64(((np.float64(values[i]) * d) - reference) * divisor + 0.5))
        swapped = ((x >> np.uint32(24)) | ((x >> np.uint32(8)) & np.uint32(0xFF00))) | (
            ((x << np.uint32(8)) & np.uint32(0xFF0000)) | (x << np.uint32(24))
        )
        out[i] = np.uint32(swapped)


@_kernel
def pack_bits(values: Values, bits: int, d: float, reference: float, divisor: float, out: U8) -> None:
    """Write packed integers of 1 to 32 bits, one after the other, most significant bit first."""
    held = np.uint64(0)
    n_held = 0
    at = 0
    width = np.uint64(bits)
    for i in range(values.size):
        x = np.int64(((np.float64(values[i]) * d) - reference) * divisor + 0.5)
        held = (held << width) | np.uint64(x)
        n_held += bits
        if n_held >= 32:
            n_held -= 32
            word = held >> np.uint64(n_held)
            out[at] = np.uint8(word >> np.uint64(24))
            out[at + 1] = np.uint8(word >> np.uint64(16))
            out[at + 2] = np.uint8(word >> np.uint64(8))
            out[at + 3] = np.uint8(word)
            at += 4
    while n_held > 0:
        n_held -= 8
        shifted = held >> np.uint64(n_held) if n_held >= 0 else held << np.uint64(-n_held)
        out[at] = np.uint8(shifted)
        at += 1


@_kernel
def unpack_aligned(data: U8, n_bytes: int, s: float, reference: float, d: float, out: F64) -> None:
    """Write the values of packed integers of 1 to 4 whole bytes."""
    if n_bytes == 1:
        for i in range(out.size):
            out[i] = ((np.float64(data[i]) * s) + reference) * d
    elif n_bytes == 2:
        for i in range(out.size):
            x = (np.int32(data[2 * i]) << 8) | np.int32(data[2 * i + 1])
            out[i] = ((np.float64(x) * s) + reference) * d
    elif n_bytes == 3:
        for i in range(out.size):
            x = (np.int32(data[3 * i]) << 16) | (np.int32(data[3 * i + 1]) << 8) | np.int32(data[3 * i + 2])
            out[i] = ((np.float64(x) * s) + reference) * d
    else:
        for i in range(out.size):
            y = (np.int64(data[4 * i]) << 24) | (np.int64(data[4 * i + 1]) << 16)
            y |= (np.int64(data[4 * i + 2]) << 8) | np.int64(data[4 * i + 3])
            out[i] = ((np.float64(y) * s) + reference) * d


@_kernel
def unpack_bits(data: U8, first_bit: int, bits: int, s: float, reference: float, d: float, out: F64) -> None:
    """Write the values of packed integers of 1 to 64 bits that begin anywhere in a byte.

    The caller has made sure that ``first_bit + out.size * bits`` bits are there.
    """
    one = np.ones(1, np.int64)
    unpack_ranges(data, one * 0, one * first_bit, one * out.size, bits, s, reference, d, out)


@_kernel
def unpack_ranges(
    data: U8,
    first_byte: NDArray[np.int64],
    first_bit: NDArray[np.int64],
    count: NDArray[np.int64],
    bits: int,
    s: float,
    reference: float,
    d: float,
    out: F64,
) -> None:
    """Write the values of many runs: run k has count[k] integers from bit first_bit[k] of first_byte[k].

    Up to 57 bits fit in a register whatever bit they begin at; wider ones are taken in two halves.
    """
    half = bits >> 1 if bits > 57 else 0
    low = bits - half
    mask = (np.uint64(1) << np.uint64(low)) - np.uint64(1)
    done = 0
    for k in range(count.size):
        at = first_byte[k]
        n_held = 8 - first_bit[k]
        held = np.uint64(data[at]) & np.uint64((1 << n_held) - 1) if count[k] else np.uint64(0)
        for _ in range(count[k]):
            upper = np.uint64(0)
            while n_held < half:
                at += 1
                held = (held << np.uint64(8)) | np.uint64(data[at])
                n_held += 8
            if half:
                n_held -= half
                upper = (held >> np.uint64(n_held)) & ((np.uint64(1) << np.uint64(half)) - np.uint64(1))
            while n_held < low:
                at += 1
                held = (held << np.uint64(8)) | np.uint64(data[at])
                n_held += 8
            n_held -= low
            x = (upper << np.uint64(low)) | ((held >> np.uint64(n_held)) & mask)
            out[done] = ((np.float64(x) * s) + reference) * d
            done += 1


@_kernel
def unpack_fields(
    data: U8,
    stride: int,
    first_byte: NDArray[np.int64],
    first_bit: NDArray[np.int64],
    count: NDArray[np.int64],
    bits: int,
    formulas: F64,
    target: NDArray[np.int64],
    n_values: int,
    out: F64,
) -> None:
    """Write the values of the same runs of many fields, whose bytes lie `stride` from each other.

    Field f has step, reference and factor in formulas[f], and its values begin at out[target[f]].
    """
    for f in range(target.size):
        unpack_ranges(
            data[f * stride : (f + 1) * stride],
            first_byte,
            first_bit,
            count,
            bits,
            formulas[f, 0],
            formulas[f, 1],
            formulas[f, 2],
            out[target[f] : target[f] + n_values],
        )


@_kernel
def scale_samples(
    samples: NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.uint32],
    s: float,
    reference: float,
    d: float,
    out: F64,
) -> None:
    """Write the values of integers that are already unpacked."""
    for i in range(out.size):
        out[i] = ((np.float64(samples[i]) * s) + reference) * d


@_kernel
def expand(bitmap: U8, packed: F64, out: F64) -> int:
    """Spread packed values over the points that are present, NaN elsewhere; return how many were taken.

    Stops taking at ``packed.size``, so a bitmap with too many ones reads nothing that is not there.
    """
    n = 0
    for i in range(out.size):
        if bitmap[i >> 3] & np.uint8(128 >> (i & 7)):
            out[i] = packed[n] if n < packed.size else np.nan
            n += 1
        else:
            out[i] = np.nan
    return n


WITH_OUTPUT: tuple[tuple[Any, Any], ...] = (
    (quantise8, np.uint8),
    (quantise32, np.uint32),
    (pack16, np.uint16),
    (pack24, np.uint8),
    (pack32, np.uint32),
)


def value_range(values: Values) -> tuple[float, float, bool]:
    """Return the least and greatest value and whether any is NaN; of no values (nan, nan, False).

    With NaN among them, least and greatest are of the others. One pass, at about the speed of memory.
    """
    if values.size == 0:
        return np.nan, np.nan, False
    wide = values.dtype == np.float64
    integer = np.dtype(np.int64 if wide else np.int32)
    order_range, limit = (order_range64, INF_ORDER64) if wide else (order_range32, INF_ORDER32)
    least, greatest = (int(order) for order in order_range(frozen(values.view(integer))))
    if greatest > limit or least < -limit - 1:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            return float(np.nanmin(values)), float(np.nanmax(values)), True
    mask = int(np.iinfo(np.int64 if wide else np.int32).max)
    ends = [order if order >= 0 else order ^ mask for order in (least, greatest)]
    low, high = np.array(ends, dtype=integer).view(values.dtype)
    return float(low), float(high), False


def warm(*, ccsds: bool = False) -> None:
    """Compile, or load from numba's cache, the kernels that encoding and decoding use.

    Called once by an IO or extraction rank before its first field: tenths of a second from a warm cache,
    some five seconds from a cold one. The cache is this process's own slot (`base.compiled`), so that many
    ranks may do it at once.

    Parameters
    ----------
    ccsds : bool
        Whether fields will be compressed, which doubles the time.
    """
    for kind in (np.float64, np.float32):
        values = frozen(np.linspace(0.0, 1.0, 8).astype(kind))
        value_range(values)
        present(values, np.zeros(1, np.uint8), frozen(values).copy())
        for kernel, out in WITH_OUTPUT:
            kernel(values, 1.0, 0.0, 1.0, np.zeros(32, out))
        pack_bits(values, 12, 1.0, 0.0, 1.0, np.zeros(32, np.uint8))
    data, out64, one = frozen(np.zeros(32, np.uint8)), np.zeros(8), frozen(np.ones(1, np.int64))
    unpack_aligned(data, 2, 1.0, 0.0, 1.0, out64)
    unpack_bits(data, 0, 12, 1.0, 0.0, 1.0, out64)
    unpack_ranges(data, one, one, one, 12, 1.0, 0.0, 1.0, out64)
    expand(data, frozen(out64), np.empty(8))
    if ccsds:
        kernels.warm()
    for integer in (np.uint8, np.uint16, np.uint32):
        scale_samples(frozen(np.zeros(8, integer)), 1.0, 0.0, 1.0, out64)
