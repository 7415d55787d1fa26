"""What are the values of a message, and what is the field called?

Simple and CCSDS packing and constant fields are decoded by our own kernels, in the operations of ecCodes, so
that values are equal bit for bit; other packings by ecCodes.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.checksum import ByteLike
from dte_hpc.base.compiled import frozen
from dte_hpc.base.errors import InvalidMessage
from dte_hpc.base.field import Field, Metadata
from dte_hpc.base.key import Scalar
from dte_hpc.codecs import aec, grib, gridname, packing
from dte_hpc.codecs.headers import mars_key
from dte_hpc.codecs.layout import (
    CCSDS,
    CONSTANT,
    OTHER,
    PACKING_NAMES,
    Layout,
    byte_view,
    message_length,
    read_layout,
)
from dte_hpc.codecs.scaling import power

__all__ = ["decode", "grid_name", "mars_key", "read_field"]
MAX_POINTS = 2**29


def decode(message: ByteLike, out: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Return the values of one message.

    Parameters
    ----------
    message : ByteLike
        One GRIB message of one field.
    out : float64, shape (n_values,), optional
        Contiguous; filled and returned.

    Returns
    -------
    float64, shape (n_values,)
        In the order of the message; NaN where missing.

    Raises
    ------
    InvalidMessage
        If the bytes are not one whole GRIB message, or contradict themselves.
    UnsupportedPacking
        If the message holds several fields.

    Notes
    -----
    Costs one pass for simple packing, about 5 ns a value for CCSDS.
    """
    layout = read_layout(message)
    if out is not None and out.shape != (layout.n_values,):
        raise InvalidMessage(f"the message has {layout.n_values} points; expected {out.size}, to fill `out`")
    if layout.packing == OTHER:
        values = grib.all_values(message)
        if out is None:
            return values
        out[:] = values
        return out
    data = np.frombuffer(byte_view(message), np.uint8)
    return _decode(layout, data, out)


def _decode(layout: Layout, data: NDArray[np.uint8], out: NDArray[np.float64] | None) -> NDArray[np.float64]:
    if layout.n_values > MAX_POINTS:
        raise InvalidMessage(
            f"the message says it has {layout.n_values} points; expected at most {MAX_POINTS}"
        )
    section = data[layout.data_offset : layout.data_offset + layout.data_length]
    if not layout.bitmap_offset:
        return unpack(layout, section, out)
    packed = unpack(layout, section)
    bitmap = data[layout.bitmap_offset : layout.bitmap_offset + (layout.n_values + 7) // 8]
    values = np.empty(layout.n_values) if out is None else out
    n_present = packing.expand(frozen(bitmap), frozen(packed), values)
    if n_present != layout.n_packed:
        raise InvalidMessage(
            f"the message's bitmap has {n_present} points present; expected {layout.n_packed}, its values"
        )
    return values


def unpack(
    layout: Layout, data: NDArray[np.uint8], out: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Return all packed values of a data section: float64, shape (n_packed,); in `out` where it is given."""
    out = np.empty(layout.n_packed) if out is None else out
    if layout.packing == CONSTANT:
        out[:] = layout.reference
        return out
    step, factor = formula(layout)
    if layout.packing == CCSDS:
        samples = aec.decode(
            data, layout.n_packed, layout.bits, layout.block_size, layout.rsi, layout.ccsds_flags
        )
        packing.scale_samples(frozen(samples), step, layout.reference, factor, out)
    elif layout.bits % 8 == 0 and layout.bits <= 32:
        packing.unpack_aligned(frozen(data), layout.bits // 8, step, layout.reference, factor, out)
    else:
        packing.unpack_bits(frozen(data), 0, layout.bits, step, layout.reference, factor, out)
    return out


def formula(layout: Layout) -> tuple[float, float]:
    """Return step and factor: a value is ``(X * step + reference) * factor``."""
    return step_and_factor(layout.binary_scale, layout.decimal_scale)


@lru_cache(maxsize=4096)
def step_and_factor(binary_scale: int, decimal_scale: int) -> tuple[float, float]:
    """Return the same of the two exponents.

    One that no real field has gives infinity or zero, as ecCodes' multiplications do.
    """
    try:
        step = math.ldexp(1.0, binary_scale)
    except OverflowError:
        step = math.inf
    return step, power(-decimal_scale, 10.0)


def grid_name(message: ByteLike) -> str | None:
    """Return the canonical name of a message's grid, or None if the grids room has none for it."""
    view = byte_view(message)
    return gridname.grid_of(view[: message_length(view)])


def read_field(message: ByteLike, *, keep_packing: bool = True) -> Field:
    """Return a message as a field.

    Parameters
    ----------
    message : ByteLike
        One GRIB1 or GRIB2 message.
    keep_packing : bool
        Whether the metadata say how it was packed, for an encoder with ``bits_per_value="keep"``, which
        then loses nothing.

    Returns
    -------
    Field
        Metadata: `mars_key`, ``startStep``, ``endStep`` and ``stattype`` of a field over a time range,
        and ``bitsPerValue``, ``decimalScaleFactor``, ``binaryScaleFactor``, ``referenceValue``.

    Raises
    ------
    InvalidMessage, UnsupportedPacking
        As `decode`.
    """
    layout = read_layout(message)
    metadata: dict[str, Scalar] = dict(mars_key(message))
    metadata |= grib.step_range(message)
    if keep_packing and layout.packing == OTHER:
        metadata |= grib.packing_facts(message)
    elif keep_packing:
        metadata |= {
            "packingType": PACKING_NAMES[layout.packing],
            "bitsPerValue": layout.bits,
            "decimalScaleFactor": layout.decimal_scale,
            "binaryScaleFactor": layout.binary_scale,
            "referenceValue": layout.reference,
        }
    return Field(metadata=Metadata(metadata), values=decode(message))
