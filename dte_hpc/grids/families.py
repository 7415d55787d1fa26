"""Which grid has this name?

Families of grids are plugs: entry points of the group ``dte_hpc.grids``, ours too. A family is a callable
that takes a name and returns a grid, or None when the name is not one of its own; the first line of its
docstring says which names it understands.
"""

import functools
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import TypeAlias

from dte_hpc.base.errors import InvalidGrid
from dte_hpc.grids.protocol import Grid

GROUP = "dte_hpc.grids"
MAX_NAME_LENGTH = 4096
Family: TypeAlias = Callable[[str], Grid | None]


@functools.lru_cache(maxsize=64)
def grid(name: str) -> Grid:
    """Return the grid of a name; the same object for the same name (the 64 last used are kept).

    Parameters
    ----------
    name : str
        ``O320``, ``H8n``, ``0.25/0.25/58/-10/50/2/scan/64``, or what else an installed plug understands
        (the room's own are listed in `dte_hpc.grids`).

    Raises
    ------
    InvalidGrid
        When no family understands the name, or the grid would be too large.
    """
    if not isinstance(name, str) or len(name) > MAX_NAME_LENGTH:
        raise InvalidGrid(
            f"a grid is called {str(name)[:40]!r}; expected a text of at most {MAX_NAME_LENGTH} characters",
            name=str(name)[:MAX_NAME_LENGTH],
        )
    for family in families().values():
        found = family(name)
        if found is not None:
            return found
    understood = "; ".join(_understood(key, family) for key, family in families().items())
    raise InvalidGrid(f"no grid is called {name[:80]!r}; understood are {understood}", name=name)


@functools.cache
def families() -> dict[str, Family]:
    """Return the installed families of grids, by the name of their entry point."""
    return {plug.name: plug.load() for plug in sorted(entry_points(group=GROUP), key=lambda plug: plug.name)}


def _understood(key: str, family: Family) -> str:
    lines = (family.__doc__ or key).strip().splitlines()
    return lines[0].rstrip(".")
