"""Where are the points of a HEALPix grid, in ring and in nested order?

Górski et al. 2005 (doi 10.1086/427976), section 5. Rings are rows. For the nested order the rings of the
equatorial belt are laid on a plane: n pixels a quarter turn across, one row a half pixel up. There each
of the 12 faces is a square of n x n pixels standing on its southern corner, with x to the north-east and y
to the north-west, and the plane's own such coordinates (a, b), counted from the southern corner of face 4,
say which face (a // n, b // n) and which pixel (a % n, b % n). The nested index interleaves the bits of x
(at the even places) and y (at the odd).
"""

import re

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import InvalidGrid
from dte_hpc.grids.rows import RowGrid

MAX_N_SIDE = 16_384
_NAME = re.compile(r"H([1-9]\d{0,5})(n?)", re.IGNORECASE)
_SPREAD = (
    (16, 0x0000FFFF0000FFFF),
    (8, 0x00FF00FF00FF00FF),
    (4, 0x0F0F0F0F0F0F0F0F),
    (2, 0x3333333333333333),
    (1, 0x5555555555555555),
)
Int64s = NDArray[np.int64]


def from_name(name: str) -> RowGrid | None:
    """H8 (ring order), H8n (nested order): HEALPix grids of 12 x 8 x 8 points.

    Returns None for a name of another family.
    """
    match = _NAME.fullmatch(name.strip())
    if match is None:
        return None
    n_side, nested = int(match[1]), bool(match[2])
    if n_side > MAX_N_SIDE or (nested and n_side & (n_side - 1)):
        wanted = f"at most {MAX_N_SIDE}" + (", and a power of 2 for the nested order" if nested else "")
        raise InvalidGrid(
            f"grid {name!r} has {n_side} pixels along a face's side; expected {wanted}", name=name
        )
    ring = np.arange(1, 4 * n_side)
    from_pole = np.minimum(ring, 4 * n_side - ring)
    lengths = 4 * np.minimum(from_pole, n_side)
    shifted = (from_pole < n_side) | ((ring - n_side) % 2 == 0)
    return (NestedGrid if nested else RowGrid)(
        name=f"H{n_side}{'n' if nested else ''}",
        kind="healpix_nested" if nested else "healpix_ring",
        latitudes=_latitudes(n_side),
        row_start=np.concatenate([[0], np.cumsum(lengths)]),
        first_longitude=np.where(shifted, 180.0 / lengths, 0.0),
        spacing=360.0 / lengths,
        wraps=True,
    )


def _latitudes(n_side: int) -> NDArray[np.float64]:
    cap = np.arange(1, n_side)
    belt = np.arange(n_side, 2 * n_side)
    northern = np.concatenate(
        [
            90 - np.degrees(2 * np.arcsin(cap / (n_side * np.sqrt(6.0)))),
            np.degrees(np.arcsin((4 * n_side - 2 * belt) / (3 * n_side))),
        ]
    )
    return np.concatenate([northern, [0.0], -northern[::-1]])


class NestedGrid(RowGrid):
    """A HEALPix grid whose values stand in nested order."""

    __slots__ = ()

    @property
    def in_row_order(self) -> bool:
        """Whether the grid's own order is the row order: it is not."""
        return False

    def from_row_order(self, indices: Int64s) -> Int64s:
        """Return the nested index of pixels given by ring index."""
        n_side = _n_side(self)
        ring = self.row_of(indices) + 1
        face, x, y = _face_of(n_side, ring, indices - self.row_start[ring - 1])
        return face * n_side * n_side + _spread(x) + 2 * _spread(y)

    def to_row_order(self, indices: Int64s) -> Int64s:
        """Return the ring index of pixels given by nested index."""
        n_side = _n_side(self)
        face, pixel = np.divmod(indices, n_side * n_side)
        ring, column = _ring_of(n_side, face, _gather(pixel), _gather(pixel >> 1))
        return self.row_start[ring - 1] + column


def _n_side(grid: RowGrid) -> int:
    return (grid.n_rows + 1) // 4


def _face_of(n: int, ring: Int64s, column: Int64s) -> tuple[Int64s, Int64s, Int64s]:
    """Return face, x, y of pixels by ring (from 1) and column (from 0)."""
    twice_east = 2 * column + ((ring - n) % 2 == 0)
    a = (3 * n - ring + twice_east - 1) >> 1
    b = (3 * n - ring - twice_east - 1) >> 1
    band = a // n + b // n
    face = np.where(band == 1, -(b // n) % 4, a // n % 4 + np.where(band == 0, 4, 8))
    x, y = a % n, b % n
    for in_cap, length, first_face, low in (
        (ring < n, ring, 0, n - ring),
        (ring > 3 * n, 4 * n - ring, 8, np.zeros_like(ring)),
    ):
        quarter, along = np.divmod(column, np.where(in_cap, length, 1))
        face = np.where(in_cap, quarter + first_face, face)
        x = np.where(in_cap, along + low, x)
        y = np.where(in_cap, low + length - 1 - along, y)
    return face, x, y


def _ring_of(n: int, face: Int64s, x: Int64s, y: Int64s) -> tuple[Int64s, Int64s]:
    """Return ring (from 1) and column (from 0) of pixels by face, x and y."""
    band, quarter = np.divmod(face, 4)
    ring = (band + 2) * n - (x + y + 1)
    twice_east = 2 * quarter * n + np.where(band == 1, 0, n) + x - y
    column = ((twice_east - ((ring - n) % 2 == 0)) >> 1) % (4 * n)
    column = np.where(ring < n, quarter * ring + x - (n - ring), column)
    return ring, np.where(ring > 3 * n, quarter * (4 * n - ring) + x, column)


def _spread(bits: Int64s) -> Int64s:
    """Put bit i of each number at bit 2i."""
    for shift, mask in _SPREAD:
        bits = (bits | (bits << shift)) & mask
    return bits


def _gather(bits: Int64s) -> Int64s:
    """Put bit 2i of each number at bit i: the inverse of `_spread`."""
    bits = bits & _SPREAD[-1][1]
    for (shift, _), (_, mask) in zip(_SPREAD[::-1], [*_SPREAD[-2::-1], (0, 0x00000000FFFFFFFF)], strict=True):
        bits = (bits | (bits >> shift)) & mask
    return bits
