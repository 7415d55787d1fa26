"""Where in a plan do the parts of a field become the field?

The server gathers parts before plans run (it must know when a field is whole to give memory back), so
this action marks the place: what stands before it sees what a field is called, what stands after it
also sees values.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from dte_hpc.postproc.action import FIELDS, Context, Explained, Flow, Item, Options, Passing, Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregateOptions(Options):
    """Options of `Aggregate`: none."""


class Aggregate(Passing):
    """Pass whole fields."""

    Options = AggregateOptions
    consumes = frozenset({Stage.PART})
    emits = FIELDS
    passes_metadata = True

    def __init__(self, options: AggregateOptions, context: Context) -> None: ...

    @classmethod
    def explain(cls, options: AggregateOptions, flow: Flow) -> Explained:
        """Say that parts become fields."""
        whole = replace(flow, stage=Stage.FIELD)
        return Explained(does="wait for every part", flow=whole, state_bytes_a_value=flow.value_bytes)

    def process(self, item: Item) -> Iterable[Item]:
        """Yield the field."""
        return (item,)
