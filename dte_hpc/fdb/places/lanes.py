"""Which databases does a handle read, and into which does it write?

A handle has one lane for each store of its configuration (`type: select`; else one). A key goes into
the first lane whose conditions it meets. A request is asked of every lane that may have it.

Databases are addressed, not searched for: when a request says one of few values for every keyword of a
schema's database level, their directories have known names, and each costs one lstat (none when it was
read before). Otherwise the names in a root are listed, once for as long as its mtime stays the same.
Only what no rule of the configured schema could have named (the schema of an older store had other
database keywords) needs such a list too: it is looked at when the addressed databases have no answer.
"""

import os
import stat
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from dte_hpc.base.errors import InvalidConfig, InvalidKey, InvalidRequest
from dte_hpc.base.events import Listener, RecordSkipped
from dte_hpc.base.request import Request
from dte_hpc.fdb.files.database import Database
from dte_hpc.fdb.files.disk import OpenFiles
from dte_hpc.fdb.finding.matching import Holding, Wanted, wanted_of
from dte_hpc.fdb.naming.schema import MAX_REMEMBERED, Route, Schema, default_schema, read_schema
from dte_hpc.fdb.places.config import schema_path
from dte_hpc.fdb.places.engines import ENGINES, Engine
from dte_hpc.fdb.places.handlers import choose
from dte_hpc.fdb.places.lane import Lane
from dte_hpc.fdb.places.lustre import layouts_of, report
from dte_hpc.fdb.places.spaces import USES, FDBConfig, Space, Use, conditions_of

SETTLED_NS = 10_000_000_000


class Found(NamedTuple):
    """A database that may answer a request.

    Attributes
    ----------
    lane : Lane
        Whose it is.
    wanted : Wanted
        The request in the words of the lane's schema.
    database : Database
        It may turn out to be empty.
    """

    lane: "Lane"
    wanted: Wanted
    database: Database


@dataclass(slots=True)
class _Names:
    """What was in a root: its mtime when that is all there is as long as it stays the same, else -1."""

    mtime_ns: int = -1
    values: dict[str, tuple[str, ...]] = field(default_factory=dict)
    foreign: dict[Lane, dict[str, tuple[str, ...]]] = field(default_factory=dict)


