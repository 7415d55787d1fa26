"""How does a field become a message without a template? By its MARS keywords, as with MultIO."""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from dte_hpc.base.field import Field
from dte_hpc.base.key import Scalar
from dte_hpc.codecs.assignment import Assignment
from dte_hpc.codecs.layout import EncodedField
from dte_hpc.postproc.action import (
    MESSAGES,
    Context,
    Explained,
    Flow,
    Item,
    MaskedField,
    Options,
    Passing,
    Stage,
)
from dte_hpc.postproc.actions.mtg2_keys import DEFAULT_BITS, assignments_of, param_of, refuse_unmapped
from dte_hpc.postproc.actions.mtg2_level import VARYING
from dte_hpc.postproc.actions.mtg2_times import OF_TIMES, Times, times_of
from dte_hpc.postproc.naming import spellings, value_of

MAX_MEMBER, MAX_LEVEL = 255, 1 << 20
NOT_OF_KIND = frozenset(
    spelling
    for keyword in ("date", "time", "step", "levelist", "number")
    for spelling in (keyword, *spellings(keyword))
) | {"domain", "toAllServers", "trigger", "name"}
Facts = Mapping[str, Scalar]


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodeMtg2Options(Options):
    """Options of `EncodeMtg2`.

    Attributes
    ----------
    cached : bool
        Taken, and without effect: what is the same from field to field is always remembered.
    """

    cached: bool = False


class EncodeMtg2(Passing):
    """Pack each field into a GRIB2 message that says what the field's MARS keywords say.

    ``packing`` is simple or ccsds, ``misc-bitsPerValue`` (16 for most parameters), ``misc-tablesVersion`` and
    their like are those ecCodes keys. What has no message here is refused by its name.
    """

    Options = EncodeMtg2Options
    emits = MESSAGES
    works_on_parts = True

    def __init__(self, options: EncodeMtg2Options, context: Context) -> None:
        from dte_hpc.codecs.grib import (
            empty_message,
            latest_tables,
        )  # ecCodes, which checking a plan does without
        from dte_hpc.codecs.template import TemplateEncoder

        self._tables = latest_tables()
        self._encoder = TemplateEncoder(empty_message())
        self._last: tuple[Hashable, Times] | None = None

    @classmethod
    def explain(cls, options: EncodeMtg2Options, flow: Flow) -> Explained:
        """Say how large a value becomes."""
        words = f"GRIB2 by MARS's keywords, {DEFAULT_BITS} bits a value for most parameters"
        return Explained(does=words, flow=replace(flow, stage=Stage.MESSAGE, value_bytes=DEFAULT_BITS / 8))

    def warm(self) -> None:
        """Load or compile the loops of both packings."""
        self._encoder.warm()

    def process(self, item: MaskedField) -> Iterable[Item]:
        """Yield the message.

        Cost: some milliseconds for the first fields of a kind, then tens of microseconds and the packing.

        Raises
        ------
        InvalidPart
            Naming the keyword for which there is no message, or that ecCodes refuses.
        """
        return (self._encoded(item.field),)

    def _encoded(self, field: Field) -> EncodedField:
        facts = {**field.metadata}  # a dict answers twice as fast: 30 instead of 65 µs a header
        times = self._times(facts)
        words = _words(facts, times)

        def assignments() -> Iterator[Assignment]:
            refuse_unmapped(facts)
            return assignments_of(facts, times, field.values.size, self._tables)

        return self._encoder.encode(field, _kind(facts, times, words), words, assignments)

    def _times(self, facts: Facts) -> Times:
        """Return when a field is; most have the times of the one before."""
        key = tuple(map(facts.get, OF_TIMES))
        if self._last is None or key != self._last[0]:
            self._last = (key, times_of(facts, param_of(facts)))
        return self._last[1]


def _kind(facts: Facts, times: Times, words: Mapping[str, int]) -> Hashable:
    """Return all that the header depends on besides `words`: what is no such word is of the kind."""
    fixed = frozenset((key, value) for key, value in facts.items() if key not in NOT_OF_KIND)
    others = tuple(value_of(facts, key) for key in ("levelist", "number") if key not in words)
    inexact = None if "date" in words else (times.reference, times.start)
    return (fixed, others, inexact, times.ranges)


def _words(facts: Facts, times: Times) -> dict[str, int]:
    words: dict[str, int] = {}
    reference, hours = times.reference, times.hours
    if hours and not reference.second:
        words["date"] = reference.year * 10000 + reference.month * 100 + reference.day
        words["time"] = reference.hour * 100 + reference.minute
        words |= {"startStep": hours[0], "endStep": hours[1]} if times.ranges else {"step": hours[0]}
    level, number = value_of(facts, "levelist"), value_of(facts, "number")
    if value_of(facts, "levtype") in VARYING and _is_whole(level, MAX_LEVEL) and int(str(level)):
        words["levelist"] = int(str(level))
    if _is_whole(number, MAX_MEMBER) and int(str(number)):
        words["number"] = int(str(number))
    return words


def _is_whole(value: Scalar | None, limit: int) -> bool:
    return isinstance(value, int | str) and str(value).isdecimal() and int(value) <= limit
