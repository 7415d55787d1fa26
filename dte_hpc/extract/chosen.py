"""Which stored fields does a request touch?

The MARS part of the request is looked up, the spans of the feature (every step from 0 to 24, the levels
a flight passes) keep what is stored inside them, and what is missing is an error that names it. Fields
come in a fixed order: by parameter, member, and then level and time in the order of their numbers, the
axis of a series or profile fastest.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import FieldNotFound, InvalidRequest
from dte_hpc.base.request import Request
from dte_hpc.codecs.parameters import parameter
from dte_hpc.extract.feature import VALID_TIME
from dte_hpc.extract.limits import Limits
from dte_hpc.extract.request import PointRequest
from dte_hpc.extract.store import Fields, Store
from dte_hpc.extract.times import (
    TIME_KEYWORDS,
    Span,
    base_seconds,
    each,
    meaning_of,
    moments,
    number_of,
    step_hours,
)

Bools = NDArray[np.bool_]
_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chosen:
    """The fields of a request, in the order of the answer.

    Attributes
    ----------
    fields : Fields
    columns : Mapping[str, ndarray of str, shape (n_fields,)]
        The fields' keys; read from the store once.
    level, step, reference : ndarray of float64, shape (n_fields,)
        Level, step in hours, and base time in seconds since 1970; NaN where a field has none.
    """

    fields: Fields
    columns: Mapping[str, NDArray[np.str_]]
    level: NDArray[np.float64]
    step: NDArray[np.float64]
    reference: NDArray[np.float64]

    @property
    def valid(self) -> NDArray[np.float64]:
        """When each field is valid, in hours since 1970."""
        return self.reference / 3600 + np.nan_to_num(self.step)

    def select(self, rows: NDArray[Any]) -> "Chosen":
        """Return some of the fields, in the order given."""
        return Chosen(
            fields=self.fields.select(rows),
            columns={keyword: column[rows] for keyword, column in self.columns.items()},
            level=self.level[rows],
            step=self.step[rows],
            reference=self.reference[rows],
        )

    def __len__(self) -> int:
        return int(self.level.size)

    def column(self, keyword: str) -> NDArray[np.str_]:
        """Return a keyword's values; empty texts when the fields do not have it."""
        return self.columns.get(keyword, np.full(len(self), "", dtype="<U1"))


def choose_fields(store: Store, request: PointRequest, limits: Limits) -> Chosen:
    """Return the fields that a request touches (of a trajectory: may touch).

    Raises
    ------
    FieldNotFound
        Naming the keyword values that no stored field has.
    InvalidRequest
        When there are more fields than the limit, or they lie on several grids.
    """
    chosen = as_chosen(store.list(request.fields))
    wanted = _with_stored_names(request, chosen)
    if not request.spans:
        _refuse_missing(store, chosen, wanted)
    for keyword, span in request.spans.items():
        inside = _inside(chosen, keyword, span)
        if not inside.any():
            raise _nothing_inside(chosen, keyword, span, wanted)
        chosen = chosen.select(np.flatnonzero(inside))
    if request.spans:
        _refuse_missing(store, chosen, _with_spans(wanted, chosen, request))
    if not len(chosen):
        raise FieldNotFound(f"no stored field matches {wanted}", request=str(wanted))
    _refuse_unsaid(request, chosen)
    limits.refuse_over("fields", len(chosen), "$")
    chosen = chosen.select(_order(chosen, request.feature.axis))
    _refuse_two_grids(chosen)
    return chosen


def _refuse_unsaid(request: PointRequest, chosen: Chosen) -> None:
    """Raise InvalidRequest for a trajectory that leaves open at which of several levels or steps it is."""
    if request.feature.kind != "trajectory":
        return
    unsaid = [k for k in ("levelist", "step") if k not in request.fields and k not in request.spans]
    if VALID_TIME in request.spans:
        unsaid = [k for k in unsaid if k != "step"]
    for keyword in unsaid:
        stored = np.unique(chosen.column(keyword)).tolist()
        if len(stored) > 1:
            shown = "/".join(stored[:20]) + ("/..." if len(stored) > 20 else "")
            raise InvalidRequest(
                f"$.{keyword}: underspecified: the trajectory does not run along {keyword}, and fields of "
                f'{shown} are stored; expected {keyword} in the request ("all" for all of them)',
                place=f"$.{keyword}",
            )


def _with_stored_names(request: PointRequest, chosen: Chosen) -> Request:
    """Return the request with, for each name that several parameters share, those of them that are stored."""
    if not request.names:
        return request.fields
    stored = {parameter(param).param_id for param in np.unique(chosen.column("param")).tolist()}
    unstored = {
        number
        for numbers in request.names
        for number in (set(numbers) - stored if stored & set(numbers) else numbers[1:])
    }
    return request.fields.replace(param=[one for one in request.fields["param"] if one not in unstored])


def as_chosen(fields: Fields) -> Chosen:
    """Return fields with their keys as numbers, in their own order."""
    columns = {keyword: fields.column(keyword) for keyword in fields.keywords}
    none = np.full(len(fields), "", dtype="<U1")
    return Chosen(
        fields=fields,
        columns=columns,
        level=each(columns.get("levelist", none), number_of),
        step=each(columns.get("step", none), step_hours),
        reference=base_seconds(columns, len(fields)),
    )


