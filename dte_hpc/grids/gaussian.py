"""Where are the points of a Gaussian grid: octahedral (O), classic reduced (N), regular (F), of other rows?

Row lengths that are neither are spelled in the name: ``reduced-gg/64/ROWS`` (`row_code`). A part of a
regular Gaussian grid has its increment and edges there: ``F80/1.125/60/-10.125/29.719/41.625`` (east,
north/west/south/east).

Rows lie at the roots of the Legendre polynomial of degree 2N (in the sine of latitude). They are found by
Newton's method with the recurrence (j+1) P_{j+1} = (2j+1) x P_j - j P_{j-1}, from Tricomi's estimate
(see Swarztrauber 2003, doi 10.1137/S1064827500379690). Only + - * / and the C library's cos and asin
are used, so that every run on a machine has the same bits.
"""

import functools
import math
import re
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import InvalidGrid
from dte_hpc.grids.numbers import NUMBER, degrees_text
from dte_hpc.grids.protocol import Int64s
from dte_hpc.grids.row_code import CODE, row_code, row_lengths
from dte_hpc.grids.rows import RowGrid

MAX_NUMBER = 16_000
ON_ROW = 1e-3  # degrees: GRIB1 tells the latitude of a row to a thousandth
_NAME = re.compile(r"([ONF])([1-9]\d{0,5})", re.IGNORECASE)
_OTHER = re.compile(rf"reduced-gg/([1-9]\d{{0,5}})/({CODE})", re.IGNORECASE)
_PART = re.compile(
    rf"F([1-9]\d{{0,5}})/({NUMBER})/({NUMBER})/({NUMBER})/({NUMBER})/({NUMBER})", re.IGNORECASE
)
_KINDS = {"O": "octahedral", "N": "reduced_gaussian", "F": "regular_gaussian"}


def from_name(name: str) -> RowGrid | None:
    """O320 (octahedral), N320 (classic reduced), F320 (regular), reduced-gg/320/ROWS: Gaussian grids, 320 rows a hemisphere.

    Returns None for a name of another family.
    """  # noqa: E501
    text = name.strip()
    if match := _NAME.fullmatch(text):
        letter, number = match[1].upper(), _checked(name, int(match[2]))
        northern = {"O": octahedral_lengths, "N": classic_lengths, "F": regular_lengths}[letter](number)
        lengths = np.concatenate([northern, northern[::-1]])
        return _whole(f"{letter}{number}", _KINDS[letter], number, lengths)
    if match := _OTHER.fullmatch(text):
        number = _checked(name, int(match[1]))
        return _of_rows(name, number, row_lengths(name, match[2], 2 * number))
    if match := _PART.fullmatch(text):
        return _part(name, _checked(name, int(match[1])), *map(float, match.groups()[1:]))
    return None


def reduced_gg_name(number: int, lengths: Int64s) -> str:
    """Return the name of a reduced Gaussian grid of any rows: O, N, or the lengths in letters."""
    if np.array_equal(lengths[:number], lengths[: number - 1 : -1]):
        if np.array_equal(lengths[:number], octahedral_lengths(number)):
            return f"O{number}"
        if number in _classic_table() and np.array_equal(lengths[:number], classic_lengths(number)):
            return f"N{number}"
    return f"reduced-gg/{number}/{row_code(lengths)}"


def _checked(name: str, number: int) -> int:
    if number > MAX_NUMBER:
        raise InvalidGrid(
            f"grid {name[:80]!r} has {number} rows a hemisphere; expected at most {MAX_NUMBER}", name=name
        )
    return number


def _whole(name: str, kind: str, number: int, lengths: Int64s) -> RowGrid:
    return RowGrid(
        name=name,
        kind=kind,
        latitudes=gaussian_latitudes(number),
        row_start=np.concatenate([[0], np.cumsum(lengths)]),
        first_longitude=np.zeros(lengths.size),
        spacing=360.0 / lengths,
        wraps=True,
    )


def _of_rows(name: str, number: int, lengths: Int64s) -> RowGrid:
    if lengths.min() < 1:
        raise InvalidGrid(f"grid {name[:80]!r} has a row without points; expected none", name=name)
    canonical = reduced_gg_name(number, lengths)
    letter = canonical[0].upper()
    return _whole(canonical, _KINDS.get(letter, "reduced_gaussian"), number, lengths)