class Lanes:
    """The stores behind one handle.

    Parameters
    ----------
    config : FDBConfig
        Of the handle.
    schema : Schema, optional
        In place of every configured one.
    listener : Listener
        Told of damage.
    """

    def __init__(self, config: FDBConfig, schema: Schema | None, listener: Listener) -> None:
        self.lanes = tuple(_lanes(config, schema, ()))
        self.schema = Schema.joined([lane.schema for lane in self.lanes])
        self._listener = listener
        self._tested = tuple(
            {k: None for lane in self.lanes for c in lane.selects + lane.excludes for k in c}
        )
        self._roots = {(lane, use): lane.roots(use) for lane in self.lanes for use in USES}
        self._links: set[str] = set()
        self.forget()

    def forget(self) -> None:
        """Leave all open files, and a lock that another thread may hold, after a fork for instance."""
        self.lock = threading.RLock()
        self._files = OpenFiles()
        self._databases: dict[tuple[Path, str], Database] = {}
        self._names: dict[tuple[Path, str], _Names] = {}
        self._chosen: dict[tuple[Any, ...], Lane] = {}

    # -- writing

    def writing(self, key: Mapping[str, Any]) -> Lane:
        """Return the lane that takes a key.

        Raises
        ------
        InvalidKey
            If the key meets the conditions of none.
        """
        if len(self.lanes) == 1 and not self._tested:
            return self.lanes[0]
        values = tuple(key.get(keyword) for keyword in self._tested)
        found = self._chosen.get(values)
        if found is None:
            found = next((lane for lane in self.lanes if lane.allows("archive") and lane.takes(key)), None)
            if found is None:
                tested = ", ".join(f"{k}={v}" for k, v in zip(self._tested, values, strict=True))
                raise InvalidKey(f"no store of the configuration takes {tested or 'any key'}", key=dict(key))
            if len(self._chosen) >= MAX_REMEMBERED:
                self._chosen.clear()
            self._chosen[values] = found
        return found

    def root_for(self, lane: Lane, route: Route, values: tuple[str, ...]) -> Path:
        """Return the root of the database that a key belongs to: where it is already, else a chosen one.

        Raises
        ------
        InvalidConfig
            If there is none that may be written to.
        """
        name = route.directory(values)
        if not lane.engine.writes:
            reason = f"is stored as {lane.engine.name}, which is only read"
            raise InvalidConfig(f"the store that {name} belongs to {reason}", name=name)
        if lane.allows("archive"):
            space = next((space for space in lane.config.spaces if space.takes(name)), None)
            if space is not None:
                return self._root_in(lane, space, name, dict(zip(route.database, values, strict=False)))
        raise InvalidConfig(f"no space of the store has a writable root for {name}", name=name)

    def _root_in(self, lane: Lane, space: Space, name: str, key: Mapping[str, str]) -> Path:
        writable = [Path(root.path) for root in space.homes if root.allows("archive")]
        seen = [Path(root.path) for root in space.homes if root.allows("archive") or root.allows("list")]
        existing = [root for root in seen if self._exists(lane, root, name)] if len(seen) > 1 else []
        several = [root for root in existing if not (root / name / "duplicates.allow").exists()]
        if len(several) > 1:
            places = ", ".join(map(str, several))
            raise InvalidConfig(f"the database {name} is in several roots, {places}; expected one", name=name)
        if not writable or (existing and existing[-1] not in writable):
            at = f"; it is in {existing[-1]}, which is not" if existing else ""
            raise InvalidConfig(f"no space of the store has a writable root for {name}{at}", name=name)
        return existing[-1] if existing else choose(space.handler, writable, name, key)

    def _exists(self, lane: Lane, root: Path, name: str) -> bool:
        return (root / name).is_dir() and self.database(lane, root, name).exists()

    def database(self, lane: Lane, root: Path, name: str) -> Database:
        """Return a database, which need not exist."""
        place = (root, name)
        if place not in self._databases:
            self._databases[place] = lane.engine.open(lane.config, root, name, self._files, self._listener)
        return self._databases[place]

    def striping(self) -> dict[str, str]:
        """Return for each root how new databases there are striped over Lustre, in words."""
        told: dict[str, str] = {}
        for lane in self.lanes:
            stores = lane.config.store_roots()
            told |= report(lane.roots("archive"), lane.layouts, data=not stores, index=True)
            told |= report(stores, lane.layouts, data=True, index=False)
        return told

    # -- reading

    def visit(
        self, request: Request, use: Use = "list", wanted: Wanted | None = None, *, everywhere: bool = False
    ) -> Iterator[Found]:
        """Yield the databases that may answer a request, by lane, root and name.

        Parameters
        ----------
        request : Request
            An absent keyword asks for every value.
        use : str
            For which lanes and roots must be enabled.
        wanted : Wanted, optional
            The request in the words of `schema`, if that is known already.
        everywhere : bool
            Whether databases that the configured schema cannot have named are looked for, although the
            request names its databases.

        Raises
        ------
        InvalidRequest
            If no lane's schema understands the request.
        """
        refused: list[InvalidRequest] = []
        seen: set[tuple[Path, str]] = set()
        for lane in self.lanes:
            try:
                there = wanted if wanted and len(self.lanes) == 1 else wanted_of(request, lane.schema)
            except InvalidRequest as error:
                refused.append(error)
                continue
            for root, name in self._places(lane, request, there, use, everywhere):
                if (root, name) not in seen:
                    seen.add((root, name))
                    yield Found(lane, there, self.database(lane, root, name))
        if len(refused) == len(self.lanes):
            raise refused[0]

    def _places(
        self, lane: Lane, request: Request, wanted: Wanted, use: Use, everywhere: bool
    ) -> Iterator[tuple[Path, str]]:
        if not lane.may_have(request):
            return
        addressed = lane.names(wanted)
        holding = Holding(wanted, lane.schema) if addressed is None or everywhere else None
        for root in self._roots[lane, use]:
            found = {name for name in addressed or () if self._is_there(root, name)}
            if holding is not None:
                known = self._known(lane, root) if addressed is None else self._foreign(lane, root)
                found.update(n for n, v in known.items() if holding(v) and lane.owns(v))
            yield from ((root, name) for name in sorted(found))

    def _is_there(self, root: Path, name: str) -> bool:
        if (root, name) in self._databases:
            return True
        try:
            status = os.lstat(root / name)
        except FileNotFoundError:
            return False
        if stat.S_ISLNK(status.st_mode):
            self._tell_link(f"{root}/{name}")
        return stat.S_ISDIR(status.st_mode)

    def _known(self, lane: Lane, root: Path) -> dict[str, tuple[str, ...]]:
        """Return the databases of a root and the values their names mean."""
        return self._listed(lane.engine, root).values

    def _foreign(self, lane: Lane, root: Path) -> dict[str, tuple[str, ...]]:
        """Return those that no rule of the lane's schema could have named."""
        listed = self._listed(lane.engine, root)
        if lane not in listed.foreign:
            listed.foreign[lane] = {n: v for n, v in listed.values.items() if not lane.is_native(v)}
        return listed.foreign[lane]

    def _listed(self, engine: Engine, root: Path) -> _Names:
        """Return what is in a root, from memory while its mtime stays the same.

        A name that was made in the same tick of the file system's clock as the mtime may be missing in
        the list, so a list made within seconds of its root's mtime is not relied on again.
        """
        try:
            mtime_ns = root.stat().st_mtime_ns
            known = self._names.get((root, engine.name))
            if known is None or known.mtime_ns != mtime_ns:
                settled = time.time_ns() - mtime_ns > SETTLED_NS
                with os.scandir(root) as entries:
                    values = {
                        e.name: v for e in entries if (v := engine.values_of(e.name)) and self._is_database(e)
                    }
                known = self._names[root, engine.name] = _Names(mtime_ns if settled else -1, values)
        except FileNotFoundError:
            return _Names()
        return known

    def _is_database(self, entry: "os.DirEntry[str]") -> bool:
        if entry.is_symlink() and entry.is_dir():
            self._tell_link(entry.path)
        return entry.is_dir(follow_symlinks=False)

    def _tell_link(self, path: str) -> None:
        if path not in self._links:
            self._links.add(path)
            reason = "it is a symbolic link, which is not followed; name its root in the configuration"
            self._listener(RecordSkipped(where=path, reason=reason))


def _lanes(config: FDBConfig, schema: Schema | None, around: tuple[FDBConfig, ...]) -> Iterator[Lane]:
    """Yield the stores of a configuration, those of stores in stores too."""
    around = (*around, config)
    for store in config.fdbs:
        yield from _lanes(store, schema, around)
    if not config.fdbs:
        yield Lane(
            config,
            schema or _schema_of(config),
            ENGINES[config.engine],
            tuple(conditions_of(outer.select) for outer in around if outer.select),
            tuple(conditions_of(text) for outer in around for text in outer.excludes),
            around,
            layouts_of(config.lustre),
        )


def _schema_of(config: FDBConfig) -> Schema:
    path = schema_path(config)
    return read_schema(path) if path else default_schema()
