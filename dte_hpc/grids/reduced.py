"""Where are the points of a reduced latitude-longitude grid?

``reduced-ll/90/0/-90/360/ROWS``: north, west, south and east edge, then the lengths of its rows in letters
(`row_code`). Rows are evenly spaced from the north to the south edge; rows without points have none. With
an east edge of west + 360 every row closes on itself, else every row has a point on both edges.
"""

import numpy as np

from dte_hpc.base.errors import InvalidGrid
from dte_hpc.grids.numbers import degrees_text, pattern_of, refuse_off_sphere
from dte_hpc.grids.protocol import MAX_POINTS, Int64s
from dte_hpc.grids.row_code import CODE, row_code, row_lengths
from dte_hpc.grids.rows import MAX_ROWS, RowGrid

_NAME = pattern_of("reduced-ll", "@", "#", "#", "#", "#", f"({CODE})")


def from_name(name: str) -> RowGrid | None:
    """reduced-ll/501/90/0/-90/360/ROWS: 501 rows from 90 to -90 north and 0 to 360 east, their lengths in letters.

    Returns None for a name of another family.
    """  # noqa: E501
    if not _NAME.fullmatch(name.strip()):
        return None
    north, west, south, east, lengths = facts_of_name(name)
    return reduced_ll(north, west, south, east, lengths, name)


def facts_of_name(name: str) -> tuple[float, float, float, float, Int64s]:
    """Return north, west, south and east edge and the lengths of all rows, the empty ones too."""
    match = _NAME.fullmatch(name.strip())
    if match is None:
        raise InvalidGrid(f"grid {name[:80]!r} is no reduced latitude-longitude grid", name=name)
    n_rows, (north, west, south, east) = int(match[1]), map(float, match.groups()[1:5])
    if n_rows > MAX_ROWS:
        raise InvalidGrid(f"grid {name[:80]!r} has {n_rows} rows; expected at most {MAX_ROWS}", name=name)
    return north, west, south, east, row_lengths(name, match[6], n_rows)


def reduced_ll_name(north: float, west: float, south: float, east: float, lengths: Int64s) -> str:
    """Return the name of a reduced latitude-longitude grid."""
    edges = "/".join(degrees_text(edge) for edge in (north, west, south, east))
    return f"reduced-ll/{lengths.size}/{edges}/{row_code(lengths)}"


def reduced_ll(
    north: float, west: float, south: float, east: float, lengths: Int64s, name: str = "reduced-ll"
) -> RowGrid:
    """Return a reduced latitude-longitude grid; InvalidGrid when its edges do not fit or it has no points."""
    refuse_off_sphere(name, latitudes=(north, south), longitudes=(west, east))
    if not (south < north or (south == north and lengths.size == 1)) or not 0 <= east - west <= 360:
        raise InvalidGrid(
            f"grid {name[:80]!r} has the edges {north:g}/{west:g}/{south:g}/{east:g}; "
            "expected north/west/south/east",
            name=name,
        )
    if not 0 < lengths.sum() <= MAX_POINTS:
        raise InvalidGrid(f"grid {name[:80]!r} has {lengths.sum()} points; expected at least one", name=name)
    wraps = east - west == 360
    gaps = lengths if wraps else np.maximum(lengths - 1, 1)
    kept = lengths > 0
    width = east - west if east > west else 360.0
    return RowGrid(
        name=reduced_ll_name(north, west, south, east, lengths),
        kind="reduced_ll",
        latitudes=np.linspace(north, south, lengths.size)[kept],
        row_start=np.concatenate([[0], np.cumsum(lengths[kept])]),
        first_longitude=np.full(int(kept.sum()), west),
        spacing=width / gaps[kept],
        wraps=wraps,
    )
