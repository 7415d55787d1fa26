"""What is an xarray DataArray or Dataset, as a datacube?

Its dimensions and scalar coordinates are axes; a Dataset has one more, ``variable``. Nothing of xarray is
imported: an array is what has dims, coords and isel. Of data that are not in memory only the box around what
is wanted is loaded.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.extract.polytope.axis import Axis, make_axis
from dte_hpc.extract.polytope.errors import BadGridError, PolytopeError
from dte_hpc.extract.polytope.factor import Factor
from dte_hpc.extract.polytope.ground import Ground, ground_of_mapper
from dte_hpc.extract.polytope.options import Settings
from dte_hpc.extract.times import moments, seconds_of

Int64s = NDArray[np.int64]

VARIABLE = "variable"


class ArrayCube:
    """A DataArray.

    Parameters
    ----------
    array : DataArray
    settings : Settings
    """

    def __init__(self, array: Any, settings: Settings) -> None:
        self._array = array
        self._sources: dict[str, tuple[tuple[str, Int64s], ...]] = {}
        self.name = str(array.name) if array.name is not None else "values"
        self.axes: dict[str, Axis] = {}
        self.ground: Ground | None = None
        mapped = settings.mapped
        if mapped is not None:
            self.ground = self._mapped(*mapped)
        taken = {options.merge[0] for options in settings.axes.values() if options.merge}
        for name in (*array.dims, *(name for name in array.coords if not array[name].dims)):
            if name not in taken and (mapped is None or name != mapped[0]):
                self._add(str(name), settings)
        self.axes |= self.ground.as_axes() if self.ground else {}

    def _mapped(self, base: str, options: Any) -> Ground:
        if base not in self._array.dims:
            raise BadGridError(
                f"{options.place}: the mapper stands on {base}; expected one of the dimensions "
                f"{', '.join(map(str, self._array.dims))}"
            )
        ground = ground_of_mapper(options.mapper, self._array.sizes[base], options.place)
        self._sources[ground.longitude] = ((base, np.empty(0, np.int64)),)
        return ground

    def _add(self, name: str, settings: Settings) -> None:
        options = settings.of(name)
        values = np.atleast_1d(np.asarray(self._array[name].values))
        if options.merge:
            axis, sources = self._merged(name, *options.merge)
        else:
            axis = make_axis(name, values, meaning=options.meaning, period=options.period)
            sources = ((name, axis.order),)
        self.axes[name] = axis
        self._sources[name] = tuple((dim, at) for dim, at in sources if dim in self._array.dims)

    def _merged(
        self, name: str, other: str, link: str, end: str
    ) -> tuple[Axis, tuple[tuple[str, Int64s], ...]]:
        """Return the axis of all pairs of two axes' texts, read as times."""
        if other not in self._array.coords:
            raise PolytopeError(
                f"the axis {name} is merged with {other}, which the data do not have", axis=other
            )
        first, second = ([str(v) for v in np.atleast_1d(self._array[key].values)] for key in (name, other))
        seconds = np.array([seconds_of(f"{a}{link}{b}{end}") for a in first for b in second])
        if np.isnan(seconds).any():
            raise PolytopeError(
                f"the axes {name} and {other} are merged to {first[0]}{link}{second[0]}{end}; expected times",
                axis=name,
            )
        axis = make_axis(name, moments(seconds))
        pair = np.divmod(axis.order, len(second))
        return axis, ((name, pair[0]), (other, pair[1]))

    def read(self, factors: Sequence[Factor]) -> NDArray[Any]:
        """Return the values at all combinations of the factors' points: one dimension a factor."""
        wanted: list[dict[str, Int64s | slice]] = [self._places(factor) for factor in factors]
        window: dict[str, slice] = {}
        for place in wanted:
            window |= {dim: _around(at) for dim, at in place.items()}
        array = self._array.isel({dim: at for dim, at in window.items() if at != slice(None)})
        dims = [dim for place in wanted for dim in place]
        values = np.asarray(array.transpose(*dims).values)
        shape = tuple(factor.n_points for factor in factors)
        if all(isinstance(at, slice) for place in wanted for at in place.values()):
            steps = tuple(slice(None, None, at.step) for place in wanted for at in place.values())  # type: ignore[union-attr]
            return values[steps].reshape(shape).copy()
        index: list[Int64s] = []
        for number, place in enumerate(wanted):
            form = [-1 if at == number else 1 for at in range(len(wanted))]
            index += [(_indices(at) - (window[dim].start or 0)).reshape(form) for dim, at in place.items()]
        found = values[tuple(index)]
        return found if found.shape == shape else np.broadcast_to(found, shape).copy()

    def _places(self, factor: Factor) -> dict[str, Int64s | slice]:
        """Return for each dimension of the data where a factor's points are: a slice if they are one."""
        if factor.is_one_range and not factor.is_on_ground and len(self._sources[factor.axes[0]]) == 1:
            run = slice(int(factor.start[0]), int(factor.stop[0]))
            return {dim: _as_slice(at[run]) for dim, at in self._sources[factor.axes[0]]}
        columns = factor.columns()
        places: dict[str, Int64s | slice] = {}
        for axis, positions in zip(factor.axes, columns, strict=False):
            if self.ground is None or axis not in self.ground.axes:
                places |= {dim: at[positions] for dim, at in self._sources[axis]}
        if factor.is_on_ground and self.ground is not None:
            places[self._sources[self.ground.longitude][0][0]] = columns[-1]
        return places


