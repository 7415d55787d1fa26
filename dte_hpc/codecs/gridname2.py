"""Which grid does section 3 of a GRIB2 message describe, by its name?

Templates 3.0 and 3.1 (regular, reduced and rotated latitude-longitude), 3.10 (Mercator), 3.20 (polar
stereographic), 3.30 (Lambert), 3.40 and 3.41 (Gaussian), 3.101 (unstructured), 3.150 (HEALPix). Octets as in
WMO's Manual on Codes 306, volume I.2, part B.
"""

import struct
from collections.abc import Callable

from dte_hpc.codecs import gridfacts
from dte_hpc.codecs.gridfacts import integers, signed
from dte_hpc.grids.numbers import degrees_text, metres_text
from dte_hpc.grids.scanned import NORTHWARD
from dte_hpc.grids.unstructured import message_name

MISSING = 0xFFFFFFFF
MICRODEGREES = 1_000_000
MILLIMETRES = 1000
Named = tuple[str | None, int | None]

# code table 3.2: half axes in metres; 1, 3 and 7 have theirs in the message
EARTHS = {
    0: "6367470",
    2: "6378160x6356775",
    4: "6378137x6356752.314",
    5: "6378137x6356752.314",
    6: "6371229",
    8: "6371200",
    9: "6377563.396x6356256.909",
}


def name_of_section2(section: bytes) -> Named:
    """Return the name of a grid, not always the canonical one, and how many points the message has."""
    if len(section) < 14:
        return None, None
    n_points, template = int.from_bytes(section[6:10], "big"), section[12] << 8 | section[13]
    reader, least = _READERS.get(template, (None, 0))
    if reader is None or len(section) < least:
        return None, n_points
    return reader(section), n_points


def _grid_40(section: bytes) -> str | None:
    facts = _latlon_facts(section)
    if facts is None:
        return None
    shape, edges, (_, number), flags = facts
    lengths = _row_lengths(section, shape[1]) if section[10] else None
    return gridfacts.gaussian(number, shape, edges, lengths, flags)


def _grid_0(section: bytes) -> str | None:
    facts = _latlon_facts(section)
    if facts is None:
        return None
    shape, edges, raw_steps, flags = facts
    if shape[0] == MISSING:
        lengths = _row_lengths(section, shape[1])
        return gridfacts.reduced_ll(edges, lengths, flags) if lengths else None
    east, north = (None if step == MISSING else step / MICRODEGREES for step in raw_steps)
    return gridfacts.regular_ll(shape, edges, (east, north), flags)


def _latlon_facts(section: bytes) -> tuple[tuple[int, int], list[float], tuple[int, int], int] | None:
    """Return shape, edges, the two last numbers and scanning mode of templates 0, 1, 40 and 41."""
    ni, nj, angle, divisor, first_lat, first_lon = struct.unpack_from(">6I", section, 30)
    last_lat, last_lon, east_step, last = struct.unpack_from(">4I", section, 55)
    if angle not in (0, MISSING) or divisor not in (0, MISSING, MICRODEGREES):
        return None
    edges = [signed(edge, 32) / MICRODEGREES for edge in (first_lat, first_lon, last_lat, last_lon)]
    return (ni, nj), edges, (east_step, last), section[71]


def _row_lengths(section: bytes, n_rows: int) -> tuple[int, ...] | None:
    width = section[10]
    start = 84 if section[13] in (1, 41) else 72
    raw = section[start : start + width * n_rows]
    if width not in (1, 2, 4) or len(raw) != width * n_rows:
        return None
    return integers(raw, width)


def _rotated(of: Callable[[bytes], str | None]) -> Callable[[bytes], str | None]:
    def name(section: bytes) -> str | None:
        latitude, longitude = (
            signed(raw, 32) / MICRODEGREES for raw in struct.unpack_from(">2I", section, 72)
        )
        (angle,) = struct.unpack_from(">f", section, 80)
        return gridfacts.rotated(of(section), latitude, longitude, angle)

    return name


