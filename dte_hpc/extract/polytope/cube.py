"""What does slicing need of a datacube?"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dte_hpc.extract.polytope.axis import Axis
from dte_hpc.extract.polytope.errors import AxisNotFoundError
from dte_hpc.extract.polytope.factor import Factor
from dte_hpc.extract.polytope.ground import Ground


class Datacube(Protocol):
    """Values along some axes, the last two of which may be the ground."""

    @property
    def axes(self) -> dict[str, Axis]:
        """The axes by name, in the order in which they are cut; latitude and longitude of a grid last."""

    @property
    def ground(self) -> Ground | None:
        """The grid, when the last two axes are one's."""

    @property
    def name(self) -> str:
        """What the values are called."""

    def read(self, factors: Sequence[Factor]) -> NDArray[Any]:
        """Return the values at all combinations of the factors' points: one dimension a factor."""


def in_order(cube: Datacube, axes: Sequence[str]) -> tuple[str, ...]:
    """Return axes in the order in which they are cut; AxisNotFoundError for one that the datacube lacks."""
    known = list(cube.axes)
    for axis in axes:
        if axis not in cube.axes:
            raise AxisNotFoundError(
                f"a shape has the axis {axis}; expected those of the datacube: {', '.join(known)}", axis=axis
            )
    return tuple(sorted(axes, key=known.index))


def shown(cube: Datacube, factor: Factor) -> dict[str, NDArray[Any]]:
    """Return the coordinates of a factor's points, axis by axis, each of shape (n_points,)."""
    columns = factor.columns()
    found = {}
    for axis, positions in zip(factor.axes, columns, strict=False):
        if cube.ground is None or axis not in cube.ground.axes:
            found[axis] = cube.axes[axis].shown[positions]
    if factor.is_on_ground and cube.ground is not None:
        latitude, longitude = cube.ground.grid.coordinates_of(columns[-1])
        found |= {cube.ground.latitude: latitude, cube.ground.longitude: np.asarray(longitude)}
    return found