class DatasetCube:
    """A Dataset: variables with the same dimensions, along one more axis."""

    def __init__(self, dataset: Any, settings: Settings) -> None:
        names = [str(name) for name in dataset.data_vars]
        dims = {name: tuple(map(str, dataset[name].dims)) for name in names}
        if not names or len({frozenset(each) for each in dims.values()}) > 1:
            raise PolytopeError(
                f"a Dataset has variables of dimensions {dims}; expected at least one, and the same of all"
            )
        self._cubes = {name: ArrayCube(dataset[name], settings) for name in names}
        first = self._cubes[names[0]]
        self.name = "values"
        self.ground = first.ground
        own = make_axis(VARIABLE, np.array(names, object))
        self.axes: dict[str, Axis] = {VARIABLE: own, **first.axes}

    def read(self, factors: Sequence[Factor]) -> NDArray[Any]:
        """Return the values at all combinations of the factors' points: one dimension a factor."""
        which = next(at for at, factor in enumerate(factors) if VARIABLE in factor.axes)
        if factors[which].axes != (VARIABLE,):
            raise PolytopeError("a shape joins the axis variable to others; expected a Select of its own")
        others = [factor for at, factor in enumerate(factors) if at != which]
        names = self.axes[VARIABLE].shown[factors[which].columns()[0]].tolist()
        values = [self._cubes[str(name)].read(others) for name in names]
        shape = tuple(factor.n_points for factor in others)
        return np.stack(values, axis=which) if values else np.empty((*shape[:which], 0, *shape[which:]))


def _as_slice(at: Int64s) -> Int64s | slice:
    """Return positions as a slice when they are neighbours, upward or downward."""
    step = int(at[1] - at[0]) if at.size > 1 else 1
    if abs(step) == 1 and np.all(np.diff(at) == step):
        return slice(int(at[0]), int(at[-1]), step)
    return at


def _around(at: Int64s | slice) -> slice:
    """Return the window of a dimension that holds some positions."""
    if isinstance(at, slice):
        return slice(min(at.start, at.stop), max(at.start, at.stop) + 1)
    return slice(int(at.min()), int(at.max()) + 1) if at.size else slice(0, 0)


def _indices(at: Int64s | slice) -> Int64s:
    if isinstance(at, slice):
        return np.arange(at.start, at.stop + at.step, at.step)
    return at
