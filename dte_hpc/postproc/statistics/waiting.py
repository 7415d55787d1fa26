"""Which states of a checkpoint wait for the first sample of their variable?"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dte_hpc.base.checksum import checksum
from dte_hpc.base.field import Metadata

if TYPE_CHECKING:
    from dte_hpc.postproc.statistics.checkpoint_file import StatesFile


class Waiting:
    """States that stay in their files until somebody asks for them.

    Parameters
    ----------
    kind : type
        What a state is made into: a dataclass.

    Attributes
    ----------
    taken : list of str
        Digests of the names that left since the last checkpoint.
    restarts : bool
        Whether there was a checkpoint, so that who finds no state here begins late.
    """

    def __init__(self, kind: type[Any]) -> None:
        self._kind = kind
        self._places: dict[Metadata, tuple[StatesFile, int]] = {}
        self.taken: list[str] = []
        self.restarts = False

    def __len__(self) -> int:
        return len(self._places)

    def add(self, file: "StatesFile") -> None:
        """Take the variables of one file in."""
        self.restarts = True
        self._places |= {name: (file, number) for number, name in enumerate(file.names())}

    def take(self, name: Metadata) -> Any | None:
        """Return the state of a variable whose first sample is here, or None when there is none."""
        place = self._places.get(name)
        if place is None:
            return None
        state = place[0].read(place[1], self._kind)
        del self._places[name]
        self.taken.append(_digest(name))
        return state

    def forget(self, digests: frozenset[str]) -> None:
        """Leave out what some rank took."""
        if digests:
            self._places = {
                name: place for name, place in self._places.items() if _digest(name) not in digests
            }

    def share(self, rank: int, size: int) -> Iterator[tuple[Metadata, Any]]:
        """Yield the states that a rank carries over to the next checkpoint, one at a time."""
        for name, (file, number) in list(self._places.items())[rank::size]:
            yield name, file.read(number, self._kind)


def _digest(name: Metadata) -> str:
    return f"{checksum(json.dumps(dict(name), sort_keys=True).encode()):016x}"
