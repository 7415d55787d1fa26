"""Which fields have come in part, and when is one whole?

Parts stay as they were received until their field is whole. The n-th time a rank writes a field belongs
with the n-th time of the others, so a rank may be ahead of its neighbours by any number of fields.
"""

from collections.abc import Iterator

from dte_hpc.base.errors import InvalidPart
from dte_hpc.base.field import Metadata, Values
from dte_hpc.ioserver.domain import Domain
from dte_hpc.ioserver.starvation import Unfinished

FieldName = tuple[bytes, bytes]
"""Template and varying text."""


class PendingField:
    """One field, and the parts of it that have come.

    Attributes
    ----------
    metadata : Metadata
    domain : Domain
    wanted : bool
        Whether a plan wants it; the parts of an unwanted field are not kept.
    parts : dict of model rank to values
    costs : dict of model rank to int
        Credit its part has cost, in bytes.
    """

    __slots__ = ("_lacking", "costs", "domain", "metadata", "parts", "wanted")

    def __init__(self, metadata: Metadata, domain: Domain, *, wanted: bool) -> None:
        self.metadata = metadata
        self.domain = domain
        self.wanted = wanted
        self.parts: dict[int, Values] = {}
        self.costs: dict[int, int] = {}
        self._lacking = set(domain.ranks)

    def lacks(self, rank: int) -> bool:
        """Whether the part of a rank is still to come."""
        return rank in self._lacking

    def add(self, rank: int, values: Values, cost: int) -> bool:
        """Take a rank's part and keep it if it is wanted; whether the field is now whole.

        InvalidPart when the parts held are of another kind of number.
        """
        held = next(iter(self.parts.items()), None)
        if held is not None and held[1].dtype != values.dtype:
            raise InvalidPart(
                f"field {self.metadata}: model rank {rank} sends {values.dtype} and model rank {held[0]} "
                f"{held[1].dtype}; expected one kind on all ranks",
                metadata=self.metadata,
                ranks=(held[0], rank),
            )
        self._lacking.discard(rank)
        if self.wanted:
            self.parts[rank] = values
            self.costs[rank] = cost
        return not self._lacking

    def unfinished(self) -> Unfinished:
        """Return who has sent a part, and who has not."""
        lacking = frozenset(self._lacking)
        return Unfinished(name=str(self.metadata), here=self.domain.ranks - lacking, lacking=lacking)


class PendingFields:
    """All fields of a server that are not whole yet."""

    def __init__(self) -> None:
        self._fields: dict[FieldName, list[PendingField]] = {}

    def find(self, name: FieldName, rank: int) -> PendingField | None:
        """Return the earliest field of a name that lacks a rank's part."""
        for field in self._fields.get(name, ()):
            if field.lacks(rank):
                return field
        return None

    def begin(self, name: FieldName, field: PendingField) -> None:
        """Remember a field of which the first part has come."""
        self._fields.setdefault(name, []).append(field)

    def end(self, name: FieldName, field: PendingField) -> None:
        """Forget a field that is whole."""
        fields = self._fields[name]
        fields.remove(field)
        if not fields:
            del self._fields[name]

    def __iter__(self) -> Iterator[PendingField]:
        for fields in self._fields.values():
            yield from fields

    def clear(self) -> None:
        """Forget all fields."""
        self._fields.clear()

    def refusal(self) -> InvalidPart | None:
        """Return the error that names what the fields lack, or None when there is no field."""
        lost = [field.unfinished() for field in self]
        if not lost:
            return None
        more = f" (and {len(lost) - 1} more fields are incomplete)" if len(lost) > 1 else ""
        return InvalidPart(
            f"field {lost[0].name} lacks the parts of model ranks {sorted(lost[0].lacking)}; expected every "
            f"rank that holds points of it to write it before flush or close{more}",
            field=lost[0].name,
            ranks=tuple(sorted(lost[0].lacking)),
        )
