"""Which fields does a plan want?

``match`` and ``ignore`` are a mapping, or a list of mappings of which one must fit. In a mapping every
keyword must fit; a list of values means one of them. A field without the keyword does not fit.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from dte_hpc.base.config import describe, refuse
from dte_hpc.base.errors import InvalidConfig
from dte_hpc.base.field import Metadata
from dte_hpc.base.key import Scalar, text_of
from dte_hpc.postproc.action import ANY_STAGE, Context, Explained, Flow, Item, Options, Passing

Clause: TypeAlias = dict[str, frozenset[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectOptions(Options):
    """Options of `Select`: at least one of the two; a field passes when it fits match and not ignore."""

    match: Any = None
    ignore: Any = None

    def mistakes(self, place: str) -> Iterator[InvalidConfig]:
        """Yield what is no mapping of keywords to values."""
        if self.match is None and self.ignore is None:
            yield refuse(place, "neither 'match' nor 'ignore'", "one of them, or both")
        for name, node in (("match", self.match), ("ignore", self.ignore)):
            if node is not None:
                yield from _clause_mistakes(f"{place}.{name}", node)


def _clause_mistakes(place: str, node: Any) -> Iterator[InvalidConfig]:
    if isinstance(node, list | tuple):
        for index, clause in enumerate(node):
            yield from _mapping_mistakes(f"{place}[{index}]", clause)
    else:
        yield from _mapping_mistakes(place, node)


def _mapping_mistakes(place: str, node: Any) -> Iterator[InvalidConfig]:
    if not isinstance(node, Mapping):
        yield refuse(place, describe(node), "a mapping of keywords to values")
        return
    for keyword, values in node.items():
        if not isinstance(keyword, str):
            yield refuse(place, f"the keyword {keyword!r}", "text")
        for value in values if isinstance(values, list | tuple) else [values]:
            if not isinstance(value, str | int | float):
                yield refuse(f"{place}.{keyword}", describe(value), "a text, a number, or a list of them")


def plain(value: Scalar) -> str:
    """Return the text by which values are compared: '0000', 0 and 0.0 are the same."""
    text = text_of(value)
    return text.lstrip("0") or "0" if text.isdecimal() else text


def compile_clauses(node: Any) -> tuple[Clause, ...]:
    """Return what `match` or `ignore` says, ready to compare."""
    clauses: Iterable[Mapping[str, Any]] = node if isinstance(node, list | tuple) else [node]
    return tuple(
        {
            keyword: frozenset(map(plain, values if isinstance(values, list | tuple) else [values]))
            for keyword, values in clause.items()
        }
        for clause in clauses
    )


def fits(clauses: tuple[Clause, ...], metadata: Metadata) -> bool:
    """Whether one of the clauses fits."""
    return any(
        all(keyword in metadata and plain(metadata[keyword]) in values for keyword, values in clause.items())
        for clause in clauses
    )


class Select(Passing):
    """Let the wanted fields pass."""

    Options = SelectOptions
    consumes = ANY_STAGE
    emits = ANY_STAGE
    passes_metadata = True

    def __init__(self, options: SelectOptions, context: Context) -> None:
        self._match = None if options.match is None else compile_clauses(options.match)
        self._ignore = () if options.ignore is None else compile_clauses(options.ignore)

    @classmethod
    def explain(cls, options: SelectOptions, flow: Flow) -> Explained:
        """Say which fields pass; a selected grid is known from there on."""
        words = [
            f"{verb} {' or '.join(map(_clause_text, compile_clauses(node)))}"
            for verb, node in (("only", options.match), ("without", options.ignore))
            if node is not None
        ]
        return Explained(does=", ".join(words), flow=_with_grid(flow, options.match))

    def accepts(self, metadata: Metadata) -> bool:
        """Whether a field of this name passes."""
        return (self._match is None or fits(self._match, metadata)) and not fits(self._ignore, metadata)

    def process(self, item: Item) -> Iterable[Item]:
        """Yield the item if it is wanted."""
        return (item,) if self.accepts(item.metadata) else ()


def _clause_text(clause: Clause) -> str:
    return " and ".join(f"{k}={'/'.join(sorted(v))}" for k, v in clause.items()) or "everything"


def _with_grid(flow: Flow, match: Any) -> Flow:
    grid = match.get("grid") if isinstance(match, Mapping) else None
    if not isinstance(grid, str):
        return flow
    return Flow(stage=flow.stage, grid=grid, value_bytes=flow.value_bytes, n_out=flow.n_out, when=flow.when)
