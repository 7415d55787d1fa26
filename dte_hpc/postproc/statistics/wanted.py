"""Which operations does a plan want? Names, and mappings for those that have options of their own."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.config import describe, refuse, unknown_keyword
from dte_hpc.base.errors import InvalidConfig
from dte_hpc.postproc.options import near
from dte_hpc.postproc.statistics.operations import (
    EVERY_SAMPLE,
    OPERATIONS,
    Component,
    Operation,
    components_of,
    histogram_bin,
    probability,
    quantile,
)

MAX_EDGES = 1024
_OWN = {
    "probability": ("operation", "above", "below", "between", "as"),
    "histogram": ("operation", "edges"),
    "quantile": ("operation", "at", "edges"),
}
KNOWN = (*OPERATIONS, *_OWN)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Wanted:
    """All that a plan's operations come to.

    Attributes
    ----------
    operations : tuple of Operation
        One for each field that comes out, in order.
    components : tuple of Component
        What they need, each once.
    intervals : ndarray, shape (n, 2)
        Closed, one for each probability.
    edges : ndarray
        Of the bins; empty when there are none.
    """

    operations: tuple[Operation, ...]
    components: tuple[Component, ...]
    intervals: NDArray[np.float64]
    edges: NDArray[np.float64]

    @property
    def needs_initial(self) -> bool:
        """Whether the value at the end of the window before is kept."""
        return any(operation.needs_initial for operation in self.operations)


def wanted_of(nodes: Sequence[str | Mapping[str, Any]], *, counted: bool, keeps_last: bool) -> Wanted:
    """Return what checked operations come to; `counted` and `keeps_last` as in `components_of`."""
    operations: list[Operation] = []
    intervals: list[tuple[float, float]] = []
    edges: Sequence[float] = ()
    for node in nodes:
        name = node if isinstance(node, str) else node["operation"]
        if name in OPERATIONS:
            operations.append(OPERATIONS[name])
        elif isinstance(node, str):
            continue  # a checked plan has none
        elif node["operation"] == "probability":
            operations.append(_probability(node, len(intervals)))
            intervals.append(_interval(node))
        else:
            edges = node.get("edges", edges)
            operations += _histogram(node) if node["operation"] == "histogram" else _quantiles(node)
    needed = {name for operation in operations for name in operation.components}
    components = components_of(operations, counted=counted, keeps_last=keeps_last)
    many = (("passes", len(intervals), np.uint32), ("bins", len(edges) + 1, np.uint32))
    components += tuple(Component(name=n, rows=r, kind=kind) for n, r, kind in many if n in needed)
    if "samples" in needed:
        components += (Component(name="samples", rows=EVERY_SAMPLE),)
    return Wanted(
        operations=tuple(operations),
        components=components,
        intervals=np.array(intervals, np.float64).reshape(-1, 2),
        edges=np.array(edges, np.float64),
    )


def _probability(node: Mapping[str, Any], row: int) -> Operation:
    facts = {f"probability-{k}": node[k] for k in ("above", "below") if k in node}
    if "between" in node:
        facts = dict(zip(("probability-from", "probability-to"), node["between"], strict=True))
    return probability(row, 100.0 if node.get("as") == "percent" else 1.0, facts)


def _interval(node: Mapping[str, Any]) -> tuple[float, float]:
    if "between" in node:
        return float(node["between"][0]), float(node["between"][1])
    if "above" in node:
        return math.nextafter(float(node["above"]), math.inf), math.inf
    return -math.inf, math.nextafter(float(node["below"]), -math.inf)


def _histogram(node: Mapping[str, Any]) -> list[Operation]:
    edges = node["edges"]
    return [histogram_bin(i, {"bin-from": edges[i], "bin-to": edges[i + 1]}) for i in range(len(edges) - 1)]


def _quantiles(node: Mapping[str, Any]) -> list[Operation]:
    return [quantile(float(at), node.get("edges", ()), {"quantile": float(at)}) for at in node["at"]]


def operation_mistakes(nodes: Sequence[str | Mapping[str, Any]], place: str) -> Iterator[InvalidConfig]:
    """Yield an error for each operation that is unknown, repeated or makes no sense."""
    if not nodes:
        yield refuse(place, "none", f"some of {', '.join(KNOWN)}")
    edges: Any = None
    for index, node in enumerate(nodes):
        at = f"{place}[{index}]"
        name = node if isinstance(node, str) else node.get("operation", "nothing")
        if name not in KNOWN:
            yield refuse(at, repr(name) + near(str(name), KNOWN), f"one of {', '.join(KNOWN)}")
        elif node in nodes[:index]:
            yield refuse(at, f"{name!r} again", "each operation once")
        elif isinstance(node, str) and name in _OWN:
            yield refuse(at, repr(name), f"a mapping with {', '.join(_OWN[name])}")
        elif isinstance(node, Mapping):
            yield from _own_mistakes(str(name), node, at)
            if "edges" in node and edges not in (None, node["edges"]):
                yield refuse(f"{at}.edges", "other edges than before", "one set of edges an action")
            edges = node.get("edges", edges)


def _own_mistakes(name: str, node: Mapping[str, Any], place: str) -> Iterator[InvalidConfig]:
    known = _OWN.get(name, ("operation",))
    yield from (unknown_keyword(place, keyword, known) for keyword in node if keyword not in known)
    if name == "probability":
        yield from _probability_mistakes(node, place)
    if name == "histogram" or "edges" in node:
        edges = node.get("edges")
        if not _rises(edges) or not 2 <= len(edges) <= MAX_EDGES:  # type: ignore[arg-type]
            yield refuse(f"{place}.edges", describe(edges), f"2 to {MAX_EDGES} rising numbers")
    if name == "quantile":
        levels = node.get("at")
        if not _rises(levels) or not all(0 <= at <= 1 for at in levels):  # type: ignore[union-attr]
            yield refuse(f"{place}.at", describe(levels), "a list of rising numbers from 0 to 1")


def _probability_mistakes(node: Mapping[str, Any], place: str) -> Iterator[InvalidConfig]:
    given = [keyword for keyword in ("above", "below", "between") if keyword in node]
    if len(given) != 1:
        yield refuse(place, f"{' and '.join(given) or 'none of them'}", "one of above, below, between")
    elif given == ["between"] and (not _rises(node["between"]) or len(node["between"]) != 2):
        yield refuse(f"{place}.between", describe(node["between"]), "two rising numbers")
    elif given != ["between"] and not _is_number(node[given[0]]):
        yield refuse(f"{place}.{given[0]}", describe(node[given[0]]), "a number")
    if node.get("as", "fraction") not in ("fraction", "percent"):
        yield refuse(f"{place}.as", describe(node["as"]), "fraction or percent")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _rises(values: Any) -> bool:
    if not isinstance(values, list | tuple) or not values or not all(map(_is_number, values)):
        return False
    return all(a < b for a, b in pairwise(values))
