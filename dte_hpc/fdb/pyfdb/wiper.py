"""What does pyfdb's wipe remove, and what does it tell of it?

Whole databases are the store's `wipe`. A selection that names keywords of indexes removes these indexes
from every database: their fields are deleted, and the files that nothing needs any more are purged. One that
names a keyword of single fields removes nothing, as there; `dte_hpc.fdb.FDB.delete` does.
"""

import dataclasses
from collections import Counter
from collections.abc import Collection, Mapping

from dte_hpc.base.errors import StorageLocked
from dte_hpc.base.request import Request
from dte_hpc.fdb.pyfdb.pyfdb_iterator import WipeElementType
from dte_hpc.fdb.pyfdb.reports import Told, of_wipe, owner_of
from dte_hpc.fdb.store import FDB
from dte_hpc.fdb.upkeep.control import Control
from dte_hpc.fdb.upkeep.wipe import WipePlan


class Wiper:
    """Wipes a store.

    Parameters
    ----------
    store : FDB
        The store.
    """

    def __init__(self, store: FDB) -> None:
        self._store = store

    def wipe(self, request: Request, *, doit: bool, unsafe: bool) -> list[Told]:
        """Remove what a request names, or only find out; return what is told of it.

        Raises
        ------
        StorageLocked
            If a database is locked against it, also when nothing would be done.
        """
        status = self._store.status(request)
        for one in status:
            if Control.WIPE in one.disabled:
                raise StorageLocked(f"Database {one.where} is LOCKED against wiping", where=one.where)
        owners = {one.where: owner_of(one.where) for one in status}
        if not request.keys() <= self._keywords(1):
            return self._wipe_indexes(request, owners, doit=doit)
        plans = self._store.wipe(request, doit=doit, unsafe_wipe_all=unsafe)
        return [told for plan in plans for told in of_wipe(plan, owner=owners[plan.where], unsafe=unsafe)]

    def refuse_inner(self, request: Request) -> None:
        """Raise RuntimeError for a request that names more than databases, as pyfdb's purge does."""
        if not request.keys() <= self._keywords(1):
            raise RuntimeError(
                f"UserError: Purging not supported for over-specified requests. request={request}"
            )

    def _wipe_indexes(self, request: Request, owners: Mapping[str, str], *, doit: bool) -> list[Told]:
        outer = Request({k: v for k, v in request.items() if k in self._keywords(1)})
        plans = [plan for plan in self._store.wipe(outer) if plan.where in owners]
        n_fields: Counter[str] = Counter()
        removed: dict[str, tuple[str, ...]] = {}
        if request.keys() <= self._keywords(2):
            listing = self._store.list(request)
            n_fields.update(listing.databases[number].where for number in listing.part.tolist())
            if doit:
                self._store.delete(request)
                removed = {plan.where: plan.remove for plan in self._store.purge(outer, doit=True)}
        told: list[Told] = []
        for plan in plans:
            head, *rest = of_wipe(
                _only(plan, removed.get(plan.where, ())), owner=owners[plan.where], unsafe=True
            )
            fields = (WipeElementType.CATALOGUE_INFO, f"Fields to delete: {n_fields[plan.where]}", ())
            told += [head, fields, *rest] if n_fields[plan.where] else [head, *rest]
        return told

    def _keywords(self, n_levels: int) -> set[str]:
        """Return the keywords that rules have on the first levels."""
        rules = self._store.schema.rules
        return {p.keyword for rule in rules for level in rule.levels[:n_levels] for p in level}


def _only(plan: WipePlan, removed: Collection[str]) -> WipePlan:
    """Return the plan that removes only some of the files, and keeps the others."""
    kept = (*plan.catalogue, *plan.index, *plan.control, *plan.data)
    return dataclasses.replace(
        plan,
        catalogue=(),
        index=tuple(path for path in removed if path.endswith(".index")),
        control=(),
        data=tuple(path for path in removed if path.endswith(".data")),
        safe=tuple(path for path in kept if path not in removed),
        unknown=(),
    )
