"""How is a header, or what it says, known without asking ecCodes again?

ecCodes needs a millisecond for what is the same from field to field. So its answer is remembered for each
*kind* of field, and what varies within a kind is read or written in its octets (`octets`). A keyword is
trusted only after ecCodes was asked a second time, for a field that differs in it, and gave the
same bytes or words; a kind where it did not is asked field by field.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from dte_hpc.base.checksum import ByteLike
from dte_hpc.base.key import Scalar
from dte_hpc.codecs import grib, octets
from dte_hpc.codecs.gridname import grid_of
from dte_hpc.codecs.layout import byte_view, grib2_sections, message_length
from dte_hpc.grids import Grid

MAX_KINDS = 4096
_NOT_OF_KIND = grib.NOT_IN_HEADER.union(octets.VARIABLE)
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


class _Memory(dict[Hashable, Answer]):
    """A dictionary that forgets everything when it is full: an error in a caller's kinds costs no memory."""

    def __setitem__(self, key: Hashable, value: Answer) -> None:
        if len(self) >= MAX_KINDS:
            self.clear()
        super().__setitem__(key, value)


_said: _Memory[_Kind[dict[str, str | int]]] = _Memory()
_said_of_header: _Memory[dict[str, str | int]] = _Memory()


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


class HeaderMaker:
    """Makes sections 0 to 4 of GRIB2 messages: by ecCodes for a new kind, by patching for the rest."""

    def __init__(self, *, ccsds: bool) -> None:
        self._ccsds = ccsds
        self._made: _Memory[_Kind[bytes]] = _Memory()
        self._made_one: _Memory[bytes] = _Memory()

    def header(self, metadata: Mapping[str, Scalar], n_values: int, grid: Grid | None) -> bytes:
        """Return sections 0 to 4 (the total length still to be set). Cost: some ms for a new kind, then µs.

        Raises
        ------
        InvalidPart
            When ecCodes refuses the metadata, or the grid does not fit.
        """
        words = octets.variable_words(metadata)
        if words is None:
            return self._ask_one(metadata, n_values, grid)
        rest = frozenset((k, v) for k, v in metadata.items() if k not in _NOT_OF_KIND)
        identity = (rest, tuple(words), n_values)
        kind = self._made.get(identity)
        if kind is None:
            made = self._ask(metadata, n_values, grid)
            self._made[identity] = _Kind(made, dict(words), derivable=octets.patch(made, words) == made)
            return made
        if not kind.derivable:
            return self._ask_one(metadata, n_values, grid)
        return self._patched(kind, words, metadata, n_values, grid)

    def _patched(
        self,
        kind: _Kind[bytes],
        words: Mapping[str, int],
        metadata: Mapping[str, Scalar],
        n_values: int,
        grid: Grid | None,
    ) -> bytes:
        patched = octets.patch(kind.answer, words)
        untrusted = kind.untrusted(words)
        if patched is not None and not untrusted:
            return patched
        made = self._ask(metadata, n_values, grid)
        kind.derivable = made == patched
        kind.trusted |= untrusted
        return made

    def _ask_one(self, metadata: Mapping[str, Scalar], n_values: int, grid: Grid | None) -> bytes:
        key = (frozenset((k, v) for k, v in metadata.items() if k not in grib.NOT_IN_HEADER), n_values)
        if key not in self._made_one:
            self._made_one[key] = self._ask(metadata, n_values, grid)
        return self._made_one[key]

    def _ask(self, metadata: Mapping[str, Scalar], n_values: int, grid: Grid | None) -> bytes:
        message = grib.make_header(metadata, n_values, grid, ccsds=self._ccsds)
        return message[: grib2_sections(memoryview(message))[5][0]]
