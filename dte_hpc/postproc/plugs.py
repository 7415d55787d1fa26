"""Where are actions, sinks and codecs found?

In entry points, ours like everybody's: groups ``dte_hpc.actions``, ``dte_hpc.sinks`` and
``dte_hpc.codecs``. A plug is imported when a plan first names it.
"""

import functools
from importlib import metadata
from typing import Any

from dte_hpc.base.config import refuse
from dte_hpc.base.errors import InvalidConfig
from dte_hpc.postproc.options import near

ACTIONS = "dte_hpc.actions"
SINKS = "dte_hpc.sinks"
CODECS = "dte_hpc.codecs"


@functools.cache
def names(group: str) -> tuple[str, ...]:
    """Return the names plugs of a group go by, sorted. Cost: one scan of the installed packages."""
    return tuple(sorted({point.name for point in metadata.entry_points(group=group)}))


@functools.cache
def find(group: str, name: str) -> Any:
    """Return the class behind a name.

    Raises
    ------
    InvalidConfig
        The name is not one of the group's (with the nearest one that is), or its module does not import.
    """
    points = [point for point in metadata.entry_points(group=group) if point.name == name]
    if not points:
        raise InvalidConfig(f"no {name!r} in entry points {group!r}; expected {', '.join(names(group))}")
    try:
        return points[0].load()
    except (ImportError, AttributeError) as error:
        raise InvalidConfig(f"{group} {name!r} is {points[0].value}, which does not load: {error}") from error


def check_type(group: str, node: object, place: str) -> Any:
    """Return the class that a configured ``type`` names; InvalidConfig with the place of the type."""
    word = group.rpartition(".")[2].removesuffix("s")
    if not isinstance(node, str) or node not in names(group):
        raise refuse(
            place, f"the {word} {node!r}{near(str(node), names(group))}", f"one of {', '.join(names(group))}"
        )
    try:
        return find(group, node)
    except InvalidConfig as error:
        raise InvalidConfig(f"{place}: {error}", place=place) from error
