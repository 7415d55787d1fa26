"""What do the sections of MultIO's documents say that our own job does in another way?

They are checked, and `dte plan explain` says what happens instead.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from dte_hpc.base.config import as_mapping, describe, refuse, unknown_keyword
from dte_hpc.base.errors import InvalidConfig
from dte_hpc.postproc.options import near

TRANSPORTS = ("mpi", "tcp", "thread", "none")
SERVER = ("transport", "group", "client-group", "server-group", "count", "plans", "on-error")
CLIENT = ("plans", "on-error", "active-matchers")
_COMMUNICATOR = ("type", "color", "parent", "default")


def server_mistakes(section: Mapping[str, Any], place: str) -> Iterator[InvalidConfig]:
    """Yield what is wrong with how a server section says fields travel."""
    yield from (unknown_keyword(place, keyword, SERVER) for keyword in section if keyword not in SERVER)
    transport = section.get("transport", "mpi")
    if transport not in TRANSPORTS:
        hint = near(str(transport), TRANSPORTS)
        yield refuse(f"{place}.transport", describe(transport) + hint, f"one of {', '.join(TRANSPORTS)}")
    for keyword in ("group", "client-group", "server-group"):
        if not isinstance(section.get(keyword, ""), str):
            yield refuse(f"{place}.{keyword}", describe(section[keyword]), "text")


def communicator_mistakes(node: Any, place: str) -> Iterator[InvalidConfig]:
    """Yield what is wrong with ``mpi-communicators``."""
    try:
        named = as_mapping(place, node)
        groups = {name: as_mapping(f"{place}.{name}", each) for name, each in named.items()}
    except InvalidConfig as error:
        yield error
        return
    for name, group in groups.items():
        at = f"{place}.{name}"
        yield from (unknown_keyword(at, key, _COMMUNICATOR) for key in group if key not in _COMMUNICATOR)
        if group.get("type") not in ("passed", "split"):
            yield refuse(f"{at}.type", describe(group.get("type")), "passed or split")
        elif group["type"] == "split":
            yield from _split_mistakes(group, at, groups)


def _split_mistakes(group: Mapping[str, Any], at: str, groups: Mapping[str, Any]) -> Iterator[InvalidConfig]:
    if not str(group.get("color")).isdecimal():
        yield refuse(f"{at}.color", describe(group.get("color")), "a whole number")
    if group.get("parent") not in (*groups, "world"):
        names = ", ".join((*groups, "world"))
        yield refuse(f"{at}.parent", describe(group.get("parent")), f"one of {names}")


def notes(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield what our own job does instead of what a document asks for."""
    server = document.get("server")
    if isinstance(server, Mapping):
        transport = server.get("transport", "mpi")
        if transport != "mpi":
            yield f"transport {transport}: fields travel by MPI, or stay in the process when it is alone"
        if {"group", "client-group", "server-group", "count"} & set(server):
            yield "groups and count: the job says which ranks serve (ranks: {io: N}, or dte serve)"
    if "mpi-communicators" in document:
        yield "mpi-communicators: the job splits the world itself, by the roles that its configuration names"
