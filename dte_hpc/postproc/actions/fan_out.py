"""How does one item go several ways? Through branches, each a chain of its own to the end."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from dte_hpc.base.config import as_list, describe, refuse
from dte_hpc.base.errors import InvalidConfig
from dte_hpc.postproc.action import (
    ANY_STAGE,
    NOTHING,
    Context,
    Explained,
    Flow,
    Item,
    Options,
    Passing,
    Stage,
)
from dte_hpc.postproc.chain import Chain
from dte_hpc.postproc.plans.on_error import OnError
from dte_hpc.postproc.plans.order import Step, order_mistakes
from dte_hpc.postproc.plans.plan import ActionConfig, read_actions

MAX_BRANCHES = 64
MAX_DEPTH = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class FanOutOptions(Options):
    """Options of `FanOut`.

    Attributes
    ----------
    branches : list of lists of actions
        Each item goes through all of them, in this order and without a copy; each ends as a plan does.
    """

    branches: tuple[Any, ...]

    def mistakes(self, place: str) -> Iterator[InvalidConfig]:
        """Yield all that is wrong with every branch."""
        if place.count(".branches[") >= MAX_DEPTH:
            yield refuse(place, f"branches {MAX_DEPTH + 1} deep", f"at most {MAX_DEPTH}")
            return
        if not 1 <= len(self.branches) <= MAX_BRANCHES:
            yield refuse(f"{place}.branches", describe(self.branches), f"1 to {MAX_BRANCHES} branches")
        for index, node in enumerate(self.branches):
            yield from read_actions(node, f"{place}.branches[{index}]", None)[1]

    def chains(self) -> list[tuple[ActionConfig, ...]]:
        """Return the actions of each branch."""
        return [
            read_actions(as_list("$", node), f"branches[{index}]", None)[0]
            for index, node in enumerate(self.branches)
        ]


class FanOut(Passing):
    """Give each item to every branch. Nothing follows it in a plan."""

    Options = FanOutOptions
    consumes = ANY_STAGE
    emits = NOTHING
    works_on_parts = True

    def __init__(self, options: FanOutOptions, context: Context) -> None:
        self.chains = [
            Chain(f"branch {index}", actions, context, OnError.PROPAGATE)
            for index, actions in enumerate(options.chains())
        ]

    @classmethod
    def takes(cls, options: FanOutOptions) -> frozenset[Stage]:
        """Return what every branch can begin with."""
        chains = [
            [Step(name=a.name, kind=a.kind, options=a.options, place=a.place) for a in actions]
            for actions in options.chains()
        ]
        return frozenset(
            stage for stage in Stage if not any(order_mistakes(steps, stage) for steps in chains)
        )

    @classmethod
    def explain(cls, options: FanOutOptions, flow: Flow) -> Explained:
        """Say how many ways there are; `explain` of plans draws each."""
        return Explained(does=f"{len(options.branches)} ways", flow=replace(flow))

    def process(self, item: Item) -> Iterable[Item]:
        """Take the item through every branch."""
        for chain in self.chains:
            chain.process(item)
        return ()

    def close(self) -> Iterable[Item]:
        """Let go of every branch."""
        for chain in self.chains:
            chain.close()
        return ()
