"""What came back?

All combinations of some factors' points, as one dense array: a dimension a factor. Coordinates are made when
they are asked for. For programs written for Polytope there is a tree too, made at first use.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.extract.account import Account
from dte_hpc.extract.polytope.cube import Datacube, shown
from dte_hpc.extract.polytope.factor import Factor
from dte_hpc.extract.polytope.tree import Leaf, Node, leaves_of, tree_of

if TYPE_CHECKING:
    import xarray


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """The points that are in the shapes of a request.

    Attributes
    ----------
    cube : Datacube
        What was sliced.
    factors : tuple of Factor
        The points are all combinations of theirs; none has an axis of another.
    values : ndarray, shape (n_points of each factor)
        In the data's own type; of a store float64, NaN where missing.
    account : Account
        What reading a store cost; of an array, nothing.
    """

    cube: Datacube
    factors: tuple[Factor, ...]
    values: NDArray[Any]
    account: Account = field(default_factory=Account)

    @property
    def axes(self) -> tuple[str, ...]:
        """The names of all axes, in the order of the factors."""
        return tuple(axis for factor in self.factors for axis in factor.axes)

    @property
    def n_points(self) -> int:
        """How many points."""
        return int(self.values.size)

    def __len__(self) -> int:
        return self.n_points

    def __repr__(self) -> str:
        sizes = " x ".join(f"{factor.n_points} in {'/'.join(factor.axes)}" for factor in self.factors)
        return f"<Result of {self.n_points} points: {sizes}>"

    def coordinates(self) -> dict[str, tuple[int, NDArray[Any]]]:
        """Return for each axis the dimension of `values` that it belongs to, and its value along that."""
        found: dict[str, tuple[int, NDArray[Any]]] = {}
        for number, factor in enumerate(self.factors):
            columns = shown(self.cube, factor)
            found |= {axis: (number, columns[axis]) for axis in factor.axes}
        return found

    def flatten(self) -> dict[str, NDArray[Any]]:
        """Return every point: a column an axis, and their values as ``value``; each of shape (n_points,).

        Cost: a number a point and axis, made anew.
        """
        shape = self.values.shape
        columns = {}
        for axis, (number, values) in self.coordinates().items():
            form = [-1 if at == number else 1 for at in range(len(shape))]
            columns[axis] = np.broadcast_to(values.reshape(form), shape).ravel()
        return {**columns, "value": self.values.ravel()}

    def to_xarray(self) -> "xarray.DataArray":
        """Return the result as a DataArray.

        A factor of one axis is a dimension of its name; one of several is a dimension ``points`` (when there
        are more of them, ``points_`` and its first axis) with a coordinate for each of its axes.
        """
        from dte_hpc.extract.to_xarray import labelled

        joined = [factor for factor in self.factors if len(factor.axes) > 1]
        dims = [
            factor.axes[0]
            if len(factor.axes) == 1
            else "points"
            if len(joined) == 1
            else f"points_{factor.axes[0]}"
            for factor in self.factors
        ]
        coordinates = {axis: (dims[at], column) for axis, (at, column) in self.coordinates().items()}
        return labelled(self.values, dims, coordinates, self.cube.name)

    @property
    def leaves(self) -> list[Leaf]:
        """The points as leaves of a tree: the last axis' values together, for each of the others'."""
        return leaves_of(self.coordinates(), self.values, self.cube.name)

    @property
    def tree(self) -> Node:
        """The root of a tree with a level an axis, over the leaves."""
        return tree_of(self.leaves)

    @property
    def children(self) -> list[Node | Leaf]:
        """What the root of the tree holds."""
        return self.tree.children

    def walk(self) -> "list[Node | Leaf]":
        """Return all nodes of the tree, each before its children."""
        return list(self.tree.walk())

    def pprint(self) -> None:
        """Log the tree, as Polytope does, at level DEBUG."""
        self.tree.pprint()
