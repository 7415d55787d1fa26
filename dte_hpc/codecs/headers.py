"""How is a header, or what it says, known without asking ecCodes again?

ecCodes needs a millisecond for what is the same from field to field. So its answer is remembered for each
*kind* of field, and what varies within a kind is read or written in its octets (`octets`). A keyword is
trusted only after ecCodes was asked a second time, for a field that differs in it, and gave the
same bytes or words; a kind where it did not is asked field by field.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from dte_hpc.base.checksum import ByteLike
from dte_hpc.base.key import Scalar
from dte_hpc.codecs import grib, octets
from dte_hpc.codecs.gridname import grid_of
from dte_hpc.codecs.header_keys import NOT_IN_HEADER
from dte_hpc.codecs.layout import byte_view, grib2_sections, message_length
from dte_hpc.grids import Grid

MAX_KINDS = 4096
_NOT_OF_KIND = NOT_IN_HEADER.union(octets.VARIABLE)
Words = Mapping[str, str | int]
Answer = TypeVar("Answer")


@dataclass(slots=True)
class _Kind(Generic[Answer]):
    """What ecCodes answered for one field of a kind, and which keywords may differ from it."""

    answer: Answer
    words: dict[str, str | int]
    trusted: set[str] = field(default_factory=set)
    derivable: bool = True

    def untrusted(self, words: Words) -> set[str]:
        """Return the keywords whose value differs from the answered field's and is not trusted yet."""
        return {k for k, v in words.items() if self.words.get(k) != v} - self.trusted


class Memory(dict[Hashable, Answer]):
    """A dictionary that forgets everything when it is full: an error in a caller's kinds costs no memory."""

    def __setitem__(self, key: Hashable, value: Answer) -> None:
        if len(self) >= MAX_KINDS:
            self.clear()
        super().__setitem__(key, value)


_said: Memory[_Kind[dict[str, str | int]]] = Memory()
_said_of_header: Memory[dict[str, str | int]] = Memory()


def mars_key(message: ByteLike) -> dict[str, str | int]:
    """Return what a field is called in MARS's words.

    ecCodes' ``mars`` namespace, with ``param`` as a paramId in both editions; ``timespan`` ('24h') of a
    GRIB2 field over a time range, where ecCodes gives none, and its ``stattype`` where the parameter does
    not imply it; and ``grid``, the canonical name, if it has one.

    Cost: some milliseconds for the first fields of a kind, then about 15 microseconds.

    Raises
    ------
    InvalidMessage
        If the bytes are not one GRIB message that ecCodes can explain.
    """
    view = byte_view(message)
    view = view[: message_length(view)]
    identity, words = octets.read_variable(view)
    kind = _said.get(identity)
    if kind is None:
        answer = _ask(view)
        _said[identity] = _Kind(answer, dict(words), derivable=all(answer.get(k) == words[k] for k in words))
        return dict(answer)
    if kind.derivable:
        untrusted = kind.untrusted(words)
        if not untrusted:
            return {**kind.answer, **words}
        answer = _ask(view)
        kind.derivable = answer == {**kind.answer, **words}
        kind.trusted |= untrusted
        return answer
    return dict(_ask_by_header(view, identity, words))


def _ask(view: memoryview) -> dict[str, str | int]:
    answer: dict[str, str | int] = grib.mars_namespace(view)
    span = grib.step_range(view) if view[7] == 2 else {}
    if span:
        answer.setdefault("timespan", f"{int(span['endStep']) - int(span['startStep'])}h")
        statistic = grib.unimplied_statistic(view)
        if statistic:
            answer.setdefault("stattype", statistic)
    name = grid_of(view)
    return answer | ({"grid": name} if name else {})


def _ask_by_header(view: memoryview, identity: octets.Identity, words: Words) -> dict[str, str | int]:
    key = (identity, tuple(sorted(words.items())))
    if key not in _said_of_header:
        _said_of_header[key] = _ask(view)
    return _said_of_header[key]


class HeaderMemory:
    """Remembers the headers of kinds of fields, and patches what varies within a kind."""

    def __init__(self) -> None:
        self._made: Memory[_Kind[bytes]] = Memory()
        self._made_one: Memory[bytes] = Memory()

    def header(self, rest: Hashable, words: Mapping[str, int], ask: Callable[[], bytes]) -> bytes:
        """Return the header of a field.

        Parameters
        ----------
        rest : hashable
            All that the header depends on, besides `words`.
        words : mapping
            What may vary within a kind, as `octets.patch` writes it.
        ask : callable
            Makes the header, in a millisecond or more.
        """
        identity = (rest, tuple(words))
        kind = self._made.get(identity)
        if kind is None:
            made = ask()
            self._made[identity] = _Kind(made, dict(words), derivable=octets.patch(made, words) == made)
            return made
        return self._patched(kind, words, ask) if kind.derivable else self._fixed(rest, words, ask)

    def _patched(self, kind: _Kind[bytes], words: Mapping[str, int], ask: Callable[[], bytes]) -> bytes:
        patched = octets.patch(kind.answer, words)
        untrusted = kind.untrusted(words)
        if patched is not None and not untrusted:
            return patched
        made = ask()
        kind.derivable = made == patched
        kind.trusted |= untrusted
        return made

    def _fixed(self, rest: Hashable, words: Mapping[str, int], ask: Callable[[], bytes]) -> bytes:
        """Return a header that could not be patched: a level may be of the kind, then all is of the field."""
        if "levelist" in words:
            others = {keyword: value for keyword, value in words.items() if keyword != "levelist"}
            return self.header((rest, "levelist", words["levelist"]), others, ask)
        return self.of_field((rest, tuple(words.items())), ask)

    def of_field(self, key: Hashable, ask: Callable[[], bytes]) -> bytes:
        """Return the header of this very field."""
        if key not in self._made_one:
            self._made_one[key] = ask()
        return self._made_one[key]


class HeaderMaker:
    """Makes sections 0 to 4 of GRIB2 messages: by ecCodes for a new kind, by patching for the rest."""

    def __init__(self, *, ccsds: bool) -> None:
        self._ccsds = ccsds
        self._memory = HeaderMemory()

    def header(self, metadata: Mapping[str, Scalar], n_values: int, grid: Grid | None) -> bytes:
        """Return sections 0 to 4 (the total length still to be set). Cost: some ms for a new kind, then µs.

        Raises
        ------
        InvalidPart
            When ecCodes refuses the metadata, or the grid does not fit.
        """

        def ask() -> bytes:
            message = grib.make_header(metadata, n_values, grid, ccsds=self._ccsds)
            return message[: grib2_sections(memoryview(message))[5][0]]

        words = octets.variable_words(metadata)
        if words is None:
            every = frozenset((k, v) for k, v in metadata.items() if k not in NOT_IN_HEADER)
            return self._memory.of_field((every, n_values), ask)
        rest = frozenset((k, v) for k, v in metadata.items() if k not in _NOT_OF_KIND)
        return self._memory.header((rest, n_values), words, ask)
