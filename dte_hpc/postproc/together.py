"""How do the pipelines of several IO ranks flush as one?

Alone, each flushes the stores of its own sinks. Together, every rank first does what is its own (an error
of one is everybody's), then all publish what their stores took, with one record a database for all ranks
(`dte_hpc.fdb.writing.together`).
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from dte_hpc.parallel.mpi import Comm


class Together(Protocol):
    """With whom a pipeline flushes.

    Attributes
    ----------
    flushes_stores : bool
        Whether `flush` does, so that sinks do not, and every rank must take part in every flush.
    rank, size : int
        Which one this is, of how many.
    """

    flushes_stores: bool
    rank: int
    size: int

    def on_all(self, work: Callable[[], None]) -> None:
        """Do this rank's share of a step that all ranks take, or none."""
        ...

    def tell_all(self, text: bytes) -> list[bytes]:
        """Return the text of every rank, by rank."""
        ...

    def flush(self, resources: Iterable[Any]) -> None:
        """Make visible what the stores among some resources took."""
        ...


class Alone:
    """With nobody."""

    flushes_stores = False
    rank, size = 0, 1

    def on_all(self, work: Callable[[], None]) -> None:
        """Do it."""
        work()

    def tell_all(self, text: bytes) -> list[bytes]:
        """Return the text."""
        return [text]

    def flush(self, resources: Iterable[Any]) -> None:
        """Nothing: each sink flushed its own store."""


class WithOthers:
    """With other IO ranks. Its methods are collective over them.

    Parameters
    ----------
    comm : Comm
        Of the IO ranks.
    """

    flushes_stores = True

    def __init__(self, comm: "Comm") -> None:
        self._comm = comm
        self.rank, self.size = comm.rank, comm.size

    def on_all(self, work: Callable[[], None]) -> None:
        """Do this rank's share; an error of one rank is raised on all."""
        from dte_hpc.parallel.agree import all_or_none  # MPI, which pipelines alone do without

        all_or_none(self._comm, work)

    def tell_all(self, text: bytes) -> list[bytes]:
        """Return the text of every rank, by rank."""
        from dte_hpc.parallel.agree import tell_all

        return tell_all(self._comm, text)

    def flush(self, resources: Iterable[Any]) -> None:
        """Publish what the stores of all ranks took: one record a database."""
        from dte_hpc.fdb.store import FDB  # the store, which plans without one do without
        from dte_hpc.fdb.writing.together import flush_together

        flush_together([resource for resource in resources if isinstance(resource, FDB)], self._comm)
