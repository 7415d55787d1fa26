"""How does a field become a GRIB2 message?

The header comes from `headers`, the rest from `sections`.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from dte_hpc.base.compiled import frozen
from dte_hpc.base.errors import InvalidPart
from dte_hpc.base.field import Field, Metadata
from dte_hpc.codecs import packing
from dte_hpc.codecs.headers import HeaderMaker, mars_key
from dte_hpc.codecs.layout import EncodedField, read_layout
from dte_hpc.codecs.scaling import Scaling
from dte_hpc.codecs.sections import Target, write_message
from dte_hpc.grids import Grid, grid

MAX_BITS = 32
KEEP: Literal["keep"] = "keep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """How values become bits.

    Attributes
    ----------
    packing : {"simple", "ccsds"}
        grid_simple, or grid_ccsds (compressed, lossless after the rounding to `bits_per_value`).
    bits_per_value : int or "keep"
        1 to 32; 0 with a decimal scale; "keep": as the field's metadata say (``bitsPerValue`` and, if there,
        ``referenceValue``, ``binaryScaleFactor``, ``decimalScaleFactor``, which make it lossless).
    decimal_scale : int
        0: all bits are used. Else the step is ``10**-decimal_scale``, and simple packing takes the bits
        that needs.
    ccsds_block_size, ccsds_rsi : int
        Samples in a block (8, 16, 32, 64) and blocks in a reference sample interval (1 to 4096).
    """

    packing: Literal["simple", "ccsds"] = "simple"
    bits_per_value: int | Literal["keep"] = 16
    decimal_scale: int = 0
    ccsds_block_size: int = 32
    ccsds_rsi: int = 128

    def __post_init__(self) -> None:
        if self.packing not in ("simple", "ccsds"):
            raise ValueError(f"found packing {self.packing!r}; expected 'simple' or 'ccsds'")
        least = 0 if self.decimal_scale else 1
        if self.bits_per_value != KEEP and not least <= int(self.bits_per_value) <= MAX_BITS:
            raise ValueError(f"found {self.bits_per_value} bits per value; expected {least} to 32, or 'keep'")
        if not -127 <= self.decimal_scale <= 127:
            raise ValueError(f"found the decimal scale {self.decimal_scale}; expected -127 to 127")
        if self.ccsds_block_size not in (8, 16, 32, 64) or not 1 <= self.ccsds_rsi <= 4096:
            raise ValueError(
                f"found CCSDS blocks of {self.ccsds_block_size} samples, {self.ccsds_rsi} in an interval; "
                "expected 8, 16, 32 or 64, and 1 to 4096"
            )


class GribEncoder:
    """Turns fields into GRIB2 messages.

    Parameters
    ----------
    packing : Packing
        The same for all its fields.

    Notes
    -----
    A grid_simple message equals, byte for byte, the one ecCodes makes of the same header and values; of
    grid_ccsds the data section does too. One encoder serves one thread.
    """

    def __init__(self, packing: Packing | None = None) -> None:
        self._packing = packing or Packing()
        self._target = Target(
            ccsds=self._packing.packing == "ccsds",
            decimal_scale=self._packing.decimal_scale,
            block_size=self._packing.ccsds_block_size,
            rsi=self._packing.ccsds_rsi,
        )
        self._headers = HeaderMaker(ccsds=self._packing.packing == "ccsds")

    def warm(self) -> None:
        """Load or compile the loops of this packing. See `packing.warm`."""
        packing.warm(ccsds=self._target.ccsds)

    def encode(self, field: Field) -> EncodedField:
        """Return a field as one message; what the field is called there is in the result's metadata.

        Cost: two passes over the values (three with missing ones), tens of microseconds for the header,
        some milliseconds for the first fields of a kind.

        Raises
        ------
        InvalidPart
            When a value is infinite or too large, the grid does not fit, or ecCodes refuses the metadata.
        InvalidGrid
            When the grid's name is unknown.
        """
        values = frozen(field.values)
        bits, kept = self._packing.bits_per_value, None
        if bits == KEEP:
            bits, kept = _kept_bits(field.metadata), _kept_scaling(field.metadata)
        header = self._headers.header(field.metadata, values.size, _grid_of(field.metadata))
        try:
            message, offsets = write_message(header, values, self._target, int(bits), kept)
        except InvalidPart as error:
            raise InvalidPart(f"field {field.metadata}: {error}", metadata=field.metadata) from error
        metadata = Metadata({**field.metadata, **mars_key(message)})
        return EncodedField(
            metadata=metadata, message=message, layout=read_layout(message), block_offsets=offsets
        )


def _grid_of(metadata: Metadata) -> Grid | None:
    name = metadata.get("grid")
    return grid(str(name)) if name else None


def _kept_bits(metadata: Metadata) -> int:
    bits = metadata.get("bitsPerValue")
    if not isinstance(bits, int) or not 0 <= bits <= MAX_BITS:
        raise InvalidPart(
            f"field {metadata} is to keep its bits per value, and has bitsPerValue={bits}: it was computed, "
            "or its message packs no whole numbers (as IEEE floats do); expected a plan with bits-per-value "
            f"1 to {MAX_BITS}",
            keyword="bitsPerValue",
        )
    return bits


def _kept_scaling(metadata: Metadata) -> Scaling | None:
    """Return the scaling a field had in the message it came from, if its metadata say."""
    names = ("referenceValue", "binaryScaleFactor", "decimalScaleFactor", "bitsPerValue")
    reference, binary, decimal, bits = (metadata.get(name) for name in names)
    if not isinstance(reference, int | float) or not bits:
        return None
    if not (isinstance(binary, int) and isinstance(decimal, int) and isinstance(bits, int)):
        return None
    if abs(decimal) > 127 or abs(binary) > 1000 or float(np.float32(reference)) != reference:
        return None
    return Scaling(reference=float(reference), binary_scale=binary, decimal_scale=decimal, bits=bits)
