"""How is a request answered on one rank?

Parse, locate, find the points, read them, put the answer together: each phase timed, nothing read before
everything that can be refused has been.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.extract.account import Account
from dte_hpc.extract.answer import Answer
from dte_hpc.extract.batches import ReadPolicy
from dte_hpc.extract.limits import Limits
from dte_hpc.extract.query import Query, make_query
from dte_hpc.extract.read import read_values
from dte_hpc.extract.request import parse_request
from dte_hpc.extract.store import Store

if TYPE_CHECKING:
    from dte_hpc.parallel.mpi import Comm

Float64s = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How requests are answered.

    Attributes
    ----------
    limits : Limits
        How large a request may be.
    policy : ReadPolicy
        What reading weighs.
    """

    limits: Limits = field(default_factory=Limits)
    policy: ReadPolicy = field(default_factory=ReadPolicy)


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
    options = options or Options()
    query, account = plan(store, request, options)
    with account.phase("read"):
        n_values = int(query.read_start()[-1])
        values = read_values(query, 0, n_values, account, policy=options.policy)
    return assemble(query, values, account)


def plan(store: Store, request: Mapping[str, Any], options: Options | None = None) -> tuple[Query, Account]:
    """Return what a request comes down to, and an account of what it would touch; reads no field."""
    options, account = options or Options(), Account()
    with account.phase("parse"):
        parsed = parse_request(request, options.limits)
    return make_query(store, parsed, options.limits, account), account


def assemble(query: Query, values: Float64s, account: Account) -> Answer:
    """Return the answer for the values read of a query (`read_values` from 0 to the last)."""
    with account.phase("assemble"):
        coordinates = [place.coordinates() for place in query.places]
        indices = [place.indices() for place in query.places]
        return Answer(
            kind=query.feature.kind,
            axis=query.feature.axis,
            columns=query.chosen.columns,
            level=query.chosen.level,
            step=query.chosen.step,
            reference=query.chosen.reference,
            grids=tuple(place.grid.name for place in query.places),
            index=np.concatenate(indices),
            latitude=np.concatenate([latitude for latitude, _ in coordinates]),
            longitude=np.concatenate([longitude for _, longitude in coordinates]),
            place_start=np.cumsum([0, *(place.n_points for place in query.places)]),
            place_of_field=query.place_of_field,
            values=_in_answer_order(query, values),
            account=account,
        )


def _in_answer_order(query: Query, values: Float64s) -> Float64s:
    """Return the values as the answer has them: points in the order asked for, repeats repeated."""
    if all(place.order is None for place in query.places):
        return values
    begin = query.read_start()
    orders = [np.arange(place.n_read) if place.order is None else place.order for place in query.places]
    taken = [begin[row] + orders[place] for row, place in enumerate(query.place_of_field.tolist())]
    in_order: Float64s = values[np.concatenate(taken)]
    return in_order
