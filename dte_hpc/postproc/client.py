"""What do the plans of a document's client do with this model rank's parts, and what do they send?

The same actions as on an IO rank, each on the rank's own part; what reaches a `transport` is sent. All that
decides about a field is its metadata, so that every model rank decides the same.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dte_hpc.base.errors import InvalidPart
from dte_hpc.base.events import Listener, ignore
from dte_hpc.base.field import Field, Metadata, Values
from dte_hpc.base.route import Parcel, Route
from dte_hpc.postproc.action import MaskedField, Sending
from dte_hpc.postproc.actions.matching import compile_block
from dte_hpc.postproc.pipeline import Pipeline
from dte_hpc.postproc.plans.document import Document
from dte_hpc.postproc.plans.on_error import OnError


class ClientPlans:
    """All client plans of one model rank.

    Parameters
    ----------
    document : Document
        With a client section.
    rank : int
        This model rank, for sinks that write a file a rank.
    store : mapping, path or None
        Configuration of the job's store.
    listener : Listener
        Hears what sinks of these plans take.
    abort : callable, optional
        Ends the job, where ``on-error`` is ``abort-transport``; without it the error is raised only.
    """

    def __init__(
        self,
        document: Document,
        *,
        rank: int = 0,
        store: Mapping[str, Any] | str | Path | None = None,
        listener: Listener = ignore,
        abort: Callable[[BaseException], object] = lambda _error: None,
    ) -> None:
        self._taken: list[Parcel] = []
        self._rank = rank
        self._abort = abort if document.client_on_error is OnError.ABORT else None
        self._also = compile_block({"match": list(document.active_matchers)})
        self._pipeline = Pipeline(
            document.client or (),
            server_index=rank,
            store=store,
            listener=listener,
            sending=Sending(send=self._take, abort=abort),
        )

    def accepts(self, metadata: Metadata) -> bool:
        """Whether a plan, or ``active-matchers``, wants a field of this name."""
        return self._pipeline.accepts(metadata) or self._also(metadata)

    def warm(self) -> None:
        """Load or compile the loops these plans run."""
        self._pipeline.warm()

    def process(self, metadata: Metadata, values: Values) -> list[Parcel]:
        """Take a part through every plan; return what is to be sent, each once. It refers to `values`."""
        self._taken = []  # what a part before it left when a plan raised: the model has written over it
        self._pipeline.process(Field(metadata=metadata, values=values))
        return self._parcels()

    def flush(self) -> None:
        """Make durable what sinks of these plans took."""
        self._pipeline.flush()

    def notify(self, metadata: Metadata) -> None:
        """Tell sinks of these plans, on one model rank for all, what is available."""
        if self._rank == 0:
            self._pipeline.notify(metadata)

    def close(self) -> list[Parcel]:
        """Let go of everything; return what actions held back, to be sent."""
        self._taken = []
        self._pipeline.close()
        return self._parcels()

    @contextlib.contextmanager
    def sending(self) -> Iterator[None]:
        """Run a block that sends: what fails in it ends the job, where the client section says so."""
        try:
            yield
        except Exception as error:
            if self._abort is not None:
                self._abort(error)
            raise

    def _take(self, item: MaskedField, route: Route) -> None:
        metadata, values = item.metadata, item.field.values
        for each in self._taken:
            if each.metadata == metadata:
                _refuse_other_values(each, values)
                return
        self._taken.append(Parcel(metadata=metadata, values=values, route=route))

    def _parcels(self) -> list[Parcel]:
        taken, self._taken = self._taken, []
        return taken


def _refuse_other_values(sent: Parcel, values: Values) -> None:
    """Raise InvalidPart unless a part is what was sent under its name: IO ranks cannot part them."""
    if sent.values is not values and not np.array_equal(sent.values, values, equal_nan=True):
        raise InvalidPart(
            f"field {sent.metadata} is sent twice with other values; expected client plans that rename what "
            "they change, or one that sends it",
            metadata=sent.metadata,
        )
