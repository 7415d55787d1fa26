"""What can be said of ensemble statistics in a plan, and what do its results come to be called?

MARS has a type for some: em is the mean, es the standard deviation, ep a probability, pb the boundary of a
quantile. It has none for the least and the greatest member, and tells one probability from another by a
parameter of its own (131060: more than 1 mm of rain): what has no name is found by `dte plan check` where
it would be encoded.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from dte_hpc.base.config import refuse
from dte_hpc.base.errors import InvalidConfig
from dte_hpc.base.key import Scalar
from dte_hpc.postproc.action import Options
from dte_hpc.postproc.options import near
from dte_hpc.postproc.statistics.operations import Operation
from dte_hpc.postproc.statistics.wanted import Wanted, operation_mistakes, wanted_of

KNOWN = ("average", "stddev", "variance", "minimum", "maximum", "probability", "quantile")
TYPES = {"average": "em", "stddev": "es"}
MAX_MEMBERS = 100_000
MAX_KEPT = 10_000
MAX_PARTS = 1000
"""Finest quantile that has a name: a permille."""
Node = str | Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnsembleOptions(Options):
    """Options of `EnsembleStatistics`.

    Attributes
    ----------
    operations : tuple of str or mapping
        What comes out, in this order: average, stddev, variance, minimum, maximum by name; probability
        (``above``, ``below`` or ``between``; ``param``, which its results get, in percent) and quantile
        (``at``, ``edges``) as mappings.
    members : int, or tuple of int
        How many members there are, or the numbers of them.
    partial : bool
        Emit, when the run ends, what is there of fields some members of which did not come.
    value_count_threshold : int
        Least members that a point needs; missing ones are left out. -1: it needs all.
    max_samples : int
        Most members that a quantile without edges may keep.
    """

    operations: tuple[str | Mapping[str, Any], ...]
    members: int | tuple[int, ...]
    partial: bool = False
    value_count_threshold: int = -1
    max_samples: int = 64

    @property
    def n_members(self) -> int:
        """How many members make a field."""
        return self.members if isinstance(self.members, int) else len(self.members)

    def wanted(self) -> Wanted:
        """Return what the operations come to, each with the metadata its result gets."""
        nodes = [_as_statistic(node) for node in self.operations]
        wanted = wanted_of(nodes, counted=self.value_count_threshold > 0, keeps_last=False)
        said = [node for node in self.operations for _ in range(_n_results(node))]
        operations = [replace(op, facts=_facts(op, n)) for op, n in zip(wanted.operations, said, strict=True)]
        return replace(wanted, operations=tuple(operations))

    def mistakes(self, place: str) -> Iterator[InvalidConfig]:
        """Yield unknown operations, odd members, and what keeps too much."""
        yield from self._member_mistakes(f"{place}.members")
        if self.value_count_threshold < 1 and self.value_count_threshold != -1:
            found = str(self.value_count_threshold)
            yield refuse(f"{place}.value-count-threshold", found, "at least 1, or -1 for every member")
        if not 1 <= self.max_samples <= MAX_KEPT:
            yield refuse(f"{place}.max-samples", str(self.max_samples), f"1 to {MAX_KEPT}")
        unknown = list(_unknown(self.operations, f"{place}.operations"))
        yield from unknown
        if not unknown:
            nodes = [_as_statistic(node) for node in self.operations]
            yield from operation_mistakes(nodes, f"{place}.operations")
            yield from self._own_mistakes(f"{place}.operations")

    def unencodable(self, place: str) -> Iterator[InvalidConfig]:
        """Yield an error for each operation whose result GRIB or MARS has no name for."""
        for index, node in enumerate(self.operations):
            at, name = f"{place}.operations[{index}]", _name(node)
            if name in ("minimum", "maximum", "variance"):
                expected = f"one of average, stddev, quantile, probability, or {name} without encode"
                yield refuse(at, f"{name}, for which MARS has no type, before 'encode'", expected)
            elif name == "probability" and "param" not in node:
                found = "a probability without 'param' before 'encode'"
                yield refuse(at, found, "param, by which MARS tells it from others, such as 131060")
            elif isinstance(node, Mapping) and name == "quantile":
                yield from (
                    refuse(f"{at}.at", f"{level} before 'encode'", "whole permilles, as 0.995")
                    for level in node["at"]
                    if _share(level).denominator > MAX_PARTS or MAX_PARTS % _share(level).denominator
                )

    def _member_mistakes(self, place: str) -> Iterator[InvalidConfig]:
        if not 1 <= self.n_members <= MAX_MEMBERS:
            yield refuse(place, str(self.n_members), f"1 to {MAX_MEMBERS} members")
        if not isinstance(self.members, int) and len(set(self.members)) < len(self.members):
            yield refuse(place, "a number twice", "each member once")

    def _own_mistakes(self, place: str) -> Iterator[InvalidConfig]:
        for index, node in enumerate(self.operations):
            at = f"{place}[{index}]"
            if not isinstance(node, Mapping):
                continue
            if node["operation"] == "quantile" and "edges" not in node and self.n_members > self.max_samples:
                found = f"a quantile of all {self.n_members} members"
                yield refuse(at, found, f"at most max-samples={self.max_samples}, or edges for its bins")
            if "param" in node and node["operation"] != "probability":
                yield refuse(f"{at}.param", repr(node["param"]), "it for a probability only")
            elif not str(node.get("param", 1)).isdecimal():
                yield refuse(f"{at}.param", repr(node["param"]), "a parameter's number")
            if "param" in node and node.get("as") == "fraction":
                yield refuse(f"{at}.as", "'fraction'", "percent, which such parameters are in")


def _name(node: Node) -> str:
    return node if isinstance(node, str) else str(node.get("operation", "nothing"))


def _unknown(nodes: Sequence[Node], place: str) -> Iterator[InvalidConfig]:
    for index, node in enumerate(nodes):
        name = _name(node)
        if name not in KNOWN:
            yield refuse(f"{place}[{index}]", repr(name) + near(name, KNOWN), f"one of {', '.join(KNOWN)}")


def _as_statistic(node: Node) -> Node:
    """Return an operation as statistics over time spell it: a probability with ``param`` is in percent."""
    if isinstance(node, str) or "param" not in node:
        return node
    return {"as": "percent"} | {keyword: value for keyword, value in node.items() if keyword != "param"}


def _n_results(node: Node) -> int:
    return len(node["at"]) if isinstance(node, Mapping) and node["operation"] == "quantile" else 1


def _facts(operation: Operation, node: Node) -> dict[str, Scalar]:
    """Return the metadata by which a result differs from a member, and from other results."""
    if operation.name in TYPES:
        return {"type": TYPES[operation.name]}
    if isinstance(node, Mapping) and operation.name == "quantile":
        return {"type": "pb", "quantile": _quantile_name(float(operation.facts["quantile"]))}
    if isinstance(node, Mapping) and "param" in node:
        return {"type": "ep", "param": node["param"]}
    bounds = [f"{key.removeprefix('probability-')}-{value}" for key, value in operation.facts.items()]
    units = {"units": "%" if node.get("as") == "percent" else "1"} if isinstance(node, Mapping) else {}
    return {"ensemble": "-".join((operation.name, *bounds)), **units}


def _share(level: float) -> Fraction:
    return Fraction(level).limit_denominator(10 * MAX_PARTS)


def _quantile_name(level: float) -> str:
    """Return MARS's name of a quantile: ``10:100`` is the tenth of a hundred."""
    share = _share(level)
    parts = 100 if 100 % share.denominator == 0 else MAX_PARTS
    if parts % share.denominator:
        parts = share.denominator
    return f"{share.numerator * parts // share.denominator}:{parts}"
