"""Which fields do the MARS words of a request name?

The words are MARS's (`dte_hpc.fdb.mars`): names of parameters, ``a/to/b/by/c``, ALL, dates before today,
keywords by their other names. As in polytope-mars, ``a/to/b`` without a stride is every *stored* level, step
or time between the two; with one, and for dates and members, each value named must be stored. A keyword that
MARS does not have is the store's own and is taken as written, and so is a word of a list (a class, a model)
that MARS does not know: which of them are stored the store knows best.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dte_hpc.base.errors import InvalidRequest
from dte_hpc.base.request import Request, RequestValue
from dte_hpc.extract.times import Span, span_of
from dte_hpc.fdb.mars import is_keyword, mars_request
from dte_hpc.fdb.mars.language import language

SPANNED = ("step", "levelist", "time")
_LISTED = frozenset({"enum", "regex", "lowercase"})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Wanted:
    """What the words of a request ask for.

    Attributes
    ----------
    fields : Request
        Values one by one; without the keywords in `spans`.
    spans : Mapping[str, Span]
        Keywords whose stored values between two bounds are wanted.
    names : tuple of tuple of str
        Of each parameter name that several parameters share, their numbers: any of them will do.
    """

    fields: Request
    spans: Mapping[str, Span]
    names: tuple[tuple[str, ...], ...]


def wanted_of(words: Mapping[str, Any]) -> Wanted:
    """Return what the words of a request ask for.

    Raises
    ------
    InvalidRequest
        Whose sentence begins with the place of the mistake: ``$.step``.
    """
    fields: dict[str, tuple[str, ...]] = {}
    spans: dict[str, Span] = {}
    names: list[tuple[str, ...]] = []
    for written, value in words.items():
        try:
            keyword = keyword_of(str(written))
            if keyword in fields or keyword in spans:
                raise InvalidRequest(f"{keyword} is asked for twice; expected it once", keyword=keyword)
            span = _span(keyword, value)
            if span is not None:
                spans[keyword] = span
                continue
            fields[keyword] = _values(keyword, value)
            names += _shared_names(value) if keyword == "param" else []
        except InvalidRequest as error:
            place = f"$.{written}"
            raise InvalidRequest(f"{place}: {error}", place=place, **error.facts) from error
    return Wanted(fields=Request.of_expanded(fields), spans=spans, names=tuple(names))


def keyword_of(written: str) -> str:
    """Return a keyword as MARS spells it (``level`` is levelist); the store's own as written."""
    return language()[written.lower()].name if is_keyword(written) else written


def _span(keyword: str, value: RequestValue) -> Span | None:
    parts = [part.strip() for part in value.split("/")] if isinstance(value, str) else []
    if keyword not in SPANNED or len(parts) != 3 or parts[1].lower() != "to":
        return None
    if not parts[0] or not parts[2]:
        raise InvalidRequest(f"found {value!r}; expected first/to/last", keyword=keyword)
    return span_of(keyword, parts[0], parts[2])


def _values(keyword: str, value: RequestValue) -> tuple[str, ...]:
    if not is_keyword(keyword):
        return Request({keyword: value}).get(keyword, ("all",))
    if keyword == "month" and isinstance(value, str) and "/to/" in value.lower():
        return Request({keyword: value})[keyword]
    try:
        return mars_request({keyword: value}).get(keyword, ("all",))
    except InvalidRequest:
        if not set(language()[keyword].types) <= _LISTED:
            raise
        return Request({keyword: value})[keyword]


def _shared_names(value: RequestValue) -> list[tuple[str, ...]]:
    texts = (
        value.split("/") if isinstance(value, str) else value if isinstance(value, list | tuple) else [value]
    )
    numbers = [mars_request({"param": text}).get("param", ()) for text in texts]
    return [several for several in numbers if len(several) > 1]
