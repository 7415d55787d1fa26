"""Where do fields and messages end up? In sinks, found among the entry points ``dte_hpc.sinks``."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from dte_hpc.base.errors import InvalidConfig
from dte_hpc.base.field import Metadata
from dte_hpc.postproc.action import NOTHING, Context, Explained, Flow, Item, Options, Passing, Stage
from dte_hpc.postproc.sinks.listed import (
    Opened,
    SinkPlug,
    Written,
    common_stages,
    list_mistakes,
    read_list,
)
from dte_hpc.postproc.sinks.triggers import TriggerOptions, Triggers, of_environment, read_triggers

__all__ = ["Sink", "SinkOptions", "SinkPlug", "Written"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkOptions(Options):
    """Options of `Sink`.

    Attributes
    ----------
    sinks : tuple of mappings
        Each with ``type`` (fdb5, file, multio, netcdf, hdf5, zarr), its own options, ``enable`` and
        ``failOnError``.
    triggers : tuple of mappings
        Who is told of notifications; see `triggers`.
    """

    sinks: tuple[Any, ...]
    triggers: tuple[Any, ...] = ()

    def mistakes(self, place: str) -> Iterator[InvalidConfig]:
        """Yield all that is wrong with every sink and trigger."""
        yield from list_mistakes(self.sinks, place)
        yield from read_triggers(self.triggers, f"{place}.triggers")[1]


class Sink(Passing):
    """Give every item to every sink. Nothing follows it in a plan."""

    Options = SinkOptions
    consumes = frozenset({Stage.FIELD, Stage.MESSAGE, Stage.RAW})
    emits = NOTHING
    works_on_parts = True

    def __init__(self, options: SinkOptions, context: Context) -> None:
        self._opened = [Opened(listed, context) for listed in read_list(options.sinks)]
        own: list[TriggerOptions] = read_triggers(options.triggers, "$.triggers")[0]
        self._triggers = Triggers([*own, *of_environment()])

    @property
    def plugs(self) -> tuple[SinkPlug, ...]:
        """The sinks that could be opened."""
        return tuple(opened.plug for opened in self._opened if opened.plug is not None)

    @classmethod
    def takes(cls, options: SinkOptions) -> frozenset[Stage]:
        """Return what all of the sinks take."""
        return common_stages(read_list(options.sinks))

    @classmethod
    def explain(cls, options: SinkOptions, flow: Flow) -> Explained:
        """Say where everything goes."""
        places = [each.kind.explain(each.options) for each in read_list(options.sinks)]
        told = f"; tells {len(options.triggers)} triggers" if options.triggers else ""
        return Explained(
            does=(" and ".join(places) or "nowhere: every sink is off") + told, flow=replace(flow)
        )

    def process(self, item: Item) -> Iterable[Item]:
        """Give it to every sink."""
        for opened in self._opened:
            opened.write(item)
        return ()

    def flush(self) -> None:
        """Make everything taken durable."""
        for opened in self._opened:
            opened.flush()

    def notify(self, metadata: Metadata) -> None:
        """Tell what a notification says to whoever the triggers name."""
        self._triggers.notify(metadata)

    def written(self) -> Iterator[Written]:
        """Yield what each sink took."""
        for opened in self._opened:
            yield opened.written

    def close(self) -> Iterable[Item]:
        """Let go of every sink."""
        for opened in self._opened:
            opened.close()
        return ()
