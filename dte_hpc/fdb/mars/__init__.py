"""What does a request in the words of the MARS language ask for?

`mars_request` turns what people write into what is stored: long names (``levtype=surface`` is sfc,
``class=ERA5`` ea), parameter names (``2t`` is 167), ``0/to/24/by/6`` for steps, levels, dates, times and
numbers, dates relative to today (``-1``), padding (``expver=1``, ``time=6``), keywords in any case and by
their other names (``parameter``, ``level``). A store does not need it: its own requests take any keyword
that its schema has.

Words and parameter names are data files, see docs/decisions/0012-mars-language.md. A name that several
parameters share (``tp``: 228, 228228) asks for each of them, for which of them is stored the store knows
best; a number is taken as it is.
"""

import functools
from collections.abc import Iterable, Mapping

from dte_hpc.base.config import unknown_keyword
from dte_hpc.base.errors import InvalidRequest
from dte_hpc.base.key import text_of
from dte_hpc.base.request import ALL, Request, RequestValue
from dte_hpc.fdb.mars.language import Keyword, language
from dte_hpc.fdb.mars.values import meanings, refused, with_ranges
from dte_hpc.fdb.mars.values import text_of as whole_text

MAX_REMEMBERED_VALUES = 64
_WHOLE = frozenset({"grid", "target", "source", "fieldset", "filter"})  # one text, whatever is in it


def mars_request(request: Mapping[str, RequestValue]) -> Request:
    """Return what a request in the MARS language asks of a store.

    Parameters
    ----------
    request : Mapping
        Keyword to one text (``a/b/c`` are three values) or number, or to several of them.

    Raises
    ------
    InvalidRequest
        Naming the keyword that is no MARS keyword, or the value it cannot have.
    """
    known = language()
    expanded: dict[str, tuple[str, ...]] = {}
    for name, value in request.items():
        keyword = known.get(str(name).lower())
        if keyword is None:
            shown = str(name) if str(name).isprintable() else repr(name)
            names = sorted({one.name for one in known.values()})
            raise InvalidRequest(str(unknown_keyword("the request", shown, names)), keyword=str(name))
        if keyword.name in expanded:
            raise refused(keyword.name, value, "each keyword once")
        texts = tuple(_texts(keyword.name, value))
        lasting = len(texts) <= MAX_REMEMBERED_VALUES and "date" not in keyword.types
        expanded[keyword.name] = (_remembered if lasting else _expanded)(keyword, texts)
    return Request.of_expanded(expanded)


def is_keyword(name: str) -> bool:
    """Whether the MARS language has a keyword of this name, or knows it by another."""
    return name.lower() in language()


def _texts(name: str, value: RequestValue) -> list[str]:
    """Return the values of a request as they are written, without those that say nothing."""
    if isinstance(value, str):
        return [part.strip() for part in value.split("/")]
    items: Iterable[object]
    if isinstance(value, list | tuple):
        items = value
    elif isinstance(value, int | float):
        items = (value,)
    elif isinstance(value, Iterable) and not isinstance(value, Mapping):
        items = value
    else:
        raise refused(name, value, "one or more texts or numbers")
    texts = [item.strip() if isinstance(item, str) else _number_of(name, item) for item in items]
    if not texts:
        raise refused(name, value, "at least one value")
    return texts


def _number_of(name: str, value: object) -> str:
    if not isinstance(value, int | float):
        raise refused(name, value, "one or more texts or numbers")
    return text_of(value)


def _expanded(keyword: Keyword, texts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the values that some texts stand for, without repeats, in order."""
    if keyword.name in _WHOLE:
        return (whole_text(keyword, "/".join(texts)),)
    if len(texts) == 1 and texts[0].lower() == ALL:
        return (ALL,)
    texts = with_ranges(keyword, texts)
    values = dict.fromkeys(meaning for text in texts for meaning in meanings(keyword, text))
    if len(texts) > 1 and not keyword.multiple:
        raise refused(keyword.name, "/".join(texts), "one value")
    return tuple(values)


_remembered = functools.lru_cache(maxsize=4096)(_expanded)  # of all but dates: what -1 is changes