def _part(
    name: str, number: int, step: float, north: float, west: float, south: float, east: float
) -> RowGrid:
    """Return the part of a regular Gaussian grid whose outermost points are these."""
    latitudes = gaussian_latitudes(number)
    rows = np.flatnonzero((latitudes <= north + ON_ROW) & (latitudes >= south - ON_ROW))
    east = east + 360 if east < west else east
    n_columns = round((east - west) / step) + 1 if step > 0 else 0
    on_edges = rows.size and max(abs(latitudes[rows[[0, -1]]] - (north, south))) <= ON_ROW
    if not on_edges or not 1 <= n_columns <= 8 * number or (n_columns - 1) * step > 360 or abs(west) > 720:
        raise InvalidGrid(
            f"grid {name!r} is no part of F{number}; expected its increment, and the outermost latitudes and "
            "longitudes of its points: north/west/south/east",
            name=name,
        )
    spacing = (east - west) / (n_columns - 1) if n_columns > 1 else step
    wraps = abs(n_columns * spacing - 360) < 1e-6 * n_columns
    edges = (latitudes[rows[0]], west, latitudes[rows[-1]], east)
    return RowGrid(
        name="/".join([f"F{number}", degrees_text(step), *map(degrees_text, edges)]),
        kind="regular_gaussian",
        latitudes=latitudes[rows],
        row_start=np.arange(rows.size + 1, dtype=np.int64) * n_columns,
        first_longitude=np.full(rows.size, west),
        spacing=np.full(rows.size, 360.0 / n_columns if wraps else spacing),
        wraps=wraps,
    )


def octahedral_lengths(number: int) -> NDArray[np.int64]:
    """Return 20, 24, 28, ...: the row lengths of O<number> from the pole to the equator.

    Malardel et al. 2016, ECMWF Newsletter 146.
    """
    return 20 + 4 * np.arange(number, dtype=np.int64)


def regular_lengths(number: int) -> NDArray[np.int64]:
    """Return 4 * number for each row: the row lengths of F<number>."""
    return np.full(number, 4 * number, np.int64)


def classic_lengths(number: int) -> NDArray[np.int64]:
    """Return the row lengths of N<number>, from the pole to the equator (`data/reduced_gaussian.txt`)."""
    table = _classic_table()
    if number not in table:
        raise InvalidGrid(
            f"no classic reduced Gaussian grid N{number} is known; expected one of "
            + ", ".join(f"N{known}" for known in table),
            name=f"N{number}",
        )
    return np.array(table[number].split(), np.int64)


@functools.cache
def _classic_table() -> dict[int, str]:
    text = (files("dte_hpc.grids") / "data" / "reduced_gaussian.txt").read_text(encoding="ascii")
    pairs = [line.split(":") for line in text.splitlines() if not line.startswith("#")]
    return {int(number): lengths for number, lengths in pairs}


@functools.lru_cache(maxsize=32)
def gaussian_latitudes(number: int) -> NDArray[np.float64]:
    """Return the 2 * number latitudes of a Gaussian grid, degrees, from north to south.

    Exactly antisymmetric about the equator; within 1e-11 degrees of the true roots. Costs 2 to 4 passes
    of 2 * number vector steps, about 30 ms for N1280.
    """
    degree = 2 * number
    angles = [math.pi * (4 * k - 1) / (4 * degree + 2) for k in range(1, number + 1)]
    correction = 1 - (degree - 1) / (8 * degree**3)
    sines = np.array([correction * math.cos(angle) for angle in angles])
    for _ in range(10):
        step = _newton_step(degree, sines)
        sines = sines - step
        if np.max(np.abs(step)) < 1e-15:
            break
    northern = np.array([math.degrees(math.asin(sine)) for sine in sines])
    latitudes = np.concatenate([northern, -northern[::-1]])
    latitudes.flags.writeable = False
    return latitudes


def _newton_step(degree: int, x: NDArray[np.float64]) -> NDArray[np.float64]:
    before, value = np.ones_like(x), x.copy()
    for j in range(1, degree):
        before, value = value, ((2 * j + 1) * x * value - j * before) / (j + 1)
    slope = degree * (before - x * value) / (1 - x * x)
    return value / slope
