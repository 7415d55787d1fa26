"""Where is a store, and which schema does it follow?

FDB 5's configuration (its YAML; `spaces` says what each value means)::

    type: local                    # or select, with fdbs: [{select: "class=od", <configuration>}, ...]
    schema: /path/to/schema        # absent: see below
    spaces:
      - regex: "^od:"              # of the database's directory name; absent: any
        handler: Default
        roots:                     # or catalogueRoots and storeRoots
          - {path: /fast, writable: true, visit: true}

A path that is no file is a root of its own. Without a configuration the environment is asked, in this
order: ``DTE_FDB_CONFIG`` (a root, a file or YAML), ``FDB_CONFIG`` (YAML), ``FDB_CONFIG_FILE``,
``FDB5_CONFIG``, ``FDB5_CONFIG_FILE``, ``$FDB_HOME/etc/fdb/NAME.yaml`` or ``.json`` (NAME: the program,
dte, config). What was found so gives way to ``FDB_ROOT_DIRECTORY`` where its spaces are concerned.
The schema is the configuration's, ``FDB_SCHEMA_FILE``, ``$FDB_HOME/etc/fdb/schema``, or the default one.
"""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dte_hpc.base.config import as_list, as_mapping, describe, parse_yaml, read_yaml, refuse, struct
from dte_hpc.base.errors import InvalidConfig
from dte_hpc.fdb.places.spaces import FDBConfig, Root, Space

IGNORED = frozenset(
    {"statistics", "toc-serialisation-version", "use-sub-toc", "preload-toc-btree", "config-source", "limits"}
)
"""What ECMWF's FDB reads and has no meaning here."""
MAX_DEPTH = 8
VARIABLES = ("DTE_FDB_CONFIG", "FDB_CONFIG", "FDB_CONFIG_FILE", "FDB5_CONFIG", "FDB5_CONFIG_FILE", "FDB_HOME")


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
        return _of_node(source, "$")
    if source is None or source == "":
        return _from_environment()
    if isinstance(source, str) and "\n" in source:
        return _of_node(parse_yaml(source), "$")
    if _is_file(source):
        return _of_node(read_yaml(source), f"{source}: $")
    return _of_root(source)


def schema_path(config: FDBConfig) -> str:
    """Return the path of the schema a store follows, empty for the default one."""
    if config.schema:
        return config.schema
    if path := os.environ.get("FDB_SCHEMA_FILE"):
        return _expanded(path, "FDB_SCHEMA_FILE", _home())
    usual = Path(_home(), "etc/fdb/schema") if _home() else None
    return str(usual) if usual and usual.is_file() else ""


def _of_root(path: str | Path) -> FDBConfig:
    return FDBConfig(spaces=(Space(roots=(Root(path=str(Path(path).absolute())),)),))


def _is_file(path: str | Path) -> bool:
    """Whether a path is a file; what can be no path at all (too long) is none."""
    try:
        return Path(path).is_file()
    except OSError:
        return False


# -- what a configuration says


def _of_node(node: Any, place: str, root: str = "") -> FDBConfig:
    return struct(FDBConfig, _prepared(node, place, _home(), root), place)


def _prepared(node: Any, place: str, home: str, root: str, depth: int = 0) -> dict[str, Any]:
    """Return a configuration in our spelling, its paths absolute, without what has no meaning here.

    A root takes the place of the spaces.
    """
    if depth > MAX_DEPTH:
        raise refuse(place, "stores in stores in stores", f"at most {MAX_DEPTH} levels")
    own = _spelled(node, place)
    home = str(own.pop("fdb-home", "") or home)
    if own.get("schema"):
        own["schema"] = _expanded(own["schema"], f"{place}.schema", home)
    if root and own.get("type", "local") == "local":
        own["spaces"] = [{"roots": [{"path": root}]}]
    for keyword in own.keys() & {"spaces"}:
        spaces = enumerate(as_list(f"{place}.spaces", own[keyword]))
        own[keyword] = [_prepared_space(space, f"{place}.spaces[{n}]", home) for n, space in spaces]
    for keyword in own.keys() & {"fdbs"}:
        stores = enumerate(as_list(f"{place}.fdbs", own[keyword]))
        kept = {k: own[k] for k in own.keys() & {"schema", "permissions", "lustre"}}
        own[keyword] = [
            {**kept, **_prepared(store, f"{place}.fdbs[{n}]", home, root, depth + 1)} for n, store in stores
        ]
    return {keyword: value for keyword, value in own.items() if keyword not in IGNORED}


