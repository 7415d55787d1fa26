"""Where do messages end up? In sinks, found among the entry points ``dte_hpc.sinks``."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol

from dte_hpc.base.config import as_mapping, refuse
from dte_hpc.base.errors import InvalidConfig
from dte_hpc.postproc import plugs
from dte_hpc.postproc.action import MESSAGES, NOTHING, Context, Explained, Flow, Item, Options, Passing, Stage
from dte_hpc.postproc.options import read_options


class SinkPlug(Protocol):
    """One kind of sink.

    Attributes
    ----------
    Options
        The frozen struct its options are read into.
    consumes : frozenset of Stage
        Messages, or fields, or both.
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
class SinkOptions(Options):
    """Options of `Sink`.

    Attributes
    ----------
    sinks : tuple of mappings
        Each with ``type`` (fdb5, file), its own options, and ``enable``.
    """

    sinks: tuple[Any, ...]

    def mistakes(self, place: str) -> Iterator[InvalidConfig]:
        """Yield all that is wrong with every sink."""
        if not self.sinks:
            yield refuse(f"{place}.sinks", "none", f"one or more of {', '.join(plugs.names(plugs.SINKS))}")
        for index, node in enumerate(self.sinks):
            yield from _sink_mistakes(node, f"{place}.sinks[{index}]")


def _sink_mistakes(node: Any, place: str) -> Iterator[InvalidConfig]:
    try:
        given = as_mapping(place, node)
        kind = plugs.check_type(plugs.SINKS, given.get("type"), f"{place}.type")
    except InvalidConfig as error:
        yield error
        return
    if not isinstance(given.get("enable", True), bool):
        yield refuse(f"{place}.enable", repr(given["enable"]), "true or false")
    yield from read_options(kind.Options, _own(given), place)[1]


def _own(node: Mapping[str, Any]) -> dict[str, Any]:
    return {keyword: value for keyword, value in node.items() if keyword != "enable"}


def _plugs(options: SinkOptions) -> Iterator[tuple[type[SinkPlug], Any]]:
    """Yield class and options of every sink that is on."""
    for node in options.sinks:
        if node.get("enable", True):
            kind: type[SinkPlug] = plugs.find(plugs.SINKS, node["type"])
            read, errors = read_options(kind.Options, _own(node), "$")
            if errors:
                raise errors[0]
            yield kind, read


class Sink(Passing):
    """Give every message to every sink. Nothing follows it in a plan."""

    Options = SinkOptions
    consumes = frozenset({Stage.FIELD, Stage.MESSAGE})
    emits = NOTHING

    def __init__(self, options: SinkOptions, context: Context) -> None:
        self.plugs: tuple[SinkPlug, ...] = tuple(kind(read, context) for kind, read in _plugs(options))

    @classmethod
    def takes(cls, options: SinkOptions) -> frozenset[Stage]:
        """Return what all of the sinks take."""
        kinds = [kind.consumes for kind, _ in _plugs(options)]
        return frozenset.intersection(*kinds) if kinds else MESSAGES

    @classmethod
    def explain(cls, options: SinkOptions, flow: Flow) -> Explained:
        """Say where everything goes."""
        return Explained(
            does=" and ".join(kind.explain(read) for kind, read in _plugs(options))
            or "nowhere: every sink is off",
            flow=replace(flow),
        )

    def process(self, item: Item) -> Iterable[Item]:
        """Give it to every sink."""
        for plug in self.plugs:
            plug.write(item)
        return ()

    def flush(self) -> None:
        """Make everything taken durable."""
        for plug in self.plugs:
            plug.flush()

    def close(self) -> Iterable[Item]:
        """Let go of every sink."""
        for plug in self.plugs:
            plug.close()
        return ()
