"""What does a model call to hand its fields over?

The verbs, and all that can be checked before anything leaves the process: `client` sends on to IO
ranks, `alone` does the work in the same process.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dte_hpc.base.errors import DteError, InvalidPart
from dte_hpc.base.field import Metadata, Part, Values
from dte_hpc.base.flush_kinds import DEFAULT, check_kind
from dte_hpc.base.key import Scalar, text_of
from dte_hpc.base.route import HASHED, Parcel, Route
from dte_hpc.ioserver.domain import DomainName, refuse_bad_list
from dte_hpc.ioserver.naming import text_of_metadata
from dte_hpc.ioserver.pipeline import ModelPlans
from dte_hpc.ioserver.protocol import Verb
from dte_hpc.ioserver.runs import compress
from dte_hpc.parallel.frames import Bytes


class Writer(ABC):
    """One model rank's way to hand over its fields: use it as a context manager, or open and close it.

    Collective are `open`, `write_domain`, `write_mask`, `flush`, `notify` and `close`: all model ranks
    call them with the same arguments (but for their own indices and masks) in the same order, and an
    error is raised on all of them. `write_field` is not: ranks may be ahead of each other.

    Parameters
    ----------
    rank : int
        This model rank among the model ranks, as errors name it.
    plans : ModelPlans, optional
        Decide what is sent, and what else becomes of this rank's parts; without them every part is sent.
    """

    def __init__(self, rank: int, plans: ModelPlans | None = None) -> None:
        self._rank = rank
        self._plans = plans
        self._n_local: dict[str, int] = {}
        self._is_open = False

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self._give_up(error)

    def open(self) -> Self:
        """Collective: meet the IO ranks. Returns the writer."""
        if not self._is_open:
            self._is_open = True
            self._call(Verb.OPEN, b"")
        return self

    def write_domain(
        self, name: str, indices: ArrayLike, *, global_size: int, grid: str | None = None
    ) -> None:
        """Collective: say which points of the whole field this rank holds, and in which order.

        Parameters
        ----------
        name : str
            By which fields refer to it, in ``metadata["domain"]``.
        indices : array of int, shape (n_local,)
            Index in the whole field of each local point: contiguous or not, in any order, also none.
        global_size : int
            Points of the whole field.
        grid : str, optional
            Name of the grid, for fields whose metadata does not say one; it must have `global_size` points.

        Raises
        ------
        InvalidPart
            When an index is out of range, given twice, or missing on all ranks; names rank and index.
        InvalidGrid, InvalidConfig
            When the grid has another size; when the IO ranks' budget cannot hold one field of it.
        """
        trouble: DteError | None = None
        text, own = b"", np.empty(0, np.int64)
        try:
            what = DomainName(name=name, global_size=int(global_size), grid=grid)
            text = _text(asdict(what))
            own = _as_indices(what, self._rank, indices)
            refuse_bad_list(what, self._rank, own)
        except DteError as error:
            trouble = error
        raw = np.empty(0, np.uint8) if trouble else compress(own).to_bytes()
        self._call(Verb.WRITE_DOMAIN, text, raw, trouble)
        self._n_local[name] = int(own.size)

    def write_mask(self, domain: str, mask: ArrayLike, *, level: Scalar | None = None) -> None:
        """Collective: say which points of a domain hold a value (True), on one level or on all.

        Parameters
        ----------
        mask : array of bool, shape (n_local,)
            In the order of the rank's indices.
        level : optional
            The ``levelist`` of the fields it is for; all that have no mask of their own when None.
        """
        own = np.ascontiguousarray(mask)
        n_local = self._n_local.get(domain)
        trouble: DteError | None = None
        if own.dtype != np.bool_ or own.shape != (n_local,):
            trouble = InvalidPart(
                f"model rank {self._rank} writes a mask of {own.dtype} {own.shape} for domain {domain!r}; "
                f"expected bool ({n_local},)" + ("" if n_local is not None else ": the domain is unknown"),
                ranks=(self._rank,),
                domain=domain,
            )
        raw = np.empty(0, np.uint8) if trouble else own.view(np.uint8)
        text = _text({"domain": domain, "level": None if level is None else text_of(level)})
        self._call(Verb.WRITE_MASK, text, raw, trouble)

    def write_field(self, field: Part | Mapping[str, Scalar], values: Values | None = None) -> None:
        """Hand over this rank's part of a field.

        Parameters
        ----------
        field : Part, or mapping
            A part, or its metadata; ``domain`` may be left out when there is only one.
        values : ndarray of float32 or float64, shape (n_local,)
            With metadata. NaN is missing. They may be written over once this returns.

        Raises
        ------
        InvalidPart
            Naming rank and field: for a domain that was not described, a wrong size or type, or
            metadata that cannot be sent.
        """
        self._refuse_unopened("write_field")
        part = field if isinstance(field, Part) else self._part(field, values)
        metadata = part.metadata
        if "domain" not in metadata and len(self._n_local) == 1:
            metadata = metadata.replace(domain=next(iter(self._n_local)))
        n_local = self._n_local.get(str(metadata.get("domain")))
        if n_local is None or part.values.size != n_local:
            raise self._misfit(metadata, part.values.size, n_local)
        if n_local and self._plans is None:
            self._hand_over(metadata, part.values)
        elif n_local and self._plans is not None:
            self._send(self._plans.process(metadata, part.values))

    def field_accepted(self, metadata: Mapping[str, Scalar]) -> bool:
        """Whether anything becomes of a field of this name, so that a model need not make it otherwise.

        True for every field when no plan runs on model ranks: the IO ranks decide then.
        """
        if self._plans is None:
            return True
        return self._plans.accepts(metadata if isinstance(metadata, Metadata) else Metadata(metadata))

    def flush(self, kind: str = DEFAULT) -> None:
        """Collective: return when all that was written before is durable and can be read by others.

        Parameters
        ----------
        kind : str
            As MultIO's ``flushKind``. ``step-and-restart``, ``last-step``, ``end-of-simulation`` and
            ``close-connection`` (which `close` is too) also keep the state of statistics, where a plan says
            ``write-restart``; ``first-step`` is a flush like any other.

        Raises
        ------
        InvalidConfig
            When there is no such kind.
        InvalidPart
            When a field lacks the part of some rank; names the field and the ranks.
        StorageFailed
            When it could not be made durable.
        """
        trouble: DteError | None = None
        try:
            check_kind(kind)
            self._flush_plans()
        except DteError as error:
            trouble = error
        self._call(Verb.FLUSH, b"" if kind == DEFAULT or trouble else kind.encode(), trouble=trouble)

    def notify(self, metadata: Mapping[str, Scalar]) -> None:
        """Collective: flush, then record once that what metadata names is available."""
        trouble: DteError | None = None
        text = b""
        try:
            text = text_of_metadata(Metadata(metadata))
            self._flush_plans()
        except DteError as error:
            trouble = error
        self._call(Verb.FLUSH, b"", trouble=trouble)
        if self._plans is not None:
            self._plans.notify(Metadata(metadata))
        self._call(Verb.NOTIFY, text)

    def close(self) -> None:
        """Collective: flush and part from the IO ranks, which end when all have closed. Again: nothing."""
        if self._is_open:
            self._is_open = False
            if self._plans is not None:
                self._send(self._plans.close())
            self._call(Verb.CLOSE, b"")

    def _flush_plans(self) -> None:
        if self._plans is not None:
            self._plans.flush()

    def _send(self, parcels: Sequence[Parcel]) -> None:
        """Hand over what this rank's plans made of its parts."""
        if not parcels or self._plans is None:
            return
        with self._plans.sending():
            for parcel in parcels:
                n_local = self._n_local.get(str(parcel.metadata.get("domain")))
                if n_local is None or parcel.values.size != n_local:
                    raise self._misfit(parcel.metadata, parcel.values.size, n_local)
                self._hand_over(parcel.metadata, parcel.values, parcel.route)

    @abstractmethod
    def _call(
        self, verb: Verb, text: bytes, raw: Bytes | None = None, trouble: DteError | None = None
    ) -> None:
        """Make a collective call; `trouble` is what this rank found wrong with its own arguments."""

    @abstractmethod
    def _hand_over(self, metadata: Metadata, values: Values, route: Route = HASHED) -> None:
        """Send a part that fits its domain, and is not empty."""

    @abstractmethod
    def _give_up(self, error: BaseException) -> None:
        """An exception leaves the context: nothing more will come from this rank."""

    def _refuse_unopened(self, verb: str) -> None:
        if not self._is_open:
            raise InvalidPart(
                f"model rank {self._rank} calls {verb} on a client that is not open; expected open() before "
                "and close() after",
                ranks=(self._rank,),
            )

    def _part(self, metadata: Mapping[str, Scalar], values: Values | None) -> Part:
        try:
            own = metadata if isinstance(metadata, Metadata) else Metadata(metadata)
            return Part(metadata=own, values=values)  # type: ignore[arg-type]
        except InvalidPart as error:
            raise InvalidPart(
                f"model rank {self._rank}: {error}", ranks=(self._rank,), **error.facts
            ) from error

    def _misfit(self, metadata: Metadata, n_values: int, n_local: int | None) -> InvalidPart:
        found = (
            f"field {metadata}: model rank {self._rank} writes {n_values} values for domain "
            f"{metadata.get('domain')!r}"
        )
        if n_local is None:
            sentence = (
                f"{found}, which no write_domain has described; expected one of {sorted(self._n_local)}"
            )
        else:
            sentence = f"{found}; expected {n_local}, as many as its indices"
        return InvalidPart(sentence, metadata=metadata, ranks=(self._rank,))


def _as_indices(what: DomainName, rank: int, indices: ArrayLike) -> NDArray[np.int64]:
    own = np.asarray(indices)
    if own.size == 0:
        return np.empty(0, np.int64)
    if own.ndim != 1 or own.dtype.kind not in "iu":
        raise InvalidPart(
            f"domain {what.name!r}: model rank {rank} gives indices of {own.dtype} {own.shape}; expected a "
            "one-dimensional array of whole numbers",
            domain=what.name,
            ranks=(rank,),
        )
    return own.astype(np.int64, copy=False)


def _text(pairs: Mapping[str, object]) -> bytes:
    return json.dumps(pairs, sort_keys=True, separators=(",", ":")).encode()
