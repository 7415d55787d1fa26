"""How does an item go through the actions of one plan, also when one of them fails?"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

from dte_hpc.postproc.action import Context, Holding, Item
from dte_hpc.postproc.plans.on_error import OnError
from dte_hpc.postproc.plans.plan import ActionConfig, PlanConfig

log = logging.getLogger("dte_hpc.plan")


@runtime_checkable
class Branching(Protocol):
    """An action that has chains of its own; what fails there is theirs to tell."""

    chains: Sequence["Chain"]


class Chain:
    """The actions of one running plan, or of a branch of one.

    Where ``on-error`` is ``recover``, an item at which an action fails is logged and dropped for this chain,
    and the others go on; the action's own word comes before that of its branch, its plan and its side.
    `flush` never recovers: what it returns from is durable.
    """

    def __init__(
        self, name: str, actions: Sequence[ActionConfig], context: Context, on_error: OnError
    ) -> None:
        self.name = name
        self.actions: list[Any] = [action.kind(action.options, context) for action in actions]
        self._configs = tuple(actions)
        self._sending = context.sending
        self._choices: list[OnError] = []
        self.inherit(on_error)

    def inherit(self, on_error: OnError) -> None:
        """Take what is around this chain for what its actions do not say themselves."""
        self._choices = [config.on_error or on_error for config in self._configs]
        for index, action in enumerate(self.actions):
            if isinstance(action, Branching):
                for chain in action.chains:
                    chain.inherit(self._choices[index])
                self._choices[index] = OnError.PROPAGATE  # what comes out of a branch, it decided on

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
        for out in self._out_of(item, start):
            self.process(out, start + 1)

    def _out_of(self, item: Item, index: int) -> Iterable[Item]:
        if self._choices[index] is not OnError.PROPAGATE:
            return self._watched(item, index)
        made: Iterable[Item] = self.actions[index].process(item)
        return made

    def _watched(self, item: Item, index: int) -> Iterator[Item]:
        """Yield what an action makes of an item; what fails behind it is not its own."""
        try:
            yield from self.actions[index].process(item)
        except Exception as error:
            if self._choices[index] is OnError.ABORT and self._sending is not None:
                self._sending.abort(error)
            if self._choices[index] is not OnError.RECOVER:
                raise
            self._tell(item, index, error)

    def _tell(self, item: Item, index: int, error: Exception) -> None:
        config = self._configs[index]
        words = (self.name, item.metadata, config.name, config.place, error)
        log.error("plan %r drops %s: action %r (%s) failed: %s", *words)

    def flush(self) -> None:
        """Make durable what every action took, and what one of them held back."""
        for index, action in enumerate(self.actions):
            for item in action.held() if isinstance(action, Holding) else ():
                self.process(item, index + 1)
            action.flush()
        if isinstance(self.actions[-1], Branching):
            for chain in self.actions[-1].chains:
                chain.flush()

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