def _prepared_space(node: Any, place: str, home: str) -> dict[str, Any]:
    own = _spelled(node, place)
    if own.pop("mars-disks", False):
        own["roots"] = _mars_disks(own.pop("path", "~fdb/etc/disks/fdb"), f"{place}.path", home)
    for keyword in own.keys() & {"roots", "catalogue-roots", "store-roots"}:
        roots = enumerate(as_list(f"{place}.{keyword}", own[keyword]))
        own[keyword] = [_prepared_root(root, f"{place}.{keyword}[{n}]", home) for n, root in roots]
    return own


def _prepared_root(node: Any, place: str, home: str) -> dict[str, Any]:
    own = _spelled(node, place)
    if "path" in own:
        own["path"] = _expanded(own["path"], f"{place}.path", home)
    return own


def _mars_disks(path: Any, place: str, home: str) -> list[dict[str, str]]:
    """Return the roots that a file names, one a line (``marsDisks: true``)."""
    file = Path(_expanded(path, place, home))
    try:
        words = [line.split() for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"{place}: {file} cannot be read: {error}", place=place) from error
    return [{"path": line[0]} for line in words if len(line) == 1 and not line[0].startswith("#")]


def _spelled(node: Any, place: str) -> dict[str, Any]:
    """Return a mapping with FDB's ``catalogueRoots`` as our ``catalogue-roots``."""
    spelled = {}
    for keyword, value in as_mapping(place, node).items():
        own = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", keyword).replace("_", "-").lower()
        spelled[own if "-" in own else keyword] = value
    return spelled


def _expanded(path: Any, place: str, home: str) -> str:
    """Return an absolute path; ``~fdb`` is FDB's home, ``~`` the user's."""
    if not isinstance(path, str) or not path:
        raise refuse(place, describe(path), "a path")
    if path == "~fdb" or path.startswith("~fdb/"):
        if not home:
            raise refuse(place, repr(path), "FDB_HOME to be set, or fdb_home to be given, for ~fdb")
        path = home + path[4:]
    try:
        return str(Path(path).expanduser().absolute())
    except (RuntimeError, ValueError) as error:
        raise refuse(place, repr(path), f"a path: {error}") from error


def _home() -> str:
    return os.environ.get("FDB_HOME", "")


# -- where the environment says it is


def _from_environment() -> FDBConfig:
    named = os.environ.get("DTE_FDB_CONFIG")
    if named:
        return config_of(named)
    root = os.environ.get("FDB_ROOT_DIRECTORY", "")
    for text_name, file_name in (("FDB_CONFIG", "FDB_CONFIG_FILE"), ("FDB5_CONFIG", "FDB5_CONFIG_FILE")):
        if text := os.environ.get(text_name):
            return _of_node(parse_yaml(text, source=text_name), f"{text_name}: $", root)
        if path := os.environ.get(file_name):
            return _of_node(read_yaml(path), f"{path}: $", root)
    if found := _file_at_home():
        return _of_node(read_yaml(found), f"{found}: $", root)
    if root:
        return _of_root(root)
    raise InvalidConfig(
        "no store was named; expected a directory, a configuration, or one of " + ", ".join(VARIABLES)
    )


def _file_at_home() -> Path | None:
    if not _home():
        return None
    names = dict.fromkeys((Path(sys.argv[0]).stem if sys.argv[0] else "", "dte", "config"))
    files = (Path(_home(), "etc/fdb", name + end) for name in names if name for end in (".yaml", ".json"))
    return next((file for file in files if _is_file(file)), None)
