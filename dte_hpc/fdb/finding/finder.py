"""Which fields of a handle's databases answer a request?

Most requests compare columns with what is wanted (`dte_hpc.fdb.finding.matching`). One that gives every
keyword one value finds its row by a number (`dte_hpc.fdb.finding.lookup`).
"""

from collections.abc import Collection
from typing import Literal, get_args

import numpy as np

from dte_hpc.base.errors import FieldNotFound, InvalidRequest
from dte_hpc.base.request import Request
from dte_hpc.fdb.files.database import Database
from dte_hpc.fdb.finding.listing import Listing, Part
from dte_hpc.fdb.finding.lookup import Lookups
from dte_hpc.fdb.finding.matching import (
    MAX_NAMED,
    Order,
    Rows,
    Wanted,
    joint_column,
    key_numbers,
    matching_rows,
    narrowed,
    newest_rows,
    request_order,
    wanted_of,
)
from dte_hpc.fdb.finding.seek import ABSENT, UNSURE
from dte_hpc.fdb.naming.schema import Schema
from dte_hpc.fdb.places.lanes import Lanes
from dte_hpc.fdb.places.spaces import Use
from dte_hpc.fdb.upkeep.control import Control, is_locked

MAX_REPORTED = 10_000
_CONTROL: dict[Use, Control] = {"list": Control.LIST, "retrieve": Control.RETRIEVE}
Missing = Literal["error", "skip", "report"]
Parts = list[Part]
Single = list[tuple[Part, int]]


class Finder:
    """What one handle finds.

    Parameters
    ----------
    lanes : Lanes
        The databases.
    """

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._schema = lanes.schema
        self._lookups = Lookups()

    def list(self, request: Request, *, masked: bool) -> Listing:
        """Return the fields that answer a request; see `dte_hpc.fdb.store.FDB.list`."""
        return self._list(request, masked=masked) or self._list(request, masked=masked, everywhere=True)

    def _list(
        self, request: Request, use: Use = "list", *, masked: bool = False, everywhere: bool = False
    ) -> Listing:
        parts: Parts = []
        rows = []
        with self._lanes.lock:
            for lane, wanted, database in self._lanes.visit(request, use, everywhere=everywhere):
                if is_locked(database.where, _CONTROL[use]):
                    continue
                schema = _readable_schema(database) or lane.schema
                asked = wanted if schema.same_text(lane.schema) else _wanted_there(request, schema)
                if asked is None or (table := database.table_for(asked)).n_rows == 0:
                    continue
                found = matching_rows(table, asked, schema.hidden)
                found = table.fields(found) if masked else newest_rows(table, found)
                if len(found):
                    parts.append((database, table))
                    rows.append(found)
        part = np.repeat(np.arange(len(rows), dtype=np.int32), [len(found) for found in rows])
        listing = Listing(
            parts, part, np.concatenate(rows) if rows else np.empty(0, np.int64), self._schema.order
        )
        several = len({database.name for database, _ in parts}) < len(parts)
        return listing.select(_first_rows(listing)) if several and not masked else listing

    def inspect(self, request: Request, missing: Missing) -> Listing:
        """Return the fields that a request names, in its order; see `dte_hpc.fdb.store.FDB.inspect`."""
        if missing not in get_args(Missing):
            raise InvalidRequest(f"found missing={missing!r}; expected 'error', 'skip' or 'report'")
        defaults = {k: [default, ""] for k, default in self._schema.defaults.items() if k not in request}
        asked = request.replace(**defaults) if defaults else request
        single = self._single(asked, defaults)
        if single is not None:
            return single
        limit = MAX_REPORTED if missing == "report" else MAX_NAMED
        listing, answer = self._answer(asked, defaults, limit)
        if answer.n_missing:
            listing, answer = self._answer(asked, defaults, limit, everywhere=True)
        if answer.n_missing and missing == "error":
            raise _not_found(answer.n_missing, answer.missing, len(answer.rows))
        found = listing.select(answer.rows)
        if missing == "report":
            found.missing, found.n_missing = answer.missing, answer.n_missing
        return found

    def _answer(
        self, request: Request, defaults: Collection[str], limit: int, *, everywhere: bool = False
    ) -> tuple[Listing, Order]:
        """Return what matches a request, and how that answers it."""
        listing = self._list(request, "retrieve", everywhere=everywhere)
        wanted = wanted_of(request, self._schema)
        wanted = {
            k: wanted[k]
            for k in sorted(wanted, key=self._schema.place)
            if k not in self._schema.hidden and k not in defaults
        }
        columns = {k: listing.codes(k) for k in dict.fromkeys((*wanted, *listing.keywords))}
        for k, values in wanted.items():
            if values[0].parts:
                columns[k] = joint_column([listing.codes(stored) for stored, _ in values[0].parts])
        return listing, request_order(wanted, columns, len(listing), limit)

    def _single(self, request: Request, defaults: Collection[str]) -> Listing | None:
        """Return the one field that a request names, None where `_answer` must look."""
        if any(len(values) != 1 for keyword, values in request.items() if keyword not in defaults):
            return None
        found: Single = []
        with self._lanes.lock:
            for lane, asked, database in self._lanes.visit(request, "retrieve", everywhere=False):
                if is_locked(database.where, Control.RETRIEVE):
                    continue
                schema, table = _readable_schema(database) or lane.schema, database.table_for(asked)
                if table.n_rows == 0:
                    continue
                wanted = narrowed(asked, table.keywords)
                if not schema.same_text(lane.schema) or any(not v or v[0].parts for v in wanted.values()):
                    return None
                keywords = frozenset(wanted).difference(defaults)
                row = self._lookups.row(table, wanted, keywords, schema.hidden)
                if row != ABSENT:
                    found.append(((database, table), row))
        if len(found) != 1 or found[0][1] == UNSURE:
            return None
        part, row = found[0]
        return Listing([part], np.zeros(1, np.int32), np.array([row], np.int64), self._schema.order)


def _first_rows(listing: Listing) -> Rows:
    """Return of fields with equal keys the first: a database may be in several roots."""
    ids, _ = key_numbers([listing.codes(k)[0] for k in listing.keywords], np.arange(len(listing)))
    _, first = np.unique(ids, return_index=True)
    return np.sort(first)


def _wanted_there(request: Request, schema: Schema) -> Wanted | None:
    """Return what is wanted in the words of a database's own schema, None if it cannot have it."""
    try:
        return wanted_of(request, schema)
    except InvalidRequest:
        return None


def _readable_schema(database: Database) -> Schema | None:
    try:
        return database.schema()
    except OSError:
        return None


def _not_found(n_missing: int, missing: tuple[dict[str, str], ...], n_found: int) -> FieldNotFound:
    named = "; ".join(",".join(f"{k}={v}" for k, v in values.items()) for values in missing)
    more = f"; and {n_missing - len(missing)} more" if n_missing > len(missing) else ""
    return FieldNotFound(
        f"{n_missing} of the fields asked for are not stored ({n_found} are): {named}{more}",
        missing=missing,
        n_missing=n_missing,
    )
