"""Where may a store's databases lie, and what may be done there?

The values of FDB 5's configuration: roots, grouped into spaces, and several whole stores behind one
handle (``type: select``). `config` reads them, `lanes` acts on them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dte_hpc.base.config import refuse
from dte_hpc.base.errors import InvalidConfig
from dte_hpc.fdb.places.lustre import Layouts

Use = Literal["list", "retrieve", "archive", "wipe"]
USES: tuple[Use, ...] = ("list", "retrieve", "archive", "wipe")
ENGINES = ("toc", "fdb5-toc")
HANDLERS = (
    "Default",
    "First",
    "LeastUsed",
    "LeastUsedPercent",
    "RoundRobin",
    "Random",
    "PureRandom",
    "WeightedRandom",
    "WeightedRandomPercent",
    "expver",
    "envvar",
)
_POSIX_CLASSES = {"alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "lower": "a-z", "upper": "A-Z"}


def regex_of(text: str) -> re.Pattern[str]:
    """Return a POSIX extended regular expression, as FDB's configuration writes them.

    Raises
    ------
    InvalidConfig
        For what is none.
    """
    own = re.sub(r"\[:(\w+):\]", lambda found: _POSIX_CLASSES.get(found[1], found[0]), text)
    try:
        return re.compile(own)
    except re.error as error:
        raise InvalidConfig(f"found the regex {text!r}, which is none: {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A directory that holds databases.

    Attributes
    ----------
    path : str
        Of the directory; it is made when the first database is.
    name : str
        For people.
    writable, visit : bool
        Whether new fields may go there, and whether it is looked at when reading.
    list, retrieve, archive, wipe : bool, optional
        The same, one by one: the first two are `visit`, the others `writable`, unless said otherwise.
    """

    path: str
    name: str = ""
    writable: bool = True
    visit: bool = True
    list: bool | None = None
    retrieve: bool | None = None
    archive: bool | None = None
    wipe: bool | None = None

    def allows(self, use: Use) -> bool:
        """Whether databases there may be used so."""
        own: bool | None = getattr(self, use)
        return own if own is not None else (self.visit if use in ("list", "retrieve") else self.writable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """The roots of the databases whose directory name matches.

    Attributes
    ----------
    roots : tuple of Root
        Among which a new database's is chosen; or, in their stead, both of the next two.
    catalogue_roots, store_roots : tuple of Root
        For schema, index and toc, and for data files: two file systems.
    name : str
        For people.
    regex : str
        That the directory name must contain (``^`` and ``$`` mean its ends).
    handler : str
        How the root of a new database is chosen, see `dte_hpc.fdb.places.handlers`.
    """

    roots: tuple[Root, ...] = ()
    catalogue_roots: tuple[Root, ...] = ()
    store_roots: tuple[Root, ...] = ()
    name: str = ""
    regex: str = ".*"
    handler: str = "Default"

    def __post_init__(self) -> None:
        if self.handler not in HANDLERS:
            raise refuse("$.handler", f"the handler {self.handler!r}", f"one of {', '.join(HANDLERS)}")
        if not (self.roots or self.catalogue_roots or self.store_roots):
            raise refuse("$.roots", "no roots", "at least one")
        if bool(self.catalogue_roots) != bool(self.store_roots) or (self.roots and self.store_roots):
            raise refuse("$.roots", "only some of the roots", "roots, or catalogueRoots and storeRoots")
        _ = regex_of(self.regex)

    @property
    def homes(self) -> tuple[Root, ...]:
        """The roots that hold the databases' directories with schema, index and toc."""
        return self.roots or self.catalogue_roots

    def takes(self, name: str) -> bool:
        """Whether a database of that directory name belongs here."""
        return bool(regex_of(self.regex).search(name))


@dataclass(frozen=True, slots=True, kw_only=True)
class FDBConfig:
    """The configuration of a store.

    Attributes
    ----------
    type : str
        ``local``, or ``select``: each field belongs to one of several stores.
    spaces : tuple of Space
        Of a local store: the first whose regex matches takes a database.
    fdbs : tuple of FDBConfig
        Of a select store: the first whose conditions a key meets takes it.
    select, excludes : str, tuple of str
        Conditions of one of `fdbs`: ``class=od,expver=xx.?.?`` (keyword=regex, all of them must match),
        and conditions of the same form none of which may.
    schema : str
        Path of the schema; empty for the default one.
    engine : str
        How databases are stored: ``toc``, or ``fdb5-toc`` for those of ECMWF's FDB, which are only read.
    store : str
        Only ``file``.
    writable, visitable : bool
        Whether the store as a whole may be written to and read.
    list, retrieve, archive, wipe : bool, optional
        The same, one by one.
    permissions : str or int
        Of new files (``"0644"``); empty for what the process's umask leaves.
    lustre : Layouts, optional
        How files are striped on Lustre; None for what the environment says, see `dte_hpc.fdb.places.lustre`.
    """

    type: str = "local"
    spaces: tuple[Space, ...] = ()
    fdbs: "tuple[FDBConfig, ...]" = ()
    select: str = ""
    excludes: tuple[str, ...] = ()
    schema: str = ""
    engine: str = "toc"
    store: str = "file"
    writable: bool = True
    visitable: bool = True
    list: bool | None = None
    retrieve: bool | None = None
    archive: bool | None = None
    wipe: bool | None = None
    permissions: str | int = ""
    lustre: Layouts | None = None

    def __post_init__(self) -> None:
        if self.type not in ("local", "select"):
            expected = "'local' or 'select' (there are no servers here: name the roots, or ask over HTTP)"
            raise refuse("$.type", repr(self.type), expected)
        if self.engine not in ENGINES:
            raise refuse("$.engine", repr(self.engine), " or ".join(map(repr, ENGINES)))
        if self.store != "file":
            raise refuse("$.store", repr(self.store), "'file'")
        if self.type == "local" and not self.spaces:
            raise refuse("$.spaces", "no space", "at least one")
        if self.type == "local" and self.fdbs:
            raise refuse("$.fdbs", "stores", "none, for type: local")
        if self.type == "select" and (not self.fdbs or self.spaces):
            raise refuse(
                "$.fdbs", "spaces" if self.spaces else "no store", "at least one, each with its spaces"
            )
        _ = self.mode, [conditions_of(text) for text in (self.select, *self.excludes)]

    @property
    def mode(self) -> int | None:
        """The permissions of new files, None for the usual ones."""
        if self.permissions == "":
            return None
        try:
            mode = self.permissions if isinstance(self.permissions, int) else int(self.permissions, 8)
        except ValueError:
            mode = -1
        if not 0o400 <= mode <= 0o777:
            raise refuse("$.permissions", repr(self.permissions), "an octal number like '0644'")
        return mode

    def allows(self, use: Use) -> bool:
        """Whether the store as a whole may be used so."""
        own: bool | None = getattr(self, use)
        return own if own is not None else (self.visitable if use in ("list", "retrieve") else self.writable)

    def roots(self, use: Use) -> tuple[Path, ...]:
        """Return every root whose databases may be used so, in order, of all stores of a select."""
        if not self.allows(use):
            return ()
        if self.fdbs:
            return tuple(dict.fromkeys(root for store in self.fdbs for root in store.roots(use)))
        return _paths(root for space in self.spaces for root in space.homes if root.allows(use))

    def store_roots(self) -> tuple[Path, ...]:
        """Return every root that may hold data files of databases which lie elsewhere."""
        return _paths(root for space in self.spaces for root in space.store_roots)

    def readable_roots(self) -> tuple[Path, ...]:
        """Return every root that is looked at when listing, in order."""
        return self.roots("list")


def _paths(roots: Iterable[Root]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(Path(root.path) for root in roots))


def conditions_of(text: str) -> dict[str, re.Pattern[str]]:
    """Return the conditions ``keyword=regex,keyword=regex``; InvalidConfig for what is none."""
    conditions: dict[str, re.Pattern[str]] = {}
    for item in filter(None, text.split(",")):
        keyword, equals, regex = (part.strip() for part in item.partition("="))
        if not (keyword and equals and regex) or "=" in regex or keyword in conditions:
            raise refuse("$.select", repr(item), "keyword=regex,keyword=regex, each keyword once")
        conditions[keyword] = regex_of(regex)
    return conditions
