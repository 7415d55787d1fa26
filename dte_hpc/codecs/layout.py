"""Where do a message's values lie, and how are they packed?

From the bytes alone: neither ecCodes nor numba is needed to read a `Layout`, which costs a few
microseconds. The layouts read here are WMO's, FM 92 GRIB edition 1 (Manual on Codes, WMO-No. 306,
Volume I.2, 2009) and edition 2 (https://codes.wmo.int/grib2)::

    GRIB1  "GRIB" len:3 ed:1 | PDS len:3 .. flags@7 .. D@26:2 | GDS len:3 | BMS len:3 unused:1 table:2 bits..
           | BDS len:3 flags:1 E@4:2 R@6:4(IBM) bits@10 data@11.. | "7777"
    GRIB2  "GRIB" 0 0 discipline:1 ed:1 len:8 | sections of len:4 number:1 ..
           3: n_values@6:4 | 5: n_packed@5:4 template@9:2 R@11:4(IEEE) E@15:2 D@17:2 bits@19
           [template 42: flags@21 block@22 rsi@23:2] | 6: indicator@5 bits@6.. | 7: data@5.. | "7777"

Value i of the packed ones is ``(reference + X_i * 2**binary_scale) * 10**-decimal_scale``.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.checksum import ByteLike
from dte_hpc.base.errors import InvalidMessage, UnsupportedPacking
from dte_hpc.base.field import Metadata

OTHER, SIMPLE, CCSDS, CONSTANT = 0, 1, 2, 3
PACKING_NAMES = ("other", "simple", "ccsds", "constant")
MAX_BITS = 64

LAYOUT = np.dtype(
    [
        ("packing", "u1"),
        ("edition", "u1"),
        ("bits", "u1"),
        ("ccsds_flags", "u1"),
        ("block_size", "<u2"),
        ("rsi", "<u2"),
        ("reference", "<f8"),
        ("binary_scale", "<i2"),
        ("decimal_scale", "<i2"),
        ("n_values", "<u8"),
        ("n_packed", "<u8"),
        ("data_offset", "<u4"),
        ("data_length", "<u8"),
        ("bitmap_offset", "<u4"),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What lets one value be read without the message's header.

    Attributes
    ----------
    packing : int
        0 other, 1 simple, 2 CCSDS, 3 constant (every present value is ``reference``).
    edition : int
        1 or 2.
    bits : int
        Of one packed value; 0 when constant.
    ccsds_flags, block_size, rsi : int
        CCSDS only: ecCodes' option flags, samples in a block, blocks in a reference sample interval.
    reference : float
        In the field's unit times ``10**decimal_scale``.
    binary_scale, decimal_scale : int
        Exponents of 2 and of 10.
    n_values, n_packed : int
        Points of the field, and of those the ones that are present (the same without a bitmap).
    data_offset, data_length : int
        First byte of packed data, from the start of the message, and bytes of it.
    bitmap_offset : int
        First byte of the bitmap (1 bit a point, the first in the high bit, 0 is missing); 0 for none.
    """

    packing: int
    edition: int
    bits: int
    ccsds_flags: int
    block_size: int
    rsi: int
    reference: float
    binary_scale: int
    decimal_scale: int
    n_values: int
    n_packed: int
    data_offset: int
    data_length: int
    bitmap_offset: int

    def __post_init__(self) -> None:
        if self.packing != OTHER:
            _refuse_nonsense(self)

    def as_record(self) -> np.void:
        """Return the same facts as a scalar of dtype `LAYOUT`."""
        return np.array([astuple(self)], dtype=LAYOUT)[0]  # type: ignore[no-any-return]

    @classmethod
    def of_record(cls, record: np.void) -> "Layout":
        """Return the layout of a record of dtype `LAYOUT`; InvalidMessage if it contradicts itself."""
        return cls(**dict(zip(LAYOUT.names or (), record.item(), strict=True)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EncodedField:
    """One field as a message, with what is known of it.

    Attributes
    ----------
    metadata : Metadata
        What the field is called.
    message : ByteLike
        One whole GRIB message.
    layout : Layout
        Of `message`.
    block_offsets : ndarray of uint64 or None
        CCSDS only: the bit at which each reference sample interval begins, from ``data_offset``.
    """

    metadata: Metadata
    message: ByteLike
    layout: Layout
    block_offsets: NDArray[np.uint64] | None


def _refuse_nonsense(layout: Layout) -> None:
    if layout.bits > MAX_BITS or layout.packing > CONSTANT or layout.edition not in (1, 2):
        raise _invalid(f"it has {layout.bits} bits a value", f"at most {MAX_BITS}")
    if layout.n_packed > layout.n_values or (not layout.bitmap_offset and layout.n_packed != layout.n_values):
        raise _invalid(
            f"it has {layout.n_packed} packed values for {layout.n_values} points"
            f" {'with' if layout.bitmap_offset else 'without'} a bitmap",
            "as many as there are points present",
        )
    if layout.packing == SIMPLE and layout.n_packed * layout.bits > 8 * layout.data_length:
        raise _invalid(
            f"it has {layout.n_packed} values of {layout.bits} bits in {layout.data_length} bytes",
            "room for all of them",
        )
    if layout.packing == CCSDS and (layout.block_size == 0 or layout.rsi == 0 or layout.bits > 32):
        raise _invalid(
            f"it has CCSDS blocks of {layout.block_size} samples, {layout.rsi} a reference interval, "
            f"{layout.bits} bits a sample",
            "positive counts and at most 32 bits",
        )
    if not np.isfinite(layout.reference):
        raise _invalid(f"its reference value is {layout.reference}", "a finite one")


def _invalid(found: str, expected: str) -> InvalidMessage:
    return InvalidMessage(f"the message is not one we can read: {found}; expected {expected}", found=found)


def byte_view(data: ByteLike) -> memoryview:
    """Return contiguous bytes as a flat read view, without a copy."""
    source: Any = data
    try:
        return memoryview(source).cast("B")
    except TypeError as error:
        raise InvalidMessage("a message must be contiguous bytes", found=type(data).__name__) from error


_GRIB2_START = struct.Struct(">4sHBBQ")
_SECTION = struct.Struct(">IB")
_SECTION5 = struct.Struct(">IHfHHB")
_CCSDS = struct.Struct(">BBH")
_MARK = re.compile(b"GRIB")


def message_length(view: memoryview, start: int = 0) -> int:
    """Return the length in bytes that the message at `start` says it has; InvalidMessage if it is none."""
    if bytes(view[start : start + 4]) != b"GRIB":
        raise _invalid(f"it begins with {bytes(view[start : start + 4])!r}", "'GRIB' and a section 0")
    n_there = len(view) - start
    if n_there < 16:
        raise _cut_off(view[start:])
    edition = view[start + 7]
    if edition == 2:
        length = int(_GRIB2_START.unpack_from(view, start)[4])
    elif edition == 1:
        length = _grib1_length(view, start)
    else:
        raise _invalid(f"it is of GRIB edition {edition}", "1 or 2")
    if length < 16 or length > n_there:
        raise _too_short(length, n_there)
    if bytes(view[start + length - 4 : start + length]) != b"7777":
        raise _invalid(f"its {length} bytes do not end in '7777'", "the end mark")
    return length


def _cut_off(view: memoryview) -> InvalidMessage:
    """Say what is there of a message that ends in its first 16 bytes, and what is lacking if it says so."""
    if len(view) >= 8 and view[7] == 1:
        return _too_short(_u24(view, 4), len(view))
    return _invalid(f"it ends after {len(view)} bytes, before it says how many it has", "all of it")


def _too_short(length: int, n_there: int) -> InvalidMessage:
    return _invalid(f"it says it is {length} bytes long, {n_there} are there", "all of it")


def _u24(view: memoryview, offset: int) -> int:
    if offset + 3 > len(view):
        raise _invalid(f"it ends at {len(view)}, before byte {offset + 3}", "a whole section")
    return view[offset] << 16 | view[offset + 1] << 8 | view[offset + 2]


def _signed(raw: int, sign_bit: int = 0x8000) -> int:
    """Return a sign-and-magnitude number."""
    return -(raw & (sign_bit - 1)) if raw & sign_bit else raw


def _grib1_length(view: memoryview, start: int) -> int:
    """Return a GRIB1 message's length, large ones included.

    A length whose highest bit is set counts units of 120 bytes, when the data section says it is
    shorter than 120 bytes: the convention of ECMWF's GRIBEX for messages above 8 MiB.
    """
    length = _u24(view, start + 4)
    if not length & 0x800000:
        return length
    _, _, _, bds = grib1_sections(view, start)
    short = _u24(view, bds)
    return (length & 0x7FFFFF) * 120 - short + 4 if short < 120 else length


def grib1_sections(view: memoryview, start: int) -> tuple[int, int, int, int]:
    """Return where PDS, GDS, BMS and BDS begin; 0 for an absent GDS or BMS."""
    pds = start + 8
    offset = pds + _section_length(view, pds, 28)
    flags, gds, bms = view[pds + 7], 0, 0
    if flags & 0x80:
        gds = offset
        offset += _section_length(view, gds, 32)
    if flags & 0x40:
        bms = offset
        offset += _section_length(view, bms, 6)
    _section_length(view, offset, 11, may_exceed=True)
    return pds, gds, bms, offset


def _section_length(view: memoryview, offset: int, least: int, *, may_exceed: bool = False) -> int:
    length = _u24(view, offset)
    room = len(view) - offset
    if room < least or (not may_exceed and not least <= length <= room):
        raise _invalid(f"a section at byte {offset} has {length} bytes, {room} are there", f">= {least}")
    return length


def read_layout(message: ByteLike) -> Layout:
    """Return where the values of one GRIB message lie and how they are packed.

    Every offset and size is checked against the message, so that what a `Layout` says can be read
    without further checks. Cost: a few microseconds, whatever the field's size.

    Raises
    ------
    InvalidMessage
        If the bytes are not one whole GRIB1 or GRIB2 message, or contradict themselves.
    UnsupportedPacking
        If the message holds several fields.
    """
    view = byte_view(message)
    view = view[: message_length(view)]
    return _layout2(view) if view[7] == 2 else _layout1(view)


def grib2_sections(view: memoryview) -> dict[int, tuple[int, int]]:
    """Return offset and length in bytes of each section of a GRIB2 message of one field."""
    sections: dict[int, tuple[int, int]] = {}
    offset, end = 16, len(view) - 4
    while offset < end:
        if offset + 5 > end:
            raise _invalid(f"a section begins at byte {offset} of {end}", "sections up to the end mark")
        length, number = _SECTION.unpack_from(view, offset)
        if length < 5 or offset + length > end or not 1 <= number <= 7:
            raise _invalid(f"section {number} at byte {offset} has {length} bytes of {end}", "1 to 7, inside")
        if number in sections:
            raise UnsupportedPacking(
                f"the message holds several fields (section {number} twice); expected one"
            )
        sections[number] = (offset, length)
        offset += length
    for number, least in ((1, 21), (3, 14), (4, 9), (5, 11), (6, 6), (7, 5)):
        if sections.get(number, (0, 0))[1] < least:
            raise _invalid(f"section {number} is absent or too short", f"at least {least} bytes")
    return sections


def grib2_section(view: memoryview, wanted: int) -> tuple[int, int]:
    """Return offset and length in bytes of the first section of that number, not looking any further."""
    offset, end = 16, len(view) - 4
    while offset + 5 <= end:
        length, number = _SECTION.unpack_from(view, offset)
        if length < 5 or offset + length > end:
            break
        if number == wanted:
            return offset, length
        offset += length
    raise _invalid(f"it has no section {wanted} up to byte {offset} of {end}", "one")


def _layout2(view: memoryview) -> Layout:
    sections = grib2_sections(view)
    at5, length5 = sections[5]
    n_values = int.from_bytes(view[sections[3][0] + 6 : sections[3][0] + 10], "big")
    template = view[at5 + 9] << 8 | view[at5 + 10]
    at6, length6 = sections[6]
    indicator = view[at6 + 5]
    known = template in (0, 42) and indicator in (0, 255)
    if template in (0, 42) and length5 < (21 if template == 0 else 25):
        raise _invalid(f"section 5 has {length5} bytes", "the whole of its template")
    if indicator == 0 and 8 * (length6 - 6) < n_values:
        raise _invalid(f"its bitmap has {length6 - 6} bytes for {n_values} points", "a bit a point")
    n_packed, _, reference, binary, decimal, bits = (
        _SECTION5.unpack_from(view, at5 + 5) if length5 >= 20 else (0, 0, 0.0, 0, 0, 0)
    )
    flags, block_size, rsi = _CCSDS.unpack_from(view, at5 + 21) if template == 42 and known else (0, 0, 0)
    packing = OTHER if not known else CONSTANT if bits == 0 else CCSDS if template == 42 else SIMPLE
    return Layout(
        packing=packing,
        edition=2,
        bits=bits,
        ccsds_flags=flags,
        block_size=block_size,
        rsi=rsi,
        reference=reference,
        binary_scale=_signed(binary),
        decimal_scale=_signed(decimal),
        n_values=n_values,
        n_packed=n_packed,
        data_offset=sections[7][0] + 5,
        data_length=sections[7][1] - 5,
        bitmap_offset=at6 + 6 if indicator == 0 else 0,
    )


def _layout1(view: memoryview) -> Layout:
    pds, gds, bms, bds = grib1_sections(view, 0)
    length = len(view) - 4 - bds
    flags, bits = view[bds + 3], view[bds + 10]
    data_length = length - 11
    if data_length < 0:
        raise _invalid(f"its data section has {length} bytes", "at least 11")
    n_bitmap = 0
    if bms:
        n_bitmap = 8 * (_u24(view, bms) - 6) - view[bms + 3]
    predefined = bool(bms) and (view[bms + 4] | view[bms + 5]) != 0
    n_points = _grib1_points(view, gds) if gds else 0
    n_values = n_bitmap if bms else n_points
    packing = OTHER if flags & 0xD0 or predefined else SIMPLE if bits else CONSTANT
    n_packed = n_values
    bitmap_offset = bms + 6 if bms and not predefined else 0
    if packing == SIMPLE:
        n_packed = max(0, (8 * data_length - (flags & 0x0F)) // bits)
        n_values = n_values if bms else min(n_packed, n_points) or n_packed
        n_packed = n_packed if bms else n_values
    if bitmap_offset and packing != OTHER:
        n_packed = _count_present(view[bitmap_offset:bds], n_bitmap)
    return Layout(
        packing=packing,
        edition=1,
        bits=bits,
        ccsds_flags=0,
        block_size=0,
        rsi=0,
        reference=_ibm_float(int.from_bytes(view[bds + 6 : bds + 10], "big")),
        binary_scale=_signed(view[bds + 4] << 8 | view[bds + 5]),
        decimal_scale=_signed(view[pds + 26] << 8 | view[pds + 27]),
        n_values=n_values,
        n_packed=n_packed,
        data_offset=bds + 11,
        data_length=data_length,
        bitmap_offset=bitmap_offset,
    )


def _count_present(bitmap: memoryview, n_bits: int) -> int:
    if not 0 <= n_bits <= 8 * len(bitmap):
        raise _invalid(f"its bitmap says it has {n_bits} bits in {len(bitmap)} bytes", "a bit a point")
    return int(np.unpackbits(np.frombuffer(bitmap, np.uint8), count=n_bits).sum()) if n_bits else 0


def _grib1_points(view: memoryview, gds: int) -> int:
    """Return how many points a GRIB1 grid has: Ni Nj, or the sum of the row lengths."""
    ni, nj = view[gds + 6] << 8 | view[gds + 7], view[gds + 8] << 8 | view[gds + 9]
    if ni != 0xFFFF:
        return ni * nj
    start = gds + view[gds + 4] - 1 + 4 * view[gds + 3]
    rows = view[start : start + 2 * nj]
    if view[gds + 4] == 255 or len(rows) < 2 * nj or start + 2 * nj > gds + _u24(view, gds):
        raise _invalid(f"its grid section has no room for the lengths of {nj} rows", "one for each row")
    return int(np.frombuffer(rows, ">u2").sum())


def _ibm_float(raw: int) -> float:
    """Return an IBM System/360 single: sign, 7-bit exponent of 16 (excess 64), 24-bit fraction."""
    magnitude = float(raw & 0xFFFFFF) * 16.0 ** (((raw >> 24) & 0x7F) - 70)
    return -magnitude if raw & 0x80000000 else magnitude


def split(buffer: ByteLike) -> Iterator[memoryview]:
    """Yield each GRIB message of a buffer, as views without a copy.

    Bytes between messages (padding, bulletin headers) are passed over, as ecCodes does. A message that
    ends too early, or a buffer without any, is `InvalidMessage`.
    """
    view = byte_view(buffer)
    start = n_messages = 0
    while found := _MARK.search(view, start):
        start = found.start()
        length = message_length(view, start)
        yield view[start : start + length]
        start, n_messages = start + length, n_messages + 1
    if n_messages == 0:
        raise _invalid(f"its {len(view)} bytes hold no 'GRIB'", "at least one message")
