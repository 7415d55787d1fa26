"""On which grid does a message lie, by the name the grids room knows it under?

Read from the grid section's bytes: `gridname2` knows the templates of GRIB2, `gridname1` the types of GRIB1.
A field whose grid is none of ours has no name.
"""

from functools import lru_cache

from dte_hpc.base.errors import InvalidGrid
from dte_hpc.codecs.gridname1 import name_of_section1
from dte_hpc.codecs.gridname2 import name_of_section2
from dte_hpc.codecs.layout import grib1_sections, grib2_section, grib2_sections
from dte_hpc.grids import grid
from dte_hpc.grids.unstructured import OF_MESSAGE


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
    """Return the canonical name; points in files of their own are not looked for to know it."""
    try:
        name, n_points = (name_of_section2 if edition == 2 else name_of_section1)(section)
        if name is None or OF_MESSAGE.fullmatch(name):
            return name
        found = grid(name)
    except InvalidGrid:
        return None
    return found.name if n_points in (found.n_points, None) else None
