"""How does a field become a message shaped like the plan's template, as MultIO's encode shapes it?"""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from dte_hpc.base.field import Field
from dte_hpc.base.key import Scalar
from dte_hpc.codecs.assignment import Assignment
from dte_hpc.codecs.gridkeys import grid_keys
from dte_hpc.codecs.layout import EncodedField
from dte_hpc.codecs.template import TemplateEncoder
from dte_hpc.grids import grid
from dte_hpc.postproc.actions.template_keys import assignments_of
from dte_hpc.postproc.actions.template_times import OF_TIMES, OVERWRITES, Times, times_of
from dte_hpc.postproc.naming import spellings, value_of

NOT_OF_KIND = frozenset(
    chain.from_iterable((name, *spellings(name)) for name in ("date", "time", "step", "levelist", "number"))
) | {
    "startStep", "endStep", "startStepInHours", "endStepInHours", "stepRange", "previousDate", "previousTime",
    "currentDate", "currentTime", "restartDateTime", "domain", "toAllServers", "trigger", "name",
}  # fmt: skip
Facts = Mapping[str, Scalar]


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateChoices:
    """What a plan says of its template.

    Attributes
    ----------
    run : mapping
        Metadata that win over each field's own.
    overwrites : mapping
        ecCodes keys that are set last of what describes a field.
    grid_name : str or None
        The grid that replaces the template's.
    unstructured : str
        ``unstructuredGridType`` of fields that do not say it.
    """

    run: Facts
    overwrites: Facts
    grid_name: str | None
    unstructured: str


class TemplateFields:
    """Encodes the fields of one plan.

    Parameters
    ----------
    template : bytes
        A GRIB2 message.
    choices : TemplateChoices
    """

    def __init__(self, template: bytes, choices: TemplateChoices) -> None:
        self._encoder = TemplateEncoder(template)
        overwrites = {OVERWRITES + key: value for key, value in choices.overwrites.items()}
        self._added = {**choices.run, **overwrites}
        self._unstructured = choices.unstructured
        self._last: tuple[Hashable, Times] | None = None
        self._grid: list[Assignment] = []
        if choices.grid_name:
            chosen = grid(choices.grid_name)
            self._grid = [Assignment(key, value) for key, value in grid_keys(chosen, chosen.n_points).items()]

    def warm(self) -> None:
        """Load or compile the loops of both packings."""
        self._encoder.warm()

    def encode(self, field: Field) -> EncodedField:
        """Return the field as a message.

        Cost: some milliseconds for the first fields of a kind, then tens of microseconds and the packing.

        Raises
        ------
        InvalidPart
            When the metadata do not say when the field is, ecCodes refuses a key, or the grid does not fit.
        """
        facts = {**field.metadata, **self._added}
        times = self._times(facts)
        words = _words(facts, times)

        def assignments() -> Iterator[Assignment]:
            yield from self._grid
            yield from assignments_of(facts, times, self._unstructured)

        return self._encoder.encode(field, _kind(facts, times, words), words, assignments)

    def _times(self, facts: Facts) -> Times:
        """Return when a field is; most have the times of the one before."""
        key = tuple(map(facts.get, OF_TIMES))
        if self._last is None or key != self._last[0]:
            self._last = (key, times_of(facts))
        return self._last[1]


def _kind(facts: Facts, times: Times, words: Mapping[str, int]) -> Hashable:
    """Return all that the header depends on besides `words`: what is no such word is of the kind."""
    fixed = frozenset((key, value) for key, value in facts.items() if key not in NOT_OF_KIND)
    others = tuple(value_of(facts, key) for key in ("levelist", "number") if key not in words)
    return (fixed, others, times.reference.second, times.is_range, times.from_start)


def _words(facts: Facts, times: Times) -> dict[str, int]:
    reference = times.reference
    words = {
        "date": reference.year * 10000 + reference.month * 100 + reference.day,
        "time": reference.hour * 100 + reference.minute,
    }
    words |= {"startStep": times.start, "endStep": times.end} if times.is_range else {"step": times.start}
    for keyword, limit in (("levelist", 1 << 20), ("number", 256)):
        found = value_of(facts, keyword)
        if isinstance(found, int | str) and str(found).isdecimal() and int(found) < limit:
            words[keyword] = int(found)
    return words
