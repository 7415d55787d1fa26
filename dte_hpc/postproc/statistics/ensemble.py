"""How do the members of an ensemble become its statistics?"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import InvalidPart
from dte_hpc.base.field import Field, Metadata
from dte_hpc.base.key import text_of
from dte_hpc.postproc.action import Context, Explained, Flow, Item, MaskedField, Passing
from dte_hpc.postproc.missing import OF_THE_VALUES
from dte_hpc.postproc.naming import spellings, value_of
from dte_hpc.postproc.params import with_param
from dte_hpc.postproc.statistics.ensemble_settings import TYPES, EnsembleOptions
from dte_hpc.postproc.statistics.operations import (
    EVERY_SAMPLE,
    Finished,
    Operation,
    State,
    initial_state,
)

log = logging.getLogger("dte_hpc.plan")
MAX_GROUPS = 100_000
TOLD = 3
_OF_A_MEMBER = (
    *("number", "type", *spellings("number"), *spellings("type")),
    *("numberOfForecastsInEnsemble", "ensemble-size", *OF_THE_VALUES),
)


@dataclass(slots=True, kw_only=True)
class Group:
    """The members of one field that have come: their numbers, and the running state."""

    numbers: set[int] = field(default_factory=set)
    state: State = field(default_factory=dict)
    n_points: int
    mask: NDArray[np.bool_] | None


class EnsembleStatistics(Passing):
    """Emit statistics over ``number``, in the call that brings the last member of a field.

    Members may come in any order, and those of many fields at once. One pass over the data serves all
    operations; accumulators are float64. The deviation is that of the members there are, divided by their
    number. NaN is missing, and a point that is missing in one member is missing in the result, unless
    ``value-count-threshold`` says how many it needs. State a field (all metadata but ``number`` and
    ``type``): the components its operations need, while members are still to come.

    A field some members of which never come is told of when the run ends, and dropped, or with ``partial``
    emitted; ``numberOfForecastsInEnsemble`` of a mean or deviation says of how many it is made.
    """

    Options: ClassVar[type[EnsembleOptions]] = EnsembleOptions
    makes_values = True

    def __init__(self, options: EnsembleOptions, context: Context) -> None:
        # numba takes half a second to import, and checking a plan needs none of it
        from dte_hpc.postproc.statistics import kernels

        self._options = options
        self._wanted = options.wanted()
        self._members = None if isinstance(options.members, int) else frozenset(options.members)
        self._take, self._warm = kernels.take, kernels.warm
        self.groups: dict[Metadata, Group] = {}

    @classmethod
    def explain(cls, options: EnsembleOptions, flow: Flow) -> Explained:
        """Say what is computed, when it comes and what the running state takes."""
        wanted, n_members = options.wanted(), options.n_members
        state = 0.0
        for component in wanted.components:
            rows = n_members if component.rows == EVERY_SAMPLE else max(component.rows, 1)
            state += rows * np.dtype(component.kind).itemsize
        names = ", ".join(dict.fromkeys(operation.name for operation in wanted.operations))
        after = replace(
            flow,
            value_bytes=8.0,
            n_out=flow.n_out * len(wanted.operations),
            when=f"when all {n_members} members have come",
        )
        return Explained(
            does=f"{names} of {n_members} members", flow=after, state_bytes_a_value=state * flow.n_out
        )

    @property
    def state_bytes(self) -> int:
        """Bytes of all running arrays."""
        return sum(array.nbytes for group in self.groups.values() for array in group.state.values())

    def warm(self) -> None:
        """Load or compile the loop."""
        self._warm()

    def process(self, item: MaskedField) -> Iterable[Item]:
        """Take a member; yield one field for each operation if it was the last.

        Raises
        ------
        InvalidPart
            If the field has no ``number``, one that is not expected or came already, or another size than
            the members before.
        """
        number = self._number(item.metadata)
        name = item.metadata.without(*_OF_A_MEMBER)
        group = self._group(name, item)
        if number in group.numbers:
            raise InvalidPart(
                f"field {item.metadata} is member {number}, which came already; expected each member once",
                metadata=item.metadata,
            )
        group.numbers.add(number)
        self._take(
            item.field.values,
            len(group.numbers),
            self._options.value_count_threshold > 0,
            group.state,
            self._wanted.intervals,
            self._wanted.edges,
        )
        if len(group.numbers) < self._options.n_members:
            return ()
        del self.groups[name]
        return self._results(name, group)

    def flush(self) -> None:
        """Say which fields still wait for members."""
        if self.groups:
            log.info("%s", self._waiting())

    def close(self) -> Iterable[Item]:
        """Tell of fields that members are missing of; yield what there is of them if that is wanted."""
        if not self.groups:
            return ()
        partial = self._options.partial
        log.warning("%s: %s", self._waiting(), "what there is is emitted" if partial else "they are dropped")
        groups, self.groups = self.groups, {}
        wanted = groups if partial else {}
        return [out for name, group in wanted.items() for out in self._results(name, group)]

    def _number(self, metadata: Metadata) -> int:
        found = value_of(metadata, "number")
        number = 0 if found is None and value_of(metadata, "type") == "cf" else found
        if number is None or not text_of(number).isdecimal():
            raise InvalidPart(
                f"field {metadata} has number={'nothing' if number is None else number!r}; "
                "ensemble statistics expected a member's whole number",
                metadata=metadata,
            )
        if self._members is not None and int(text_of(number)) not in self._members:
            raise InvalidPart(
                f"field {metadata} is member {number}; expected one of members, "
                "or a select before that leaves it out",
                metadata=metadata,
            )
        return int(text_of(number))

    def _group(self, name: Metadata, item: MaskedField) -> Group:
        n_points = item.field.values.size
        group = self.groups.get(name)
        if group is None:
            if len(self.groups) >= MAX_GROUPS:
                raise InvalidPart(
                    f"field {item.metadata} is one more than the {MAX_GROUPS} fields that wait for members; "
                    "expected metadata that differ in number and type only from one member to the next",
                    metadata=item.metadata,
                )
            state = initial_state(self._wanted.components, n_points, self._options.n_members)
            group = self.groups[name] = Group(n_points=n_points, mask=item.mask, state=state)
        if group.n_points != n_points:
            raise InvalidPart(
                f"field {item.metadata} has {n_points} values; its other members had {group.n_points}",
                metadata=item.metadata,
            )
        return group

    def _results(self, name: Metadata, group: Group) -> list[Item]:
        finished = Finished(
            state=group.state,
            n_samples=len(group.numbers),
            seconds=0,
            threshold=self._options.value_count_threshold,
        )
        return [
            MaskedField(
                field=Field(
                    metadata=_named(name, operation, len(group.numbers)),
                    values=operation.finalise(finished),
                ),
                mask=group.mask,
            )
            for operation in self._wanted.operations
        ]

    def _waiting(self) -> str:
        lacking = [f"{name} has {self._found(group)}" for name, group in self.groups.items()]
        more = f" and {len(lacking) - TOLD} more" if len(lacking) > TOLD else ""
        return f"{len(lacking)} fields wait for members: {'; '.join(lacking[:TOLD])}{more}"

    def _found(self, group: Group) -> str:
        absent = sorted((self._members or frozenset()) - group.numbers)
        numbers = f" (without {', '.join(map(str, absent[:TOLD]))}{', ...' * (len(absent) > TOLD)})"
        return f"{len(group.numbers)} of {self._options.n_members}{numbers if absent else ''}"


def _named(name: Metadata, operation: Operation, n_members: int) -> Metadata:
    facts = dict(operation.facts)
    param = facts.pop("param", None)
    named = name if param is None else with_param(name, param)
    if facts.get("type") in TYPES.values():
        facts["numberOfForecastsInEnsemble"] = n_members
    return named.replace(**facts)
