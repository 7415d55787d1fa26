"""Which points of a grid lie in a shape?

The one door to the geometry: `find_points` for shapes on the ground, `find_nearest` for single places, and
`find_path` for paths that also run through levels and steps.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.extract.bounds import bounds_of
from dte_hpc.extract.box_circle import box_strips, circle_strips
from dte_hpc.extract.corridor import covering, within
from dte_hpc.extract.ranges import Int64s, Ranges
from dte_hpc.extract.scanline import polygon_strips
from dte_hpc.extract.scattered import indices_by_group, indices_of, point_rows
from dte_hpc.extract.shapes import Box, Circle, Corridor, Path, Points, Polygon, Shape, Sum
from dte_hpc.extract.strips import Rows, Strips, ranges_by_group, ranges_of
from dte_hpc.extract.sweep import path_strips
from dte_hpc.grids import Grid, RowGrid


def find_points(shape: Shape, grid: Grid) -> Ranges:
    """Return the points of a grid that lie in a shape on the ground.

    Parameters
    ----------
    shape : Shape
        Any, but a path through levels or steps.
        Borders count as inside, within 1e-9 degrees along a row (see `strips`).
    grid : Grid
        Any of the grids room.

    Returns
    -------
    Ranges
        In the grid's own order; empty when no point lies inside. For `Points`, the nearest points, each once.

    Raises
    ------
    InvalidRequest
        For a path through levels or steps (`find_path`), or a shape cut into too many pieces.

    Notes
    -----
    Costs the rows touched and the edges that cross them, not the points of the grid; but for nested HEALPix
    and for grids scanned by columns, where it costs the points found as well. On a grid that is not made of
    rows it costs the points in the boxes around the shape (`bounds`).
    """
    if isinstance(shape, Points):
        return Ranges.of_indices(find_nearest(shape, grid))
    if isinstance(shape, Path) and len(shape.axes) > 2:
        raise InvalidRequest(
            f"a path through {', '.join(shape.axes)} has no points on the ground alone", axes=shape.axes
        )
    if isinstance(shape, Sum):
        return _sum(shape, grid)
    if isinstance(shape, Corridor):
        return _corridor(shape, grid)
    if isinstance(grid, RowGrid):
        return ranges_of(_strips(shape, grid), grid)
    rows = point_rows(grid, bounds_of(shape))
    return indices_of(_strips(shape, rows), rows) if rows.n_rows else Ranges.of((), ())


def _sum(shape: Sum, grid: Grid) -> Ranges:
    parts = [find_points(part, grid) for part in shape.parts]
    operation = {
        "union": Ranges.union,
        "intersection": Ranges.intersection,
        "difference": Ranges.difference,
    }[shape.operation]
    return functools.reduce(operation, parts)


def _corridor(shape: Corridor, grid: Grid) -> Ranges:
    kept = [np.empty(0, np.int64)]
    for arc, circles in covering(shape):
        near = np.unique(np.concatenate([find_points(circle, grid).indices() for circle in circles]))
        kept.append(near[within(shape, arc, *grid.coordinates_of(near))])
    return Ranges.of_indices(np.concatenate(kept))


def _strips(shape: Box | Circle | Polygon | Path, rows: Rows) -> Strips:
    match shape:
        case Box():
            return box_strips(shape, rows)
        case Circle():
            return circle_strips(shape, rows)
        case Polygon():
            return polygon_strips(shape, rows)
        case Path():
            return path_strips(shape, rows, {})[0]


def find_nearest(points: Points, grid: Grid) -> Int64s:
    """Return the grid point nearest to each place by great circle: int64, one a place, in their order."""
    return grid.nearest(points.points[:, 0], points.points[:, 1])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PathPieces:
    """What a path touches: the points at each level and step that has any.

    Attributes
    ----------
    level, step : int64, shape (n,)
        Positions in the arrays of levels and steps that `find_path` was given; ascending by step, then level.
    ranges : tuple of Ranges
        The points at each of these pairs; never empty.
    """

    level: Int64s
    step: Int64s
    ranges: tuple[Ranges, ...]

    def __len__(self) -> int:
        return len(self.ranges)

    def __iter__(self) -> Iterator[tuple[int, int, Ranges]]:
        return zip(self.level.tolist(), self.step.tolist(), self.ranges, strict=True)

    @property
    def n_points(self) -> int:
        """How many points, over all pairs."""
        return sum(ranges.n_points for ranges in self.ranges)


def find_path(
    path: Path, grid: Grid, levels: ArrayLike | None = None, steps: ArrayLike | None = None
) -> PathPieces:
    """Return the points of a grid that a path touches at each level and step.

    Parameters
    ----------
    path : Path
        Of two to four axes.
    grid : Grid
        Any of the grids room.
    levels, steps : float64, shape (n,), or None
        Values in the units of the path, in any order. None is an axis that the fields do not have, which
        then counts as one value. On an axis that the path does not have, it touches all values alike.

    Raises
    ------
    InvalidRequest
        When the path has an axis without values, or is cut into too many pieces.
    """
    given = {"levelist": levels, "step": steps}
    axes = {name: _axis(name, values, name in path.axes) for name, values in given.items()}
    sorted_values = {name: np.sort(values) for name, values in axes.items()}
    rows = grid if isinstance(grid, RowGrid) else point_rows(grid, bounds_of(path))
    strips, chosen = path_strips(path, rows, sorted_values)
    own = {
        name: np.argsort(values, kind="stable")[chosen[name]]
        for name, values in axes.items()
        if name in chosen
    }
    n_levels = axes["levelist"].size
    nowhere = np.zeros_like(strips.row)
    group = own.get("step", nowhere) * n_levels + own.get("levelist", nowhere)
    if isinstance(rows, RowGrid):
        found = ranges_by_group(strips, group, rows)
    else:
        found = indices_by_group(strips, group, rows)
    return _repeated(found, n_levels, {name: axes[name].size for name in axes if name not in path.axes})


def _axis(name: str, values: ArrayLike | None, is_needed: bool) -> NDArray[np.float64]:
    if values is None and is_needed:
        raise InvalidRequest(f"a path runs through {name}, which the fields do not have", axis=name)
    array = np.atleast_1d(np.asarray([0.0] if values is None else values, np.float64))
    if array.ndim != 1 or not np.isfinite(array).all():
        raise InvalidRequest(
            f"the values of {name} are {str(values)[:80]}; expected a list of numbers", axis=name
        )
    return array


def _repeated(found: list[tuple[int, Ranges]], n_levels: int, free: dict[str, int]) -> PathPieces:
    """Return the pieces, once for every value of the axes that the path does not have."""
    group = np.array([key for key, _ in found], np.int64)
    piece = np.arange(group.size)
    step, level = np.divmod(group, max(n_levels, 1))
    for name, size in free.items():
        piece = np.repeat(piece, size)
        step, level = np.repeat(step, size), np.repeat(level, size)
        values = np.tile(np.arange(size), piece.size // max(size, 1))
        step, level = (step, values) if name == "levelist" else (values, level)
    order = np.lexsort((level, step))
    return PathPieces(
        level=level[order], step=step[order], ranges=tuple(found[at][1] for at in piece[order].tolist())
    )
