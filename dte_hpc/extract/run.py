"""How is a request answered on one rank?

Parse, locate, find the points, read them, put the answer together: each phase timed, nothing read before
everything that can be refused has been. Reading goes piece by piece, so that somebody can watch it, stop it,
or take the answer in parts.
"""

import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.extract.account import Account
from dte_hpc.extract.answer import Answer
from dte_hpc.extract.batches import ReadPolicy
from dte_hpc.extract.explain import estimate
from dte_hpc.extract.limits import Limits
from dte_hpc.extract.part import Part, PointsKey, join, points_key
from dte_hpc.extract.pieces import PIECE_BYTES, VALUE_BYTES, piece_of, pieces
from dte_hpc.extract.query import Query, make_query
from dte_hpc.extract.read import read_values
from dte_hpc.extract.reduce import over_shape, reduced
from dte_hpc.extract.request import parse_request
from dte_hpc.extract.store import Store

if TYPE_CHECKING:
    from dte_hpc.parallel.mpi import Comm

Float64s = NDArray[np.float64]
VALUES_AT_ONCE = 1 << 22
LOOK_SECONDS = 0.25
FEW_VALUES = 4096
Progress = Callable[[int, int], None]
"""Told how many values have been read, and how many are to be."""


def nobody(_done: int, _total: int) -> None:
    """Watch nothing: the default of `Options.progress`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How requests are answered.

    Attributes
    ----------
    limits : Limits
        How large a request may be.
    policy : ReadPolicy
        What reading weighs.
    progress : callable
        Told as the values are read (of rank 0's share when several ranks do it).
    """

    limits: Limits = field(default_factory=Limits)
    policy: ReadPolicy = field(default_factory=ReadPolicy)
    progress: Progress = nobody


def extract(
    store: Store,
    request: Mapping[str, Any],
    *,
    comm: "Comm | None" = None,
    options: Options | None = None,
) -> Answer:
    """Return the points that a request asks for.

    Parameters
    ----------
    store : Store
        A `dte_hpc.fdb.FDB`, or anything that lists fields like one.
    request : mapping
        MARS keywords and a ``feature``, as polytope-mars has them; of rank 0 when there are several.
    comm : Comm, optional
        Collective over it when given: its ranks share the work, and the answer's values are on rank 0;
        elsewhere the answer has its account and no fields.
    options : Options, optional
        Limits, and what reading weighs.

    Raises
    ------
    InvalidRequest
        Before anything is read: its sentence begins with the place of the mistake in the request. Also
        when no grid point lies inside the shape; it then names the nearest.
    FieldNotFound
        Naming the keyword values of which nothing is stored.
    CorruptData
        When a data file ends too early or does not fit its index.
    DteError
        Of whichever rank had one, on all of them.
    """
    if comm is not None:
        from dte_hpc.extract.together import extract_together

        return extract_together(comm, store, request, options)
    if over_shape(request):
        return join(list(extract_parts(store, request, options=options)))
    options = options or Options()
    query, account = plan(store, request, options)
    values = read_watched(query, 0, int(query.read_start()[-1]), account, options)
    return assemble(query, values, account)


def extract_parts(
    store: Store,
    request: Mapping[str, Any],
    *,
    options: Options | None = None,
    part_bytes: int = PIECE_BYTES,
) -> Iterator[Part]:
    """Yield the points that a request asks for part by part, in the order of the answer's values.

    What is asked is looked up, and refused, when the first part is wanted. Memory: one part, beside the
    keys and the index ranges of the whole; `Limits.values` does not apply.

    Parameters
    ----------
    store, request, options
        As `extract`.
    part_bytes : int
        The most of values in one part; a field whose points have an order of their own, or that can only be
        decoded whole, is one part however large it is.

    Raises
    ------
    DteError
        As `extract`.
    """
    options = options or Options()
    options = replace(options, limits=options.limits.of_parts())
    query, account = plan(store, request, options)
    bounds = pieces(query, part_bytes)
    begun = time.perf_counter() - account.total_seconds
    for number in range(bounds.size - 1):
        yield read_part(query, bounds, number, account, options.policy)
        done = int(bounds[number + 1])
        options.progress(done, int(bounds[-1]))
        options.limits.refuse_slow(time.perf_counter() - begun, done, int(bounds[-1]))


def plan(store: Store, request: Mapping[str, Any], options: Options | None = None) -> tuple[Query, Account]:
    """Return what a request comes down to, and an account of what it would touch; reads no field."""
    options, account = options or Options(), Account()
    with account.phase("parse"):
        parsed = parse_request(request, options.limits)
    query = make_query(store, parsed, options.limits, account)
    if account.bytes_whole_fields > options.limits.bytes:
        would = Account()
        estimate(query, would, options.policy)
        options.limits.refuse_over("bytes", would.bytes_read, "$")
    return query, account


