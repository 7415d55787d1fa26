"""What is a statistic?

A record. A `Component` is an array that grows with every sample (how it begins, and how two of them, or
one and a sample, combine); an `Operation` says which component it reads and how the answer is made of it
at the end. Operations that read the same component share it: an average and an accumulation cost one.

NaN is missing, and a point that was missing once stays missing: sums carry NaN by themselves, and
`numpy.minimum` and `numpy.maximum` do.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A running array of float64: its first value, and how it takes in a sample or another state."""

    name: str
    initial: float
    combine: Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A statistic: the component it reads, and how the answer is made of it and the number of samples."""

    name: str
    component: str
    finalise: Callable[[NDArray[np.float64], int], NDArray[np.float64]]


def _divided(total: NDArray[np.float64], n_samples: int) -> NDArray[np.float64]:
    return total / n_samples


def _as_it_is(values: NDArray[np.float64], _n_samples: int) -> NDArray[np.float64]:
    return values


COMPONENTS = {
    "total": Component(name="total", initial=0.0, combine=np.add),
    "low": Component(name="low", initial=np.inf, combine=np.minimum),
    "high": Component(name="high", initial=-np.inf, combine=np.maximum),
}

OPERATIONS = {
    "average": Operation(name="average", component="total", finalise=_divided),
    "minimum": Operation(name="minimum", component="low", finalise=_as_it_is),
    "maximum": Operation(name="maximum", component="high", finalise=_as_it_is),
    "accumulate": Operation(name="accumulate", component="total", finalise=_as_it_is),
}


def components_of(operations: Sequence[str]) -> tuple[Component, ...]:
    """Return the components that operations need, each once."""
    return tuple(COMPONENTS[name] for name in dict.fromkeys(OPERATIONS[op].component for op in operations))


def initial_state(components: Sequence[Component], n_points: int) -> dict[str, NDArray[np.float64]]:
    """Return the state before the first sample."""
    return {c.name: np.full(n_points, c.initial) for c in components}


def combine(
    one: dict[str, NDArray[np.float64]], other: dict[str, NDArray[np.float64]]
) -> dict[str, NDArray[np.float64]]:
    """Return the state of the samples of both; which samples came first does not matter."""
    return {name: COMPONENTS[name].combine(one[name], other[name]) for name in one}
