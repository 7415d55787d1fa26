"""What happens to a whole field on an IO rank? It goes through every plan."""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.events import Event, FieldStored, Flushed, Listener, ignore
from dte_hpc.base.field import Field, Metadata
from dte_hpc.base.flush_kinds import CLOSE, DEFAULT, RESTARTS, check_kind
from dte_hpc.base.request import Request
from dte_hpc.notify import journal
from dte_hpc.postproc.action import Context, MaskedField, Sending, Warmable
from dte_hpc.postproc.actions.select import Select
from dte_hpc.postproc.chain import Chain
from dte_hpc.postproc.checkpoints import Checkpoints
from dte_hpc.postproc.missing import with_nan
from dte_hpc.postproc.plans.document import PlanConfig
from dte_hpc.postproc.sinks.action import Sink, Written
from dte_hpc.postproc.together import Alone, Together


@runtime_checkable
class _Closable(Protocol):
    def close(self) -> None: ...


class Pipeline:
    """All running plans of one IO rank.

    Parameters
    ----------
    plans : sequence of PlanConfig
        As `load_plans` returns them; those that are not enabled do not run.
    server_index : int
        Which IO rank this is.
    store : mapping, path or None
        Configuration of the job's store, where sinks of type fdb5 without a config write.
    listener : Listener
        Hears `FieldStored` for each message a sink takes, and `Flushed` for each flush.
    together : Together, optional
        With whom it flushes. With other IO ranks `flush` and `close` are collective: all succeed, or the same
        error is raised on all.
    checkpoints_together : Together, optional
        With whom it writes checkpoints, when that is not `together`: with all IO ranks of the job. Of those
        it reads each rank verifies its share, so an error here is to be raised on all.
    sending : Sending, optional
        How parts leave this rank, when it is a model rank and the plans are a client's.

    Raises
    ------
    InvalidConfig, CorruptData
        When a plan says ``read-restart`` and there is no sound checkpoint of it.
    """

    def __init__(
        self,
        plans: Sequence[PlanConfig],
        *,
        server_index: int = 0,
        store: Mapping[str, Any] | str | Path | None = None,
        listener: Listener = ignore,
        together: Together | None = None,
        checkpoints_together: Together | None = None,
        sending: Sending | None = None,
    ) -> None:
        chosen = str(store) if isinstance(store, Path) else store
        self._listener = listener
        self._together = together or Alone()
        self._ranks = checkpoints_together or self._together
        self._is_flushed = True
        self._n_fields = self._n_bytes = 0
        self._context = Context(
            server_index=server_index,
            store=chosen,
            listener=self._hear,
            flushes_together=self._together.flushes_stores,
            sending=sending,
        )
        self._chains = [Chain.of_plan(plan, self._context) for plan in plans if plan.enable]
        self._gates = [_first_selects(chain.actions) for chain in self._chains]
        self._sinks = [
            (chain.name, action) for chain in self._chains for action in chain if isinstance(action, Sink)
        ]
        self._kept = Checkpoints([(chain.name, list(chain)) for chain in self._chains], self._ranks)
        self._kept.read()

    def accepts(self, metadata: Metadata) -> bool:
        """Whether any plan wants a field of this name; otherwise its parts need not be kept."""
        return any(all(select.accepts(metadata) for select in gate) for gate in self._gates)

    def takers(self, metadata: Metadata) -> list[str]:
        """Return the names of the plans that want a field of this name."""
        gates = zip(self._chains, self._gates, strict=True)
        return [chain.name for chain, gate in gates if all(select.accepts(metadata) for select in gate)]

    def warm(self) -> None:
        """Load or compile the loops these plans run. Another thread may meanwhile `process`.

        Cost: nothing for plans without any; tenths of a second from a warm cache, seconds from a cold one.
        """
        for chain in self._chains:
            for action in chain:
                if isinstance(action, Warmable):
                    action.warm()

    def process(self, field: Field, mask: NDArray[np.bool_] | None = None) -> None:
        """Take a whole field through every plan, without a copy; actions make new values.

        Parameters
        ----------
        field : Field
            Its values are read until this returns, and may be written over afterwards.
        mask : ndarray of bool, shape (n_points,), or None
            True where the domain has values.
        """
        item = MaskedField(field=with_nan(field), mask=mask)
        self._is_flushed = False
        for chain in self._chains:
            chain.process(item)

    def flush(self, kind: str = DEFAULT) -> None:
        """Make everything that sinks took durable; return when it is. Without anything new: nothing.

        Parameters
        ----------
        kind : str
            As MultIO's ``flushKind``. ``step-and-restart``, ``last-step``, ``end-of-simulation`` and
            ``close-connection`` also write a checkpoint, after the stores and also when nothing is new, where
            a plan says ``write-restart``; then all IO ranks must call.

        Raises
        ------
        InvalidConfig
            When there is no such kind.
        StorageFailed
            When something could not be made durable.
        """
        keeps = check_kind(kind) in RESTARTS and self._kept.are_written
        if keeps or not self._is_flushed or self._together.flushes_stores:
            self._flush_stores(self._ranks if keeps else self._together)
        if keeps:
            self._kept.write()

    def _flush_stores(self, everybody: Together) -> None:
        started = time.perf_counter()
        everybody.on_all(self._flush_actions)
        self._together.flush(self._context.resources.values())
        self._is_flushed = True
        n_fields, n_bytes, self._n_fields, self._n_bytes = self._n_fields, self._n_bytes, 0, 0
        self._listener(Flushed(n_fields=n_fields, n_bytes=n_bytes, seconds=time.perf_counter() - started))

    def notify(self, metadata: Metadata) -> None:
        """Say beside each store that what this request names exists. Call it after `flush`.

        Values are as in a `Request` (``0/to/24/by/6`` names five steps), but a grid is one name.
        """
        request = Request({k: [value] if k == "grid" else value for k, value in metadata.items()})
        sinks = [sink for _, sink in self._sinks]
        roots = {plug.journal_root for sink in sinks for plug in sink.plugs if plug.journal_root is not None}
        for root in sorted(roots):
            journal.append(root, request)
        for sink in sinks:
            sink.notify(metadata)

    def written(self) -> Iterator[tuple[str, Written]]:
        """Yield what each sink took until now, also after `close`, with the name of its plan."""
        for name, sink in self._sinks:
            for each in sink.written():
                yield name, each

    def close(self) -> None:
        """Write a checkpoint if plans want one, take through what actions held back, flush, let go."""
        if self._kept.are_written:
            self.flush(CLOSE)
        self._together.on_all(self._finish_actions)
        self.flush()
        for chain in self._chains:
            chain.close()
        for resource in self._context.resources.values():
            if isinstance(resource, _Closable):
                resource.close()
        self._context.resources.clear()
        self._chains, self._gates = [], []
        self._kept = Checkpoints([], self._ranks)

    def _flush_actions(self) -> None:
        for chain in self._chains:
            chain.flush()

    def _finish_actions(self) -> None:
        for chain in self._chains:
            if chain.finish():
                self._is_flushed = False

    def _hear(self, event: Event) -> None:
        if isinstance(event, FieldStored):
            self._n_fields += 1
            self._n_bytes += event.n_bytes
        if not isinstance(event, Flushed):  # the stores' own; `flush` tells one for all sinks
            self._listener(event)


def _first_selects(chain: Sequence[Any]) -> list[Select]:
    """Return the selects that see a field under the name it came with."""
    selects = []
    for action in chain:
        if isinstance(action, Select):
            selects.append(action)
        elif not action.passes_metadata:
            break
    return selects
