"""Which stored fields does a request touch?

The MARS part of the request is looked up, the spans of the feature (every step from 0 to 24, the levels
a flight passes) keep what is stored inside them, and what is missing is an error that names it. Fields
come in a fixed order: by parameter, member, and then level and time in the order of their numbers, the
axis of a series or profile fastest.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.errors import FieldNotFound, InvalidRequest
from dte_hpc.base.request import Request
from dte_hpc.extract.feature import Feature, Span
from dte_hpc.extract.limits import Limits
from dte_hpc.extract.parameters import number_of_name
from dte_hpc.extract.request import PointRequest
from dte_hpc.extract.store import Fields, Store
from dte_hpc.extract.times import each, meaning_of, number_of, reference_seconds, step_hours

Bools = NDArray[np.bool_]
_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chosen:
    """The fields of a request, in the order of the answer.

    Attributes
    ----------
    fields : Fields
    level, step, reference : ndarray of float64, shape (n_fields,)
        Level, step in hours, and base time in seconds since 1970; NaN where a field has none.
    """

    fields: Fields
    level: NDArray[np.float64]
    step: NDArray[np.float64]
    reference: NDArray[np.float64]

    def select(self, rows: NDArray[Any]) -> "Chosen":
        """Return some of the fields, in the order given."""
        return Chosen(
            fields=self.fields.select(rows),
            level=self.level[rows],
            step=self.step[rows],
            reference=self.reference[rows],
        )


def choose_fields(store: Store, request: PointRequest, limits: Limits) -> Chosen:
    """Return the fields that a request touches (of a trajectory: may touch).

    Raises
    ------
    FieldNotFound
        Naming the keyword values that no stored field has.
    InvalidRequest
        When there are more fields than the limit, or they lie on several grids.
    """
    wanted = _numbered(request.fields)
    feature = request.feature
    fields = store.list(wanted)
    if feature.kind != "trajectory" and not feature.spans:
        _refuse_missing(store, fields, wanted)
    chosen = _as_chosen(fields)
    for keyword, span in feature.spans.items():
        inside = _inside(chosen, keyword, span)
        if not inside.any():
            raise _nothing_inside(chosen, keyword, span, wanted)
        chosen = chosen.select(np.flatnonzero(inside))
    if feature.kind != "trajectory" and feature.spans:
        _refuse_missing(store, chosen.fields, _with_spans(wanted, chosen.fields, feature))
    if not len(chosen.fields):
        raise FieldNotFound(f"no stored field matches {wanted}", request=str(wanted))
    limits.refuse_over("fields", len(chosen.fields), "$")
    chosen = chosen.select(_order(chosen, feature.axis))
    _refuse_two_grids(chosen.fields)
    return chosen


def column_of(fields: Fields, keyword: str) -> NDArray[np.str_]:
    """Return a keyword's values; empty texts when the fields do not have it."""
    if keyword in fields.keywords:
        return fields.column(keyword)
    return np.full(len(fields), "", dtype="<U1")


def _numbered(request: Request) -> Request:
    """Return the request with short names of parameters as numbers."""
    if "param" not in request:
        return request
    return request.replace(param=[number_of_name(name) for name in request["param"]])


def _as_chosen(fields: Fields) -> Chosen:
    return Chosen(
        fields=fields,
        level=each(column_of(fields, "levelist"), number_of),
        step=each(column_of(fields, "step"), step_hours),
        reference=reference_seconds(column_of(fields, "date"), column_of(fields, "time")),
    )


def _inside(chosen: Chosen, keyword: str, span: Span) -> Bools:
    numbers = {"levelist": chosen.level, "step": chosen.step, "datetime": chosen.reference}.get(keyword)
    if numbers is None:
        numbers = each(column_of(chosen.fields, keyword), meaning_of(keyword))
    tolerance = _TOLERANCE * max(1.0, abs(span.low), abs(span.high))
    above = numbers >= span.low - tolerance
    below = numbers < span.high if keyword == "datetime" else numbers <= span.high + tolerance
    if not span.stride:
        return above & below
    strides = (numbers - span.low) / span.stride
    with np.errstate(invalid="ignore"):
        return above & below & (np.abs(strides - np.round(strides)) < 1e-6)


def _with_spans(wanted: Request, fields: Fields, feature: Feature) -> Request:
    """Return the request with the values that were found inside each span, named one by one."""
    named = {}
    for keyword in feature.spans:
        for said in ("date", "time") if keyword == "datetime" else (keyword,):
            named[said] = np.unique(column_of(fields, said)).tolist()
    return wanted if "datetime" in feature.spans else wanted.replace(**named)


def _refuse_missing(store: Store, fields: Fields, wanted: Request) -> None:
    """Raise FieldNotFound unless every combination of the named values is stored."""
    named = [keyword for keyword in wanted if keyword in fields.keywords]
    n_wanted = math.prod(len(wanted[keyword]) for keyword in named)
    if len(fields) and _n_combinations(fields, named) >= n_wanted:
        return
    store.inspect(wanted)
    raise FieldNotFound(f"some of the fields of {wanted} are not stored", request=str(wanted))


def _n_combinations(fields: Fields, keywords: list[str]) -> int:
    """Return how many different combinations of values some keywords have."""
    codes = np.zeros(len(fields), np.int64)
    for keyword in keywords:
        different, code = np.unique(fields.column(keyword), return_inverse=True)
        codes = np.unique(codes * different.size + code, return_inverse=True)[1]
    return int(np.unique(codes).size)


def _nothing_inside(chosen: Chosen, keyword: str, span: Span, wanted: Mapping[str, Any]) -> FieldNotFound:
    if not len(chosen.fields):
        return FieldNotFound(f"no stored field matches {wanted}", request=str(wanted))
    stored = np.unique(column_of(chosen.fields, "date" if keyword == "datetime" else keyword)).tolist()
    shown = "/".join(stored[:20]) + ("/..." if len(stored) > 20 else "")
    stride = f" by {span.stride:g}" if span.stride else ""
    return FieldNotFound(
        f"no stored field of {wanted} has {keyword} between {span.low:g} and {span.high:g}{stride}; "
        f"stored are {shown or 'none'}",
        keyword=keyword,
        stored=stored,
    )


def _order(chosen: Chosen, axis: str) -> NDArray[np.int64]:
    fields = chosen.fields
    fast = ("param", "number", "levelist", "date", "time", "step")
    slow = [np.unique(fields.column(k), return_inverse=True)[1] for k in fields.keywords if k not in fast]
    member = each(column_of(fields, "number"), number_of)
    params = column_of(fields, "param")
    param, name = each(params, number_of), np.unique(params, return_inverse=True)[1]
    level_first = [chosen.level, chosen.reference, chosen.step]
    ordered = [chosen.reference, chosen.step, chosen.level] if axis == "levelist" else level_first
    keys = [*slow, param, name, member, *ordered]
    return np.lexsort([np.nan_to_num(key, nan=-np.inf) for key in reversed(keys)]).astype(np.int64)


def _refuse_two_grids(fields: Fields) -> None:
    """Raise InvalidRequest when two fields differ in nothing but their grid."""
    if "grid" not in fields.keywords:
        return
    grids = np.unique(fields.column("grid"))
    if grids.size < 2:
        return
    if _n_combinations(fields, [k for k in fields.keywords if k != "grid"]) < len(fields):
        raise InvalidRequest(
            f"$: the same fields are stored on the grids {', '.join(grids.tolist())}; "
            "expected grid=... in the request",
            place="$.grid",
            grids=grids.tolist(),
        )
