"""Which actions of a pipeline keep their state, and when is it written and read?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dte_hpc.postproc.restarts import Restartable
from dte_hpc.postproc.together import Together


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An action whose state is kept, and what it is called in all plans."""

    name: str
    action: Restartable

    @property
    def root(self) -> Path:
        """Where its checkpoints lie."""
        return Path(self.action.restart.path) / self.action.restart.prefix


class Checkpoints:
    """Those of all plans of one IO rank.

    Parameters
    ----------
    chains : sequence of (str, iterable of actions)
        By the names of their plans.
    ranks : Together
        Who writes them together.
    """

    def __init__(self, chains: Sequence[tuple[str, Iterable[Any]]], ranks: Together) -> None:
        self._ranks = ranks
        kept = [
            Kept(name=f"{plan}/{number}", action=action)
            for plan, actions in chains
            for number, action in enumerate(each for each in actions if isinstance(each, Restartable))
        ]
        self._writing = [each for each in kept if each.action.restart.writes]
        self._reading = [each for each in kept if each.action.restart.reads]

    @property
    def are_written(self) -> bool:
        """Whether any plan wants that."""
        return bool(self._writing)

    def write(self) -> None:
        """Collective: write one. See `dte_hpc.postproc.statistics.checkpoint.write`."""
        from dte_hpc.postproc.statistics.checkpoint import write  # HDF5, which most plans do without

        write(self._writing, self._ranks)

    def read(self) -> None:
        """Let actions go on from one. See `dte_hpc.postproc.statistics.checkpoint.read`."""
        if self._reading:
            from dte_hpc.postproc.statistics.checkpoint import read

            read(self._reading, rank=self._ranks.rank, size=self._ranks.size)
