"""What is held of one variable while its model levels come, one after another?

Each level is interpolated with its neighbours as soon as both are there, and let go of when both its
neighbours have come: of levels that come in order one is held, and what comes out.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.compiled import frozen
from dte_hpc.base.field import Values
from dte_hpc.postproc.actions.levels import Levels


class Surface:
    """The surface pressure of one time, in Pa.

    Attributes
    ----------
    pressure : ndarray of float64, shape (n_points,)
    lowest, highest : float
        Its range; NaN when it is missing everywhere.
    """

    def __init__(self, values: Values, *, is_logarithm: bool) -> None:
        own = values.astype(np.float64)
        self.pressure: Any = frozen(np.exp(own, out=own) if is_logarithm else own)
        there = own[~np.isnan(own)]
        self.lowest = float(there.min()) if there.size else np.nan
        self.highest = float(there.max()) if there.size else np.nan


class Aims:
    """What a variable is brought to: the same for all of them.

    Parameters
    ----------
    levels : Levels
    targets : ndarray of float64
        Pressures in Pa, rising.
    logarithmic, nearest : bool
        Linear in the pressure's logarithm; the outermost level's values beyond it.
    """

    def __init__(
        self, levels: Levels, targets: NDArray[np.float64], *, logarithmic: bool, nearest: bool
    ) -> None:
        # numba takes half a second to import, and checking a plan needs none of it
        from dte_hpc.postproc.actions import kernels

        self.levels, self.targets = levels, targets
        self._logarithmic, self._nearest = logarithmic, nearest
        self._between: Callable[..., None] = kernels.between
        self._beyond: Callable[..., None] = kernels.beyond
        self.warm = kernels.warm

    def put_between(self, level: int, surface: Surface, above: Values, below: Values, out: Values) -> None:
        """Fill what lies between a level and the next one below."""
        a, b = self.levels.a, self.levels.b
        first = np.searchsorted(self.targets, a[level - 1] + b[level - 1] * surface.lowest, "left")
        last = np.searchsorted(self.targets, a[level] + b[level] * surface.highest, "right")
        if first < last:
            self._between(
                a[level - 1],
                b[level - 1],
                a[level],
                b[level],
                surface.pressure,
                frozen(above),
                frozen(below),
                frozen(self.targets[first:last]),
                self._logarithmic,
                out[first:last],
            )

    def put_beyond(self, level: int, surface: Surface, values: Values, out: Values) -> None:
        """Fill what lies beyond a level, if it is an outermost one and the nearest values are wanted."""
        a, b = self.levels.a[level - 1], self.levels.b[level - 1]
        for is_outermost, upwards in ((level == 1, True), (level == self.levels.count, False)):
            if self._nearest and is_outermost:
                self._beyond(a, b, surface.pressure, frozen(values), frozen(self.targets), upwards, out)


class Column:
    """One variable's levels of one time.

    Attributes
    ----------
    seen : set of int
        The levels that came.
    early : dict of int to array
        Copies of those that came before the surface pressure.
    held : dict of int to array
        Copies of those whose neighbours have not all come.
    """

    def __init__(self, aims: Aims) -> None:
        self._aims = aims
        self.seen: set[int] = set()
        self.early: dict[int, Values] = {}
        self.held: dict[int, Values] = {}
        self.out: Values | None = None

    @property
    def n_held(self) -> int:
        """Copies of levels."""
        return len(self.early) + len(self.held)

    @property
    def is_whole(self) -> bool:
        """Whether every level came and went in."""
        return len(self.seen) == self._aims.levels.count and not self.n_held

    def missing(self) -> str:
        """Return the levels that did not come, in a few words."""
        left = [level for level in range(1, self._aims.levels.count + 1) if level not in self.seen]
        return ", ".join(map(str, left[:5])) + (f" and {len(left) - 5} more" if len(left) > 5 else "")

    def wait(self, level: int, values: Values) -> None:
        """Keep a level until the surface pressure comes."""
        self.seen.add(level)
        self.early[level] = values.copy()

    def catch_up(self, surface: Surface) -> None:
        """Take the levels that waited."""
        early, self.early = self.early, {}
        self.seen -= set(early)
        for level in sorted(early):
            self.take(level, early[level], surface, is_own=True)

    def take(self, level: int, values: Values, surface: Surface, *, is_own: bool = False) -> None:
        """Take a level; a copy of it is held if a neighbour is still to come."""
        if self.out is None:
            self.out = np.full((self._aims.targets.size, values.size), np.nan, values.dtype)
        self.seen.add(level)
        self._aims.put_beyond(level, surface, values, self.out)
        if level - 1 in self.held:
            self._aims.put_between(level - 1, surface, self.held[level - 1], values, self.out)
        if level + 1 in self.held:
            self._aims.put_between(level, surface, values, self.held[level + 1], self.out)
        if not self._neighbours(level) <= self.seen:
            self.held[level] = values if is_own else values.copy()
        for other in self._neighbours(level) & self.held.keys():
            if self._neighbours(other) <= self.seen:
                del self.held[other]

    def results(self) -> Iterator[tuple[float, Values]]:
        """Yield each target, in Pa, and its values."""
        if self.out is not None:
            yield from zip(self._aims.targets.tolist(), self.out, strict=True)

    def _neighbours(self, level: int) -> set[int]:
        return {level - 1, level + 1} & set(range(1, self._aims.levels.count + 1))
