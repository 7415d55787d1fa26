"""Where is a store, and which schema does it follow?

FDB 5's configuration, as far as one local store needs it::

    type: local
    schema: /path/to/schema        # absent: the default schema
    spaces:
      - regex: "od:.*"             # of the database's directory name; absent: any
        roots:
          - {path: /fast, writable: true, visit: true}

A path that is no file is a root of its own. Without a configuration ``FDB_CONFIG`` (YAML text),
``FDB_CONFIG_FILE`` and ``$FDB_HOME/etc/fdb/config.yaml`` are looked at, in this order.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dte_hpc.base.config import parse_yaml, read_yaml, refuse, struct
from dte_hpc.base.errors import InvalidConfig

_HANDLERS = ("Default", "First")


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
    """

    path: str
    name: str = ""
    writable: bool = True
    visit: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """The roots of the databases whose directory name matches.

    Attributes
    ----------
    roots : tuple of Root
        A new database goes to the first writable one.
    name : str
        For people.
    regex : str
        That the whole directory name must match.
    handler : str
        Default or First: both take the first writable root.
    """

    roots: tuple[Root, ...]
    name: str = ""
    regex: str = ".*"
    handler: str = "Default"

    def __post_init__(self) -> None:
        if self.handler not in _HANDLERS:
            raise InvalidConfig(f"found the handler {self.handler!r}; expected one of {', '.join(_HANDLERS)}")
        if not self.roots:
            raise InvalidConfig("found no roots; expected at least one")
        try:
            re.compile(self.regex)
        except re.error as error:
            raise InvalidConfig(f"found the regex {self.regex!r}, which is none: {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class FDBConfig:
    """The configuration of a store.

    Attributes
    ----------
    spaces : tuple of Space
        The first whose regex matches takes a database.
    schema : str
        Path of the schema; empty for the default one.
    type, engine, store : str
        Only ``local``, ``toc`` and ``file`` are understood.
    """

    spaces: tuple[Space, ...]
    schema: str = ""
    type: str = "local"
    engine: str = "toc"
    store: str = "file"

    def __post_init__(self) -> None:
        for name, expected in (("type", "local"), ("engine", "toc"), ("store", "file")):
            if getattr(self, name) != expected:
                raise refuse(f"$.{name}", repr(getattr(self, name)), repr(expected))
        if not self.spaces:
            raise refuse("$.spaces", "no space", "at least one")

    def readable_roots(self) -> tuple[Path, ...]:
        """Return every root that is looked at when reading, in order."""
        roots = (root for space in self.spaces for root in space.roots if root.visit)
        return tuple(dict.fromkeys(Path(root.path) for root in roots))

    def root_for(self, name: str) -> Path:
        """Return the root of a database: where it exists already, else the first that is writable."""
        for space in self.spaces:
            if re.fullmatch(space.regex, name):
                roots = [Path(root.path) for root in space.roots if root.writable]
                existing = [root for root in roots[1:] if (root / name).is_dir()] if len(roots) > 1 else []
                if not roots:
                    break
                return existing[0] if existing and not (roots[0] / name).is_dir() else roots[0]
        raise InvalidConfig(f"no space of the store has a writable root for {name}", name=name)


def config_of(source: "str | Path | Mapping[str, Any] | FDBConfig | None") -> FDBConfig:
    """Return the configuration of a store from whatever describes it.

    Raises
    ------
    InvalidConfig
        Naming the place of what is wrong, or what was looked for.
    """
    if isinstance(source, FDBConfig):
        return source
    if isinstance(source, Mapping):
        return struct(FDBConfig, source)
    if source is None or source == "":
        return _from_environment()
    if isinstance(source, str) and "\n" in source:
        return struct(FDBConfig, parse_yaml(source))
    if _is_file(source):
        return _of_file(source)
    return FDBConfig(spaces=(Space(roots=(Root(path=str(Path(source).absolute())),)),))


def _of_file(path: str | Path) -> FDBConfig:
    return struct(FDBConfig, read_yaml(path), f"{path}: $")


def _is_file(path: str | Path) -> bool:
    """Whether a path is a file; what can be no path at all (too long) is none."""
    try:
        return Path(path).is_file()
    except OSError:
        return False


def _from_environment() -> FDBConfig:
    if text := os.environ.get("FDB_CONFIG"):
        return struct(FDBConfig, parse_yaml(text, source="FDB_CONFIG"))
    if path := os.environ.get("FDB_CONFIG_FILE"):
        return _of_file(path)
    home = os.environ.get("FDB_HOME")
    if home and (found := Path(home, "etc/fdb/config.yaml")).is_file():
        return _of_file(found)
    raise InvalidConfig(
        "no store was named; expected a directory, a configuration, "
        "or one of FDB_CONFIG, FDB_CONFIG_FILE, FDB_HOME"
    )
