"""How far does a convex polytope reach on the next axis, once the axes before have a value?

A polytope is not sliced vertex by vertex. For each axis, the hull of the polytope's shadow on this axis and
those before is known as half-spaces, and so the least and greatest value on it are the greatest and the
least of some linear functions of the values before: a product of small matrices for any number of slices of
any number of polytopes at once. A swept box has these functions in closed form: |p_i - s_i - t d_i| <= r_i on
every axis for one t in [0, 1] is, because intervals that meet pairwise meet in one point, a bound
on each axis and one on each pair of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dte_hpc.extract.polytope.hull import half_spaces

Float64s = NDArray[np.float64]
Int64s = NDArray[np.int64]

STEEP = 1e-9
THIN = 1e-9
CHUNK = 1 << 21


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solids:
    """Some convex polytopes in the same axes.

    Attributes
    ----------
    axes : tuple of str
        In the order in which they are cut.
    lower, upper : tuple of float64 arrays, shape (n, n_functions, axis + 1)
        For each axis, the linear functions that bound it: their slopes along the axes before, and a constant
        (infinite for a function that is none). The first is the least, or greatest, value of all.
    """

    axes: tuple[str, ...]
    lower: tuple[Float64s, ...]
    upper: tuple[Float64s, ...]

    def __len__(self) -> int:
        return len(self.lower[0])

    def bounds(self, solid: Int64s, before: Float64s) -> tuple[Float64s, Float64s]:
        """Return the least and greatest value of polytopes on the next axis.

        Parameters
        ----------
        solid : int64, shape (n_cells,)
        before : float64, shape (n_cells, axis)
            Values on the axes before.
        """
        at = before.shape[1]
        return (
            _extreme(self.lower[at], solid, before, np.max),
            _extreme(self.upper[at], solid, before, np.min),
        )

    def extent(self, axis: str) -> tuple[Float64s, Float64s]:
        """Return the least and greatest value of each polytope on an axis."""
        at = self.axes.index(axis)
        return self.lower[at][:, 0, at], self.upper[at][:, 0, at]

    @property
    def is_box(self) -> bool:
        """Whether no bound depends on another axis."""
        return not any(table[:, :, :-1].any() for table in (*self.lower, *self.upper))


def _extreme(table: Float64s, solid: Int64s, before: Float64s, extreme: Callable[..., Float64s]) -> Float64s:
    at = before.shape[1]
    if table.shape[1] == 1 and not table[:, :, :at].any():
        constant: Float64s = table[solid, 0, at]
        return constant
    found = np.empty(solid.size)
    at_once = max(1, CHUNK // (table.shape[1] * table.shape[2]))
    for begin in range(0, solid.size, at_once):
        part = slice(begin, begin + at_once)
        rows = table[solid[part]]
        found[part] = extreme(np.einsum("cfa,ca->cf", rows[:, :, :at], before[part]) + rows[:, :, at], axis=1)
    return found


def boxes(axes: tuple[str, ...], lower: Float64s, upper: Float64s) -> Solids:
    """Return boxes between corners: float64, shape (n, n_axes)."""

    def tables(corner: Float64s) -> tuple[Float64s, ...]:
        made = [np.zeros((len(corner), 1, at + 1)) for at in range(len(axes))]
        for at, table in enumerate(made):
            table[:, 0, at] = corner[:, at]
        return tuple(made)

    return Solids(axes=axes, lower=tables(lower), upper=tables(upper))


def hull(axes: tuple[str, ...], corners: Float64s) -> Solids:
    """Return the convex hull of points: float64, shape (n_points, n_axes)."""
    lower: list[Float64s] = []
    upper: list[Float64s] = []
    for at in range(len(axes)):
        a, b = half_spaces(corners[:, : at + 1])
        column = corners[:, at]
        extent = max(float(np.ptp(column)), THIN * float(np.abs(column).max()))
        is_steep = np.abs(a[:, at]) * (extent or 1.0) > STEEP
        for side, table, end in ((a[:, at] < 0, lower, column.min()), (a[:, at] > 0, upper, column.max())):
            bounding = side & is_steep
            functions = np.zeros((1 + int(bounding.sum()), at + 1))
            functions[0, at] = end
            functions[1:, :at] = -a[bounding, :at] / a[bounding, at, None]
            functions[1:, at] = b[bounding] / a[bounding, at]
            table.append(functions[None])
    return Solids(axes=axes, lower=tuple(lower), upper=tuple(upper))


def swept_boxes(axes: tuple[str, ...], start: Float64s, end: Float64s, half: Float64s) -> Solids:
    """Return boxes swept along lines.

    Parameters
    ----------
    start, end : float64, shape (n, n_axes)
        Of the boxes' middles.
    half : float64, shape (n_axes,)
        Half their widths.
    """
    way = end - start
    still = np.abs(way) <= 1e-13 * np.maximum(np.abs(start), np.abs(end))
    sides = []
    for sign in (-1.0, 1.0):
        tables = []
        for at in range(len(axes)):
            table = np.zeros((len(start), at + 1, at + 1))
            edge = np.minimum(start, end) if sign < 0 else np.maximum(start, end)
            table[:, 0, at] = edge[:, at] + sign * half[at]
            for other in range(at):
                moves = ~still[:, other]
                slope = np.divide(way[:, at], way[:, other], out=np.zeros(len(way)), where=moves)
                constant = (
                    start[:, at] - slope * start[:, other] + sign * (np.abs(slope) * half[other] + half[at])
                )
                table[:, other + 1, other] = slope
                table[:, other + 1, at] = np.where(moves, constant, sign * np.inf)
            tables.append(table)
        sides.append(tuple(tables))
    return Solids(axes=axes, lower=sides[0], upper=sides[1])


def concatenated(parts: Sequence[Solids]) -> Solids:
    """Return all polytopes of some sets in the same axes."""
    if len(parts) == 1:
        return parts[0]
    sides = []
    for name, nothing in (("lower", -np.inf), ("upper", np.inf)):
        tables = []
        for at in range(len(parts[0].axes)):
            mine = [getattr(part, name)[at] for part in parts]
            most = max(table.shape[1] for table in mine)
            tables.append(np.concatenate([_padded(table, most, nothing) for table in mine]))
        sides.append(tuple(tables))
    return Solids(axes=parts[0].axes, lower=sides[0], upper=sides[1])


def _padded(table: Float64s, n_functions: int, nothing: float) -> Float64s:
    more = np.zeros((len(table), n_functions - table.shape[1], table.shape[2]))
    more[:, :, -1] = nothing
    return np.concatenate([table, more], axis=1)


def product(axes: tuple[str, ...], parts: Sequence[Solids]) -> Solids:
    """Return all combinations of polytopes in different axes, cut in the order of `axes`."""
    counts = [len(part) for part in parts]
    chosen = [grid.ravel() for grid in np.meshgrid(*map(np.arange, counts), indexing="ij")]
    home = {axis: (number, at) for number, part in enumerate(parts) for at, axis in enumerate(part.axes)}
    sides = []
    for name in ("lower", "upper"):
        tables = []
        for at, axis in enumerate(axes):
            number, own = home[axis]
            table = getattr(parts[number], name)[own][chosen[number]]
            wide = np.zeros((*table.shape[:2], at + 1))
            wide[:, :, at] = table[:, :, own]
            for before in range(own):
                wide[:, :, axes.index(parts[number].axes[before])] = table[:, :, before]
            tables.append(wide)
        sides.append(tuple(tables))
    return Solids(axes=axes, lower=sides[0], upper=sides[1])


def one_axis_each(solids: Solids) -> list[Solids]:
    """Return the ranges whose product one box is."""
    return [
        Solids(axes=(axis,), lower=(solids.lower[at][:, :, at:],), upper=(solids.upper[at][:, :, at:],))
        for at, axis in enumerate(solids.axes)
    ]