def _inside(chosen: Chosen, keyword: str, span: Span) -> Bools:
    known = {"levelist": chosen.level, "step": chosen.step, "datetime": chosen.reference}
    numbers = chosen.valid if keyword == VALID_TIME else known.get(keyword)
    if numbers is None:
        numbers = each(chosen.column(keyword), meaning_of(keyword))
    tolerance = _TOLERANCE * max(1.0, abs(span.low), abs(span.high))
    above = numbers >= span.low - tolerance
    below = numbers < span.high if keyword == "datetime" else numbers <= span.high + tolerance
    if not span.stride:
        return above & below
    strides = (numbers - span.low) / span.stride
    with np.errstate(invalid="ignore"):
        return above & below & (np.abs(strides - np.round(strides)) < 1e-6)


def _with_spans(wanted: Request, chosen: Chosen, request: PointRequest) -> Request:
    """Return the request with the values that were found inside each span, named one by one.

    Of what a path runs through, and of datetimes, no combination need be stored: only that every other named
    value is, somewhere, is asked for.
    """
    loose = {VALID_TIME, "datetime"} & request.spans.keys()
    if request.feature.kind != "trajectory" and not loose:
        return wanted.replace(**{k: np.unique(chosen.column(k)).tolist() for k in request.spans})
    return wanted


def _refuse_missing(store: Store, chosen: Chosen, wanted: Request) -> None:
    """Raise FieldNotFound unless every combination of the named values is stored."""
    named = [keyword for keyword in wanted if keyword in chosen.columns]
    n_wanted = math.prod(len(wanted[keyword]) for keyword in named)
    if len(chosen) and _n_combinations(chosen, named) >= n_wanted:
        return
    store.inspect(wanted)
    raise FieldNotFound(f"some of the fields of {wanted} are not stored", request=str(wanted))


def _n_combinations(chosen: Chosen, keywords: list[str]) -> int:
    """Return how many different combinations of values some keywords have."""
    if len(chosen) < 2:
        return len(chosen)
    codes = np.zeros(len(chosen), np.int64)
    for column in _varying(chosen.columns[keyword] for keyword in keywords):
        different, code = np.unique(column, return_inverse=True)
        codes = np.unique(codes * different.size + code, return_inverse=True)[1]
    return int(np.unique(codes).size)


def _varying(columns: Iterable[NDArray[np.str_]]) -> list[NDArray[np.str_]]:
    """Return those that have more than one value; to sort texts costs ten times what to compare them does."""
    return [column for column in columns if (column != column[0]).any()]


def _nothing_inside(chosen: Chosen, keyword: str, span: Span, wanted: Mapping[str, Any]) -> FieldNotFound:
    if not len(chosen):
        return FieldNotFound(f"no stored field matches {wanted}", request=str(wanted))
    if keyword == VALID_TIME:
        low, high = (str(moments(np.array([hours * 3600]))[0]) for hours in (span.low, span.high))
        sentence = f"no stored field of {wanted} is valid between {low} and {high}"
        return FieldNotFound(sentence, keyword="datetime")
    stored = np.unique(chosen.column("date" if keyword == "datetime" else keyword)).tolist()
    shown = "/".join(stored[:20]) + ("/..." if len(stored) > 20 else "")
    stride = f" by {span.stride:g}" if span.stride else ""
    return FieldNotFound(
        f"no stored field of {wanted} has {keyword} between {span.low:g} and {span.high:g}{stride}; "
        f"stored are {shown or 'none'}",
        keyword=keyword,
        stored=stored,
    )


def _order(chosen: Chosen, axis: str) -> NDArray[np.int64]:
    if len(chosen) == 1:
        return np.zeros(1, np.int64)
    fast = ("param", "number", "levelist", *TIME_KEYWORDS)
    rest = _varying(column for keyword, column in chosen.columns.items() if keyword not in fast)
    slow = [np.unique(column, return_inverse=True)[1] for column in rest]
    params = chosen.column("param")
    param, name = each(params, number_of), np.unique(params, return_inverse=True)[1]
    member = each(chosen.column("number"), number_of)
    times = [chosen.reference, chosen.step]
    ordered = [*times, chosen.level] if axis == "levelist" else [chosen.level, *times]
    keys = [np.nan_to_num(key, nan=-np.inf) for key in (*slow, param, name, member, *ordered)]
    return np.lexsort(keys[::-1]).astype(np.int64)


def _refuse_two_grids(chosen: Chosen) -> None:
    """Raise InvalidRequest when two fields differ in nothing but their grid."""
    if "grid" not in chosen.columns or len(chosen) == 1:
        return
    grids = np.unique(chosen.columns["grid"])
    if grids.size < 2:
        return
    if _n_combinations(chosen, [k for k in chosen.columns if k != "grid"]) < len(chosen):
        raise InvalidRequest(
            f"$: the same fields are stored on the grids {', '.join(grids.tolist())}; "
            "expected grid=... in the request",
            place="$.grid",
            grids=grids.tolist(),
        )
