"""How do the points look as Polytope's tree?

A level an axis, and below them leaves that hold the values of the last axis together. Only for programs that
walk it: it has Python objects, some for each combination of all axes but the last.
"""

import itertools
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_log = logging.getLogger(__name__)


class NamedAxis(NamedTuple):
    """An axis of a node: its name."""

    name: str


@dataclass(slots=True, eq=False)
class Leaf:
    """The points of one combination of values on all axes but the last.

    Attributes
    ----------
    path : dict of str to tuple
        The values on each axis.
    result : (str, ndarray)
        What the values are called, and themselves: one for each value on the last axis.
    """

    path: dict[str, tuple[Any, ...]]
    result: tuple[str, NDArray[Any]]

    @property
    def axis(self) -> NamedAxis:
        """The last axis."""
        return NamedAxis(list(self.path)[-1])

    @property
    def values(self) -> tuple[Any, ...]:
        """The values on the last axis."""
        return self.path[self.axis.name]

    @property
    def children(self) -> list["Node | Leaf"]:
        """None."""
        return []

    def flatten(self) -> dict[str, tuple[Any, ...]]:
        """Return the values on each axis."""
        return dict(self.path)

    def walk(self) -> Iterator["Node | Leaf"]:
        """Yield the leaf."""
        yield self

    def __repr__(self) -> str:
        return f"{self.axis.name}={self.values}"


@dataclass(slots=True, eq=False)
class Node:
    """One value of an axis, or the root."""

    axis: NamedAxis
    values: tuple[Any, ...]
    children: list["Node | Leaf"] = field(default_factory=list)

    @property
    def leaves(self) -> list[Leaf]:
        """All leaves below."""
        return [node for node in self.walk() if isinstance(node, Leaf)]

    def walk(self) -> Iterator["Node | Leaf"]:
        """Yield the node and all below it, each before its children."""
        yield self
        for child in self.children:
            yield from child.walk()

    def pprint(self, level: int = 0) -> None:
        """Log the node and all below it at level DEBUG."""
        _log.debug("%s\u21b3%s", "\t" * level, self)
        for child in self.children:
            if isinstance(child, Node):
                child.pprint(level + 1)
            else:
                _log.debug("%s\u21b3%s: %s", "\t" * (level + 1), child, child.result[1])

    def __repr__(self) -> str:
        return "root" if self.axis.name == "root" else f"{self.axis.name}={self.values}"


def leaves_of(
    coordinates: dict[str, tuple[int, NDArray[Any]]], values: NDArray[Any], name: str
) -> list[Leaf]:
    """Return the leaves of points; their order is that of the values."""
    if not values.size:
        return []
    number = values.ndim - 1
    coordinates = {axis: (at, _plain(column)) for axis, (at, column) in coordinates.items()}
    outer = {axis: column for axis, (at, column) in coordinates.items() if at == number}
    *before, last = outer
    cuts = [0, *_changes([outer[axis] for axis in before], values.shape[-1]), values.shape[-1]]
    runs = list(itertools.pairwise(cuts))
    found = []
    for index in np.ndindex(*values.shape[:-1]):
        path = {axis: (column[index[at]],) for axis, (at, column) in coordinates.items() if at < number}
        for begin, end in runs:
            own = {axis: (outer[axis][begin],) for axis in before}
            own[last] = tuple(outer[last][begin:end])
            found.append(Leaf({**path, **own}, (name, values[index][begin:end])))
    return found


def _plain(column: NDArray[Any]) -> NDArray[Any]:
    """Return values as Python's own numbers and texts; times stay NumPy's."""
    return column if column.dtype.kind in "mM" else column.astype(object)


def _changes(columns: list[NDArray[Any]], size: int) -> list[int]:
    """Return where any of some columns changes."""
    changed = np.zeros(max(size - 1, 0), np.bool_)
    for column in columns:
        changed |= column[1:] != column[:-1]
    return (np.flatnonzero(changed) + 1).tolist()


def tree_of(leaves: list[Leaf]) -> Node:
    """Return the root of the tree of some leaves."""
    root = Node(NamedAxis("root"), ())
    nodes: dict[tuple[Any, ...], Node] = {(): root}
    for leaf in leaves:
        *path, _ = leaf.path.items()
        above = root
        key: tuple[Any, ...] = ()
        for axis, values in path:
            key = (*key, values)
            if key not in nodes:
                nodes[key] = Node(NamedAxis(axis), values)
                above.children.append(nodes[key])
            above = nodes[key]
        above.children.append(leaf)
    return root
