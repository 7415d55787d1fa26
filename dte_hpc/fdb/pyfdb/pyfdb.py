"""How are fields stored and found, in pyfdb's words?

Requests are in the MARS language. As there, what a retrieve does not find it leaves out, and a keyword that
the schema does not have finds nothing in a list, and is passed over in a retrieve.
"""

import dataclasses
import weakref
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from dte_hpc.base.config import as_mapping
from dte_hpc.base.request import Request
from dte_hpc.fdb import store
from dte_hpc.fdb.files.database import Database
from dte_hpc.fdb.finding.listing import Listing
from dte_hpc.fdb.mars import mars_request
from dte_hpc.fdb.naming.levels import Levels
from dte_hpc.fdb.naming.schema import Schema
from dte_hpc.fdb.pyfdb import reports
from dte_hpc.fdb.pyfdb._internal import config_node
from dte_hpc.fdb.pyfdb.pyfdb_iterator import (
    ControlElement,
    IndexAxis,
    ListElement,
    PurgeElement,
    StatsElement,
    StatusElement,
    WipeElement,
    controls,
    list_elements,
)
from dte_hpc.fdb.pyfdb.pyfdb_type import (
    ControlAction,
    ControlIdentifier,
    DataHandle,
    MarsIdentifier,
    MarsSelection,
    UserInputMapper,
)
from dte_hpc.fdb.pyfdb.rows import FieldRows, LevelRows, Rows
from dte_hpc.fdb.pyfdb.streams import MultiStream
from dte_hpc.fdb.pyfdb.told import as_runtime_error
from dte_hpc.fdb.pyfdb.wiper import Wiper
from dte_hpc.fdb.upkeep.control import Action, Control

Config = str | dict[str, Any] | Path | None
_ACTIONS: dict[ControlAction, Action] = {ControlAction.ENABLE: "enable", ControlAction.DISABLE: "disable"}


