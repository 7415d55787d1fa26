"""How do sinks stand in a sink, as MultIO's type ``multio`` has them? They all take what it takes."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from dte_hpc.base.errors import InvalidConfig
from dte_hpc.postproc.action import Context, Item, Options, Stage
from dte_hpc.postproc.sinks.listed import Opened, common_stages, list_mistakes, read_list


@dataclass(frozen=True, slots=True, kw_only=True)
class NestedOptions(Options):
    """Options of `NestedSink`: the list of its sinks."""

    sinks: tuple[Any, ...]

    def mistakes(self, place: str) -> Iterator[InvalidConfig]:
        """Yield all that is wrong with every sink."""
        yield from list_mistakes(self.sinks, place)


class NestedSink:
    """Give every item to every sink."""

    Options = NestedOptions
    consumes: ClassVar[frozenset[Stage]] = frozenset({Stage.FIELD, Stage.MESSAGE, Stage.RAW})

    def __init__(self, options: NestedOptions, context: Context) -> None:
        self._opened = [Opened(listed, context) for listed in read_list(options.sinks)]

    @classmethod
    def consumed_by(cls, options: NestedOptions) -> frozenset[Stage]:
        """Return what all of its sinks take."""
        return common_stages(read_list(options.sinks))

    @classmethod
    def explain(cls, options: NestedOptions) -> str:
        """Say where everything goes."""
        return " and ".join(each.kind.explain(each.options) for each in read_list(options.sinks)) or "nowhere"

    @property
    def journal_root(self) -> Path | None:
        """The first store among its sinks."""
        roots = [opened.plug.journal_root for opened in self._opened if opened.plug is not None]
        return next((root for root in roots if root is not None), None)

    def write(self, item: Item) -> None:
        """Give it to every sink."""
        for opened in self._opened:
            opened.write(item)

    def flush(self) -> None:
        """Make everything taken durable."""
        for opened in self._opened:
            opened.flush()

    def close(self) -> None:
        """Let go of every sink."""
        for opened in self._opened:
            opened.close()
