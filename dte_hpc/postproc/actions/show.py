"""How does one watch what passes through a plan, or drop it?"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace

from dte_hpc.postproc.action import (
    ANY_STAGE,
    NOTHING,
    Context,
    Explained,
    Flow,
    Item,
    MaskedField,
    Options,
    Passing,
)

log = logging.getLogger("dte_hpc.plan")


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintOptions(Options):
    """Options of `Print`: what each line begins with."""

    prefix: str = ""


class Print(Passing):
    """Log one line for each item, and pass it on."""

    Options = PrintOptions
    consumes = ANY_STAGE
    emits = ANY_STAGE
    passes_metadata = True

    def __init__(self, options: PrintOptions, context: Context) -> None:
        self._prefix = options.prefix + ": " if options.prefix else ""

    @classmethod
    def explain(cls, options: PrintOptions, flow: Flow) -> Explained:
        """Say where the lines go."""
        return Explained(does=f"a line each to the log {log.name}", flow=replace(flow))

    def process(self, item: Item) -> Iterable[Item]:
        """Log what the item is called and how large it is."""
        if isinstance(item, MaskedField):
            log.info("%sfield %s, %d values", self._prefix, item.metadata, item.field.values.size)
        else:
            log.info("%smessage %s, %d bytes", self._prefix, item.metadata, len(item.message))
        return (item,)


@dataclass(frozen=True, slots=True, kw_only=True)
class NullOptions(Options):
    """Options of `Null`: none."""


class Null(Passing):
    """Drop everything."""

    Options = NullOptions
    consumes = ANY_STAGE
    emits = NOTHING

    def __init__(self, options: NullOptions, context: Context) -> None: ...

    @classmethod
    def explain(cls, options: NullOptions, flow: Flow) -> Explained:
        """Say that nothing follows."""
        return Explained(does="drop it", flow=replace(flow, n_out=0))

    def process(self, item: Item) -> Iterable[Item]:
        """Yield nothing."""
        return ()
