"""How do several ranks answer one request together?

Each of them plans the whole request by itself, which costs milliseconds and moves nothing, and they
compare what they found: a store that changes meanwhile is looked at again. Then each reads its share of
the bytes, and the values are gathered as one buffer on the first rank. An error of one is raised by all.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dte_hpc.base.checksum import checksum
from dte_hpc.base.errors import InvalidRequest, RankFailed
from dte_hpc.extract.account import READING, Account
from dte_hpc.extract.answer import Answer, nothing
from dte_hpc.extract.as_feature import plain_request
from dte_hpc.extract.query import Query
from dte_hpc.extract.request import request_of_text
from dte_hpc.extract.run import Options, assemble, nobody, plan, read_watched
from dte_hpc.extract.shares import shares
from dte_hpc.extract.store import Store
from dte_hpc.parallel.agree import all_or_none
from dte_hpc.parallel.mpi import MIN, SUM, Comm
from dte_hpc.parallel.waiting import finish

LOOKS = 5
_PHASES = ("parse", "locate", "geometry", "read")


def extract_together(
    comm: Comm, store: Store, request: Mapping[str, Any] | None, options: Options | None = None
) -> Answer:
    """Collective: return the points a request asks for, on rank 0 of `comm`; elsewhere one without fields.

    Parameters
    ----------
    comm : Comm
        The ranks that share the work.
    store : Store
        The same store on every rank.
    request : mapping
        Of rank 0; what the others give is not looked at.

    Raises
    ------
    DteError
        The same on every rank.
    """
    options = options or Options()
    if comm.rank:
        options = replace(options, progress=nobody)
    given = _broadcast(comm, request)
    query, account = _agreed_plan(comm, store, given, options)
    bounds = shares(query, comm.size)
    first, last = bounds[comm.rank : comm.rank + 2].tolist()
    mine = all_or_none(comm, lambda: read_watched(query, first, last, account, options))
    with account.phase("read"):
        values = _gathered(comm, mine, np.diff(bounds))
    _add_up(comm, account)
    return (
        assemble(query, values, account)
        if comm.rank == 0
        else nothing(query.feature.kind, query.feature.axis, account)
    )


def _broadcast(comm: Comm, request: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the request of rank 0 on every rank."""

    def text() -> bytes:
        if comm.rank != 0:
            return b""
        try:
            return json.dumps(plain_request(request or {}), allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise InvalidRequest(f"$: the request is not JSON: {error}", place="$") from error

    sent = all_or_none(comm, text)
    size = np.array([len(sent)], np.int64)
    finish(comm.Ibcast(size, 0))
    buffer = np.empty(int(size[0]), np.uint8) if comm.rank else np.frombuffer(bytearray(sent), np.uint8)
    finish(comm.Ibcast(buffer, 0))
    return all_or_none(comm, lambda: request_of_text(buffer.tobytes().decode()))


def _agreed_plan(
    comm: Comm, store: Store, request: Mapping[str, Any], options: Options
) -> tuple[Query, Account]:
    """Return a plan that is the same on every rank."""
    for _ in range(LOOKS):
        query, account = all_or_none(comm, lambda: plan(store, request, options))
        mine = np.array([digest_of(query)], np.int64)
        both = np.empty(2, np.int64)
        finish(comm.Iallreduce(np.concatenate([mine, ~mine]), both, MIN))
        if both[0] == ~both[1]:
            return query, account
    raise RankFailed(
        f"the store changed {LOOKS} times while {comm.size} ranks looked up one request; "
        "expected them to find the same fields"
    )


def digest_of(query: Query) -> int:
    """Return a number that two plans of the same reads share."""
    fields = query.fields
    parts = [fields.offset, fields.length, query.place_of_field, fields.locations()[0].astype(np.int64)]
    parts += [edge for place in query.places for edge in (place.ranges.start, place.ranges.stop)]
    digest = checksum(np.concatenate([part.astype(np.int64) for part in parts]).view(np.uint8))
    return digest >> 1


def _gathered(comm: Comm, mine: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return all values on rank 0, none on the others."""
    values = np.empty(int(counts.sum()) if comm.rank == 0 else 0)
    begin = np.cumsum(counts) - counts
    target = [values, (counts.tolist(), begin.tolist())] if comm.rank == 0 else None
    finish(comm.Igatherv(mine, target, 0))
    return values


def _add_up(comm: Comm, account: Account) -> None:
    """Make the account that of all ranks, on rank 0: sums of bytes, seconds of the slowest."""
    mine = np.array([getattr(account, name) for name in READING], np.int64)
    total = np.empty_like(mine)
    finish(comm.Iallreduce(mine, total, SUM))
    seconds = -np.array([account.seconds.get(name, 0.0) for name in _PHASES])
    slowest = np.empty_like(seconds)
    finish(comm.Iallreduce(seconds, slowest, MIN))
    for name, value in zip(READING, total.tolist(), strict=True):
        setattr(account, name, value)
    account.seconds = dict(zip(_PHASES, (-slowest).tolist(), strict=True))
    account.ranks = comm.size
