"""Which keyword of a field's metadata answers, whatever the producer spells it like?

MARS's keywords are ours. MultIO's producers write ``level`` and ``paramId``, ``startDate`` and
``startTime``, and, since 2025, ``misc-precision`` for ``precision``: `value_of` understands them all.
The spellings are in ``data/spellings.txt``, with their sources.
"""

import functools
from collections.abc import Iterable, Mapping
from importlib.resources import files

from dte_hpc.base.field import Metadata
from dte_hpc.base.key import Scalar, text_of

LAST_HHMM = 2400
ENGINES = "misc-"
"""How keywords begin that MultIO's producers say to the engine, and no message says."""

MARS = ("class", "stream", "type", "expver", "number", "param", "levelist", "date", "time", "step")
RANGES = ("startStep", "endStep")
ONLY_PRODUCERS = frozenset(
    {
        *("category", "name", "nemoParam", "representation", "toAllServers", "clientPlanName", "serverRank"),
        *("trigger", "flushKind", "restartDateTime", "globalSize", "precision", "format", "isMissingValue"),
        *("missingValue", "bitmapPresent", "atlas-grid-kind", "gridName", "atlas-named-grid"),
    }
)


def value_of(metadata: Mapping[str, Scalar], keyword: str) -> Scalar | None:
    """Return the value of a keyword under any of its spellings, or None.

    Parameters
    ----------
    metadata : mapping
        Of a field.
    keyword : str
        In any spelling. What is there under this very one comes first, then the others in the
        table's order.

    Notes
    -----
    Cost: one look-up when the metadata has the keyword as it was asked for.
    """
    if keyword in metadata:
        return metadata[keyword]
    for spelling in spellings(keyword):
        if spelling in metadata:
            return metadata[spelling]
    return None


def in_mars_words(metadata: Metadata) -> Metadata:
    """Return metadata for a message: MARS's spellings, and without what only producers and engines say.

    A level, a parameter or a date under another spelling gets its own; ``category``, ``toAllServers``,
    ``misc-globalSize`` and their like are left out. The same object when there is nothing of the kind.
    """
    strange = [keyword for keyword in metadata if keyword in _strange() or keyword.startswith(ENGINES)]
    if not strange:
        return metadata
    words = {k: value_of(metadata, k) for k in MARS if k not in metadata}
    if "time" in words:
        words["time"] = mars_time_of(metadata)
    return metadata.without(*strange).replace(**{k: v for k, v in words.items() if v is not None})


def mars_time_of(metadata: Mapping[str, Scalar]) -> int | None:
    """Return the time of day as MARS has it, hhmm, from ``time``, ``startTime`` or ``dataTime``; or None.

    MultIO's producers write hhmmss: what is more than 2400 is that.
    """
    found = value_of(metadata, "time")
    if found is None or not text_of(found).isdecimal():
        return None
    number = int(text_of(found))
    return number // 100 if number > LAST_HHMM else number


def spellings(keyword: str) -> tuple[str, ...]:
    """Return the other spellings that answer for a keyword, the preferred one first."""
    return _table().get(keyword, ())


@functools.cache
def _strange() -> frozenset[str]:
    """Return the keywords that stand for another one of MARS's, or for none."""
    return ONLY_PRODUCERS.union(*(spellings(keyword) for keyword in MARS)).difference(MARS, RANGES)


@functools.cache
def _table() -> dict[str, tuple[str, ...]]:
    text = (files("dte_hpc.postproc") / "data" / "spellings.txt").read_text(encoding="ascii")
    return read_table(text.splitlines())


def read_table(lines: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return which spellings answer for each keyword, from lines as in the data file."""
    table: dict[str, tuple[str, ...]] = {}
    for line in lines:
        ours, sign, *others = line.split() if line and not line.startswith("#") else ("", "")
        asking = (ours, *others) if sign == "=" else (ours,) if sign else ()
        for keyword in asking:
            new = (n for n in (ours, *others) if n != keyword and n not in table.get(keyword, ()))
            table[keyword] = (*table.get(keyword, ()), *new)
    return table
