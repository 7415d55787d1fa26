"""Do two sinks of a document write the same files? Each would empty, or refuse, what the other writes.

A path without keywords is one file for all that comes. Of a pattern, or the root of a single-field-sink, two
plans may share the folder as long as their selects let different fields pass.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dte_hpc.base.config import refuse
from dte_hpc.base.errors import InvalidConfig
from dte_hpc.postproc.plans.plan import ActionConfig, PlanConfig, branches_of
from dte_hpc.postproc.plans.reach import contradictions
from dte_hpc.postproc.sinks.listed import is_on

GROWING = ("netcdf", "hdf5", "zarr")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Writer:
    """Who writes somewhere: `identity` is what it writes, `before` the actions its fields come through."""

    identity: tuple[str, ...]
    place: str
    before: tuple[ActionConfig, ...]


def shared_paths(plans: Sequence[PlanConfig]) -> list[InvalidConfig]:
    """Return a mistake for each sink of running plans whose files another one before it writes."""
    found: dict[tuple[str, ...], list[_Writer]] = {}
    errors = []
    for writer in (each for plan in plans if plan.enable for each in _writers(plan.actions, ())):
        others = found.setdefault(writer.identity, [])
        twin = next((other for other in others if _meet(other, writer)), None)
        if twin is not None:
            path = writer.identity[-1]
            errors.append(refuse(writer.place, f"{path!r}, which {twin.place} writes", "a path of its own"))
        others.append(writer)
    return errors


def _meet(one: _Writer, other: _Writer) -> bool:
    """Whether one field may come to both: surely where the path names no keyword."""
    kind, path = one.identity[0], one.identity[-1]
    if kind == "file" and "{" not in path:
        return True
    if one.before == other.before:
        return True
    both = (*one.before, *other.before)
    return all(action.kind.passes_metadata for action in both) and not contradictions(both)


def _writers(actions: Sequence[ActionConfig], before: tuple[ActionConfig, ...]) -> Iterator[_Writer]:
    for action in actions:
        if action.name == "single-field-sink":
            root = str(getattr(action.options, "root_path", ""))
            yield _Writer(identity=(action.name, root), place=f"{action.place}.root-path", before=before)
        for node, place in _sinks(getattr(action.options, "sinks", ()), action.place):
            own = str(node.get("per-server", node.get("per_server", False))).lower()
            path = os.path.normpath(str(node["path"]))
            yield _Writer(identity=("file", own, path), place=f"{place}.path", before=before)
        for branch in branches_of(action.options):
            yield from _writers(branch, before)
        before = (*before, action)


def _sinks(nodes: Any, place: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Yield every growing sink of a checked list that is on, those in other sinks included."""
    for index, node in enumerate(nodes):
        at = f"{place}.sinks[{index}]"
        if is_on(node) and node["type"] in GROWING:
            yield node, at
        elif is_on(node) and "sinks" in node:
            yield from _sinks(node["sinks"], at)
