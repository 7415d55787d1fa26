"""How does one watch what passes through a plan, or drop it?"""

import logging
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from dte_hpc.base.config import refuse
from dte_hpc.base.errors import InvalidConfig
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
    RawField,
)
from dte_hpc.postproc.options import near

log = logging.getLogger("dte_hpc.plan")
STREAMS = ("info", "error", "cout")
MAX_KEPT = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintOptions(Options):
    """Options of `Print`.

    Attributes
    ----------
    stream : str
        info or error: the level of the log's lines; cout: standard output.
    prefix : str
        What each line begins with.
    only_fields : bool
        Say nothing of encoded messages.
    """

    stream: str = "info"
    prefix: str = ""
    only_fields: bool = False

    def mistakes(self, place: str) -> Iterator[InvalidConfig]:
        """Yield an unknown stream."""
        if self.stream not in STREAMS:
            hint = near(self.stream, STREAMS)
            yield refuse(f"{place}.stream", repr(self.stream) + hint, f"one of {', '.join(STREAMS)}")


class Print(Passing):
    """Tell one line for each item, and pass it on."""

    Options = PrintOptions
    consumes = ANY_STAGE
    emits = ANY_STAGE
    passes_metadata = True
    works_on_parts = True

    def __init__(self, options: PrintOptions, context: Context) -> None:
        self._options = options
        self._prefix = options.prefix + ": " if options.prefix else ""

    @classmethod
    def explain(cls, options: PrintOptions, flow: Flow) -> Explained:
        """Say where the lines go."""
        where = "standard output" if options.stream == "cout" else f"the log {log.name}"
        return Explained(does=f"a line each to {where}", flow=replace(flow))

    def process(self, item: Item) -> Iterable[Item]:
        """Tell what the item is called and how large it is."""
        if isinstance(item, MaskedField):
            self._tell(f"{self._prefix}field {item.metadata}, {item.field.values.size} values")
        elif not self._options.only_fields:
            self._tell(f"{self._prefix}message {item.metadata}, {len(item.message)} bytes")
        return (item,)

    def _tell(self, line: str) -> None:
        if self._options.stream == "cout":
            sys.stdout.write(line + "\n")
        else:
            log.log(logging.ERROR if self._options.stream == "error" else logging.INFO, "%s", line)


@dataclass(frozen=True, slots=True, kw_only=True)
class NullOptions(Options):
    """Options of `Null`: none."""


class Null(Passing):
    """Drop everything."""

    Options = NullOptions
    consumes = ANY_STAGE
    emits = NOTHING
    works_on_parts = True

    def __init__(self, options: NullOptions, context: Context) -> None: ...

    @classmethod
    def explain(cls, options: NullOptions, flow: Flow) -> Explained:
        """Say that nothing follows."""
        return Explained(does="drop it", flow=replace(flow, n_out=0))

    def process(self, item: Item) -> Iterable[Item]:
        """Yield nothing."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DebugSinkOptions(Options):
    """Options of `DebugSink`: how many items it keeps, the last ones."""

    keep: int = 1000

    def mistakes(self, place: str) -> Iterator[InvalidConfig]:
        """Yield a number that makes no sense."""
        if not 1 <= self.keep <= MAX_KEPT:
            yield refuse(f"{place}.keep", str(self.keep), f"1 to {MAX_KEPT}")


class DebugSink(Passing):
    """Keep the last items where a test can read them.

    Attributes
    ----------
    items : deque of MaskedField, EncodedField or RawField
        The last ones that came, with values of their own.
    """

    Options = DebugSinkOptions
    consumes = ANY_STAGE
    emits = NOTHING
    works_on_parts = True

    def __init__(self, options: DebugSinkOptions, context: Context) -> None:
        self.items: deque[Item] = deque(maxlen=options.keep)

    @classmethod
    def explain(cls, options: DebugSinkOptions, flow: Flow) -> Explained:
        """Say how many are kept."""
        return Explained(does=f"keep the last {options.keep}", flow=replace(flow, n_out=0))

    def process(self, item: Item) -> Iterable[Item]:
        """Keep a copy: who sent the field may write over it afterwards."""
        if isinstance(item, MaskedField):
            item = replace(item, field=replace(item.field, values=item.field.values.copy()))
        elif isinstance(item, RawField):
            item = replace(item, message=bytes(item.message))
        self.items.append(item)
        return ()
