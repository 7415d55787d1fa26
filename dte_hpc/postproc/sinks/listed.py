"""Which sinks does a list in a plan say, and what became of what they were given?

Each entry has ``type``, the options of that sink, ``enable`` (true), and MultIO's ``failOnError`` (true). An
error of a sink that says ``failOnError: false`` is logged to ``dte_hpc.plan`` and counted, the other sinks go
on, and what it was given is lost: the log says so.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from dte_hpc.base.config import as_mapping, refuse
from dte_hpc.base.errors import DteError, InvalidConfig
from dte_hpc.postproc import plugs
from dte_hpc.postproc.action import Context, Item, MaskedField, Options, Stage
from dte_hpc.postproc.options import read_options

log = logging.getLogger("dte_hpc.plan")

OURS = ("enable", "failOnError")
SWITCHES = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
MAX_SINKS = 64
MAX_DEPTH = 8
MAESTRO = (
    "maestro, a memory broker that only MultIO builds made for it can reach",
    "another sink; a file or a store that readers open, and a trigger that tells them",
)


class SinkPlug(Protocol):
    """One kind of sink.

    Attributes
    ----------
    Options
        The frozen struct its options are read into.
    consumes : frozenset of Stage
        Messages, or fields, or both. `consumed_by`, where a sink has it, says what these options take.
    journal_root : Path or None
        The store beside whose root notifications are written; None when it is no store.
    """

    Options: ClassVar[type[Options]]
    consumes: ClassVar[frozenset[Stage]]
    journal_root: Path | None

    def __init__(self, options: Any, context: Context) -> None: ...

    @classmethod
    def explain(cls, options: Any) -> str:
        """Say where it writes."""
        ...

    def write(self, item: Any) -> None:
        """Take one item."""
        ...

    def flush(self) -> None:
        """Make everything taken durable."""
        ...

    def close(self) -> None:
        """Let go; what was not flushed was not promised."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a sink took.

    Attributes
    ----------
    where : str
        As `explain` says.
    n_items, n_bytes : int
        Messages and their bytes, or fields and the bytes of their values.
    n_failed : int
        Calls that failed, of a sink that may fail.
    """

    where: str
    n_items: int
    n_bytes: int
    n_failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One sink of a list that is on: its class, its options, and whether its errors end the job."""

    kind: type[SinkPlug]
    options: Any
    fails: bool

    @property
    def consumes(self) -> frozenset[Stage]:
        """What it takes."""
        chosen: Callable[[Any], frozenset[Stage]] | None = getattr(self.kind, "consumed_by", None)
        return chosen(self.options) if chosen else self.kind.consumes


def list_mistakes(nodes: Sequence[Any], place: str) -> Iterator[InvalidConfig]:
    """Yield all that is wrong with every sink of a list at ``<place>.sinks``."""
    at = f"{place}.sinks"
    if not 0 < len(nodes) <= MAX_SINKS:
        names = ", ".join(plugs.names(plugs.SINKS))
        yield refuse(at, f"{len(nodes) or 'none'}", f"1 to {MAX_SINKS} of {names}")
    if at.count(".sinks") > MAX_DEPTH:
        yield refuse(at, f"sinks in sinks, {MAX_DEPTH + 1} deep", f"at most {MAX_DEPTH}")
        return
    errors = [error for i, node in enumerate(nodes[:MAX_SINKS]) for error in _mistakes(node, f"{at}[{i}]")]
    yield from errors
    if not errors and nodes and not common_stages(read_list(nodes)):
        taken = ", ".join(
            f"{node['type']!r} ({' or '.join(sorted(stage.value for stage in each.consumes))})"
            for node, each in zip([n for n in nodes if is_on(n)], read_list(nodes), strict=True)
        )
        yield refuse(at, f"sinks that take different things: {taken}", "two plans, one without 'encode'")


def _mistakes(node: Any, place: str) -> Iterator[InvalidConfig]:
    try:
        given = as_mapping(place, node)
        if given.get("type") == "maestro":
            raise refuse(f"{place}.type", *MAESTRO)
        kind = plugs.check_type(plugs.SINKS, given.get("type"), f"{place}.type")
    except InvalidConfig as error:
        yield error
        return
    for keyword in OURS:
        if _switch(given.get(keyword, True)) is None:
            yield refuse(f"{place}.{keyword}", repr(given[keyword]), "true or false")
    yield from read_options(kind.Options, _own(given), place)[1]


def read_list(nodes: Sequence[Mapping[str, Any]]) -> list[Listed]:
    """Return every sink of a checked list that is on."""
    found = []
    for node in nodes:
        if is_on(node):
            kind: type[SinkPlug] = plugs.find(plugs.SINKS, node["type"])
            options, errors = read_options(kind.Options, _own(node), "$")
            if errors:
                raise errors[0]
            found.append(
                Listed(kind=kind, options=options, fails=bool(_switch(node.get("failOnError", True))))
            )
    return found


def is_on(node: Mapping[str, Any]) -> bool:
    """Whether a sink is enabled."""
    return bool(_switch(node.get("enable", True)))


def common_stages(sinks: Sequence[Listed]) -> frozenset[Stage]:
    """Return what all of some sinks take: anything when all are off."""
    return frozenset({Stage.FIELD, Stage.MESSAGE, Stage.RAW}).intersection(*(each.consumes for each in sinks))


def _switch(value: Any) -> bool | None:
    return SWITCHES.get(str(value).lower())


def _own(node: Mapping[str, Any]) -> dict[str, Any]:
    return {keyword: value for keyword, value in node.items() if keyword not in OURS}


class Opened:
    """A sink at work. One that may fail and could not be opened takes nothing, and counts it.

    Parameters
    ----------
    listed : Listed
    context : Context
    """

    def __init__(self, listed: Listed, context: Context) -> None:
        self._fails = listed.fails
        self._where = listed.kind.explain(listed.options)
        self._n_items = self._n_bytes = self._n_failed = 0
        self.plug: SinkPlug | None = None
        self._guarded("open", lambda: setattr(self, "plug", listed.kind(listed.options, context)))

    @property
    def written(self) -> Written:
        """What it took until now."""
        return Written(
            where=self._where, n_items=self._n_items, n_bytes=self._n_bytes, n_failed=self._n_failed
        )

    def write(self, item: Item) -> None:
        """Give it one item."""
        if self.plug is None:
            self._n_failed += 1
            return
        plug = self.plug
        if self._guarded("write", lambda: plug.write(item)):
            self._n_items += 1
            self._n_bytes += item.field.n_bytes if isinstance(item, MaskedField) else len(item.message)

    def flush(self) -> None:
        """Make what it took durable."""
        if self.plug is not None:
            self._guarded("flush", self.plug.flush)

    def close(self) -> None:
        """Let go of it."""
        if self.plug is not None:
            self._guarded("close", self.plug.close)

    def _guarded(self, what: str, work: Callable[[], None]) -> bool:
        try:
            work()
        except DteError as error:
            if self._fails:
                raise
            self._n_failed += 1
            log.warning("sink %s failed to %s, and the job goes on without: %s", self._where, what, error)
            return False
        return True