def read_watched(query: Query, first: int, last: int, account: Account, options: Options) -> Float64s:
    """Return the values from `first` to `last`, read piece by piece under the options' eyes.

    Raises
    ------
    InvalidRequest
        When it takes longer than the limit; says how many values had been read.
    """
    begun = time.perf_counter() - account.total_seconds
    inside = [] if last - first <= FEW_VALUES else _looks(query, first, last)
    if not inside:
        with account.phase("read"):
            values = read_values(query, first, last, account, policy=options.policy)
        options.progress(last - first, last - first)
        return values
    out = np.empty(last - first)
    for low, high in itertools.pairwise([first, *inside, last]):
        with account.phase("read"):
            out[low - first : high - first] = read_values(query, low, high, account, policy=options.policy)
        options.progress(high - first, last - first)
        options.limits.refuse_slow(time.perf_counter() - begun, high - first, last - first)
    return out


def _looks(query: Query, first: int, last: int) -> list[int]:
    """Return where reading stops for a moment to see how far it is."""
    bounds = pieces(query, VALUE_BYTES * (last - first), LOOK_SECONDS)
    inside: list[int] = bounds[(bounds > first) & (bounds < last)].tolist()
    return inside


def read_part(
    query: Query,
    bounds: NDArray[np.int64],
    number: int,
    whole: Account,
    policy: ReadPolicy,
    known: Callable[[PointsKey], bool] | None = None,
) -> Part:
    """Return the part of an answer that one of the `pieces` of its query is.

    Points that are `known` to who gets it are not worked out again: the answer then has no coordinates.
    """
    piece, first_field, first_point, places = (
        (query, 0, 0, np.arange(len(query.places)))
        if bounds.size == 2
        else piece_of(query, *bounds[number : number + 2].tolist())
    )
    account = Account(fields=piece.n_fields, points=int(piece.value_start()[-1]))
    account.bytes_whole_fields = int(piece.fields.length.sum())
    with account.phase("read"):
        values = read_values(piece, 0, int(piece.read_start()[-1]), account, policy=policy)
    n_points = sum(place.n_points for place in piece.places)
    is_known = known is not None and known(points_key(first_point, n_points, places))
    return Part(
        answer=assemble(piece, values, account, located=not is_known),
        number=number,
        n_parts=bounds.size - 1,
        n_values=whole.points,
        first_field=first_field,
        first_point=first_point,
        places=places,
        whole=whole,
    )


def assemble(query: Query, values: Float64s, account: Account, *, located: bool = True) -> Answer:
    """Return the answer for the values read of a query (`read_values` from 0 to the last).

    Not `located`, its index, latitude and longitude are empty, unless it is reduced and needs them.
    """
    with account.phase("assemble"):
        wanted = query.places if located or query.reduction else ()
        indices = _joined([place.indices() for place in wanted], np.int64)
        coordinates = [place.coordinates() for place in wanted]
        answer = Answer(
            kind=query.feature.kind,
            axis=query.feature.axis,
            columns=query.chosen.columns,
            level=query.chosen.level,
            step=query.chosen.step,
            reference=query.chosen.reference,
            grids=tuple(place.grid.name for place in query.places),
            index=indices,
            latitude=_joined([latitude for latitude, _ in coordinates], np.float64),
            longitude=_joined([longitude for _, longitude in coordinates], np.float64),
            place_start=np.cumsum([0, *(place.n_points for place in query.places)]),
            place_of_field=query.place_of_field,
            values=_in_answer_order(query, values),
            account=account,
        )
        return reduced(answer, query.reduction) if query.reduction else answer


def _joined(arrays: Sequence[NDArray[Any]], dtype: type) -> NDArray[Any]:
    """Return arrays as one: the only one itself, not a copy of it."""
    return arrays[0] if len(arrays) == 1 else np.concatenate([np.empty(0, dtype), *arrays])


def _in_answer_order(query: Query, values: Float64s) -> Float64s:
    """Return the values as the answer has them: points in the order asked for, repeated, or made of them."""
    if all(place.order is None for place in query.places):
        return values
    begin, to = query.read_start(), query.value_start()
    out = np.empty(int(to[-1]))
    for number, place in enumerate(query.places):
        rows = np.flatnonzero(query.place_of_field == number)
        for part in np.array_split(rows, max(1, -(-rows.size * place.n_read // VALUES_AT_ONCE))):
            read = values[begin[part][:, None] + np.arange(place.n_read)]
            out[to[part][:, None] + np.arange(place.n_points)] = place.values(read)
    return out
