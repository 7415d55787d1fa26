"""On which grid does a message lie, by the name the grids room knows it under?

Read from the grid section's bytes (GRIB2 templates 3.0, 3.40 and 3.150, GRIB1 types 0 and 4). A field whose
rows do not run from north to south and from west to east, or whose grid is none of ours, has no name.
"""

import math
import struct
from functools import lru_cache

import numpy as np

from dte_hpc.base.errors import InvalidGrid
from dte_hpc.codecs.layout import grib1_sections, grib2_section, grib2_sections
from dte_hpc.grids import grid

MISSING = 0xFFFFFFFF
MICRODEGREES, MILLIDEGREES = 1_000_000, 1_000


def grid_of(view: memoryview) -> str | None:
    """Return the canonical name of a message's grid, or None. Remembered for each grid section."""
    if view[7] == 2:
        at, length = grib2_sections(view)[3]
        return _grid_name(2, bytes(view[at : at + length]))
    _, gds, _, _ = grib1_sections(view, 0)
    length = int.from_bytes(view[gds : gds + 3], "big")
    return _grid_name(1, bytes(view[gds : gds + length])) if gds else None


def grid_of_field(view: memoryview) -> str | None:
    """Return the same for a message of one field whose layout was read: its sections need no second look."""
    if view[7] == 2:
        at, length = grib2_section(view, 3)
        return _grid_name(2, bytes(view[at : at + length]))
    return grid_of(view)


@lru_cache(maxsize=256)
def _grid_name(edition: int, section: bytes) -> str | None:
    name, n_points = _read2(section) if edition == 2 else _read1(section)
    if name is None:
        return None
    try:
        found = grid(name)
    except InvalidGrid:
        return None
    return found.name if n_points in (found.n_points, None) else None


def _read2(section: bytes) -> tuple[str | None, int | None]:
    n_points, template = int.from_bytes(section[6:10], "big"), section[12] << 8 | section[13]
    if template == 150 and len(section) >= 42 and section[41] == 0:
        return _healpix(section), n_points
    if template not in (0, 40) or len(section) < 72 or section[71] & 0xF0:
        return None, n_points
    ni, nj, angle, divisor, north, west = struct.unpack_from(">6I", section, 30)
    south, east, east_step, north_step = struct.unpack_from(">4I", section, 55)
    if angle not in (0, MISSING) or (divisor not in (0, MISSING, MICRODEGREES)):
        return None, n_points
    if template == 40:
        lengths = _row_lengths(section, 72, section[10], nj) if section[10] else None
        return _gaussian(north_step, ni, nj, west, lengths), n_points
    if MISSING in (ni, nj, east_step, north_step):
        return None, n_points
    edges = [_signed32(edge) for edge in (north, west, south, east)]
    return _regular(ni, nj, edges, east_step, north_step, MICRODEGREES), n_points


def _signed32(raw: int) -> int:
    return -(raw & 0x7FFFFFFF) if raw & 0x80000000 else raw


def _signed24(raw: bytes) -> int:
    number = int.from_bytes(raw, "big")
    return -(number & 0x7FFFFF) if number & 0x800000 else number


def _healpix(section: bytes) -> str | None:
    n_side, first_longitude = int.from_bytes(section[31:35], "big"), int.from_bytes(section[35:39], "big")
    position_and_order = section[39:41]
    if first_longitude != 45 * MICRODEGREES or position_and_order not in (b"\x04\x00", b"\x04\x01"):
        return None
    return f"H{n_side}{'n' if position_and_order[1] else ''}"


def _row_lengths(section: bytes, start: int, width: int, n_rows: int) -> tuple[int, ...] | None:
    raw = section[start : start + width * n_rows]
    if width not in (1, 2, 4) or len(raw) != width * n_rows:
        return None
    return tuple(np.frombuffer(raw, f">u{width}").tolist())


def _gaussian(number: int, ni: int, n_rows: int, west: int, lengths: tuple[int, ...] | None) -> str | None:
    if number == 0 or n_rows != 2 * number or west != 0:
        return None
    if lengths is None:
        return f"F{number}" if ni == 4 * number else None
    for family in "ON":
        try:
            if tuple(grid(f"{family}{number}").row_lengths.tolist()) == lengths:
                return f"{family}{number}"
        except InvalidGrid:
            continue
    return None


def _regular(ni: int, nj: int, edges: list[int], east_step: int, north_step: int, unit: int) -> str | None:
    north, west, south, _ = (edge / unit for edge in edges)
    columns, rows = _step(east_step / unit, ni), _step(north_step / unit, nj)
    if nj == 0 or ni == 0 or columns == 0 or rows == 0 or not -90 <= south <= north <= 90:
        return None
    if nj > 1:
        rows = (north - south) / (nj - 1)
    if math.isclose(columns * ni, 360, abs_tol=1e-6) and (north, west, south) == (90, 0, -90):
        return f"{_text(columns)}/{_text(rows)}"
    west = (west + 180) % 360 - 180
    edges_text = "/".join(_text(edge) for edge in (north, west, south, west + (ni - 1) * columns))
    return f"{_text(columns)}/{_text(rows)}/{edges_text}"


def _step(step: float, count: int) -> float:
    """Return an increment that was rounded to its unit: the whole circle's, if it is near it."""
    return 360 / count if count and abs(step * count - 360) < 1e-3 * count else step


def _text(number: float) -> str:
    return f"{round(number, 6) + 0.0:.6f}".rstrip("0").rstrip(".")


def _read1(section: bytes) -> tuple[str | None, int | None]:
    kind = section[5]
    if kind not in (0, 4) or len(section) < 32 or section[27] & 0xF0:
        return None, None
    ni, nj = struct.unpack_from(">HH", section, 6)
    edges = [_signed24(section[at : at + 3]) for at in (10, 13, 17, 20)]
    east_step, last = struct.unpack_from(">HH", section, 23)
    if kind == 4:
        start = section[4] - 1 + 4 * section[3]
        lengths = _row_lengths(section, start, 2, nj) if ni == 0xFFFF else None
        return _gaussian(last, ni, nj, edges[1], lengths), None
    if ni == 0xFFFF or 0xFFFF in (east_step, last):
        return None, None
    return _regular(ni, nj, edges, east_step, last, MILLIDEGREES), ni * nj
