"""Which grid does section 2 of a GRIB1 message describe, by its name?

Types 0 and 10 (regular, reduced and rotated latitude-longitude), 1 (Mercator), 3 (Lambert), 4 and 14
(Gaussian), 5 (polar stereographic). Octets as in WMO's Manual on Codes 306, volume I.2, FM 92-IX Ext. GRIB.
"""

import struct

from dte_hpc.codecs import gridfacts
from dte_hpc.codecs.gridfacts import integers, signed
from dte_hpc.grids.numbers import degrees_text
from dte_hpc.grids.scanned import NORTHWARD

MISSING = 0xFFFF
MILLIDEGREES = 1000
LEAST = 32
SPHERE, ELLIPSOID = "6367470", "6378160x6356775"  # flag table 7
TRUE_AT = 60.0  # of every polar stereographic grid
Named = tuple[str | None, int | None]


def name_of_section1(section: bytes) -> Named:
    """Return the name of a grid, not always the canonical one, and how many points it has if that is told."""
    if len(section) < LEAST:
        return None, None
    kind = section[5]
    if kind in (0, 10):
        name, n_points = _latlon(section)
    elif kind in (4, 14):
        name, n_points = _gaussian(section), None
    elif kind in (1, 3, 5):
        return _projected(section)
    else:
        return None, None
    return (_rotated(name, section) if kind in (10, 14) else name), n_points


def _shape(section: bytes) -> tuple[int, int]:
    ni, nj = struct.unpack_from(">HH", section, 6)
    return ni, nj


def _angle(section: bytes, at: int) -> float:
    return signed(int.from_bytes(section[at : at + 3], "big"), 24) / MILLIDEGREES


def _edges(section: bytes) -> list[float]:
    return [_angle(section, at) for at in (10, 13, 17, 20)]


def _latlon(section: bytes) -> Named:
    (ni, nj), flags = _shape(section), section[27]
    if ni == MISSING:
        lengths = _row_lengths(section, nj)
        return (gridfacts.reduced_ll(_edges(section), lengths, flags) if lengths else None), None
    raw = struct.unpack_from(">HH", section, 23)
    east, north = (None if step == MISSING else step / MILLIDEGREES for step in raw)
    return gridfacts.regular_ll((ni, nj), _edges(section), (east, north), flags), ni * nj


def _gaussian(section: bytes) -> str | None:
    (ni, nj), (_, number) = _shape(section), struct.unpack_from(">HH", section, 23)
    lengths = _row_lengths(section, nj) if ni == MISSING else None
    if ni == MISSING and lengths is None:
        return None
    return gridfacts.gaussian(number, (ni, nj), _edges(section), lengths, section[27])


def _row_lengths(section: bytes, n_rows: int) -> tuple[int, ...] | None:
    start = section[4] - 1 + 4 * section[3]
    raw = section[start : start + 2 * n_rows]
    return integers(raw, 2) if section[4] != 255 and len(raw) == 2 * n_rows else None


def _rotated(name: str | None, section: bytes) -> str | None:
    if len(section) < 42:
        return None
    return gridfacts.rotated(
        name, _angle(section, 32), _angle(section, 35), float(int.from_bytes(section[38:42], "big"))
    )


def _projected(section: bytes) -> Named:
    (nx, ny), first = _shape(section), "/".join(degrees_text(_angle(section, at)) for at in (10, 13))
    earth = ELLIPSOID if section[16] & 0x40 else SPHERE
    flags = section[27]
    if flags & ~gridfacts.DIRECTIONS:
        return None, None
    scan = "" if flags == NORTHWARD else f"/scan/{flags}"
    if section[5] == 1:
        return _mercator(section, earth), nx * ny
    if section[26] & 0x40:
        return None, None
    orientation = degrees_text(_angle(section, 17))
    dx, dy = (int.from_bytes(section[at : at + 3], "big") for at in (20, 23))
    start = f"{nx}x{ny}/{dx}/{dy}/{first}/{orientation}"
    if section[5] == 5:
        true_at = -TRUE_AT if section[26] & 0x80 else TRUE_AT
        return f"polar-stereographic/{start}/{degrees_text(true_at)}/{earth}{scan}", nx * ny
    if len(section) < 34:
        return None, None
    cuts = "/".join(degrees_text(_angle(section, at)) for at in (28, 31))
    return f"lambert/{start}/{cuts}/{earth}{scan}", nx * ny


def _mercator(section: bytes, earth: str) -> str | None:
    (ni, nj), flags = _shape(section), section[27]
    if len(section) < 34:
        return None
    _, west, south, _ = gridfacts.in_row_order(_edges(section), flags)
    dx, dy = (int.from_bytes(section[at : at + 3], "big") for at in (28, 31))
    corner = "/".join(degrees_text(angle) for angle in (south, west, _angle(section, 23)))
    return gridfacts.scanned(f"mercator/{ni}x{nj}/{dx}/{dy}/{corner}/{earth}", flags)
