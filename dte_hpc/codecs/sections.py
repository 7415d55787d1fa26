"""How do values become sections 5 to 8 of a GRIB2 message?

The scaling comes from `scaling`, the bits from `packing` and `aec`, which write straight into the message;
the sections are drawn in `layout`. The message lies in its buffer so that the data section is aligned.
"""

import math
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.compiled import frozen
from dte_hpc.base.field import Values
from dte_hpc.codecs import aec, kernels, packing
from dte_hpc.codecs.scaling import Scaling, choose, power

CCSDS_FLAGS = aec.THREE_BYTES | aec.MSB | aec.PREPROCESS
_SIMPLE5, _CCSDS5 = struct.Struct(">IBIHfHHBB"), struct.Struct(">IBIHfHHBBBBH")
_SECTION6, _SECTION7 = struct.Struct(">IBB"), struct.Struct(">IB")
_ALIGNMENT = 8
Bytes = NDArray[np.uint8]
Offsets = NDArray[np.uint64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Which kind of data section is wanted."""

    ccsds: bool
    decimal_scale: int
    block_size: int
    rsi: int
    always_bitmap: bool = False


def write_message(
    header: bytes, values: Values, target: Target, bits: int, kept: Scaling | None
) -> tuple[Bytes, Offsets | None]:
    """Return a whole message, and where each RSI of compressed data begins.

    Parameters
    ----------
    header : bytes
        Sections 0 to 4.
    values : ndarray, shape (n,), read-only
        NaN is missing.
    target, bits
        What is wanted.
    kept : Scaling or None
        Taken instead of a chosen one if every value comes back from it unchanged.
    """
    low, high, has_missing = packing.value_range(values)
    bitmap, n_values = None, values.size
    if has_missing or target.always_bitmap:
        bitmap, values = _present(values)
    if kept is None or not _reproduces(kept, values, low, high):
        kept = choose(low, high, bits=bits, decimal_scale=target.decimal_scale, ccsds=target.ccsds)
    section5 = _section5(kept, values.size, target)
    section6 = _SECTION6.pack(6 + (0 if bitmap is None else bitmap.size), 6, 255 if bitmap is None else 0)
    start = len(header) + len(section5) + 6 + (0 if bitmap is None else bitmap.size) + 5
    message = _aligned(start, _room(kept, values.size, target) + 4)
    n_data, offsets = _write_data(message[start:-4], values, kept, target)
    message = message[: start + n_data + 4]
    head = [header, section5, section6, b"" if bitmap is None else bitmap.tobytes()]
    message[:start] = np.frombuffer(b"".join([*head, _SECTION7.pack(5 + n_data, 7)]), np.uint8)
    message[8:16] = np.frombuffer(message.size.to_bytes(8, "big"), np.uint8)
    message[-4:] = 0x37
    return message, offsets if n_values else None


def _present(values: Values) -> tuple[Bytes, Values]:
    bitmap = np.zeros((values.size + 7) // 8, np.uint8)
    present = np.empty(values.size, values.dtype)
    n_present = packing.present(values, bitmap, present)
    return bitmap, frozen(present[:n_present])


def _reproduces(scaling: Scaling, values: Values, low: float, high: float) -> bool:
    """Whether values packed so would come back bit for bit."""
    ends = [(end * scaling.multiplier - scaling.reference) * scaling.divisor + 0.5 for end in (low, high)]
    if not (ends[0] >= 0 and ends[1] < math.ldexp(1.0, scaling.bits) and scaling.bits <= 32):
        return False
    wide = values.astype(np.float64, copy=False)
    packed = np.floor((wide * scaling.multiplier - scaling.reference) * scaling.divisor + 0.5)
    step, factor = math.ldexp(1.0, scaling.binary_scale), power(-scaling.decimal_scale, 10.0)
    return bool(np.array_equal((packed * step + scaling.reference) * factor, wide))


def _section5(scaling: Scaling, n_packed: int, target: Target) -> bytes:
    facts = (
        scaling.reference,
        _sign_and_magnitude(scaling.binary_scale),
        _sign_and_magnitude(scaling.decimal_scale),
        scaling.bits,
        0,
    )
    if target.ccsds:
        return _CCSDS5.pack(25, 5, n_packed, 42, *facts, CCSDS_FLAGS, target.block_size, target.rsi)
    return _SIMPLE5.pack(21, 5, n_packed, 0, *facts)


def _sign_and_magnitude(number: int) -> int:
    return number if number >= 0 else 0x8000 | -number


def _room(scaling: Scaling, n_packed: int, target: Target) -> int:
    if scaling.bits == 0:
        return 0
    return (
        kernels.room(n_packed, scaling.bits, target.block_size)
        if target.ccsds
        else (n_packed * scaling.bits + 7) // 8
    )


def _aligned(start: int, rest: int) -> Bytes:
    """Return an empty buffer whose byte `start` is aligned for any integer."""
    skip = -start % _ALIGNMENT
    return np.empty(skip + start + rest, np.uint8)[skip:]


def _write_data(out: Bytes, values: Values, scaling: Scaling, target: Target) -> tuple[int, Offsets | None]:
    if scaling.bits == 0:
        return 0, None
    if target.ccsds:
        return _compress(values, scaling, target, out)
    formula = (scaling.multiplier, scaling.reference, scaling.divisor)
    if scaling.bits == 16:
        packing.pack16(values, *formula, out.view(np.uint16))
    elif scaling.bits == 24:
        packing.pack24(values, *formula, out)
    elif scaling.bits == 32:
        packing.pack32(values, *formula, out.view(np.uint32))
    elif scaling.bits == 8:
        packing.quantise8(values, *formula, out)
    else:
        packing.pack_bits(values, scaling.bits, *formula, out)
    return out.size, None


def _compress(values: Values, scaling: Scaling, target: Target, out: Bytes) -> tuple[int, Offsets]:
    samples = np.empty(values.size, np.uint32)
    packing.quantise32(values, scaling.multiplier, scaling.reference, scaling.divisor, samples)
    offsets = np.empty(-(-values.size // (target.block_size * target.rsi)), np.uint64)
    layout = (scaling.bits, target.block_size, target.rsi)
    return kernels.encode_ccsds(frozen(samples), *layout, out, offsets), offsets
