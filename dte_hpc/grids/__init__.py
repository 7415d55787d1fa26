"""Where are the points of a field?

A grid has a name, and `grid` returns it: ``grid("O1280").nearest(48.8, 2.3)``. Names are short and canonical,
so that metadata and file names can carry them:

=========================== ======================================================================
``O1280``                   octahedral reduced Gaussian, 1280 rows a hemisphere
``N320``                    classic reduced Gaussian (the row lengths of 21 numbers, from N16 to N2000)
``F320``                    regular Gaussian
``1/1``                     regular, degrees east/degrees north, from 90 to -90 and from 0 eastward
``0.25/0.25/58/-10/50/2``   the same over an area: north/west/south/east of the outermost points
``H128``, ``H128n``         HEALPix in ring order, in nested order
=========================== ======================================================================

All of them are a `RowGrid`: rows of equally spaced points, each row a latitude, a first longitude, a spacing
and a length, so that a grid of millions of points is a few arrays of thousands. Other families are added by
an entry point of the group ``dte_hpc.grids`` (see `families`).

Restrictions: rows run from north to south and points from west to east; a file that scans otherwise has no
name here. Rotated, projected and unstructured grids are not rows. A reduced Gaussian grid is global.
"""

from dte_hpc.grids.families import grid
from dte_hpc.grids.protocol import Grid
from dte_hpc.grids.rows import RowGrid

__all__ = ["Grid", "RowGrid", "grid"]
