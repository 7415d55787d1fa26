"""Which fields does a plan want? What a block of ``match``, ``ignore``, ``any``, ``all``, ``not`` says
(`dte_hpc.postproc.actions.matching`).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from dte_hpc.base.errors import InvalidConfig
from dte_hpc.base.field import Metadata
from dte_hpc.postproc.action import ANY_STAGE, Context, Explained, Flow, Item, Options, Passing
from dte_hpc.postproc.actions import matching


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectOptions(Options):
    """Options of `Select`: one of any, all and not, or at least one of match and ignore.

    Attributes
    ----------
    match, ignore : mapping, or list of mappings
        A field passes when it fits match and not ignore.
    any, all : list of mappings
        Of blocks like these options, of which one must fit, or all.
    not_ : mapping
        A block that must not fit.
    enforce_same_key_types : bool
        A number where the plan says a text, or the other way round, is an error.
    """

    match: Any = None
    ignore: Any = None
    any: Any = None
    all: Any = None
    not_: Any = None
    enforce_same_key_types: bool = True

    def block(self) -> dict[str, Any]:
        """Return these options as the block they were in the plan."""
        given = {name: getattr(self, "not_" if name == "not" else name) for name in matching.BLOCKS}
        return {
            **{name: node for name, node in given.items() if node is not None},
            matching.TYPES: self.enforce_same_key_types,
        }

    def mistakes(self, place: str) -> Iterator[InvalidConfig]:
        """Yield what is no block."""
        yield from matching.block_mistakes(place, self.block())


class Select(Passing):
    """Let the wanted fields pass."""

    Options = SelectOptions
    consumes = ANY_STAGE
    emits = ANY_STAGE
    passes_metadata = True
    works_on_parts = True

    def __init__(self, options: SelectOptions, context: Context) -> None:
        self._fits = matching.compile_block(options.block())

    @classmethod
    def explain(cls, options: SelectOptions, flow: Flow) -> Explained:
        """Say which fields pass; a selected grid is known from there on."""
        return Explained(does=matching.in_words(options.block()), flow=_with_grid(flow, options.match))

    def accepts(self, metadata: Metadata) -> bool:
        """Whether a field of this name passes; InvalidPart where types differ and must not."""
        return self._fits(metadata)

    def process(self, item: Item) -> Iterable[Item]:
        """Yield the item if it is wanted."""
        return (item,) if self._fits(item.metadata) else ()


def _with_grid(flow: Flow, match: Any) -> Flow:
    grid = match.get("grid") if isinstance(match, Mapping) else None
    return replace(flow, grid=grid) if isinstance(grid, str) else flow
