"""What is a statistic?

A record. A `Component` is a named array that grows with every sample (how it begins, and how two of them
combine); an `Operation` says which components it reads and how the answer is made of them at the end.
Operations that read the same component share it: average, accumulation and deviation cost one total.

NaN is missing. Without a threshold a point that was missing once stays missing: `total`, `m2`, `low` and
`high` carry NaN by themselves, and what only counts is told by `count`. With one, missing samples are left
out and counted for each point.

The squared deviations grow as in Youngs and Cramer (1971, Technometrics 13, 657-665), from the total and
the number of samples, and two states combine by the formula of Chan, Golub and LeVeque (1983, The American
Statistician 37, 242-247).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.key import Scalar

Floats: TypeAlias = NDArray[np.float64]
State: TypeAlias = dict[str, NDArray[Any]]
EVERY_SAMPLE = -1
_CHUNK = 16384


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A running array: its first value, its kind, and how many rows of (n_points,) it has.

    ``rows`` is 0 for an array of shape (n_points,), and `EVERY_SAMPLE` for a row a sample of the window.
    """

    name: str
    initial: float = 0.0
    kind: type[np.generic] = np.float64
    rows: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Finished:
    """What a window holds when it ends.

    Attributes
    ----------
    state : dict
        By component; ``last`` are the values of the last sample, ``initial`` those from which accumulated
        fields grew (absent: they began at 0).
    n_samples : int
    seconds : int
        From the sample before the first to the last.
    threshold : int
        Least samples a point needs; below 1 it needs all.
    """

    state: Mapping[str, NDArray[Any]]
    n_samples: int
    seconds: int
    threshold: int = -1

    @property
    def present(self) -> Any:
        """How many samples each point had."""
        return np.maximum(self.state["count"], 1) if self.threshold > 0 else self.n_samples

    def masked(self, values: Floats) -> Floats:
        """Return values, missing where a point had too few samples."""
        if "count" not in self.state:
            return values
        needed = self.threshold if self.threshold > 0 else self.n_samples
        return np.where(self.state["count"] < needed, np.nan, values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One field that comes out: what it is called, what it reads, and how it is made.

    Attributes
    ----------
    name : str
        As plans spell it.
    stattype : str or None
        How the result is named; None for a value at one moment.
    components : tuple of str
    finalise : callable
        Makes the values of a `Finished` window.
    facts : dict
        Metadata that tell this result from others of the operation (threshold, bin, quantile).
    needs_initial : bool
        Whether it counts from the value at the end of the window before.
    """

    name: str
    stattype: str | None
    components: tuple[str, ...]
    finalise: Callable[[Finished], Floats]
    facts: Mapping[str, Scalar] = field(default_factory=dict)
    needs_initial: bool = False

    @property
    def component(self) -> str:
        """The first component it reads."""
        return self.components[0]


def _average(of: Finished) -> Floats:
    return of.masked(of.state["total"] / of.present)


def _variance(of: Finished) -> Floats:
    return of.masked(of.state["m2"] / of.present)


def _deviation(of: Finished) -> Floats:
    return np.sqrt(_variance(of))


def _of(component: str) -> Callable[[Finished], Floats]:
    return lambda finished: finished.masked(finished.state[component])


def _last(of: Finished) -> Floats:
    return np.array(of.state["last"], np.float64)


def _grown(of: Finished) -> Floats:
    grown: Floats = _last(of) - of.state.get("initial", 0.0)
    return grown


def _shrunk(of: Finished) -> Floats:
    return 0.0 - _grown(of)


def _flux(of: Finished) -> Floats:
    return _last(of) / of.seconds


def _grown_flux(of: Finished) -> Floats:
    return _grown(of) / of.seconds


def _simple(name: str, finalise: Callable[[Finished], Floats], *components: str) -> Operation:
    return Operation(name=name, stattype=name, components=components, finalise=finalise)


def _from_last(
    name: str, stattype: str | None, make: Callable[[Finished], Floats], initial: bool
) -> Operation:
    return Operation(name=name, stattype=stattype, components=("last",), finalise=make, needs_initial=initial)


COMPONENTS = {
    "count": Component(name="count", kind=np.uint32),
    "total": Component(name="total"),
    "m2": Component(name="m2"),
    "low": Component(name="low", initial=np.inf),
    "high": Component(name="high", initial=-np.inf),
    "last": Component(name="last"),
}

OPERATIONS = {
    operation.name: operation
    for operation in (
        _simple("average", _average, "total"),
        _simple("minimum", _of("low"), "low"),
        _simple("maximum", _of("high"), "high"),
        _simple("accumulate", _of("total"), "total"),
        _simple("stddev", _deviation, "m2", "total"),
        _simple("variance", _variance, "m2", "total"),
        _from_last("instant", None, _last, False),
        _from_last("difference", "difference", _grown, True),
        _from_last("inverse-difference", "inverse-difference", _shrunk, True),
        _from_last("de-accumulate", "accumulate", _grown, True),
        _from_last("flux-average", "average", _flux, False),
        _from_last("fixed-window-flux-average", "average", _grown_flux, True),
    )
}


def probability(row: int, scale: float, facts: Mapping[str, Scalar]) -> Operation:
    """Return the share of samples within the interval that row `row` of ``passes`` counts."""
    return Operation(
        name="probability",
        stattype="probability",
        components=("passes", "count"),
        finalise=lambda of: of.masked(of.state["passes"][row] / of.present * scale),
        facts=facts,
    )


def histogram_bin(index: int, facts: Mapping[str, Scalar]) -> Operation:
    """Return the number of samples in one bin; row 0 of ``bins`` is what lies below the first edge."""
    return Operation(
        name="histogram",
        stattype="histogram",
        components=("bins", "count"),
        finalise=lambda of: of.masked(of.state["bins"][index + 1].astype(np.float64)),
        facts=facts,
    )


def quantile(at: float, edges: Sequence[float], facts: Mapping[str, Scalar]) -> Operation:
    """Return a quantile: of all samples kept, or with `edges` within its bin of them."""
    bounds = np.array(edges)
    return Operation(
        name="quantile",
        stattype="quantile",
        components=("bins", "count") if edges else ("samples", "count"),
        finalise=lambda of: of.masked(_binned(of, at, bounds) if edges else _exact(of, at)),
        facts=facts,
    )


def _exact(of: Finished, at: float) -> Floats:
    """Interpolate linearly between the two samples at rank at*(n-1), as NumPy's default does."""
    samples, present = of.state["samples"][: of.n_samples], of.state["count"]
    out = np.empty(samples.shape[1])
    for start in range(0, out.size, _CHUNK):
        part = np.sort(samples[:, start : start + _CHUNK], axis=0)  # NaN is sorted behind the others
        rank = at * np.maximum(present[start : start + _CHUNK].astype(np.int64) - 1, 0)
        lower = np.floor(rank).astype(np.intp)
        upper = np.ceil(rank).astype(np.intp)
        points = np.arange(part.shape[1])
        low, high = part[lower, points], part[upper, points]
        out[start : start + _CHUNK] = np.where(lower == upper, low, low + (high - low) * (rank - lower))
    return out


def _binned(of: Finished, at: float, edges: Floats) -> Floats:
    """Interpolate within the bin that holds rank at*n; beyond the edges a quantile is the edge."""
    bins = of.state["bins"]
    out = np.empty(bins.shape[1])
    left, right = np.r_[edges[0], edges], np.r_[edges, edges[-1]]
    for start in range(0, out.size, _CHUNK):
        part = np.cumsum(bins[:, start : start + _CHUNK], axis=0, dtype=np.float64)
        rank = at * part[-1]
        row = np.argmax((part >= rank) & (part > 0), axis=0)
        points = np.arange(part.shape[1])
        before = np.where(row > 0, part[row - 1, points], 0.0)
        inside = (rank - before) / np.maximum(part[row, points] - before, 1.0)
        out[start : start + _CHUNK] = left[row] + (right[row] - left[row]) * inside
    return out


def components_of(
    operations: Iterable[str | Operation], *, counted: bool = False, keeps_last: bool = True
) -> tuple[Component, ...]:
    """Return the components of fixed size that operations need, each once.

    `counted` adds the number of samples of each point. Without `keeps_last` the last sample is taken from
    the field that ends the window.
    """
    wanted = [OPERATIONS[op] if isinstance(op, str) else op for op in operations]
    names = dict.fromkeys(name for operation in wanted for name in operation.components)
    if counted:
        names["count"] = None
    if not keeps_last:
        names.pop("last", None)
    return tuple(COMPONENTS[name] for name in names if name in COMPONENTS)


def initial_state(components: Sequence[Component], n_points: int, n_expected: int = 0) -> State:
    """Return the state before the first sample, of a window in which `n_expected` will come."""
    state: State = {}
    for c in components:
        rows = n_expected if c.rows == EVERY_SAMPLE else c.rows
        shape = (rows, n_points) if c.rows else (n_points,)
        state[c.name] = np.full(shape, c.initial, c.kind) if c.initial else np.zeros(shape, c.kind)
    return state


def combine(one: State, other: State, n_one: int = 1, n_other: int = 1) -> State:
    """Return the state of the samples of both, `other`'s being the later.

    The numbers of samples are used by ``m2`` where ``count`` has none for each point, and by ``samples``.
    """
    out: State = {}
    for name, array in one.items():
        if name == "low":
            out[name] = np.minimum(array, other[name])
        elif name == "high":
            out[name] = np.maximum(array, other[name])
        elif name == "last":
            out[name] = other[name] if n_other else array
        elif name == "initial":
            out[name] = array
        elif name == "samples":
            out[name] = np.concatenate([array[:n_one], other[name][:n_other]])
        elif name == "m2":
            out[name] = _chan(one, other, n_one, n_other)
        else:
            out[name] = array + other[name]
    return out


def _chan(one: State, other: State, n_one: int, n_other: int) -> Floats:
    first: Any = one["count"].astype(np.float64) if "count" in one else np.float64(n_one)
    second: Any = other["count"].astype(np.float64) if "count" in other else np.float64(n_other)
    apart = other["total"] * first - one["total"] * second
    weight = np.maximum(first * second * (first + second), 1.0)
    combined: Floats = one["m2"] + other["m2"] + apart * apart / weight
    return combined
