"""What does an IO rank do with what the model ranks send?

Everything but talking: it knows the domains, masks and unfinished fields, hands whole fields to the
pipeline, and carries out the collective calls. `server` brings it messages; `alone` brings it the calls
of a model that is a single process.
"""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import InvalidConfig, InvalidGrid, InvalidPart
from dte_hpc.base.events import FieldReceived, Listener
from dte_hpc.base.field import Field, Metadata, Values
from dte_hpc.base.flush_kinds import DEFAULT, check_kind
from dte_hpc.base.key import Scalar, text_of
from dte_hpc.grids import grid
from dte_hpc.ioserver.calls import Call, refuse_difference
from dte_hpc.ioserver.credit import share_out
from dte_hpc.ioserver.domain import Domain, DomainName
from dte_hpc.ioserver.naming import pairs_of
from dte_hpc.ioserver.pending import PendingField, PendingFields
from dte_hpc.ioserver.pipeline import Pipeline
from dte_hpc.ioserver.protocol import Verb
from dte_hpc.ioserver.runs import Runs
from dte_hpc.parallel.buffers import BufferPool

MaskName = tuple[str, str | None]
"""Domain and level."""


class Template:
    """What stays of a field's metadata from step to step; one object however many ranks send it."""

    __slots__ = ("__weakref__", "pairs", "text")

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.pairs = pairs_of(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerReport:
    """What an IO rank did.

    Attributes
    ----------
    n_fields, n_dropped, n_parts : int
        Fields processed, fields no plan wanted, and parts they came in.
    n_bytes : int
        Of values processed.
    peak_bytes : int
        Most memory held at once in parts, assembled fields, domains and masks.
    budget_bytes : int
    process_seconds : float
        Spent in the pipeline.
    """

    n_fields: int
    n_dropped: int
    n_parts: int
    n_bytes: int
    peak_bytes: int
    budget_bytes: int
    process_seconds: float


class Session:
    """The state of one IO rank.

    Parameters
    ----------
    pipeline : Pipeline
    ranks : iterable of int
        All model ranks.
    budget_bytes : int
        All the memory parts, assembled fields, domains and masks may take.
    notifies : bool
        Whether this IO rank is the one that records notifications.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        ranks: Iterable[int],
        *,
        budget_bytes: int,
        notifies: bool,
        listener: Listener,
    ) -> None:
        self.pool = BufferPool(budget_bytes)
        self.pending = PendingFields()
        self.limits = dict.fromkeys(ranks, 0)
        self._pipeline = pipeline
        self._budget_bytes = budget_bytes
        self._notifies = notifies
        self._listener = listener
        self._domains: dict[str, Domain] = {}
        self._masks: dict[MaskName, NDArray[np.bool_]] = {}
        self._templates: WeakValueDictionary[bytes, Template] = WeakValueDictionary()
        self._released: list[tuple[int, int]] = []
        self._n_fields = self._n_dropped = self._n_parts = self._n_bytes = 0
        self._process_seconds = 0.0

    def template(self, text: bytes) -> Template:
        """Return the one template that has a text."""
        template = self._templates.get(text)
        if template is None:
            self._templates[text] = template = Template(text)
        return template

    def take(self, rank: int, template: Template, varying: bytes, values: Values, cost: int) -> None:
        """Take the part of a model rank; when its field is whole, process it."""
        name = (template.text, varying)
        field = self.pending.find(name, rank) or self._begin(name, template, rank)
        if values.size != field.domain.n_local(rank):
            raise InvalidPart(
                f"field {field.metadata}: model rank {rank} sends {values.size} values; expected "
                f"{field.domain.n_local(rank)}, its share of domain {field.domain.what.name!r}",
                metadata=field.metadata,
                ranks=(rank,),
            )
        self._n_parts += 1
        is_whole = field.add(rank, values, cost)
        if not field.wanted:
            self._released.append((rank, cost))
        if is_whole:
            self.pending.end(name, field)
            self._process(field)

    def released(self) -> list[tuple[int, int]]:
        """Return the model ranks whose parts are no longer held and what those cost, once."""
        released, self._released = self._released, []
        return released

    def carry_out(self, calls: Mapping[int, Call]) -> None:
        """Do what all model ranks ask for together; a `DteError` is to be raised on all of them."""
        call = refuse_difference(calls)
        if call.verb is Verb.WRITE_DOMAIN:
            self._write_domain(json.loads(call.text), {rank: own.raw for rank, own in calls.items()})
        elif call.verb is Verb.WRITE_MASK:
            self._write_mask(json.loads(call.text), {rank: own.raw for rank, own in calls.items()})
        elif call.verb is Verb.FLUSH:
            self._flush(check_kind(call.text.decode(errors="replace") or DEFAULT))
        elif call.verb is Verb.NOTIFY and self._notifies:
            self._pipeline.notify(Metadata(pairs_of(call.text)))
        elif call.verb is Verb.CLOSE:
            try:
                self._flush()
            finally:
                self._pipeline.close()

    def report(self) -> ServerReport:
        """Return what has been done so far."""
        return ServerReport(
            n_fields=self._n_fields,
            n_dropped=self._n_dropped,
            n_parts=self._n_parts,
            n_bytes=self._n_bytes,
            peak_bytes=self.pool.peak_lent_bytes + self._fixed_bytes(),
            budget_bytes=self._budget_bytes,
            process_seconds=self._process_seconds,
        )

    def _begin(self, name: tuple[bytes, bytes], template: Template, rank: int) -> PendingField:
        metadata = Metadata({**template.pairs, **pairs_of(name[1])})
        domain = self._domains.get(str(metadata.get("domain")))
        if domain is None:
            raise InvalidPart(
                f"field {metadata}: model rank {rank} sends it for domain "
                f"{metadata.get('domain')!r}; expected one of {sorted(self._domains)}",
                metadata=metadata,
                ranks=(rank,),
            )
        if "grid" not in metadata and domain.what.grid is not None:
            metadata = metadata.replace(grid=domain.what.grid)
        field = PendingField(metadata, domain, wanted=self._pipeline.accepts(metadata))
        self.pending.begin(name, field)
        return field

    def _process(self, field: PendingField) -> None:
        if not field.wanted:
            self._n_dropped += 1
            return
        values = field.domain.assemble(field.parts, self.pool)
        self._listener(FieldReceived(metadata=field.metadata, n_bytes=int(values.nbytes)))
        start = time.perf_counter()
        self._pipeline.process(Field(metadata=field.metadata, values=values), self._mask_of(field))
        self._process_seconds += time.perf_counter() - start
        self._n_fields += 1
        self._n_bytes += int(values.nbytes)
        field.parts.clear()
        self._released.extend(field.costs.items())

    def _mask_of(self, field: PendingField) -> NDArray[np.bool_] | None:
        level: Scalar | None = field.metadata.get("levelist", field.metadata.get("level"))
        name = field.domain.what.name
        mask = self._masks.get((name, text_of(level))) if level is not None else None
        return mask if mask is not None else self._masks.get((name, None))

    def _write_domain(self, text: Mapping[str, object], lists: Mapping[int, NDArray[np.uint8]]) -> None:
        what = DomainName(**text)  # type: ignore[arg-type]
        if what.name in self._domains:
            raise InvalidPart(f"domain {what.name!r} is described twice; expected once", domain=what.name)
        refuse_wrong_size(what)
        self._domains[what.name] = Domain(what, {r: Runs.from_bytes(raw, r) for r, raw in lists.items()})
        try:
            self._share_out_credit()
        except InvalidConfig:
            del self._domains[what.name]
            raise

    def _write_mask(self, text: Mapping[str, object], masks: Mapping[int, NDArray[np.uint8]]) -> None:
        name = str(text["domain"])
        level = None if text["level"] is None else str(text["level"])
        whole = self._domains[name].assemble_mask({rank: raw.view(np.bool_) for rank, raw in masks.items()})
        whole.setflags(write=False)
        self._masks[name, level] = whole
        try:
            self._share_out_credit()
        except InvalidConfig:
            del self._masks[name, level]
            raise

    def _flush(self, kind: str = DEFAULT) -> None:
        refusal = self.pending.refusal()
        for field in self.pending:
            self._released.extend(field.costs.items())
        self.pending.clear()
        self._pipeline.flush(kind)
        if refusal is not None:
            raise refusal

    def _share_out_credit(self) -> None:
        domains = self._domains.values()
        self.limits = share_out(
            self._budget_bytes,
            self._fixed_bytes(),
            [domain.what.global_size for domain in domains],
            {rank: [domain.n_local(rank) for domain in domains] for rank in self.limits},
        )
        self.pool.limit_bytes = self._budget_bytes - self._fixed_bytes()

    def _fixed_bytes(self) -> int:
        masks = sum(mask.nbytes for mask in self._masks.values())
        return masks + sum(domain.n_bytes for domain in self._domains.values())


def refuse_wrong_size(what: DomainName) -> None:
    """Raise InvalidGrid when a domain says it lies on a grid that has another number of points."""
    if what.grid is None:
        return
    n_points = grid(what.grid).n_points
    if n_points != what.global_size:
        raise InvalidGrid(
            f"domain {what.name!r} has {what.global_size} points; expected the {n_points} of its "
            f"grid {what.grid}",
            domain=what.name,
            grid=what.grid,
            n_points=n_points,
        )
