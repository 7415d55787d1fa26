"""On which level does a message of encode-mtg2 say a field is? MARS's levtype and parameter tell it."""

import functools
from collections.abc import Iterator, Mapping

from dte_hpc.base.errors import InvalidPart
from dte_hpc.base.key import Scalar
from dte_hpc.codecs.assignment import Assignment
from dte_hpc.postproc.naming import value_of
from dte_hpc.postproc.params import table

LAYERS = ("soilLayer", "snowLayer", "seaIceLayer")
VARYING = ("pl", "ml")
"""Where the level is in octets that are patched from field to field."""
PASCALS = 100
MAX_LEVEL = 1 << 24
OTHERWISE = "the action encode with a template"
Facts = Mapping[str, Scalar]


def level_keys(facts: Facts, param: int) -> Iterator[Assignment]:
    """Yield the ecCodes keys of a field's level.

    Raises
    ------
    InvalidPart
        Naming levtype and parameter when there is no level for them; when the levelist is not one.
    """
    levtype = str(value_of(facts, "levtype"))
    kind = _levels().get((levtype, param))
    if kind is None:
        known = sorted({each for each, _ in _levels()})
        expected = f"a parameter in mtg2-levels.txt, or {OTHERWISE}" if levtype in known else ", ".join(known)
        raise InvalidPart(
            f"field {facts} has levtype={levtype} and param={param}, for which encode-mtg2 knows no level; "
            f"expected {expected}",
            levtype=levtype,
            param=param,
        )
    name, _, fixed = kind.partition("@")
    if levtype == "sfc":
        yield Assignment("typeOfLevel", name)
        if fixed:
            yield Assignment("level", int(fixed))
        return
    yield from _numbered(name, level_of(facts))


def _numbered(name: str, level: float) -> Iterator[Assignment]:
    if name == "isobaricInhPa" and level != int(level):
        yield Assignment("typeOfLevel", "isobaricInPa")
        yield Assignment("level", round(level * PASCALS))
        return
    yield Assignment("typeOfLevel", name)
    if name in LAYERS:
        yield Assignment("topLevel", int(level) - 1)
        yield Assignment("bottomLevel", int(level))
    else:
        yield Assignment("level", int(level))


def level_of(facts: Facts) -> float:
    """Return the number of a field's level; InvalidPart when it has none, or a fraction where none can be."""
    found = value_of(facts, "levelist")
    try:
        level = float(found if found is not None else "")
    except ValueError as error:
        raise InvalidPart(
            f"field {facts} has levelist={found!r}; expected a number", keyword="levelist"
        ) from error
    fine = PASCALS if value_of(facts, "levtype") == "pl" else 1
    if not 0 <= level < MAX_LEVEL or abs(level * fine - round(level * fine)) > 1e-6:
        what = "whole pascals" if fine > 1 else "a whole number"
        raise InvalidPart(f"field {facts} has levelist={found!r}; expected {what}", keyword="levelist")
    return level


@functools.cache
def _levels() -> dict[tuple[str, int], str]:
    found = {}
    for levtype, kind, *ranges in table("mtg2-levels.txt"):
        for words in ranges:
            first, _, last = words.partition("-")
            for param in range(int(first), int(last or first) + 1):
                found[levtype, param] = kind
    return found