class FDB:
    """A store of fields by key. What was archived is flushed when the handle is no longer used.

    Parameters
    ----------
    config : str, dict, Path or None
        FDB's configuration as YAML text, as what it says, as a file of it, or what the environment names.
    user_config : str, dict, Path or None
        Kept, and returned by `config`; what it can say has no meaning here.

    Raises
    ------
    RuntimeError
        ``UserError: ...`` here and in every method, where the store says why.
    ValueError
        For a configuration of another type.
    """

    def __init__(self, config: Config = None, user_config: Config = None) -> None:
        system, user = config_node(config), config_node(user_config)
        self._config = {} if system is None else system
        self._user_config = user if system is not None and user is not None else {}
        self._levels: dict[Schema, Levels] = {}
        self._opened: store.FDB | None = None
        if self._config:
            self._open()
        else:  # as there, a handle that nothing names is made, and fails when it is used
            with suppress(RuntimeError):
                self._config = dataclasses.asdict(self._open().config)

    def _open(self) -> store.FDB:
        with as_runtime_error():
            self._opened = store.FDB(as_mapping("$", self._config) if self._config else None)
        weakref.finalize(self, _flush_and_close, self._opened)
        return self._opened

    @property
    def _store(self) -> store.FDB:
        return self._opened or self._open()

    def __enter__(self) -> "FDB":
        return self

    def __exit__(self, exc_type: Any, exc_value: Any, exc_traceback: Any) -> None:
        self.flush()

    def __repr__(self) -> str:
        roots = self._opened.config.readable_roots() if self._opened else ()
        return f"FDB({', '.join(map(str, roots))})"

    # -- writing

    def archive(self, data: bytes | str, identifier: MarsIdentifier | None = None) -> None:
        """Store bytes under an identifier, or every GRIB message of them under the key of its header."""
        key = None if identifier is None else UserInputMapper.map_identifier_to_internal(identifier)
        message = data.encode() if isinstance(data, str) else data
        with as_runtime_error():
            self._store.archive(message, None if key is None else dict(key))

    def flush(self) -> None:
        """Make everything archived through this handle durable and visible."""
        if self._opened is not None:
            with as_runtime_error():
                self._opened.flush()

    def dirty(self) -> bool:
        """Whether something was archived and not flushed."""
        return self._opened is not None and self._opened.dirty

    # -- reading

    def retrieve(self, mars_selection: MarsSelection) -> DataHandle:
        """Return the messages a selection names, in its order; those that are not there are left out."""
        if len(mars_selection) == 0:
            raise TypeError("FDB.retrieve: Wildcard selection aren't support for retrieving.")
        return DataHandle(MultiStream(self._inspected(mars_selection)), _internal=True)

    def inspect(self, mars_selection: MarsSelection) -> Iterator[ListElement]:
        """Yield an element for each field that a retrieve would return."""
        if mars_selection:
            yield from list_elements(self._fields(self._inspected(mars_selection)))

    def _inspected(self, selection: MarsSelection) -> Listing:
        with as_runtime_error():
            request = _request(selection)
            known = self._store.schema.known
            if not known.issuperset(request):
                request = Request.of_expanded({k: values for k, values in request.items() if k in known})
            return self._store.inspect(request, missing="skip")

    def list(
        self, mars_selection: MarsSelection, include_masked: bool = False, level: int = 3
    ) -> Iterator[ListElement]:
        """Yield an element for each stored field that a selection asks for.

        Parameters
        ----------
        mars_selection : MarsSelection
            An absent keyword asks for every value.
        include_masked : bool
            Whether earlier fields of the same key are listed too (level 3).
        level : int
            1 for databases, 2 for their indexes, anything else for fields.
        """
        yield from list_elements(self._listed(mars_selection, include_masked, level))

    def _listed(self, selection: MarsSelection, masked: bool, level: int) -> Rows:
        with as_runtime_error():
            request = self._answerable(selection)
            if request is None:
                return LevelRows(())
            if level == 1:
                found = self._store.status(request)
                return LevelRows([(one.key,) for one in found if Control.LIST not in one.disabled])
            fields = self._fields(self._store.list(request, masked=masked and level != 2))
            return fields.index_rows() if level == 2 else fields

    def _fields(self, listing: Listing) -> FieldRows:
        def levels_of(number: int) -> Levels:
            schema = _readable_schema(listing.databases[number]) or self._store.schema
            found = self._levels.get(schema)
            if found is None:
                found = self._levels[schema] = Levels(schema)
            return found

        return FieldRows(listing, levels_of)

    def _answerable(self, selection: MarsSelection) -> Request | None:
        """Return what a selection asks for, None when it names a keyword that the schema does not have."""
        request = _request(selection)
        return request if self._store.schema.known.issuperset(request) else None

    def axes(self, mars_selection: MarsSelection, level: int = 3) -> IndexAxis:
        """Return the values of each keyword, down to a level, of the fields that a selection asks for."""
        with as_runtime_error():
            request = self._answerable(mars_selection)
            if request is None:
                return IndexAxis({})
            return IndexAxis(self._fields(self._store.list(request)).axes(min(max(level, 1), 3)))

    def stats(self, mars_selection: MarsSelection) -> Iterator[StatsElement]:
        """Yield for each database how much it holds."""
        with as_runtime_error():
            request = self._answerable(mars_selection)
            found = () if request is None else self._store.stats(request)
        for one in found:
            yield StatsElement(reports.of_stats(one), _internal=True)

    # -- what may be done with databases

    def status(self, mars_selection: MarsSelection) -> Iterator[StatusElement]:
        """Yield for each database what is locked in it."""
        with as_runtime_error():
            request = self._answerable(mars_selection)
            found = () if request is None else self._store.status(request)
        for one in found:
            yield StatusElement(one, _internal=True)

    def control(
        self,
        mars_selection: MarsSelection,
        control_action: ControlAction,
        control_identifiers: Collection[ControlIdentifier],
    ) -> Iterator[ControlElement]:
        """Lock (DISABLE) or unlock (ENABLE) databases, and yield what is then locked in each.

        Nothing happens before the first element is asked for.
        """
        chosen = controls(control_identifiers)
        with as_runtime_error():
            request = self._answerable(mars_selection)
            action = _ACTIONS.get(control_action)
            if request is None:
                found: tuple[Any, ...] = ()
            elif action is None or not chosen:
                found = self._store.status(request)
            else:
                found = self._store.control(request, action, chosen)
        for one in found:
            yield ControlElement(one, _internal=True)

    def enabled(self, control_identifier: ControlIdentifier) -> bool:
        """Whether the configuration allows something."""
        return self._store.enabled(Control(control_identifier.value))

    def config(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the configuration and the user's configuration."""
        return self._config, self._user_config

    # -- deleting

    def wipe(
        self,
        mars_selection: MarsSelection,
        doit: bool = False,
        porcelain: bool = False,
        unsafe_wipe_all: bool = False,
    ) -> Iterator[WipeElement]:
        """Delete whole databases, or whole indexes of them; without `doit` only tell what would be deleted.

        Nothing happens before the first element is asked for.
        """
        with as_runtime_error():
            request = self._answerable(mars_selection)
            if request is None:
                return
            told = Wiper(self._store).wipe(request, doit=doit, unsafe=unsafe_wipe_all)
        for one in told:
            yield WipeElement(one, _internal=True)

    def purge(
        self, mars_selection: MarsSelection, doit: bool = False, porcelain: bool = False
    ) -> Iterator[PurgeElement]:
        """Remove files of which every field is masked; without `doit` only tell which.

        Nothing happens before the first element is asked for. With `porcelain` the elements are paths.
        """
        with as_runtime_error():
            request = self._answerable(mars_selection)
            if request is None:
                return
            Wiper(self._store).refuse_inner(request)
            stats = {one.where: one for one in self._store.stats(request)}
            plans = self._store.purge(request, doit=doit)
        for plan in plans:
            for line in reports.of_purge(plan, stats.get(plan.where), doit=doit, porcelain=porcelain):
                yield PurgeElement(line, _internal=True)


def _readable_schema(database: Database) -> Schema | None:
    """Return a database's own schema, None when it has none or it is damaged."""
    try:
        return database.schema()
    except OSError:
        return None


def _request(selection: MarsSelection) -> Request:
    mapped: Mapping[str, list[str]] = UserInputMapper.map_selection_to_internal(selection)
    return mars_request({keyword: values for keyword, values in mapped.items() if values})


def _flush_and_close(handle: store.FDB) -> None:
    try:
        if handle.dirty:
            handle.flush()
    finally:
        handle.close()