def _healpix(section: bytes) -> str | None:
    n_side, first_longitude = int.from_bytes(section[31:35], "big"), int.from_bytes(section[35:39], "big")
    position_and_order = section[39:41]
    if first_longitude != 45 * MICRODEGREES or position_and_order not in (b"\x04\x00", b"\x04\x01"):
        return None
    return f"H{n_side}{'n' if position_and_order[1] else ''}" if section[41] == 0 else None


def _earth(section: bytes) -> str | None:
    """Return the figure of the Earth as a name has it."""
    shape = section[14]
    if shape in EARTHS:
        return EARTHS[shape]
    (radius_scale, radius, major_scale, major, minor_scale, minor) = struct.unpack_from(
        ">BIBIBI", section, 15
    )
    unit = 1000.0 if shape == 3 else 1.0
    if shape == 1 and radius != MISSING:
        return metres_text(radius / 10**radius_scale)
    if shape in (3, 7) and MISSING not in (major, minor):
        axes = unit * major / 10**major_scale, unit * minor / 10**minor_scale
        return "x".join(map(metres_text, axes))
    return None


def _lambert(section: bytes) -> str | None:
    earth, (nx, ny, lat, lon) = _earth(section), struct.unpack_from(">4I", section, 30)
    _, orientation, dx, dy = struct.unpack_from(">4I", section, 47)
    plane, flags, cut_a, cut_b = struct.unpack_from(">2B2I", section, 63)
    if earth is None or plane & 0x40 or flags & ~gridfacts.DIRECTIONS:
        return None
    return _projected("lambert", (nx, ny), (dx, dy), (lat, lon, orientation, cut_a, cut_b), earth, flags)


def _polar_stereographic(section: bytes) -> str | None:
    earth, (nx, ny, lat, lon) = _earth(section), struct.unpack_from(">4I", section, 30)
    true_at, orientation, dx, dy = struct.unpack_from(">4I", section, 47)
    plane, flags = section[63:65]
    if earth is None or plane & 0x40 or flags & ~gridfacts.DIRECTIONS:
        return None
    true_at = abs(signed(true_at, 32)) | (0x80000000 if plane & 0x80 else 0)
    return _projected(
        "polar-stereographic", (nx, ny), (dx, dy), (lat, lon, orientation, true_at), earth, flags
    )


def _projected(
    kind: str, shape: tuple[int, int], steps: tuple[int, int], angles: tuple[int, ...], earth: str, flags: int
) -> str:
    facts = [metres_text(step / MILLIMETRES) for step in steps]
    facts += [degrees_text(signed(angle, 32) / MICRODEGREES) for angle in angles]
    scan = "" if flags == NORTHWARD else f"/scan/{flags}"
    return f"{kind}/{shape[0]}x{shape[1]}/{'/'.join(facts)}/{earth}{scan}"


def _mercator(section: bytes) -> str | None:
    earth, (ni, nj, first_lat, first_lon) = _earth(section), struct.unpack_from(">4I", section, 30)
    true_at, last_lat, last_lon = struct.unpack_from(">3I", section, 47)
    flags, orientation, dx, dy = struct.unpack_from(">B3I", section, 59)
    if earth is None or orientation:
        return None
    edges = [signed(edge, 32) / MICRODEGREES for edge in (first_lat, first_lon, last_lat, last_lon)]
    _, west, south, _ = gridfacts.in_row_order(edges, flags)
    facts = [metres_text(step / MILLIMETRES) for step in (dx, dy)]
    facts += [degrees_text(angle) for angle in (south, west, signed(true_at, 32) / MICRODEGREES)]
    return gridfacts.scanned(f"mercator/{ni}x{nj}/{'/'.join(facts)}/{earth}", flags)


def _unstructured(section: bytes) -> str | None:
    return message_name(section[19:35], section[18])


_READERS: dict[int, tuple[Callable[[bytes], str | None], int]] = {
    0: (_grid_0, 72),
    1: (_rotated(_grid_0), 84),
    10: (_mercator, 72),
    20: (_polar_stereographic, 65),
    30: (_lambert, 73),
    40: (_grid_40, 72),
    41: (_rotated(_grid_40), 84),
    101: (_unstructured, 35),
    150: (_healpix, 42),
}
