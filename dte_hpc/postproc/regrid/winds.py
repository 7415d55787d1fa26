"""How do the two components of a vector come to another grid? Together, as a vector in space.

East and north turn from point to point, and near a pole from one point to the next entirely: a component
interpolated as a number comes out wrong there. So both make a vector in three dimensions (u east + v north),
whose Cartesian components are interpolated, and the result is split along east and north of its point; what
stands upright, of the second order in the distance of points, is dropped. Formulas: Swarztrauber, Williamson
and Drake, "The Cartesian method for solving partial differential equations in spherical geometry", Dynamics
of Atmospheres and Oceans 27 (1997) 679-706. At a pole the longitude that the grid names says where east is.
"""

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.compiled import frozen
from dte_hpc.base.errors import InvalidPart
from dte_hpc.base.field import Metadata, Values
from dte_hpc.grids import Grid
from dte_hpc.postproc.missing import OF_THE_VALUES
from dte_hpc.postproc.naming import spellings
from dte_hpc.postproc.params import param_of
from dte_hpc.postproc.regrid import kernels
from dte_hpc.postproc.regrid.weights_file import Weights

MAX_HELD = 256
Pairs = tuple[tuple[str, str], ...]
Done = tuple[Metadata, Values, int]
_OF_ONE = ("param", *spellings("param"), "name", *spellings("name"), "shortName", "cfName", *OF_THE_VALUES)


@functools.cache
def known_pairs() -> Pairs:
    """Return (eastward, northward) of the vectors of ECMWF's parameter table."""
    text = (files("dte_hpc.postproc") / "data" / "wind-pairs.txt").read_text(encoding="ascii")
    lines = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return tuple((east, north) for east, north in lines)


def frame_of(of: Grid) -> NDArray[np.float64]:
    """Return sine and cosine of each point's longitude, then of its latitude: shape (4, n)."""
    latitude, longitude = (np.deg2rad(each) for each in of.coordinates())
    return np.stack([np.sin(longitude), np.cos(longitude), np.sin(latitude), np.cos(latitude)])


def turned(
    weights: Weights, u: Values, v: Values, source: NDArray[np.float64], target: NDArray[np.float64]
) -> tuple[Values, Values, int]:
    """Return both components on the target, and how many points of each are missing.

    Where one component is missing both are.

    Parameters
    ----------
    weights : Weights
    u, v : ndarray, shape (n_in,)
    source, target : ndarray, shape (4, n)
        See `frame_of`.
    """
    xyz = np.empty((3, weights.n_in))
    kernels.to_space(frozen(source), frozen(u), frozen(v), xyz)
    moved = np.empty((3, weights.n_out))
    for each, out in zip(xyz, moved, strict=True):
        n_missing = kernels.apply_weights(weights.counts, weights.indices, weights.weights, frozen(each), out)
    east, north = np.empty(weights.n_out), np.empty(weights.n_out)
    kernels.from_space(frozen(target), frozen(moved), east, north)
    return east, north, n_missing


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Waiting:
    param: str
    metadata: Metadata
    values: Values


class Winds:
    """Components held, as copies, until the other one came.

    Parameters
    ----------
    pairs : sequence of (str, str)
        Eastward and northward parameters.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._other: dict[str, str] = {}
        self._is_east: dict[str, bool] = {}
        for east, north in pairs:
            self._other |= {east: north, north: east}
            self._is_east |= {east: True, north: False}
        self._waiting: dict[Metadata, _Waiting] = {}

    def concerns(self, metadata: Metadata) -> bool:
        """Whether a field is a component of a vector."""
        return param_of(metadata) in self._other

    def take(
        self, metadata: Metadata, values: Values, turn: Callable[[Values, Values], tuple[Values, Values, int]]
    ) -> list[Done]:
        """Hold a component, or return both, (metadata, values, missing), in the order they came.

        Raises
        ------
        InvalidPart
            When a component comes twice, has another size than the other, or too many wait.
        """
        param = str(param_of(metadata))
        key = metadata.without(*_OF_ONE)
        first = self._waiting.get(key)
        if first is None:
            if len(self._waiting) >= MAX_HELD:
                raise InvalidPart(f"{MAX_HELD} components wait already. {self._told()}", metadata=metadata)
            self._waiting[key] = _Waiting(param=param, metadata=metadata, values=values.copy())
            return []
        if first.param != self._other[param]:
            raise InvalidPart(
                f"field {metadata} came when {first.param} of the same time waited for "
                f"{self._other[first.param]}; expected that one",
                metadata=metadata,
            )
        del self._waiting[key]
        if self._is_east[param]:
            east, north, n_missing = turn(values, first.values)
            return [(first.metadata, north, n_missing), (metadata, east, n_missing)]
        east, north, n_missing = turn(first.values, values)
        return [(first.metadata, east, n_missing), (metadata, north, n_missing)]

    def refuse_waiting(self) -> None:
        """Raise InvalidPart when a component still waits for the other, and let go of it."""
        if self._waiting:
            told, first = self._told(), next(iter(self._waiting.values()))
            self._waiting = {}
            raise InvalidPart(told, metadata=first.metadata)

    def _told(self) -> str:
        first = next(iter(self._waiting.values()))
        more = f" ({len(self._waiting) - 1} more wait)" if len(self._waiting) > 1 else ""
        return (
            f"field {first.metadata} is a component of a vector, and the other, param "
            f"{self._other[first.param]}, has not come to this rank{more}; expected both, or vector: none"
        )
