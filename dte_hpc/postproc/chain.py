"""How does an item go through the actions of one plan, also when one of them fails?"""

import logging
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

from dte_hpc.postproc.action import Context, Item
from dte_hpc.postproc.plans.on_error import OnError
from dte_hpc.postproc.plans.plan import ActionConfig, PlanConfig

log = logging.getLogger("dte_hpc.plan")


@runtime_checkable
class Branching(Protocol):
    """An action that has chains of its own."""

    chains: Sequence["Chain"]


class Chain:
    """The actions of one running plan, or of a branch of one.

    Where ``on-error`` is ``recover``, an item at which an action fails is logged and dropped for this plan,
    and the others go on. `flush` never recovers: what it returns from is durable.
    """

    def __init__(
        self, name: str, actions: Sequence[ActionConfig], context: Context, on_error: OnError
    ) -> None:
        self.name = name
        self.actions: list[Any] = [action.kind(action.options, context) for action in actions]
        self._configs = tuple(actions)
        self._recovers = [(action.on_error or on_error) is OnError.RECOVER for action in actions]

    @classmethod
    def of_plan(cls, plan: PlanConfig, context: Context) -> "Chain":
        """Return a plan's."""
        return cls(plan.name, plan.actions, context, plan.on_error)

    def __iter__(self) -> Iterator[Any]:
        """Yield every action, those of branches too."""
        for action in self.actions:
            yield action
            if isinstance(action, Branching):
                for chain in action.chains:
                    yield from chain

    def process(self, item: Item, start: int = 0) -> None:
        """Take an item through the actions from one of them on."""
        if not self._recovers[start]:
            self._step(item, start)
            return
        try:
            self._step(item, start)
        except Exception as error:  # noqa: BLE001 - whatever it is: the plan's author asked to go on
            config = self._configs[start]
            log.error(
                "plan %r drops %s: action %r (%s) failed: %s",
                self.name,
                item.metadata,
                config.name,
                config.place,
                error,
            )

    def _step(self, item: Item, index: int) -> None:
        for out in self.actions[index].process(item):
            self.process(out, index + 1)

    def flush(self) -> None:
        """Make durable what every action took."""
        for action in self:
            action.flush()

    def finish(self) -> bool:
        """Take through what actions held back, all but the last; whether there was anything."""
        found = False
        for index, action in enumerate(self.actions[:-1]):
            for item in action.close():
                found = True
                self.process(item, index + 1)
        last = self.actions[-1]
        if isinstance(last, Branching):
            for chain in last.chains:
                found = chain.finish() or found
        return found

    def close(self) -> None:
        """Let go of the last action, when `finish` and `flush` are done."""
        self.actions[-1].close()
