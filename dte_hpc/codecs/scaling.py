"""Which reference value, scale factors and bits hold a range of values?

GRIB's formula (regulation 92.9.4) is ``value = (reference + X * 2**E) * 10**-D``. The choice made here is
ecCodes' choice, step by step in the same double precision operations, so that messages are equal
(facts from ecCodes 2.50: DataSimplePacking.cc, DataCcsdsPacking.cc, grib_scaling.cc, grib_ieeefloat.cc).
"""

import math
from dataclasses import dataclass

import numpy as np

from dte_hpc.base.errors import InvalidPart

LARGEST = float(np.finfo(np.float32).max)
SMALLEST_NORMAL = float(np.finfo(np.float32).tiny)
MAX_BINARY_SCALE = 127
BITS_WHEN_NONE = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """How values become integers of `bits` bits; ``bits == 0``: every value is `reference`."""

    reference: float
    binary_scale: int
    decimal_scale: int
    bits: int

    @property
    def multiplier(self) -> float:
        """10**D, by repeated multiplication as ecCodes does."""
        return power(self.decimal_scale, 10.0)

    @property
    def divisor(self) -> float:
        """2**-E: an integer is ``floor((value * multiplier - reference) * divisor + 0.5)``."""
        return math.ldexp(1.0, -self.binary_scale)


def power(exponent: int, base: float) -> float:
    """Return base**exponent by repeated multiplication or division, as ecCodes rounds it."""
    result = 1.0
    for _ in range(abs(exponent)):
        result = result * base if exponent > 0 else result / base
    return result


def nearest_smaller(value: float) -> float:
    """Return the greatest normal IEEE single (or zero) that is not above a value."""
    if abs(value) > LARGEST:
        raise InvalidPart(
            f"the field has the value {value:g}; expected magnitudes up to {LARGEST:g}, the most GRIB holds",
            value=value,
        )
    if abs(value) < SMALLEST_NORMAL:
        return 0.0 if value >= 0 else -SMALLEST_NORMAL
    single = np.float32(value)
    if float(single) > value:
        single = np.nextafter(single, np.float32(-np.inf))
    return float(single) if abs(single) >= SMALLEST_NORMAL else 0.0


def choose(low: float, high: float, *, bits: int, decimal_scale: int, ccsds: bool) -> Scaling:
    """Return the scaling for values from `low` to `high`.

    Parameters
    ----------
    low, high : float
        Least and greatest value that is present; NaN when none is.
    bits : int
        Wanted bits of a value. With a decimal scale, simple packing computes them.
    decimal_scale : int
        0: chosen so that all bits are used. Else D, and for simple packing E = 0: ``10**-D`` is the step.
    ccsds : bool
        Whether the integers are to be compressed.

    Raises
    ------
    InvalidPart
        When a value is infinite, or too large for GRIB.
    """
    if math.isnan(low):
        return Scaling(reference=0.0, binary_scale=0, decimal_scale=decimal_scale, bits=0)
    if math.isinf(low) or math.isinf(high):
        raise InvalidPart("the field has an infinite value; expected finite ones, or NaN for missing")
    if low == high:
        return Scaling(reference=nearest_smaller(low), binary_scale=0, decimal_scale=decimal_scale, bits=0)
    if decimal_scale:
        return _decimal(low, high, bits or BITS_WHEN_NONE, decimal_scale, ccsds)
    return _binary(low, high, bits or BITS_WHEN_NONE)


def _decimal(low: float, high: float, bits: int, decimal_scale: int, ccsds: bool) -> Scaling:
    multiplier = power(decimal_scale, 10.0)
    low, high = low * multiplier, high * multiplier
    reference = nearest_smaller(low)
    if ccsds:
        scale = _binary_scale(high - reference, bits)
        return Scaling(reference=reference, binary_scale=scale, decimal_scale=decimal_scale, bits=bits)
    bits = max(math.ceil(high - low).bit_length(), math.floor(high - reference + 0.5).bit_length())
    if bits > 31:
        raise InvalidPart(
            f"the field spans {high - low:g} steps of 10**-{decimal_scale}; expected fewer than 2**31",
            decimal_scale=decimal_scale,
        )
    return Scaling(reference=reference, binary_scale=0, decimal_scale=decimal_scale, bits=bits)


def _binary(low: float, high: float, bits: int) -> Scaling:
    steps = math.ldexp(1.0, bits) - 1
    least, most = math.ldexp(steps, -MAX_BINARY_SCALE), math.ldexp(steps, MAX_BINARY_SCALE)
    decimal_scale, decimal = 0, 1.0
    scaled_low, scaled_high = low, high
    while scaled_high - scaled_low < least:
        decimal_scale, decimal = decimal_scale + 1, decimal * 10
        scaled_low, scaled_high = low * decimal, high * decimal
    while scaled_high - scaled_low > most:
        decimal_scale, decimal = decimal_scale - 1, decimal / 10
        scaled_low, scaled_high = low * decimal, high * decimal
    reference = nearest_smaller(scaled_low)
    scale = _binary_scale(scaled_high - reference, bits)
    return Scaling(reference=reference, binary_scale=scale, decimal_scale=decimal_scale, bits=bits)


def _binary_scale(extent: float, bits: int) -> int:
    """Return the least E for which the greatest integer still fits in the bits."""
    scale = math.frexp(extent)[1] - bits
    if math.floor(math.ldexp(extent, -scale) + 0.5) >= 1 << bits:
        scale += 1
    if not -MAX_BINARY_SCALE <= scale <= MAX_BINARY_SCALE:
        raise InvalidPart(
            f"the field spans {extent:g}, which needs the binary scale {scale}; expected at most "
            f"{MAX_BINARY_SCALE} either way",
            extent=extent,
        )
    return scale
