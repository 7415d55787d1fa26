"""Where are the points of a field?

A grid has a name, and `grid` returns it: ``grid("O1280").nearest(48.8, 2.3)``. Names are canonical and say
all there is to say, so that metadata and messages can carry them:

==================================== ====================================================================
``O1280``                            octahedral reduced Gaussian, 1280 rows a hemisphere
``N320``                             classic reduced Gaussian (the row lengths of 21 numbers, N16 to N2000)
``reduced-gg/64/ROWS``               reduced Gaussian with rows of any lengths, in letters (`row_code`)
``F320``, ``F320/STEP/N/W/S/E``      regular Gaussian, and a part of it
``1/1``                              regular, degrees east/degrees north, from 90 to -90 and from 0 eastward
``0.25/0.25/58/-10/50/2``            the same over an area: north/west/south/east of the outermost points
``reduced-ll/501/90/0/-90/360/ROWS`` reduced latitude-longitude, rows of any lengths, empty ones too
``mercator/...``                     see `mercator`
``H128``, ``H128n``                  HEALPix in ring order, in nested order
``.../scan/64``                      any of these scanned another way (WMO's flags; see `scanned`)
``.../south-pole/-30/15``            any of these rotated (see `rotated`)
``lambert/...``                      Lambert conformal (see `lambert`)
``polar-stereographic/...``          see `polar_stereographic`
``unstructured-UUID-1``, a word      points of a file in a folder of DTE_GRIDS (see `unstructured`)
==================================== ====================================================================

A `RowGrid` is rows of equally spaced points, each row a latitude, a first longitude, a spacing and a length,
so that a grid of millions of points is a few arrays of thousands. Rotated, projected and unstructured
grids are none: they are a `Grid`, which answers for coordinates, the nearest point by great circle, and the
candidates in a box. Other families are added by an entry point of the group ``dte_hpc.grids`` (see
`families`).

Restrictions: a reduced Gaussian grid is global, and one of a message has a name only when it scans from
north to south. A rotated grid is not turned about its new pole besides. Lambert, polar stereographic and
Mercator grids are those of GRIB2's templates 3.30, 3.20 and 3.10; a Mercator grid's meridians are parallel
to y.
"""

from dte_hpc.grids.families import grid
from dte_hpc.grids.protocol import Grid
from dte_hpc.grids.rows import RowGrid

__all__ = ["Grid", "RowGrid", "grid"]
